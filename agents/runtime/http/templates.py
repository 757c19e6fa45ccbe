"""HTML pages from the templates of a package; values are escaped."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def environment(package: str, folder: str) -> Environment:
    """Return the templates in a folder of a package."""
    return Environment(
        loader=PackageLoader(package, folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(package: str, folder: str, template: str, **values: object) -> str:
    """Return a page from a template."""
    return environment(package, folder).get_template(template).render(**values)
