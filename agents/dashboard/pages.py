"""The page and what belongs to it, as files of the package: no build, no other site. In Indonesian and English."""

import json
import re
from dataclasses import dataclass
from hashlib import blake2b
from html import escape
from importlib import resources
from string import Template
from typing import Any, Final

_FOLDER: Final = resources.files("agents.dashboard") / "page"
LANGUAGES: Final = ("id", "en")
"""The first is for whoever asks for neither."""
_TYPES: Final = {
    **dict.fromkeys(("board.js", "complaint.js", "elements.js", "figures.js", "words.js"), "text/javascript"),
    "board.css": "text/css",
    "icon.svg": "image/svg+xml",
    "id.json": "application/json",
    "en.json": "application/json",
}
_WISH: Final = re.compile(
    r"\s*(?P<language>[A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,32})?\s*(?:;\s*q=(?P<weight>[01](?:\.\d{0,3})?))?\s*"
)
_OLD_NAMES: Final = {"in": "id"}
"""What ISO 639 called Indonesian until 1989, and some browsers still do."""
_LONGEST_HEADER: Final = 500


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    body: bytes
    content_type: str
    tag: str
    """Changes with the content."""


def asset(body: bytes, content_type: str) -> Asset:
    """Return a file of this content."""
    return Asset(body, content_type, blake2b(body, digest_size=12).hexdigest())


def assets() -> dict[str, Asset]:
    """Read the files beside the page, by their names."""
    return {name: asset((_FOLDER / name).read_bytes(), kind) for name, kind in _TYPES.items()}


def words(language: str) -> dict[str, Any]:
    """Read the words of a language."""
    found: dict[str, Any] = json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return found


def pages() -> dict[str, Asset]:
    """Return the page in each language."""
    template = Template((_FOLDER / "board.html").read_text(encoding="utf-8"))
    return {language: _page(template, language) for language in LANGUAGES}


def _page(template: Template, language: str) -> Asset:
    said = {name: escape(text) for name, text in words(language)["page"].items()}
    current = {f"current_{each}": "true" if each == language else "false" for each in LANGUAGES}
    return asset(template.substitute(said, language=language, **current).encode(), "text/html")


def chosen_language(asked: str | None, accepts: str) -> str:
    """Return the language to use: the one that was asked for, else the one that the browser likes best, else ours.

    Args:
        asked: what stands in the address.
        accepts: the header Accept-Language (RFC 9110, 12.5.4).
    """
    if asked in LANGUAGES:
        return asked
    best, most = LANGUAGES[0], 0.0
    for wish in accepts[:_LONGEST_HEADER].split(","):
        match = _WISH.fullmatch(wish)
        if match is None:
            continue
        language = _OLD_NAMES.get(match["language"].lower(), match["language"].lower())
        weight = float(match["weight"] or 1)
        if language in LANGUAGES and weight > most:
            best, most = language, weight
    return best
