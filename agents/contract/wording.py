"""Requirements of a schema for a field, as text."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from agents.contract.compatibility import Schema, alternatives

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


def expected(schema: Schema, path: Iterable[Step]) -> str:
    """Return the requirement of `schema` for the field at `path`; empty if there is no such field."""
    schemas = list(_at(schema, schema, tuple(path)))
    return ", or ".join(dict.fromkeys(_in_words(each) for each in schemas))


def fields(schema: Schema, path: Iterable[Step]) -> list[str]:
    """Return the fields of the object at `path`."""
    named = (each.get("properties", {}) for each in _at(schema, schema, tuple(path)))
    return [name for properties in named for name in properties]


def _at(schema: Schema, root: Schema, path: tuple[Step, ...]) -> Iterator[Schema]:
    for each in alternatives(schema, root):
        if not path:
            yield each
        elif (inner := _step(each, path[0])) is not None:
            yield from _at(inner, root, path[1:])


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
        least = None  # a minimum length of zero is no requirement
    behind = f" {unit}" if unit else ""
    if least is not None and most is not None:
        return f" {'of' if unit else 'from'} {least:,} to {most:,}{behind}"
    if most is not None:
        return f" of at most {most:,}{behind}"
    return "" if least is None else f" of at least {least:,}{behind}"
