"""HTML pages from the templates in `pages/`; values are escaped."""

from functools import cache
from typing import Any

from agents.mirror.stores import MirrorError


@cache
def _environment() -> Any:  # noqa: ANN401 -- jinja2 is in an extra
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 -- as above
    except ImportError:
        raise MirrorError("pages need jinja2: pip install 'alur[mirror]'") from None
    loader = PackageLoader("agents.mirror", "pages")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def render(template: str, **values: object) -> str:
    """Return a page, or a feed."""
    text: str = _environment().get_template(template).render(**values)
    return text
