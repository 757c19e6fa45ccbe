"""The published schemas equal the models, no stricter than accepted input, no looser than output."""

import json
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agents.contract.compatibility import Side
from agents.contract.files import differences, documents, last_released
from agents.contract.messages import sides
from agents.contract.parties import VALUES
from events.codec.decode import decode_announcement, decode_command, decode_report
from events.errors import InvalidCommand, Undecodable
from events.facts import FACTS
from tests.support.tables import every

ROOT = Path(__file__).parent.parent.parent.parent
GOLDEN = ROOT / "tests" / "golden" / "v1"
FILES = documents(GOLDEN.parent)
DOCUMENTS = {name: text for name, text in FILES.items() if name != "asyncapi.json"}
EVENTS = [name for name in DOCUMENTS if name.removesuffix(".json") not in VALUES]


def golden(name: str) -> Any:
    return json.loads((GOLDEN / name).read_bytes())


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(DOCUMENTS[name]))


@cache
def _check_part(text: str) -> None:
    Draft202012Validator.check_schema(json.loads(text))


def check_schema(schema: Any) -> None:
    """Check that it is a schema; definitions that schemas share are checked once."""
    for part in ({**schema, "$defs": {}}, *schema.get("$defs", {}).values()):
        _check_part(json.dumps(part, sort_keys=True))


def valid(name: str, event: object) -> bool:
    return bool(validator(name).is_valid(event))


def test_what_is_published_is_what_the_models_give() -> None:
    assert differences(ROOT / "schemas", FILES) == []


def test_there_is_one_for_each_message() -> None:
    assert DOCUMENTS.keys() == {path.name for path in GOLDEN.iterdir()}


def test_they_are_written_the_same_each_time() -> None:
    assert documents(GOLDEN.parent) == FILES


@pytest.mark.long
@every(DOCUMENTS)
def test_each_is_a_schema_and_its_example_follows_it(name: str) -> None:
    schema = json.loads(DOCUMENTS[name])
    check_schema(schema)
    assert schema["title"] == name.removesuffix(".json")
    assert schema["description"]
    event = golden(name)
    assert [error.message for error in validator(name).iter_errors(event)] == []


@every(EVENTS)
def test_each_refuses_what_is_not_its_message(name: str) -> None:
    event = golden(name)
    assert not valid(name, event | {"type": "lapor.command.do-something.v1"})
    assert not valid(name, event | {"specversion": "0.3"})
    # a sender may have misspelt a field; what we send may have more fields one day
    with_more = event | {"data": event["data"] | {"unheard_of": 1}}
    assert valid(name, with_more) == (sides()[name.removesuffix(".json")] is Side.WRITTEN)
    assert not valid(name, {key: value for key, value in event.items() if key != "data"})
    assert not valid(name, [event])
    assert valid(name, event | {"traceparent": "00-1-2-01"})


SENT = [name for name in EVENTS if sides()[name.removesuffix(".json")] is Side.WRITTEN]


LEFT_OUT = {name for fact in FACTS for name, field in fact.model_fields.items() if field.exclude_if is not None}
"""Fields that a fact has only where they have a value."""


@every(SENT)
def test_what_we_send_has_every_field(name: str) -> None:
    event = golden(name)
    for field in event["data"].keys() - LEFT_OUT:
        assert not valid(name, event | {"data": {key: value for key, value in event["data"].items() if key != field}})


def decoder(name: str) -> Callable[[bytes], object]:
    if "report.submitted" in name:
        return decode_report
    return decode_announcement if "announce-holiday" in name else decode_command


READ = [name for name in EVENTS if sides()[name.removesuffix(".json")] is Side.READ]


VALUES_TRIED: tuple[object, ...] = (None, "", "x", "x" * 30_000, 0, 1, 7, -1, 1.5, True, [], ["x"] * 30, {})


@pytest.mark.long
@every(READ)
def test_the_schema_and_the_codec_agree_on_what_we_take(name: str) -> None:
    """One field after another gets a value; where the schema allows it the codec does, and the other way round."""
    for field, value in product(golden(name)["data"], VALUES_TRIED):
        event = golden(name)
        event["data"][field] = value
        try:
            decoder(name)(json.dumps(event).encode())
        except (Undecodable, InvalidCommand):
            taken = False
        else:
            taken = True
        # the time of day, the form of a name and a date are "formats", which a schema only mentions
        if isinstance(value, str) and field in {"event_date", "day", "duplicate_of", "due_at", "expected_on"}:
            continue
        assert valid(name, event) == taken, (field, value)


@every(sorted(GOLDEN.parent.glob("*/*.json")))
def test_kept_messages_of_every_time_follow_it(path: Path) -> None:
    """What was written before a field was added lacks that field, and nothing else is wrong with it."""
    errors = list(validator(path.name).iter_errors(json.loads(path.read_bytes())))
    assert {error.validator for error in errors} <= (set() if path.parent == GOLDEN else {"required"})


class TestReleased:
    def test_there_is_a_set_that_others_rely_on(self) -> None:
        released = last_released(ROOT / "schemas")
        assert released is not None
        assert {f"{kind}.json" for kind in released.schemas} <= DOCUMENTS.keys()

    @pytest.mark.long
    def test_every_released_file_is_a_schema(self) -> None:
        released = last_released(ROOT / "schemas")
        assert released is not None
        for kind, schema in released.schemas.items():
            assert schema["title"] == kind
            if schema != json.loads(DOCUMENTS[f"{kind}.json"]):  # else it has been checked as one of ours
                check_schema(schema)
