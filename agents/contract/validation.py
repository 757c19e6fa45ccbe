"""Validation of a message, field by field, for its author: accepts exactly the messages that the stages accept."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Literal

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json

from agents.contract.compatibility import Schema, alternatives
from agents.contract.messages import message_schemas, read_by_us, written_by_us
from events.cloudevents import MAX_ATTRIBUTE
from events.ids import is_stage_source
from events.reports import ReportSubmitted
from events.topics import INWARD_RECORD_BYTES
from events.wording import clipped, json_kind, our_words

_SHOWN: Final = 60  # characters of a value
_MESSAGE: Final = "message"
_UNKNOWN: Final = "extra_forbidden"
_MISSING: Final = "missing"
_LENGTHS: Final = ("string_too_long", "string_too_short", "too_long", "too_short")
Step = str | int

_FORMATS: Final = {
    "date": "a date such as 2026-03-14",
    "date-time": "a time with its zone, such as 2026-03-16T02:11:00Z",
    "uuid": "a UUID",
}
_PLAIN: Final = {"boolean": "true or false", "null": "null", "object": "an object", "": "anything"}
_PATTERNS: Final = {"": "", r"^[^\x00]*$": "", r"^[^#\x00]+$": " without #", "^[0-9]{1,20}$": " of digits"}
_BOUNDS: Final = {
    "string": ("text", "minLength", "maxLength", "characters"),
    "array": ("a list", "minItems", "maxItems", "entries"),
    "integer": ("a whole number", "minimum", "maximum", ""),
    "number": ("a number", "minimum", "maximum", ""),
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """An error in a message."""

    field: str
    """`data.location.lat`, `data.attachments[0].url`, or `message`."""
    wrong: str
    expected: str = ""

    def __str__(self) -> str:
        return f"{self.field}: {self.wrong}" + (f"; expected {self.expected}" if self.expected else "")


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """The result of a validation."""

    kind: str | None
    """Its CloudEvents type, if in the contract."""
    name: str
    """Type, id and source, if present."""
    errors: tuple[FieldError, ...]
    message: BaseModel | None = None
    """The message, if valid."""


def validate_message(raw: bytes) -> ValidationReport:
    """Validate a message of any type."""
    try:
        value = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        return _not_read(FieldError(_MESSAGE, f"is not JSON: {error}", "one JSON object"))
    if not isinstance(value, dict):
        return _not_read(FieldError(_MESSAGE, f"is {json_kind(value)}", "an object: one message, or one a line"))
    kind = value.get("type")
    models = {**read_by_us(), **written_by_us()}
    if not isinstance(kind, str) or kind not in models:
        return ValidationReport(None, _name(value), (_of_no_type(value, models),))
    errors = list(_too_large(raw)) if kind in read_by_us() else []
    message = None
    try:
        lenient: Literal["ignore"] | None = "ignore" if _is_ours(kind, value) else None
        message = models[kind].model_validate_json(raw, by_alias=True, by_name=False, extra=lenient)
    except ValidationError as error:
        errors += _field_errors(kind, error.errors(include_url=False), value)
    return ValidationReport(kind, _name(value), tuple(errors), None if errors else message)


def _is_ours(kind: str, value: Mapping[str, Any]) -> bool:
    """Return whether a stage wrote the message: then unknown fields are those of a newer version, and ignored."""
    if kind in written_by_us():
        return True
    return kind != ReportSubmitted.TYPE and is_stage_source(str(value.get("source")))


def _not_read(mistake: FieldError) -> ValidationReport:
    return ValidationReport(None, "no message", (mistake,))


def _name(value: Mapping[str, Any]) -> str:
    parts = (("", value.get("type")), (" ", value.get("id")), (" of ", value.get("source")))
    named = (f"{word}{clipped(text, MAX_ATTRIBUTE)}" for word, text in parts if isinstance(text, str))
    return "".join(named) or "a message without type"


def _too_large(raw: bytes) -> Iterator[FieldError]:
    if len(raw) > INWARD_RECORD_BYTES:
        limit = f"at most {INWARD_RECORD_BYTES:,} with key and headers"
        yield FieldError(_MESSAGE, f"has {len(raw):,} bytes", limit)


def _of_no_type(value: Mapping[str, Any], models: Mapping[str, object]) -> FieldError:
    if "type" not in value:
        return FieldError("type", "is missing", "a type such as lapor.report.submitted.v1")
    near = get_close_matches(str(value["type"]), models, n=1)
    requirement = f"a type of the contract (did you mean {near[0]}?)" if near else "a type of the contract"
    return FieldError("type", f"is {_shown(value['type'])}", requirement)


def _field_errors(kind: str, errors: Iterable[ErrorDetails], value: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield one error per field; of several alternatives, that of the intended one."""
    by_path: dict[tuple[Step, ...], list[ErrorDetails]] = {}
    for error in errors:
        by_path.setdefault(_path(error, value), []).append(error)
    for path, same_path in by_path.items():
        deeper = any(other[: len(path)] == path and other != path for other in by_path)
        if not (deeper and all(error["type"].endswith("_type") for error in same_path)):
            yield _field_error(kind, path, same_path, _at(value, path))


