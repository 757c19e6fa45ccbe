"""Schemas of all messages for draft-07, with one name per shared part."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from agents.contract.compatibility import Side

_COMPONENTS: Final = "#/components/schemas/"
_LOCAL: Final = "#/$defs/"
_SUFFIX: Final = {Side.READ: "sent", Side.WRITTEN: "received"}
"""Suffix of the name, from the view of clients, which send what the engine reads."""


class Components:
    """The merged schemas, in `schemas`.

    A part with different schemas for reading and writing (where fields with a default are required too) has two names,
    such as `Location.sent` and `Location.received`.
    """

    def __init__(self, documents: Mapping[str, Mapping[str, Any]], sides: Mapping[str, Side]) -> None:
        self.schemas: dict[str, Any] = {}
        variants: dict[str, set[str]] = {}
        for document in documents.values():
            for name in document.get("$defs", {}):
                variants.setdefault(name, set()).add(_serialized(name, document["$defs"]))
        self._one_form = frozenset(name for name, forms in variants.items() if len(forms) == 1)
        for kind, document in documents.items():
            for name, definition in document.get("$defs", {}).items():
                self._add(self._name(name, sides[kind]), definition, sides[kind])
            self._add(
                kind, {key: value for key, value in document.items() if key not in {"$schema", "$defs"}}, sides[kind]
            )
        self.schemas = dict(sorted(self.schemas.items()))

    def _name(self, part: str, side: Side) -> str:
        return part if part in self._one_form else f"{part}.{_SUFFIX[side]}"

    def _add(self, name: str, definition: Mapping[str, Any], side: Side) -> None:
        translated = self._translated(definition, side)
        if self.schemas.setdefault(name, translated) != translated:
            raise ValueError(f"{name}: two messages on one side mean different things by it")

    def _translated(self, schema: object, side: Side) -> object:
        if isinstance(schema, list):
            return [self._translated(each, side) for each in schema]
        if not isinstance(schema, dict):
            return schema
        inner = {key: self._translated(value, side) for key, value in schema.items() if key != "$ref"}
        if "$ref" not in schema:
            return inner
        reference = {"$ref": f"{_COMPONENTS}{self._name(schema['$ref'].removeprefix(_LOCAL), side)}"}
        return {"allOf": [reference], **inner} if inner else reference


def _serialized(name: str, definitions: Mapping[str, Any]) -> str:
    """Serialize a part with everything that it refers to, for comparison."""
    reached: dict[str, Any] = {}
    waiting = [name]
    while waiting:
        here = waiting.pop()
        if here not in reached:
            reached[here] = definitions[here]
            waiting.extend(_referred_to(definitions[here]))
    return json.dumps(reached, sort_keys=True)


def _referred_to(schema: object) -> Iterator[str]:
    if isinstance(schema, list):
        for each in schema:
            yield from _referred_to(each)
    elif isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].removeprefix(_LOCAL)
        for value in schema.values():
            yield from _referred_to(value)
