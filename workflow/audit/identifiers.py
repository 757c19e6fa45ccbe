"""Who reports is kept in one place: does it show anywhere else?"""

import json
from collections.abc import Iterator
from typing import Final

from pydantic_core import from_json

from events.reports import Reporter

SHORTEST: Final = 6
"""Characters of a name, number or address that is looked for: shorter ones stand in many a word by chance."""
_OWN_WORDS: Final = frozenset({"title", "body", "edited_text", "text", "answer", "reason"})
"""Fields that hold what people wrote: a citizen may sign a report, and an officer may address them by name."""


def traces(reporter: Reporter) -> tuple[str, ...]:
    """Return what would tell who reports, if it stood somewhere."""
    given = (reporter.name, reporter.phone, reporter.email)
    return tuple(each for each in given if each is not None and len(each) >= SHORTEST)


def exposed(raw: bytes, wanted: tuple[str, ...]) -> Iterator[str]:
    """Name the fields of a message in which one of `wanted` stands, people's own words left out.

    What is no JSON is one field, `value`.
    """
    if not any(_written(each, raw) for each in wanted):
        return
    try:
        message = from_json(raw)
    except ValueError:
        yield "value"
        return
    yield from _fields(message, "", wanted)


def _written(text: str, raw: bytes) -> bool:
    return text.encode() in raw or json.dumps(text)[1:-1].encode() in raw


def _fields(value: object, path: str, wanted: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, str):
        if any(each in value for each in wanted):
            yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name not in _OWN_WORDS:
                yield from _fields(inner, f"{path}.{name}".lstrip("."), wanted)
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(inner, path, wanted)
