"""The page and its assets, from files of the package, in Indonesian and English; without a build or another site."""

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
"""The first is the default."""
_TYPES: Final = {
    **dict.fromkeys(("board.js", "complaint.js", "elements.js", "figures.js", "words.js"), "text/javascript"),
    "board.css": "text/css",
    "icon.svg": "image/svg+xml",
    "id.json": "application/json",
    "en.json": "application/json",
}
_NAMED: Final = "number clock office due"
_TABLES: Final = (
    ("statuses", "status", "", "status #complaints"),
    ("funnel", "funnel", "", "step #complaints #share"),
    ("lag", "lag", "", "stage #behind trend"),
    ("letters", "letters", "", "stage reason #count"),
    ("offices", "office", ' class="broad"', "office #open #due_soon #overdue #exhausted"),
    ("flow", "flow", "", "day #received #closed #ended"),
    *((name, name, "", _NAMED) for name in ("next", "longest", "incidents")),
)
"""Id, prefix of heading and caption, attributes of the section, columns; those with # have numbers."""
_PREFERENCE: Final = re.compile(
    r"\s*(?P<language>[A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,32})?\s*(?:;\s*q=(?P<weight>[01](?:\.\d{0,3})?))?\s*"
)
_OLD_NAMES: Final = {"in": "id"}
"""The code of Indonesian in ISO 639 until 1989, still sent by some browsers."""
_LONGEST_HEADER: Final = 500


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    body: bytes
    content_type: str

    @property
    def tag(self) -> str:
        """Digest of the content."""
        return blake2b(self.body, digest_size=12).hexdigest()


def assets() -> dict[str, Asset]:
    """Read the files beside the page, by their names."""
    return {name: Asset((_FOLDER / name).read_bytes(), kind) for name, kind in _TYPES.items()}


def words(language: str) -> dict[str, Any]:
    """Read the words of a language."""
    found: dict[str, Any] = json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return found


def pages() -> dict[str, Asset]:
    """Return the page in each language."""
    sections = {table[0]: _section(*table) for table in _TABLES}
    sections["lag"] = f'<div class="stack">\n{sections["lag"]}\n{sections.pop("letters")}\n</div>'
    template = (_FOLDER / "board.html").read_text(encoding="utf-8").replace("$tables", "\n".join(sections.values()))
    return {language: _page(Template(template), language) for language in LANGUAGES}


def _section(table: str, prefix: str, attributes: str, columns: str) -> str:
    numeric = {True: ' class="number"', False: ""}
    heads = (f'<th scope="col"{numeric[each[0] == "#"]}>$col_{each.strip("#")}</th>' for each in columns.split())
    return (
        f'<section aria-labelledby="{prefix}-heading"{attributes}><h2 id="{prefix}-heading">${prefix}_heading</h2>\n'
        f'<table id="{table}"><caption>${prefix}_caption</caption>\n'
        f"<thead><tr>{''.join(heads)}</tr></thead><tbody></tbody></table></section>"
    )


def _page(template: Template, language: str) -> Asset:
    texts = {name: escape(text) for name, text in words(language)["page"].items()}
    current = {f"current_{each}": "true" if each == language else "false" for each in LANGUAGES}
    return Asset(template.substitute(texts, language=language, **current).encode(), "text/html")


def chosen_language(asked: str | None, accepts: str) -> str:
    """Return the requested language, else the one that the browser prefers, else the default.

    Args:
        asked: the language in the address.
        accepts: the header Accept-Language (RFC 9110, 12.5.4).
    """
    if asked in LANGUAGES:
        return asked
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
