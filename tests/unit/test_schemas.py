"""The published schemas: what the models give, and no stricter than what we take or looser than what we send."""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agents.schemas import differences, documents, main
from events.codec import decode_announcement, decode_command, decode_report
from events.errors import InvalidCommand, Undecodable

ROOT = Path(__file__).parent.parent.parent
GOLDEN = ROOT / "tests" / "golden" / "v1"
DOCUMENTS = documents()


def golden(name: str) -> Any:
    return json.loads((GOLDEN / name).read_bytes())


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(DOCUMENTS[name]))


def valid(name: str, event: object) -> bool:
    return bool(validator(name).is_valid(event))


def test_what_is_published_is_what_the_models_give() -> None:
    assert differences(ROOT / "schemas", DOCUMENTS) == []


def test_there_is_one_for_each_message() -> None:
    assert DOCUMENTS.keys() == {path.name for path in GOLDEN.iterdir()}


def test_they_are_written_the_same_each_time() -> None:
    assert documents() == DOCUMENTS


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_is_a_schema_and_its_example_follows_it(name: str) -> None:
    schema = json.loads(DOCUMENTS[name])
    Draft202012Validator.check_schema(schema)
    assert schema["title"] == name.removesuffix(".json")
    assert schema["description"]
    event = golden(name)
    assert [error.message for error in Draft202012Validator(schema).iter_errors(event)] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_refuses_what_is_not_its_message(name: str) -> None:
    event = golden(name)
    assert not valid(name, event | {"type": "lapor.command.do-something.v1"})
    assert not valid(name, event | {"specversion": "0.3"})
    assert not valid(name, event | {"data": event["data"] | {"unheard_of": 1}})
    assert not valid(name, {key: value for key, value in event.items() if key != "data"})
    assert not valid(name, [event])
    assert valid(name, event | {"traceparent": "00-1-2-01"})


SENT = [name for name in DOCUMENTS if re.search(r"\.(complaint|resolution|calendar)\.", name)]


@pytest.mark.parametrize("name", SENT)
def test_what_we_send_has_every_field(name: str) -> None:
    event = golden(name)
    for field in event["data"]:
        assert not valid(name, event | {"data": {key: value for key, value in event["data"].items() if key != field}})


def decoder(name: str) -> Callable[[bytes], object]:
    if "report.submitted" in name:
        return decode_report
    return decode_announcement if "announce-holiday" in name else decode_command


READ = [name for name in DOCUMENTS if ".command." in name and "rejected" not in name] + [
    "lapor.report.submitted.v1.json"
]


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("value", [None, "", "x", "x" * 30_000, 0, 1, 7, -1, 1.5, True, [], ["x"] * 30, {}])
def test_the_schema_and_the_codec_agree_on_what_we_take(name: str, value: object) -> None:
    """One field after another gets a value; where the schema allows it the codec does, and the other way round."""
    for field in golden(name)["data"]:
        event = golden(name)
        event["data"][field] = value
        try:
            decoder(name)(json.dumps(event).encode())
        except (Undecodable, InvalidCommand):
            taken = False
        else:
            taken = True
        # the time of day, the form of a name and a date are "formats", which a schema only mentions
        if isinstance(value, str) and field in {"event_date", "day", "duplicate_of", "due_at"}:
            continue
        assert valid(name, event) == taken, (field, value)


class TestCommandLine:
    def test_it_writes_what_it_then_finds_in_order(self, tmp_path: Path) -> None:
        assert main(["--directory", str(tmp_path / "schemas")]) == 0
        assert main(["--check", "--directory", str(tmp_path / "schemas")]) == 0
        assert differences(tmp_path / "schemas", DOCUMENTS) == []

    def test_it_names_each_file_that_is_not_in_order(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        main(["--directory", str(tmp_path)])
        first, second, *_ = sorted(DOCUMENTS)
        (tmp_path / first).unlink()
        (tmp_path / second).write_text("{}\n")
        (tmp_path / "old.v1.json").write_text("{}\n")
        assert main(["--check", "--directory", str(tmp_path)]) == 1
        told = capsys.readouterr().err
        for line in (
            f"{first}: missing",
            f"{second}: is not what the models give",
            "old.v1.json: describes no message",
        ):
            assert line in told
        assert main(["--directory", str(tmp_path)]) == 0
        assert differences(tmp_path, DOCUMENTS) == []
