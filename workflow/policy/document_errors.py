"""Mistakes in a document that was written by hand, with the path to each."""

from collections.abc import Iterator, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails


def problems(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Give each mistake as the path to it (``versions[0].clocks.follow_up``) and what it is."""
    for details in error.errors(include_url=False):
        yield path(details["loc"]), _mistake(details)


def path(location: Sequence[int | str]) -> str:
    """Write a location as the author of the document would."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in location if step != "[key]"]
    return "".join(steps).removeprefix(".")


def _mistake(details: ErrorDetails) -> str:
    match details["type"]:
        case "extra_forbidden":
            return "unknown key"
        case "missing":
            return "missing"
        case "value_error":
            return str(details["ctx"]["error"])
        case _:
            return f"{details['msg']}, not {details['input']!r}"
