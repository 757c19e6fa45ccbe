"""Plain form of a text for comparison: without case, punctuation, spacing and variants of one letter."""

import re
import unicodedata
from typing import Final

_NO_LETTERS: Final = re.compile(r"[\W_]+")
_VARIATION: Final = range(0xFE00, 0xFE10)
"""Variation selectors, which select the glyph of a character."""


def plain(text: str) -> str:
    """Return the words of `text`; combining marks (Balinese, Javanese script) and emoji belong to them."""
    letters = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    words = _NO_LETTERS.sub(" " if letters.isascii() else _marks_and_emoji, letters)
    return " ".join(words.split())


def _marks_and_emoji(run: re.Match[str]) -> str:
    return "".join(map(_mark_or_emoji, run[0])) if not run[0].isascii() else " "


def _mark_or_emoji(character: str) -> str:
    category = unicodedata.category(character)
    if category.startswith("M") and ord(character) not in _VARIATION:
        return character
    return f" {character} " if category == "So" else "" if category.startswith("M") else " "
