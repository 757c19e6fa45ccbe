"""Any bytes decode to a message or raise one of two errors with the reason."""

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.cloudevents import MAX_BODY, MAX_LINKS, MAX_TEXT, MAX_TITLE, Attachment
from events.codec import decode, partial
from events.commands import COMMANDS, CompleteReport, RateResolution, VerifyComplaint, command_type
from events.errors import InvalidCommand, Sender, Undecodable
from events.reports import Location, Reporter
from events.snapshot import STATE_TYPE
from tests.support.tables import Rows, every
from workflow.stages.intake import identity

GOLDEN = {
    path.stem: path.read_bytes() for path in (Path(__file__).parent.parent.parent / "golden" / "v1").glob("*.json")
}
SUBJECT = "419535e9-5c83-5206-857a-a7517e758cf7"
RATE = "lapor.command.rate-resolution.v1"
REPORT = "lapor.report.submitted.v1"

DECODERS: list[Callable[[bytes | None], object]] = [
    decode.decode_report,
    decode.decode_command,
    decode.decode_fact,
    decode.decode_snapshot,
]
LONGEST_REASON = 2_000


def attempt(read: Callable[[bytes | None], object], raw: bytes | None) -> Undecodable | InvalidCommand | None:
    """Decode; any other error than the two that are promised fails the test."""
    error: Undecodable | InvalidCommand | None = None
    try:
        read(raw)
    except (Undecodable, InvalidCommand) as found:
        error = found
    if error is not None:
        assert read is decode.decode_command or isinstance(error, Undecodable)
        assert 0 < len(error.reason) < LONGEST_REASON
        assert error.reason.encode()
    return error


def command(data: object, kind: str = RATE, **more: object) -> bytes:
    event = {"specversion": "1.0", "type": kind, "source": "/citizens/1", "id": "1", "subject": SUBJECT, "data": data}
    return json.dumps(event | more).encode()


def report(**data: object) -> bytes:
    whole: dict[str, object] = {"class": "complaint", "title": "Jalan berlubang"}
    event = {"specversion": "1.0", "type": REPORT, "source": "/channels/sms", "id": "1", "data": whole | data}
    return json.dumps(event).encode()


