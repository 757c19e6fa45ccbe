"""Parsing of JSON, with errors in one line."""

from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json

from events.errors import Undecodable
from events.wording import clipped, json_kind, our_words

_UNKNOWN: Final = "extra_forbidden"
_SHOWN_ERRORS: Final = 5

M = TypeVar("M", bound=BaseModel)


def json_object(raw: bytes | None) -> dict[str, Any]:
    """Parse a JSON object; raise `Undecodable` for anything else."""
    if not raw:
        raise Undecodable("empty", "the record has no value; send a CloudEvent as JSON")
    try:
        value = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise Undecodable("not-json", f"not JSON: {_not_utf8(raw) or error}") from None
    if not isinstance(value, dict):
        raise Undecodable("not-an-object", f"a CloudEvent is a JSON object, this is {json_kind(value)}")
    return value


def read_ours(model: type[M], raw: bytes) -> M:
    """Read a message of the engine, of any version, ignoring unknown fields; raise Undecodable."""
    try:
        return model.model_validate_json(raw, extra="ignore")
    except ValidationError as error:
        raise Undecodable("invalid", reasons(error)) from None


def reasons(error: ValidationError) -> str:
    """Return the wrong fields and their errors in one line."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    more = f" (and {len(errors) - _SHOWN_ERRORS} more)" if len(errors) > _SHOWN_ERRORS else ""
    return "; ".join(map(_line, errors[:_SHOWN_ERRORS])) + more


def _not_utf8(raw: bytes) -> str | None:
    """Return a phrase if `raw` is not UTF-8, as from older programs."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1} is not UTF-8; save it as UTF-8"
    return None


def _line(error: ErrorDetails) -> str:
    where = clipped(".".join(str(part) for part in error["loc"]) or "message")
    if error["type"] == _UNKNOWN:
        return f"{where}: unknown field"
    if error["type"] == "missing":
        return f"{where}: required"
    if error["type"] == "string_pattern_mismatch":
        return f"{where}: holds a character that is not allowed there"
    return f"{where}: {our_words(error['msg'])}"
