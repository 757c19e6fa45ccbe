"""Validation of a message, field by field; a message is valid exactly where the stages accept it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.contract.messages import read_by_us, written_by_us
from agents.contract.validation import validate_message
from events.announcements import AnnouncementEvent
from events.codec import decode
from events.errors import InvalidCommand, Undecodable
from events.reports import ReportSubmitted
from events.topics import INWARD_RECORD_BYTES
from tests.support.tables import Rows, every

GOLDEN = Path(__file__).parent.parent.parent / "golden"
KINDS = [*read_by_us(), *written_by_us()]
REPORT = ReportSubmitted.TYPE
NOT_ALLOWED = "with a character that is not allowed there"
NUL = r'data.category: is "a\u0000b", ' + NOT_ALLOWED


def golden(kind: str) -> Any:
    return json.loads((GOLDEN / "v1" / f"{kind}.json").read_bytes())


def problems(value: Any) -> list[str]:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    report = validate_message(raw)
    assert (report.message is None) == bool(report.errors)
    return [str(error) for error in report.errors]


def report(**data: Any) -> dict[str, Any]:
    whole = {"specversion": "1.0", "type": REPORT, "source": "/channels/sms", "id": "1"}
    return whole | {"data": {"class": "complaint", "title": "Jalan berlubang"} | data}


@every(sorted(GOLDEN.glob("*/lapor.*.json")))
def test_what_is_kept_is_in_order(path: Path) -> None:
    assert problems(path.read_bytes()) == []


@every(KINDS)
def test_each_field_that_is_missing_is_named(kind: str) -> None:
    event = golden(kind)
    for field in ("source", "id", "data"):
        (error,) = problems({name: value for name, value in event.items() if name != field})
        assert error.startswith(f"{field}: is missing; expected ")


@every(
    Rows(
        [
            (
                {"class": "pengaduan"},
                [
                    (
                        'data.class: is "pengaduan"; expected complaint, complaint_inspection, aspiration or '
                        "information_request"
                    )
                ],
            ),
            (
                {"title": "x" * 412},
                ["data.title: has 412 characters; expected text of at most 300 characters, or null"],
            ),
            ({"title": 7}, ["data.title: is 7; expected text of at most 300 characters, or null"]),
            ({"title": " ", "body": None}, ["data: a report needs a title or a body that is not empty"]),
            ({"categori": "x"}, ["data.categori: is not a field of this message; did you mean category?"]),
            (
                {"location": {"q": 1}},
                [
                    (
                        "data.location.q: is not a field of this message; "
                        "use one of city, district, lat, lon, province, village"
                    )
                ],
            ),
            (
                {"location": {"lat": 91, "lon": "x"}},
                [
                    "data.location.lat: is 91; expected a number from -90 to 90, or null",
                    'data.location.lon: is "x"; expected a number from -180 to 180, or null',
                ],
            ),
            ({"location": "Denpasar"}, ['data.location: is "Denpasar"; expected an object, or null']),
            (
                {"event_date": "14/3/2026"},
                ['data.event_date: is "14/3/2026"; expected a date such as 2026-03-14, or null'],
            ),
            ({"anonymous": "ya"}, ['data.anonymous: is "ya"; expected true or false']),
            (
                {"attachments": ["a", 7]},
                ["data.attachments[1]: is 7; expected text of 1 to 2,048 characters, or an object"],
            ),
            (
                {"attachments": [{"name": "a"}]},
                ["data.attachments[0].url: is missing; expected text of 1 to 2,048 characters"],
            ),
            (
                {"attachments": [{"url": 5, "nama": "a"}]},
                [
                    "data.attachments[0].url: is 5; expected text of 1 to 2,048 characters",
                    "data.attachments[0].nama: is not a field of this message; did you mean name?",
                ],
            ),
            (
                {"attachments": ["a"] * 21},
                ["data.attachments: has 21 entries; expected a list of at most 20 entries, or null"],
            ),
            (
                {"category": "a\0b"},
                [
                    NUL + "; expected text of at most 100 characters, or null",
                ],
            ),
        ]
    )
)
def test_each_mistake_names_field_value_and_expectation(data: dict[str, Any], lines: list[str]) -> None:
    assert problems(report(**data)) == lines


@every(
    Rows(
        [
            (b"", "message: is not JSON: EOF while parsing a value at line 1 column 0; expected one JSON object"),
            (b"{", "message: is not JSON: EOF while parsing an object at line 1 column 1; expected one JSON object"),
            (b"[]", "message: is a list; expected an object: one message, or one a line"),
            (b"null", "message: is null; expected an object: one message, or one a line"),
            (b"true", "message: is true or false; expected an object: one message, or one a line"),
            (b"{}", "type: is missing; expected a type such as lapor.report.submitted.v1"),
            (
                {"type": "lapor.report.submited.v1"},
                f'type: is "lapor.report.submited.v1"; expected a type of the contract (did you mean {REPORT}?)',
            ),
            ({"type": ["x"]}, 'type: is ["x"]; expected a type of the contract'),
            (
                report() | {"source": "/channels/sms#2"},
                'source: is "/channels/sms#2", ' + NOT_ALLOWED + "; expected text of 1 to 256 characters without #",
            ),
            (
                report() | {"time": "2026-03-16T02:11:00"},
                'time: is "2026-03-16T02:11:00"; expected a time with its zone, such as 2026-03-16T02:11:00Z, or null',
            ),
            (report() | {"specversion": "0.3"}, 'specversion: is "0.3"; expected 1.0'),
            (
                golden("lapor.command.record-follow-up.v1") | {"subject": "1041007", "expectedversion": -1},
                'subject: is "1041007"; expected a UUID',
            ),
            (
                golden("lapor.command.rate-resolution.v1") | {"data": {"rating": 6}},
                "data.rating: is 6; expected a whole number from 1 to 5",
            ),
            (
                golden("lapor.command.complete-report.v1") | {"data": {}},
                "data: name at least one field of the report",
            ),
        ]
    )
)
def test_a_mistake_in_the_whole_or_in_what_stands_around_the_data(value: Any, line: str) -> None:
    assert problems(value)[0] == line


def test_a_long_value_is_shown_by_its_beginning() -> None:
    (line,) = problems(report(location="x" * 5_000))
    assert len(line) < 150


def test_what_is_larger_than_the_topic_takes_is_a_mistake() -> None:
    large = json.dumps(report(attachments=[])).encode() + b" " * INWARD_RECORD_BYTES
    (line,) = problems(large)
    assert line == f"message: has {len(large):,} bytes; expected at most 1,048,576 with key and headers"


def test_every_field_is_reported_once() -> None:
    broken = report(**{name: {"x": 1} for name in golden(REPORT)["data"]}) | {"source": 1, "id": 2, "time": 3}
    fields = [line.split(":")[0] for line in problems(broken)]
    assert len(fields) == len(set(fields))
    assert {"source", "id", "time", "data.class", "data.title", "data.attachments"} <= set(fields)


def decoder(kind: str) -> Callable[[bytes], object]:
    if kind == REPORT:
        return decode.decode_report
    return decode.decode_announcement if kind == AnnouncementEvent.TYPE else decode.decode_command


WRONG: list[Any] = [
    None,
    "",
    " ",
    "x",
    "x" * 30_000,
    0,
    7,
    -1,
    1.5,
    True,
    [],
    ["x"] * 30,
    [{}],
    {},
    {"x": 1},
    "2026-03-16",
]


@pytest.mark.parametrize("kind", read_by_us())
@pytest.mark.parametrize(
    "source", [None, *(pytest.param(each, marks=pytest.mark.long) for each in ("/stages/intake", "/offices/x"))]
)
def test_a_message_is_in_order_exactly_where_the_stages_take_it(kind: str, source: str | None) -> None:
    event = golden(kind)
    if source is not None:
        event["source"] = source
    changed = [{**event, "data": {**event["data"], field: value}} for field in [*event["data"], "q"] for value in WRONG]
    changed += [{**event, field: value} for field in event for value in WRONG]
    for each in changed:
        raw = json.dumps(each).encode()
        try:
            decoder(kind)(raw)
        except (Undecodable, InvalidCommand):
            taken = False
        else:
            taken = True
        assert (problems(raw) == []) == taken, each