def _path(error: ErrorDetails, value: object) -> tuple[Step, ...]:
    """Return the path of an error, without the names of alternatives that pydantic inserts between fields."""
    steps: list[Step] = []
    last = len(error["loc"]) - 1
    for number, step in enumerate(error["loc"]):
        absent = number == last and error["type"] == _MISSING
        if isinstance(value, dict) and (step in value or absent):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step]
        else:
            continue
        steps.append(step)
    return tuple(steps)


def _at(value: Any, path: Iterable[Step]) -> Any:  # noqa: ANN401 -- any part of a JSON document
    for step in path:
        value = value.get(step) if isinstance(value, dict) else value[step]
    return value


def _field_error(kind: str, path: tuple[Step, ...], errors: list[ErrorDetails], value: object) -> FieldError:
    schema, types = message_schemas()[kind], {error["type"] for error in errors}
    field = _path_text(path) or _MESSAGE
    if _UNKNOWN in types:
        siblings = _fields_at(schema, path[:-1])
        near = get_close_matches(str(path[-1]), siblings, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(sorted(siblings))}"
        return FieldError(field, f"is not a field of this message; {hint}")
    if "value_error" in types:
        return FieldError(field, our_words(next(error["msg"] for error in errors)))
    return FieldError(field, _wrong(types, value), _expected(schema, path))


def _wrong(types: set[str], value: object) -> str:
    if _MISSING in types:
        return "is missing"
    if types.intersection(_LENGTHS) and isinstance(value, str):
        return f"has {len(value.strip()):,} characters"
    if types.intersection(_LENGTHS) and isinstance(value, list):
        return f"has {len(value):,} entries"
    if "string_pattern_mismatch" in types and isinstance(value, str):
        return f"is {_shown(value)}, with a character that is not allowed there"
    return f"is {_shown(value)}"


def _path_text(path: Iterable[Step]) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{clipped(step, _SHOWN)}" for step in path)
    return "".join(steps).removeprefix(".")


def _shown(value: object) -> str:
    return clipped(json.dumps(value, ensure_ascii=False), _SHOWN)


def _expected(schema: Schema, path: Iterable[Step]) -> str:
    """Return the requirement of `schema` for the field at `path`; empty if there is no such field."""
    schemas = list(_schemas_at(schema, schema, tuple(path)))
    return ", or ".join(dict.fromkeys(_in_words(each) for each in schemas))


def _fields_at(schema: Schema, path: Iterable[Step]) -> list[str]:
    """Return the fields of the object at `path`."""
    named = (each.get("properties", {}) for each in _schemas_at(schema, schema, tuple(path)))
    return [name for properties in named for name in properties]


def _schemas_at(schema: Schema, root: Schema, path: tuple[Step, ...]) -> Iterator[Schema]:
    for each in alternatives(schema, root):
        if not path:
            yield each
        elif (inner := _step(each, path[0])) is not None:
            yield from _schemas_at(inner, root, path[1:])


def _step(schema: Schema, step: Step) -> Schema | None:
    if isinstance(step, int):
        return schema.get("items")
    properties: Mapping[str, Schema] = schema.get("properties", {})
    further = schema.get("additionalProperties")
    return properties.get(step, further if isinstance(further, dict) else None)


def _in_words(schema: Schema) -> str:
    words = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if words is not None:
        return " or ".join([", ".join(map(str, words[:-1])), str(words[-1])]) if len(words) > 1 else str(words[0])
    kind = schema.get("type", "")
    if kind in _PLAIN:
        return _PLAIN[kind]
    what, least, most, unit = _BOUNDS[kind]
    what = _FORMATS.get(schema.get("format", ""), what)
    pattern = schema.get("pattern", "")
    matching = _PATTERNS.get(pattern, f" that fits {pattern}")
    return f"{what}{_bounds(schema.get(least), schema.get(most), unit)}{matching}"


def _bounds(least: float | None, most: float | None, unit: str) -> str:
    if unit and not least:
        least = None  # a minimum length of zero is not a requirement
    behind = f" {unit}" if unit else ""
    if least is not None and most is not None:
        return f" {'of' if unit else 'from'} {least:,} to {most:,}{behind}"
    if most is not None:
        return f" of at most {most:,}{behind}"
    return "" if least is None else f" of at least {least:,}{behind}"
