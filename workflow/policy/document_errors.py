"""Mistakes in a document that was written by hand, with the path to each."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_OURS: Final = {
    **dict.fromkeys(("int_type", "int_parsing"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type"), "must be a list"),
    **dict.fromkeys(("dict_type", "model_type"), "must be a table"),
    "string_type": "must be text in quotes",
}
"""By pydantic's type of an error."""


def problems(error: ValidationError, model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Give each mistake as the path to it (``versions[0].clocks.follow_up``) and what it is."""
    for details in error.errors(include_url=False):
        yield path(details["loc"]), _mistake(details, model)


def path(location: Sequence[int | str]) -> str:
    """Write a location as the author of the document would."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in location if step != "[key]"]
    return "".join(steps).removeprefix(".")


def _mistake(details: ErrorDetails, model: type[BaseModel]) -> str:
    match details["type"]:
        case "extra_forbidden":
            near = get_close_matches(str(details["loc"][-1]), _keys(model), n=1)
            return f"unknown key; did you mean {near[0]}?" if near else "unknown key"
        case "missing":
            return "missing"
        case "value_error":
            return str(details["ctx"]["error"])
        case kind:
            ours = _OURS.get(kind, details["msg"].replace("Input should be", "must be"))
            return f"{ours}, not {details['input']!r}"


def _keys(kind: object) -> set[str]:
    """Return the keys that a model, or a type made of models, has at any depth."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = kind.model_fields
        return set(fields).union(*(_keys(field.annotation) for field in fields.values()))
    return set[str]().union(*map(_keys, get_args(kind)))
