"""Mistakes in a handwritten document, each with its path."""

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

ABSENT: Final = "missing"
"""Message for a missing required key."""
_KEY: Final = "[key]"
_EMPTY: Final = ("too_short", "string_too_short")
_MESSAGES: Final = {
    **dict.fromkeys(("int_type", "int_parsing"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type"), "must be a list"),
    **dict.fromkeys(("dict_type", "model_type"), "must be a table"),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing"), "must be a day such as 2026-11-30"),
    **dict.fromkeys(_EMPTY, "must not be empty"),
    "string_type": "must be text in quotes",
    "string_pattern_mismatch": "must be lower-case letters and digits, with single hyphens between",
    "zoneinfo_str": 'must be a time zone such as "Asia/Jakarta", "Asia/Makassar" or "Asia/Jayapura"',
}
"""Messages by pydantic's error type."""
_CHOICES: Final = {"enum", "literal_error"}
_CHOICE: Final = re.compile(r"'([^']+)'")


def problems(error: ValidationError, model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield each mistake as its path (``versions[0].clocks.follow_up``) and its description.

    A misspelled key and the missing one are one mistake.
    """
    errors = error.errors(include_url=False)
    meant_by = {details["loc"]: _nearest_key(details, model) for details in errors if _is_unknown(details)}
    misspelled = {(*location[:-1], name) for location, name in meant_by.items() if name}
    for details in errors:
        emptied = details["type"] == "too_short" and details["input"]  # mistakes of its items are reported separately
        if emptied or (details["type"] == ABSENT and details["loc"] in misspelled):
            continue
        near = meant_by.get(details["loc"])
        unknown = f"unknown key; did you mean {near}?" if near else "unknown key"
        yield path(details["loc"]), unknown if _is_unknown(details) else _mistake(details)


def path(location: Sequence[int | str]) -> str:
    """Format a location as the author of the document would."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in location if step != _KEY]
    return "".join(steps).removeprefix(".")


def suggestion(written: str, known: Iterable[str], *, say_all: bool = False) -> str:
    """Return the end of a message about an unknown name: the most similar name, else, with `say_all`, all names."""
    names = list(known)
    near = get_close_matches(written, names, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f" (use one of {', '.join(names)})" if say_all else ""


def _is_unknown(details: ErrorDetails) -> bool:
    return details["type"] == "extra_forbidden"


def _mistake(details: ErrorDetails) -> str:
    kind, written = details["type"], details["input"]
    if kind == ABSENT:
        return ABSENT
    if kind == "value_error":
        return str(details["ctx"]["error"])
    if kind in _CHOICES and isinstance(written, str):
        return f"{written!r} is unknown{suggestion(written, _CHOICE.findall(details['ctx']['expected']), say_all=True)}"
    return f"{_MESSAGES.get(kind, details['msg'].replace('Input should be', 'must be'))}, not {written!r}"


def _nearest_key(details: ErrorDetails, model: type[BaseModel]) -> str | None:
    """Return the known key of the table that is most similar to an unknown one."""
    *steps, key = details["loc"]
    table = model
    for step in steps:
        field = table.model_fields.get(str(step))
        table = next(_models(field.annotation), table) if field else table
    keys = [field.alias or name for name, field in table.model_fields.items()]
    return next(iter(get_close_matches(str(key), keys, n=1)), None)


def _models(kind: object) -> Iterator[type[BaseModel]]:
    """Yield the models that a type contains, outermost first."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for part in get_args(kind):
        yield from _models(part)
