"""Effect of a schema change on the other side: in the right direction, with a message that shows it."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agents.contract.compatibility import Break, Change, Side, breaks, changes
from agents.contract.messages import message_schemas, sides
from tests.support.tables import Rows, every

TEXT = {"type": "string"}
NULL = {"type": "null"}
NUMBER = {"type": "number"}
WHOLE = {"type": "integer"}


def words(*allowed: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(allowed)}


def closed(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def either(*schemas: Any) -> dict[str, Any]:
    return {"anyOf": list(schemas)}


def listed(items: Any, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


# what has become narrower from the left to the right (and so wider from the right to the left), with a value that only
# the left one takes
NARROWER = [
    ({"type": "string", "maxLength": 300}, {"type": "string", "maxLength": 200}, "x" * 250),
    (TEXT, {"type": "string", "maxLength": 2}, "long"),
    ({"type": "string", "minLength": 0}, {"type": "string", "minLength": 1}, ""),
    ({"type": "integer", "maximum": 9}, {"type": "integer", "maximum": 5}, 7),
    ({"type": "integer", "minimum": 0}, {"type": "integer", "minimum": 1}, 0),
    (listed(TEXT, maxItems=3), listed(TEXT, maxItems=2), ["a", "b", "c"]),
    (listed(TEXT, minItems=0), listed(TEXT, minItems=1), []),
    (TEXT, {"type": "string", "pattern": "^a"}, "b"),
    (NUMBER, WHOLE, 1.5),
    ({}, TEXT, 7),
    (either(TEXT, NULL), TEXT, None),
    (either(TEXT, NULL), either(TEXT), None),
    ({"type": ["string", "null"]}, TEXT, None),
    (words("a", "b"), words("a"), "b"),
    (TEXT, words("a"), "b"),
    (words("a", "b"), {"type": "string", "const": "a"}, "b"),
    (listed(either(TEXT, NULL)), listed(TEXT), [None]),
    (closed(a=TEXT), closed(("a",), a=TEXT), {}),
    (closed(a=TEXT), closed(), {"a": "x"}),
    ({"type": "object"}, closed(), {"a": "x"}),
    (
        {"type": "object", "additionalProperties": either(TEXT, NULL)},
        {"type": "object", "additionalProperties": TEXT},
        {"a": None},
    ),
    ({"type": "object", "propertyNames": words("a", "b")}, {"type": "object", "propertyNames": words("a")}, {"b": 1}),
    (closed(a=closed(b=either(WHOLE, NULL))), closed(a=closed(b=WHOLE)), {"a": {"b": None}}),
    (either(TEXT, closed(u=TEXT, n=TEXT)), either(TEXT, closed(("n",), u=TEXT, n=TEXT)), {"u": "x"}),
]


def valid(schema: Any, value: object) -> bool:
    return bool(Draft202012Validator(schema).is_valid(value))


@every(Rows(NARROWER))
def test_what_gets_narrower_breaks_who_sends_it_and_what_gets_wider_who_reads_it(
    wide: Any, narrow: Any, value: object
) -> None:
    assert (valid(wide, value), valid(narrow, value)) == (True, False)
    narrowed, widened = list(changes(wide, narrow)), list(changes(narrow, wide))
    assert any(change.narrows for change in narrowed)
    assert any(change.widens for change in widened)
    # a value that goes is no harm to a reader: a field that goes is
    gone = [change for change in narrowed if change.widens]
    assert all(change.difference == "was removed" for change in gone)
    assert list(changes(wide, wide)) == list(changes(narrow, narrow)) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (closed(a=TEXT), closed(a=TEXT, b=TEXT), [Change("b", "is new", widens=True)]),
        (
            closed(a=TEXT),
            closed(("b",), a=TEXT, b=TEXT),
            [Change("b", "is new and required", narrows=True, widens=True)],
        ),
        ({"properties": {}, "type": "object"}, {"properties": {"a": TEXT}, "type": "object"}, [Change("a", "is new")]),
        (TEXT, WHOLE, [Change("", "is a whole number, was a text", narrows=True, widens=True)]),
        (
            {"type": "string", "format": "date"},
            {"type": "string", "format": "date-time"},
            [Change("", 'format is "date-time", was "date"', narrows=True, widens=True)],
        ),
        (
            closed(a={"type": "boolean", "default": False}),
            closed(a={"type": "boolean", "default": True}),
            [
                Change(
                    "a",
                    "left out, it means true, not false",
                    narrows=True,
                    why="what they leave out would mean something else",
                )
            ],
        ),
        (
            closed(a=listed(closed(b={"type": "string", "maxLength": 9}))),
            closed(a=listed(closed(b={"type": "string", "maxLength": 8}))),
            [Change("a[].b", "is at most 8 characters, was 9", narrows=True)],
        ),
        ({"type": "string", "description": "a"}, {"type": "string", "title": "B"}, []),
        (
            {"type": "array", "uniqueItems": True},
            {"type": "array"},
            [Change("", "uniqueItems is null, was true", widens=True)],
        ),
    ],
)
def test_each_change_is_reported_with_its_field(old: Any, new: Any, expected: list[Change]) -> None:
    assert list(changes(old, new)) == expected


def test_references_are_followed_and_may_go_round() -> None:
    def tree(limit: int) -> dict[str, Any]:
        node = closed(name={"type": "string", "maxLength": limit}, children=listed({"$ref": "#/$defs/Node"}))
        return {"$defs": {"Node": node}, "$ref": "#/$defs/Node"}

    assert list(changes(tree(5), tree(4))) == [Change("name", "is at most 4 characters, was 5", narrows=True)]


class TestSets:
    def test_a_change_of_a_shared_part_is_reported_once(self) -> None:
        old: Mapping[str, Any] = {f"lapor.{name}.v1": closed(status=words("a")) for name in "xyz"}
        new = {kind: closed(status=words("a", "b")) for kind in old}
        assert breaks(old, new, dict.fromkeys(old, Side.WRITTEN)) == [
            Break(tuple(old), "status", '"b" is new', "", Side.WRITTEN)
        ]
        assert breaks(old, new, dict.fromkeys(old, Side.READ)) == []

    def test_a_removed_message_breaks_both_sides_and_a_new_one_none(self) -> None:
        assert breaks({"a": TEXT}, {"b": TEXT}, {"b": Side.READ}) == [Break(("a",), "message", "was removed", "", None)]

    def test_the_contract_is_compatible_with_itself(self) -> None:
        assert breaks(message_schemas(), message_schemas(), sides()) == []
        assert sides().keys() == message_schemas().keys()


_UNDERSTOOD = {
    *("$schema", "$defs", "$ref", "title", "description", "default", "type", "anyOf", "enum", "const"),
    *("properties", "required", "additionalProperties", "propertyNames", "items", "pattern", "format"),
    *("minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems"),
}


def _keywords(schema: Any) -> set[str]:
    if not isinstance(schema, dict):
        return set()
    found = set(schema)
    for keyword in ("properties", "$defs"):
        found |= {word for inner in schema.get(keyword, {}).values() for word in _keywords(inner)}
    for inner in [*schema.get("anyOf", ()), *(schema.get(word) for word in ("items", "additionalProperties"))]:
        found |= _keywords(inner)
    return found


def test_every_keyword_of_the_contract_is_one_that_is_judged() -> None:
    assert {word for schema in message_schemas().values() for word in _keywords(schema)} <= _UNDERSTOOD


# Random schemas: what is valid before and not after must be reported as narrower, and the other way round.

_LEAVES = st.one_of(
    st.just(NULL),
    st.just(NUMBER),
    st.builds(lambda least: {"type": "integer", "minimum": least}, st.integers(0, 2)),
    st.builds(lambda most: {"type": "string", "maxLength": most}, st.integers(0, 2)),
    st.builds(lambda some: words(*some), st.lists(st.sampled_from("abc"), min_size=1, unique=True)),
    st.builds(lambda one: {"type": "string", "const": one}, st.sampled_from("abc")),
)


def _object(fields: dict[str, Any], needed: set[str]) -> dict[str, Any]:
    return closed(tuple(sorted(needed & fields.keys())), **fields)


def _larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from("pq")
    return st.one_of(
        st.builds(_object, st.dictionaries(names, inner, max_size=2), st.sets(names)),
        st.builds(lambda items, most: listed(items, maxItems=most), inner, st.integers(0, 2)),
        st.builds(either, inner, inner),
        st.builds(lambda values: {"type": "object", "additionalProperties": values}, inner),
    )


SCHEMAS = st.recursive(_LEAVES, _larger, max_leaves=4)
VALUES = st.recursive(
    st.sampled_from([None, 0, 1, 2, 1.5, "", "a", "b", "ab", "abc"]),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("pq"), inner, max_size=2)),
    max_leaves=3,
)


@settings(max_examples=settings().max_examples * 4 // 5, suppress_health_check=[HealthCheck.too_slow])
@given(SCHEMAS, SCHEMAS, st.lists(VALUES, min_size=10, max_size=10))
def test_no_change_goes_by_unseen(old: Any, new: Any, values: list[Any]) -> None:
    reported = list(changes(old, new))
    for value in values:
        before, after = valid(old, value), valid(new, value)
        if before and not after:
            assert any(change.narrows for change in reported), value
        if after and not before:
            assert any(change.widens for change in reported), value
