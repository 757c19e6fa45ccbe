"""Service requests of Open311 are reports of the contract, or have a reason why not."""

import io
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.bridges import lines, open311
from agents.bridges.items import Item, PassedOver, Report, Skipped, UnreadableFile
from agents.bridges.open311 import open311_reports
from agents.bridges.reports import TableOptions
from events.codec import decode_report
from events.ids import complaint_id
from events.reports import ReportSubmitted
from events.vocabulary import ComplaintClass

NOW = datetime(2026, 3, 16, 2, 11, tzinfo=UTC)
# as an answer of the standard has it, with what a client sends beside
REQUEST: dict[str, Any] = {
    "service_request_id": "638344",
    "status": "open",
    "status_notes": None,
    "service_name": "Infrastruktur Jalan",
    "service_code": "006",
    "description": "Lubang sedalam satu jengkal.",
    "agency_responsible": None,
    "requested_datetime": "2026-03-16T09:11:00+07:00",
    "updated_datetime": "2026-03-16T10:00:00+07:00",
    "address": "Jalan Gajah Mada 1, Denpasar",
    "address_id": "545483",
    "zipcode": "80111",
    "lat": -8.6563,
    "long": 115.2123,
    "media_url": "https://example.org/lubang.jpg",
    "first_name": "Ni Made",
    "last_name": "Contoh",
    "phone": "+62 812 0000 0000",
    "email": "made@example.org",
}


def items(content: str | bytes, **options: Any) -> list[Item]:
    raw = content if isinstance(content, bytes) else content.encode()
    return list(open311_reports(iter(io.BytesIO(raw)), TableOptions(**options), NOW))


def taken(**changes: Any) -> ReportSubmitted:
    [found] = items(json.dumps([REQUEST | changes]))
    assert isinstance(found, Report), found
    return decode_report(found.value)


def reason(request: Any) -> str:
    [found] = items(json.dumps([request]))
    assert isinstance(found, Skipped), found
    assert "\n" not in found.reason
    return found.reason


def test_a_request_is_a_report() -> None:
    found = taken()

    assert found.complaint_id == complaint_id("/channels/open311", "638344")
    assert found.time == NOW
    assert (found.data.title, found.data.category) == ("Infrastruktur Jalan", "infrastruktur-jalan")
    assert found.data.body == "Lubang sedalam satu jengkal.\n\nAlamat: Jalan Gajah Mada 1, Denpasar, 80111"
    assert found.data.location is not None
    assert (found.data.location.lat, found.data.location.lon) == (-8.6563, 115.2123)
    assert found.data.attachments == ("https://example.org/lubang.jpg",)
    assert found.data.reporter is not None
    assert found.data.reporter.model_dump() == {
        "name": "Ni Made Contoh",
        "phone": "+62 812 0000 0000",
        "email": "made@example.org",
    }


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([REQUEST, REQUEST | {"service_request_id": 2}]),
        json.dumps([REQUEST, REQUEST | {"service_request_id": 2}], indent=2),
        json.dumps({"service_requests": [REQUEST, REQUEST | {"service_request_id": 2}]}),
        f"\ufeff{json.dumps(REQUEST)}\n\n{json.dumps(REQUEST | {'service_request_id': 2})}\n",
    ],
)
def test_requests_come_in_a_list_or_one_a_line(content: str) -> None:
    found = items(content)
    assert [each.complaint for each in found if isinstance(each, Report)] == [
        complaint_id("/channels/open311", number) for number in ("638344", "2")
    ]


def test_one_request_may_be_written_over_several_lines() -> None:
    assert [type(each) for each in items(json.dumps(REQUEST, indent=2))] == [Report]


def test_what_is_not_given_is_left_out() -> None:
    found = taken(
        **dict.fromkeys(("service_name", "lat", "long", "media_url", "first_name", "last_name", "phone", "email")),
        address="",
        zipcode=None,
        requested_datetime=None,
    )

    assert (found.data.title, found.data.body, found.data.category) == ("006", "Lubang sedalam satu jengkal.", "006")
    assert (found.data.location, found.data.attachments, found.data.reporter) == (None, (), None)
    assert found.time == NOW


