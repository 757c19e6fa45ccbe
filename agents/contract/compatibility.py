"""Compatibility of two JSON Schemas, field by field. Pure.

A change narrows a schema if valid messages become invalid, and widens it if invalid ones become valid. Messages that
the engine reads must not narrow, or senders would be refused; those that it writes must not widen, or readers would get
values that they do not expect.

A changed keyword that the generator does not use counts as both. Assumption: no sender relies on an open object to
accept unnamed fields, so an open object may get new fields.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from typing import Any, Final

Schema = Mapping[str, Any]


class Side(Enum):
    """Direction of a message."""

    READ = "others send it to us"
    WRITTEN = "others read it from us"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between an earlier schema and a later one."""

    path: str
    """Path of the field: `data.location.lat`, `data.attachments[].url`, `data.clocks.*`."""
    difference: str
    narrows: bool = False
    """A valid message becomes invalid."""
    widens: bool = False
    """An invalid message becomes valid."""
    why: str = ""
    """The consequence for the other side, unless the direction implies it."""


@dataclass(frozen=True, slots=True)
class Break:
    """A change that breaks users of the contract."""

    kinds: tuple[str, ...]
    """The messages with the change, several for a shared part."""
    path: str
    difference: str
    why: str
    side: Side | None
    """None for a removed message."""


_REMOVED: Final = "was removed"
_MISSING: Final = "they may need it"
_ANYTHING: Final[Schema] = {}
_IGNORED: Final = frozenset(
    {"$schema", "$defs", "$comment", "title", "description", "examples", "default", "deprecated", "type"}
)
_AT_MOST: Final = {"maxLength": "characters", "maximum": "", "maxItems": "entries"}
_AT_LEAST: Final = {"minLength": "characters", "minimum": "", "minItems": "entries"}
_COMPARED: Final = frozenset(
    {*_AT_MOST, *_AT_LEAST, "enum", "const", "properties", "required", "additionalProperties", "propertyNames", "items"}
)


def breaks(old: Mapping[str, Schema], new: Mapping[str, Schema], sides: Mapping[str, Side]) -> list[Break]:
    """Return each breaking change once; `sides` has the direction (read or written) of each message of `new`."""
    kinds_of: dict[tuple[Change, Side | None], list[str]] = {}
    for kind in sorted(old):
        if kind not in new:
            kinds_of.setdefault((Change("message", _REMOVED), None), []).append(kind)
            continue
        for change in changes(old[kind], new[kind]):
            if change.narrows if sides[kind] is Side.READ else change.widens:
                kinds_of.setdefault((change, sides[kind]), []).append(kind)
    return [Break(tuple(kinds), each.path, each.difference, each.why, side) for (each, side), kinds in kinds_of.items()]


def changes(old: Schema, new: Schema) -> Iterator[Change]:
    """Yield the differences, from the top of the message down."""
    if old != new:
        yield from dict.fromkeys(_Comparison(old, new).compare(old, new, ""))


