"""Phrases for messages about a sender's input."""

import re
from typing import Final

FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001 -- full-width forms, which some programs accept too
_JSON_KINDS: Final = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
_PYDANTIC_PREFIX: Final = "Value error, "
_SHOWN_CHARACTERS: Final = 100  # of a sender's text in a reason


def clipped(text: str, longest: int = _SHOWN_CHARACTERS) -> str:
    """Return a text, cut to its first `longest` characters."""
    return text if len(text) <= longest else f"{text[:longest]}…"


def number_of(count: int, one: str, many: str = "") -> str:
    """Return a number with its noun: `1 complaint`, `2,000 complaints`; `many` is an irregular plural."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def json_kind(value: object) -> str:
    """Return a phrase for the kind of a JSON value that is not an object."""
    return _JSON_KINDS.get(type(value), "a number")


def our_words(message: str) -> str:
    """Return the message of a validator without pydantic's prefix."""
    return message.removeprefix(_PYDANTIC_PREFIX)


def defused(text: str) -> str:
    """Return a text that no spreadsheet runs as a formula: prefixed with an apostrophe, which marks text.

    One that begins with such an apostrophe gets another one, so that `as_written` restores it.
    """
    return f"'{text}" if FORMULA.match(text) else text
