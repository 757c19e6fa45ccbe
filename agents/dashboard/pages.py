"""Static files of the pages, the runbook among them, and the language of a request."""

import re
from dataclasses import dataclass
from hashlib import blake2b
from importlib import resources
from itertools import pairwise
from typing import Final

from markdown_it import MarkdownIt

from agents.dashboard.layout import templates
from agents.dashboard.words import LANGUAGES

_FOLDER: Final = resources.files("agents.dashboard") / "page"
_TYPES: Final = {"board.js": "text/javascript", "board.css": "text/css", "icon.svg": "image/svg+xml"}
_OTHER_LINKS: Final = re.compile(r'<a href="[^#"][^"]*">(.*?)</a>')
"""Links of the runbook to other documents, which are not served."""
_PREFERENCE: Final = re.compile(
    r"\s*(?P<language>[A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,32})?\s*(?:;\s*q=(?P<weight>[01](?:\.\d{0,3})?))?\s*"
)
_OLD_NAMES: Final = {"in": "id"}
"""The code of Indonesian in ISO 639 until 1989, still sent by some browsers."""
_LONGEST_HEADER: Final = 500


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file as it is sent."""

    body: bytes
    content_type: str

    @property
    def tag(self) -> str:
        """ETag: digest of the content."""
        return blake2b(self.body, digest_size=12).hexdigest()


def assets() -> dict[str, Asset]:
    """Return the static files of the pages, by their names."""
    return {name: Asset((_FOLDER / name).read_bytes(), kind) for name, kind in _TYPES.items()}


def runbook() -> Asset:
    """Render the runbook, to which alerts link; a section has its heading in lower case as its id."""
    renderer = MarkdownIt("commonmark", {"html": False})
    # a link to docs/how-to/runbook.md, which the distribution contains
    tokens = renderer.parse((_FOLDER / "runbook.md").read_text(encoding="utf-8"))
    for token, content in pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", content.content.lower())
    body = _OTHER_LINKS.sub(r"\1", renderer.renderer.render(tokens, renderer.options, {}))
    return Asset(templates().get_template("runbook.html").render(body=body).encode(), "text/html")


def chosen_language(requested: str | None, accepts: str) -> str:
    """Return the requested language, else the one of Accept-Language (RFC 9110, 12.5.4), else the default."""
    if requested in LANGUAGES:
        return requested
    best, most = LANGUAGES[0], 0.0
    for preference in accepts[:_LONGEST_HEADER].split(","):
        match = _PREFERENCE.fullmatch(preference)
        if match is None:
            continue
        language = _OLD_NAMES.get(match["language"].lower(), match["language"].lower())
        weight = float(match["weight"] or 1)
        if language in LANGUAGES and weight > most:
            best, most = language, weight
    return best