class _Comparison:
    """Walks both schemas in parallel; the roots resolve references."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old = old
        self._new = new
        self._under_way: set[tuple[Any, Any]] = set()

    def compare(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        references = (old.get("$ref"), new.get("$ref"))
        if all(references) and references in self._under_way:
            return  # a recursive part
        self._under_way.add(references)
        if "default" in old and "default" in new and old["default"] != new["default"]:
            what = f"left out, it means {_shown(new['default'])}, not {_shown(old['default'])}"
            yield Change(path, what, narrows=True, why="what they leave out would mean something else")
        yield from self._alternatives(alternatives(old, self._old), alternatives(new, self._new), path)
        self._under_way.discard(references)

    def _alternatives(self, olds: list[Schema], news: list[Schema], path: str) -> Iterator[Change]:
        """Compare each alternative with the most similar one of its type; others count as removed or added."""
        unmatched: list[Schema] = []
        rest = list(news)
        for old in olds:
            alike = [(list(self._one(old, new, path)), new) for new in rest if _family(old) == _family(new)]
            if not alike:
                unmatched.append(old)
                continue
            different, nearest = min(alike, key=lambda pair: len(pair[0]))
            rest.remove(nearest)
            yield from different
        if len(unmatched) == len(rest) == 1:
            yield _retyped(path, _kind(unmatched[0]), _kind(rest[0]))
            return
        yield from (Change(path, f"may no longer be {_kind(old)}", narrows=True) for old in unmatched)
        yield from (Change(path, f"may be {_kind(new)} too", widens=True) for new in rest)

    def _one(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        if old.get("type") != new.get("type"):
            yield _retyped(path, _kind(old), _kind(new))
        yield from _bounds(old, new, path)
        yield from _words(old, new, path)
        if _family(old) == "object":
            yield from self._object(old, new, path)
        if "items" in old or "items" in new:
            yield from self.compare(old.get("items", _ANYTHING), new.get("items", _ANYTHING), f"{path}[]")
        for keyword in sorted((old.keys() | new.keys()) - _COMPARED - _IGNORED):
            if old.get(keyword) != new.get(keyword):
                what = f"{keyword} is {_shown(new.get(keyword))}, was {_shown(old.get(keyword))}"
                # an added `pattern` or `format` narrows, a removed one widens
                yield Change(path, what, narrows=keyword in new, widens=keyword in old)

    def _object(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed_before, needed = set(old.get("required", ())), set(new.get("required", ()))
        closed = new.get("additionalProperties") is False
        for name in [*before, *(name for name in after if name not in before)]:
            field = f"{path}.{name}" if path else name
            if name not in after:
                yield Change(field, _REMOVED, narrows=True)
                yield Change(field, _REMOVED, widens=True, why=_MISSING)
            elif name not in before:
                what = "is new and required" if name in needed else "is new"
                yield Change(field, what, narrows=name in needed, widens=closed)
            else:
                yield from self.compare(before[name], after[name], field)
                if (name in needed_before) != (name in needed):
                    if name in needed:
                        yield Change(field, "is required", narrows=True)
                    else:
                        yield Change(field, "may be left out", widens=True, why=_MISSING)
        for keyword, fields in (("additionalProperties", f"{path}.*"), ("propertyNames", f"{path}.* (its name)")):
            yield from self._further(old.get(keyword, True), new.get(keyword, True), fields)

    def _further(self, old: Schema | bool, new: Schema | bool, path: str) -> Iterator[Change]:  # noqa: FBT001 -- JSON Schema's own form
        if isinstance(old, bool) or isinstance(new, bool):
            if old is False and new is not False:
                yield Change(path, "fields that are not named are accepted", widens=True)
            elif new is False and old is not False:
                yield Change(path, "fields that are not named are refused", narrows=True)
            elif old != new:
                yield from self.compare(_schema(old), _schema(new), path)
            return
        yield from self.compare(old, new, path)


def _schema(written: Schema | bool) -> Schema:  # noqa: FBT001 -- JSON Schema's own form
    return _ANYTHING if isinstance(written, bool) else written


def _resolved(schema: Schema, root: Schema) -> Schema:
    """Resolve references and merge their sibling keywords, such as a description."""
    while "$ref" in schema:
        target: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        schema = {**target, **{name: value for name, value in schema.items() if name != "$ref"}}
    return schema


def alternatives(schema: Schema, root: Schema) -> list[Schema]:
    """Return the alternative schemas of a value: references, `anyOf` and lists of types are expanded."""
    schema = _resolved(schema, root)
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": each} for each in schema["type"]]
    if "anyOf" not in schema or schema.keys() - _IGNORED != {"anyOf"}:
        return [schema]
    return list(chain.from_iterable(alternatives(each, root) for each in schema["anyOf"]))


def _family(schema: Schema) -> str:
    kind = schema.get("type", "")
    return "number" if kind == "integer" else str(kind)


def _kind(schema: Schema) -> str:
    named = {"": "anything", "object": "an object", "array": "a list", "null": "null", "integer": "a whole number"}
    named |= {"string": "a text", "number": "a number", "boolean": "true or false"}
    kind = named.get(schema.get("type", ""), str(schema.get("type")))
    words = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return f"{kind} ({', '.join(map(_shown, words))})" if words else kind


def _retyped(path: str, before: str, after: str) -> Change:
    return Change(
        path, f"is {after}, was {before}", narrows=not _holds(after, before), widens=not _holds(before, after)
    )


def _holds(one: str, other: str) -> bool:
    """Return whether every value of kind `other` is also of kind `one`."""
    return one == "anything" or (one, other) == ("a number", "a whole number")


def _bounds(old: Schema, new: Schema, path: str) -> Iterator[Change]:
    for keywords, phrase, sign in ((_AT_MOST, "at most", 1), (_AT_LEAST, "at least", -1)):
        for keyword, unit in keywords.items():
            before, after = old.get(keyword), new.get(keyword)
            if before == after:
                continue
            tighter = after is not None and (before is None or sign * after < sign * before)
            what = "without a limit" if after is None else f"{phrase} {after} {unit}".rstrip()
            was = "without a limit" if before is None else f"{before}"
            yield Change(path, f"is {what}, was {was}", narrows=tighter, widens=not tighter)


def _words(old: Schema, new: Schema, path: str) -> Iterator[Change]:
    before, after = _closed_list(old), _closed_list(new)
    if before is None or after is None:
        if before is not None:
            yield Change(path, f"is any value, was one of {_word_list(before)}", widens=True)
        if after is not None:
            yield Change(path, f"is one of {_word_list(after)}, was any value", narrows=True)
        return
    yield from (Change(path, f"{_shown(word)} was removed", narrows=True) for word in before if word not in after)
    yield from (Change(path, f"{_shown(word)} is new", widens=True) for word in after if word not in before)


def _closed_list(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return schema.get("enum")


def _word_list(words: Iterable[Any]) -> str:
    return ", ".join(map(_shown, words))


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