def test_a_place_in_the_sea_off_africa_is_none() -> None:
    assert taken(lat="0", long=0.0).data.location is None


def test_numbers_may_be_written_as_text() -> None:
    found = taken(lat="-8.65", long="115.21", service_request_id=7)
    assert found.id == "7"
    assert found.data.location is not None
    assert found.data.location.lat == -8.65


def test_class_and_source_are_those_asked_for() -> None:
    [found] = items(json.dumps(REQUEST), source="/channels/denpasar", complaint_class=ComplaintClass.ASPIRATION)
    assert isinstance(found, Report)
    event = decode_report(found.value)
    assert (event.source, event.data.class_) == ("/channels/denpasar", ComplaintClass.ASPIRATION)


def test_what_is_closed_there_is_passed_over_unless_asked_for() -> None:
    closed = json.dumps([REQUEST | {"status": "closed"}])
    assert items(closed) == [PassedOver(1)]
    assert [type(each) for each in items(closed, settled=True)] == [Report]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"service_request_id": None}, "service_request_id: missing"),
        ({"service_request_id": {}}, "service_request_id: is no text"),
        (
            {"service_name": None, "service_code": None, "description": None, "address": None, "zipcode": None},
            "a report",
        ),
        ({"lat": "north"}, "lat: 'north' is no number of degrees"),
        ({"lat": 95}, "location.lat: Input should be less than or equal to 90"),
        ({"requested_datetime": "kemarin"}, "requested_datetime: 'kemarin' is no time"),
        ({"media_url": 7}, "media_url: is no link"),
        ({"description": ["x"]}, "description: is no text"),
        ({"description": True}, "description: is no text"),
        ({"service_name": "x" * 301}, "title: String should have at most 300 characters"),
    ],
)
def test_a_request_that_is_no_report_says_why(changes: dict[str, Any], said: str) -> None:
    assert reason(REQUEST | changes).startswith(said)


@pytest.mark.parametrize("entry", [None, 7, "text", []])
def test_what_is_no_request_says_so(entry: Any) -> None:
    assert reason(entry) == "is no object"


def test_good_requests_go_whatever_stands_between_them() -> None:
    lines = "\n".join((json.dumps(REQUEST), "{broken", json.dumps(REQUEST | {"service_request_id": "2"})))
    assert [type(each) for each in items(lines)] == [Report, Skipped, Report]


@pytest.mark.parametrize("content", ["", "nonsense", "7", '"text"', "[" * 10_000])
def test_what_is_no_list_of_requests_is_refused_as_a_whole(content: str) -> None:
    with pytest.raises(UnreadableFile):
        items(content)


def test_a_list_that_is_too_large_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open311, "LONGEST", 1_000)
    with pytest.raises(UnreadableFile, match="one request a line"):
        items(json.dumps([REQUEST] * 3, indent=1))
    assert len(items("\n".join([json.dumps(REQUEST)] * 3))) == 3


def test_of_a_line_that_is_too_long_no_more_is_read_than_may_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 1_000)
    stream = io.BytesIO(b"x" * 999 + b"\n" + b"[" * 1_000_000)
    found = lines.lines_of(stream)
    assert next(found) == b"x" * 999 + b"\n"
    with pytest.raises(UnreadableFile, match="line 2 has more than 1,000 bytes: write one entry a line"):
        next(found)
    assert stream.tell() == 2_001


CHANGES = st.dictionaries(st.sampled_from(sorted(REQUEST)), st.text() | st.floats())


@given(st.binary(max_size=200) | CHANGES.map(lambda changes: json.dumps([REQUEST | changes]).encode()))
def test_no_file_is_too_strange(content: bytes) -> None:
    with suppress(UnreadableFile):
        for found in items(content):
            assert isinstance(found, Report | Skipped | PassedOver)