class TestGarbage:
    @every(
        Rows(
            [
                (None, "empty"),
                (b"", "empty"),
                (b" ", "not-json"),
                (b"\x00", "not-json"),
                (b"\xff\xfe\x00", "not-json"),
                (b"\xef\xbb\xbf{}", "not-json"),
                (b"{", "not-json"),
                (b'{"type": "\xff"}', "not-json"),
                (b'{"type": "\\ud800"}', "not-json"),
                (b'{"type": NaN}', "not-json"),
                (b'{"type": Infinity}', "not-json"),
                (b"{'type': 'x'}", "not-json"),
                (b"{}{}", "not-json"),
                (b'{"a":' * 100_000, "not-json"),
                (b"[" * 100_000 + b"]" * 100_000, "not-json"),
                (b"9" * 100_000, "not-json"),
                (b"[]", "not-an-object"),
                (b"[{}]", "not-an-object"),
                (b"null", "not-an-object"),
                (b"true", "not-an-object"),
                (b"1e400", "not-an-object"),
                (b'"x"', "not-an-object"),
                (b'"' + b"x" * 1_000_000 + b'"', "not-an-object"),
                (b"{}", "unknown-type"),
                (b'{"type": null}', "unknown-type"),
                (b'{"type": ["x"]}', "unknown-type"),
                (b'{"type": {"x": 1}}', "unknown-type"),
                (b'{"type": 1e400}', "unknown-type"),
                (b'{"type": "' + b"x" * 1_000_000 + b'"}', "unknown-type"),
                (b'{"type": "com.example.order.placed"}', "unknown-type"),
                (b'{"type": "lapor.command.rate-resolution.v2"}', "unknown-type"),
            ]
        ),
        DECODERS,
    )
    def test_records_that_are_not_messages(
        self, raw: bytes | None, code: str, read: Callable[[bytes | None], object]
    ) -> None:
        error = attempt(read, raw)
        assert isinstance(error, Undecodable)
        assert error.code == code

    @pytest.mark.parametrize(
        ("raw", "message"),
        [
            (b'{"type": "\xe9"}', "byte 11 is not UTF-8; save it as UTF-8"),
            (b"null", "this is null"),
            (b"[]", "this is a list"),
            (b"1", "this is a number"),
        ],
    )
    def test_what_is_wrong_is_said_in_words_of_json(self, raw: bytes, message: str) -> None:
        error = attempt(decode.decode_report, raw)
        assert isinstance(error, Undecodable)
        assert error.reason.endswith(message)

    @settings(max_examples=settings().max_examples * 3 // 2)
    @given(raw=st.binary(max_size=200))
    def test_any_bytes(self, raw: bytes) -> None:
        for read in DECODERS:
            assert attempt(read, raw) is not None

    @settings(max_examples=settings().max_examples * 3 // 2)
    @given(st.data())
    def test_a_message_with_a_few_bytes_changed(self, data: st.DataObject) -> None:
        raw = bytearray(data.draw(st.sampled_from(sorted(GOLDEN.values()))))
        for _ in range(data.draw(st.integers(1, 3))):
            at = data.draw(st.integers(0, len(raw) - 1))
            raw[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
        for read in DECODERS:
            attempt(read, bytes(raw))


SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 2**63, 10**400, 1.5, -0.0, 1e308]),
    st.text(max_size=20),
    st.sampled_from(
        ["", " ", "\x00", "a\x00b", "\u202e", "0000-01-01", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
    ),
    st.sampled_from(["0001-01-01T00:00:00+14:00", "2026-02-30", "2026-03-16", "2026-03-16T10:00:00", "x" * 5_000]),
    # copies: what is drawn is changed afterwards, and could come to hold itself
    st.sampled_from([[], {}, [[]], ["x"] * 30, {"url": "x"}, {"province": 1}]).map(deepcopy),
)


def _paths(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [found for key, inner in items for found in _paths(inner, (*path, key))]


EVENTS = {kind: json.loads(raw) for kind, raw in GOLDEN.items()}
PATHS = {kind: _paths(event) for kind, event in EVENTS.items()}


@settings(max_examples=4 * settings().max_examples)
@given(st.data())
def test_a_message_with_a_field_changed_added_or_taken_away(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(EVENTS)))
    event = json.loads(GOLDEN[kind])
    for _ in range(data.draw(st.integers(1, 2))):
        *way, last = data.draw(st.sampled_from(PATHS[kind]))
        inner = event
        try:
            for key in way:
                inner = inner[key]
            match data.draw(st.sampled_from(["change", "remove", "add"])):
                case "change":
                    inner[last] = data.draw(SCALARS)
                case "remove":
                    del inner[last]
                case _:
                    inner[data.draw(st.text(max_size=5))] = data.draw(SCALARS)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the way there
    raw = json.dumps(event).encode()
    for read in DECODERS:
        attempt(read, raw)


class TestUnknownFields:
    @every([command_type(each.NAME) for each in COMMANDS])
    def test_in_a_command_they_are_refused_by_name(self, kind: str) -> None:
        event = json.loads(GOLDEN[kind]) | {"source": "/offices/panrb"}
        event["data"]["urgnt"] = True
        with pytest.raises(InvalidCommand, match=r"data\.urgnt: unknown field") as caught:
            decode.decode_command(json.dumps(event).encode())
        assert caught.value.sender == Sender(event["subject"], event["source"], event["id"], kind)

    def test_in_a_report_they_are_refused_too(self) -> None:
        with pytest.raises(Undecodable, match=r"data\.judul: unknown field"):
            decode.decode_report(report(judul="x"))
        with pytest.raises(Undecodable, match=r"data\.location\.kota: unknown field"):
            decode.decode_report(report(location={"kota": "Denpasar"}))
        with pytest.raises(Undecodable, match=r"data\.reporter\.nik: unknown field"):
            decode.decode_report(report(reporter={"nik": "1"}))

    def test_a_field_has_one_name(self) -> None:
        with pytest.raises(Undecodable, match=r"data\.class_: unknown field"):
            decode.decode_report(report(class_="complaint"))

    def test_attributes_of_the_envelope_that_we_do_not_know_are_legal(self) -> None:
        raw = command({"rating": 4}, traceparent="00-1-2-01", partitionkey="x", datacontenttype="application/json")
        assert decode.decode_command(raw).data == RateResolution(rating=4)

    def test_a_long_name_is_not_sent_back_in_full(self) -> None:
        error = attempt(decode.decode_command, command({"rating": 4, "x" * 1_000_000: 1}))
        assert isinstance(error, InvalidCommand)


class TestCommands:
    @every(
        Rows(
            [
                ({}, "data.rating: required"),
                ({"rating": 0}, "data.rating:"),
                ({"rating": 6}, "data.rating:"),
                ({"rating": "4"}, "data.rating:"),
                ({"rating": 4.0}, "data.rating:"),
                ({"rating": True}, "data.rating:"),
                ({"rating": 10**4000}, "data.rating:"),
                ({"rating": None}, "data.rating:"),
                ({"rating": 4, "text": ""}, "data.text:"),
                ({"rating": 4, "text": "   "}, "data.text:"),
                ({"rating": 4, "text": "a\x00b"}, "data.text: holds a character that is not allowed there"),
                ({"rating": 4, "text": "x" * (MAX_TEXT + 1)}, "data.text:"),
                ({"rating": 4, "text": "x" * 1_000_000}, "data.text:"),
                ([], "data:"),
                ([{"rating": 4}], "data:"),
                ("rating", "data:"),
                (None, "data:"),
            ]
        )
    )
    def test_invalid_data_are_rejected_to_the_sender(self, data: object, reason: str) -> None:
        with pytest.raises(InvalidCommand) as caught:
            decode.decode_command(command(data))
        assert caught.value.reason.startswith(reason)
        assert caught.value.sender == Sender(SUBJECT, "/citizens/1", "1", RATE)

    @pytest.mark.parametrize("version", [-1, "3", 3.5, True, [], 1e300])
    def test_an_invalid_version_is_rejected_too(self, version: object) -> None:
        with pytest.raises(InvalidCommand, match="expectedversion"):
            decode.decode_command(command({"rating": 4}, expectedversion=version))

    def test_missing_data_are_rejected_too(self) -> None:
        event = json.loads(command({}))
        del event["data"]
        with pytest.raises(InvalidCommand, match="data: required"):
            decode.decode_command(json.dumps(event).encode())

    @every(
        [
            {"subject": None},
            {"subject": "complaint-1"},
            {"subject": 5},
            {"subject": SUBJECT + "0"},
            {"source": ""},
            {"source": None},
            {"source": "x" * 257},
            {"source": "/citizens/\x00"},
            {"id": ""},
            {"id": 7},
            {"id": "x" * 257},
            {"specversion": "0.3"},
            {"specversion": 1.0},
            {"time": "0000-01-01T00:00:00Z"},
            {"time": "2026-03-16T10:00:00"},
            {"time": "yesterday"},
            {"time": 1_700_000_000},
        ]
    )
    def test_an_envelope_that_is_wrong_has_no_sender(self, broken: dict[str, Any]) -> None:
        for data in ({"rating": 4}, {"rating": 99}):
            with pytest.raises(Undecodable) as caught:
                decode.decode_command(command(data, **broken))
            assert caught.value.code == "invalid"
            assert next(iter(broken)) in caught.value.reason

    @pytest.mark.parametrize("attribute", ["subject", "source", "id", "specversion"])
    def test_an_envelope_that_lacks_something_too(self, attribute: str) -> None:
        event = json.loads(command({"rating": 4}))
        del event[attribute]
        with pytest.raises(Undecodable, match=f"{attribute}: required"):
            decode.decode_command(json.dumps(event).encode())

    @pytest.mark.parametrize("subject", [SUBJECT.upper(), SUBJECT.replace("-", ""), f"urn:uuid:{SUBJECT}"])
    def test_a_complaint_has_one_name_however_it_is_written(self, subject: str) -> None:
        assert str(decode.decode_command(command({"rating": 4}, subject=subject)).subject) == SUBJECT

    def test_the_dates_of_the_calendar(self) -> None:
        kind = "lapor.command.complete-report.v1"
        for wrong in ("0000-01-01", "2026-02-30", "2026-3-1", "2026-03-14T00:00:00Z", 20260314, ""):
            with pytest.raises(InvalidCommand, match=r"data\.event_date"):
                decode.decode_command(command({"event_date": wrong}, kind))
        assert decode.decode_command(command({"event_date": "0001-01-01"}, kind)).id == "1"

    @pytest.mark.parametrize("data", [{}, {"title": None}, {"title": None, "body": None}])
    def test_a_completion_completes_something(self, data: object) -> None:
        with pytest.raises(InvalidCommand, match="at least one field"):
            decode.decode_command(command(data, "lapor.command.complete-report.v1"))

    def test_null_is_as_good_as_nothing_where_a_field_is_optional(self) -> None:
        raw = command({"category": None, "edited_text": None}, "lapor.command.verify-complaint.v1")
        assert decode.decode_command(raw).data == VerifyComplaint()

    @pytest.mark.parametrize("blank", ["", "  ", "\n\t"])
    def test_what_is_blank_does_not_complete_a_report(self, blank: str) -> None:
        kind = "lapor.command.complete-report.v1"
        names = ("title", "body", "category", "office")
        more = {"event_date": "2026-03-14", "location": {"city": "Denpasar", "village": blank}}
        assert decode.decode_command(command(dict.fromkeys(names, blank) | more, kind)).data == CompleteReport(
            event_date=date(2026, 3, 14), location=Location(city="Denpasar")
        )
        with pytest.raises(InvalidCommand, match="name at least one field"):
            decode.decode_command(command(dict.fromkeys(names, blank), kind))

    def test_links(self) -> None:
        kind = "lapor.command.record-follow-up.v1"
        at_most = {"text": "Sudah.", "evidence": ["https://example.org/1"] * MAX_LINKS}
        assert decode.decode_command(command(at_most, kind)).id == "1"
        for wrong in (["x"] * (MAX_LINKS + 1), "https://example.org/1", [1], [{"name": "x"}], [""], [None]):
            with pytest.raises(InvalidCommand, match=r"data\.evidence"):
                decode.decode_command(command({"text": "Sudah.", "evidence": wrong}, kind))

    def test_many_mistakes_are_one_line(self) -> None:
        with pytest.raises(InvalidCommand, match=r"\(and 5 more\)") as caught:
            decode.decode_command(command(dict.fromkeys("abcdefghi", 1)))
        assert "\n" not in caught.value.reason


class TestReports:
    def test_the_least_that_a_phone_message_has(self) -> None:
        found = decode.decode_report(report()).data
        assert (found.title, found.body, found.location, found.office, found.attachments) == (
            "Jalan berlubang",
            "",
            None,
            None,
            (),
        )
        assert decode.decode_report(report(title=None, body="Lubang")).data.title == ""

    @pytest.mark.parametrize(
        ("reference", "follows"),
        [
            ("1041007", "1041007"),
            (" 1041007\n", "1041007"),
            ("419535E9-5C83-5206-857A-A7517E758CF7", "419535e9-5c83-5206-857a-a7517e758cf7"),
            (" ", None),
            (None, None),
        ],
    )
    def test_an_earlier_complaint_is_named_by_number_or_id(self, reference: str | None, follows: str | None) -> None:
        assert decode.decode_report(report(follows=reference)).data.follows == follows

    def test_null_is_what_a_channel_does_not_have(self) -> None:
        optional = ("body", "category", "event_date", "location", "office", "reporter", "attachments")
        assert decode.decode_report(report(**dict.fromkeys(optional))) == decode.decode_report(report())

    @pytest.mark.parametrize("blank", ["", "  ", "\n\t"])
    def test_a_name_that_is_blank_has_not_been_given(self, blank: str) -> None:
        places = ("province", "city", "district", "village")
        found = decode.decode_report(
            report(
                category=blank,
                office=blank,
                location=dict.fromkeys(places, blank) | {"lat": -8.65, "lon": 115.22},
                reporter={"name": blank, "phone": "0800-000", "email": blank},
                attachments=[{"url": "https://example.org/1", "name": blank, "media_type": blank}],
            )
        ).data
        assert (found.category, found.office) == (None, None)
        assert found.location == Location(lat=-8.65, lon=115.22)
        assert found.reporter == Reporter(phone="0800-000")
        assert found.attachments == (Attachment(url="https://example.org/1"),)

    def test_a_blank_place_or_reporter_is_unknown(self) -> None:
        blank = decode.decode_report(report(location={"city": " "}, reporter={"name": "", "phone": " "}))
        assert blank.data.location is not None
        assert not blank.data.location.is_known
        assert identity(blank) is None

    @pytest.mark.parametrize("says", [{"title": ""}, {"title": " \n", "body": "\t"}, {"title": None, "body": None}])
    def test_a_report_has_a_text(self, says: dict[str, object]) -> None:
        with pytest.raises(Undecodable, match="title or a body"):
            decode.decode_report(report(**says))

    @every(
        Rows(
            [
                ("class", "pengaduan"),
                ("class", None),
                ("title", "x" * (MAX_TITLE + 1)),
                ("title", "a\x00b"),
                ("title", ["x"]),
                ("body", "x" * (MAX_BODY + 1)),
                ("body", "x" * 1_000_000),
                ("event_date", "0000-03-14"),
                ("event_date", "14-03-2026"),
                ("location", []),
                ("location", {"lat": 91}),
                ("location", {"lon": -181}),
                ("location", {"lat": "8"}),
                ("anonymous", "true"),
                ("secret", None),
                ("secret", 1),
                ("attachments", "https://example.org"),
                ("attachments", ["x"] * 21),
                ("attachments", {"url": "x"}),
                ("reporter", "Wayan"),
                ("reporter", {"phone": 812}),
                ("follows", "5171034408900001"),  # a NIK
                ("follows", "081200000000"),
                ("follows", "laporan kemarin"),
                ("follows", 1041007),
            ]
        )
    )
    def test_a_field_that_is_wrong_is_named(self, field: str, value: object) -> None:
        with pytest.raises(Undecodable) as caught:
            decode.decode_report(report(**{field: value}))
        assert caught.value.code == "invalid"
        assert f"data.{field}" in caught.value.reason

    def test_lengths_count_characters_and_space_around_them_does_not(self) -> None:
        assert decode.decode_report(report(title=f"  {'é' * MAX_TITLE}  ")).data.title == "é" * MAX_TITLE
        assert decode.decode_report(report(body="😀" * MAX_BODY)).data.body == "😀" * MAX_BODY

    @pytest.mark.parametrize("source", ["/channels/sms#1", "#", "", None, "a\x00b", "x" * 257])
    def test_a_source_that_would_make_two_reports_one(self, source: object) -> None:
        event = json.loads(report())
        event["source"] = source
        with pytest.raises(Undecodable, match="source"):
            decode.decode_report(json.dumps(event).encode())

    def test_a_subject_is_not_needed(self) -> None:
        assert decode.decode_report(report()).complaint_id


class TestFacts:
    @pytest.mark.parametrize("attribute", ["time", "subject", "causationid", "causationsource", "data"])
    def test_a_fact_has_its_cause_and_its_time(self, attribute: str) -> None:
        event = json.loads(GOLDEN["lapor.complaint.disposed.v1"])
        del event[attribute]
        with pytest.raises(Undecodable, match=f"{attribute}: required"):
            decode.decode_fact(json.dumps(event).encode())

    def test_a_moment_without_a_zone_is_no_moment(self) -> None:
        event = json.loads(GOLDEN[STATE_TYPE])
        event["data"]["complaint"]["clocks"]["follow_up"]["due_at"] = "2026-03-16T10:00:00"
        with pytest.raises(Undecodable, match="timezone"):
            decode.decode_snapshot(json.dumps(event).encode())

    @pytest.mark.parametrize("complaint", [None, [], "x", {}, 10**400])
    def test_a_fact_has_its_complaint(self, complaint: object) -> None:
        event = json.loads(GOLDEN["lapor.complaint.disposed.v1"])
        event["data"]["complaint"] = complaint
        with pytest.raises(Undecodable):
            decode.decode_fact(json.dumps(event).encode())

    def test_cutting_a_snapshot_out_of_what_is_none(self) -> None:
        for raw in (b"x", b"{}", b"[]", b'{"type":"lapor.complaint.snapshot.v1"}', GOLDEN[RATE]):
            with pytest.raises(Undecodable):
                partial.snapshot_in(raw, ours=True)
