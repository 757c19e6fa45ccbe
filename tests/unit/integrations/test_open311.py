"""Service requests of Open311 are reports of the contract, or refused with a reason."""

import io
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.integrations import encodings
from agents.integrations.entries import BadLayout, Ignored, Item, Report, Skipped, UnreadableFile
from agents.integrations.import_file import OPEN311, TableOnly
from agents.integrations.layouts import StatusWords, catalogue
from events.codec.decode import decode_report
from events.ids import complaint_id
from events.reports import ReportSubmitted
from events.vocabulary import ComplaintClass
from tests.support.table_files import NOW, notes, opened, report
from tests.support.tables import Rows, every

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


@pytest.mark.parametrize(
    "changes",
    [{"follows": 1041007}, {"attributes": [{"code": "previous_tracking_id", "value": "1041007"}]}],
)
def test_an_earlier_complaint_may_be_named(changes: dict[str, Any]) -> None:
    assert taken(**changes).data.follows == "1041007"


def items(content: str | bytes, **options: Any) -> list[Item]:
    return list(opened(content, form=OPEN311, **options).items)


def taken(**changes: Any) -> ReportSubmitted:
    [found] = items(json.dumps([REQUEST | changes]))
    assert isinstance(found, Report), found
    return decode_report(found.value)


def reason(request: Any) -> str:
    [found] = items(json.dumps([request]))
    assert isinstance(found, Skipped), found
    assert "\n" not in found.reason
    return found.reason


@pytest.mark.parametrize("words", [{"address": "Jl. Melati 5, lampu mati"}, {}])
def test_a_request_is_no_line_of_a_table(words: dict[str, str]) -> None:
    message = reason({"service_request_id": "R-18", "description": "---", **words})
    assert message == "'---' is not text: a report needs a title or a body with words"
    assert reason({"service_request_id": "Total", "description": "5"}).startswith("begins as the line of a sum")


def test_a_request_is_a_report() -> None:
    found = taken()

    assert found.complaint_id == complaint_id("/channels/open311", "638344")
    assert found.time == datetime(2026, 3, 16, 2, 11, tzinfo=UTC)
    assert (found.data.title, found.data.category) == ("Infrastruktur Jalan", "infrastruktur-jalan")
    assert found.data.body == "Lubang sedalam satu jengkal.\n\nAlamat: Jalan Gajah Mada 1, Denpasar, 80111"
    assert found.data.location is not None
    assert (found.data.location.lat, found.data.location.lon) == (-8.6563, 115.2123)
    assert found.data.attachments == ("https://example.org/lubang.jpg",)
    assert found.data.reporter is not None
    assert found.data.reporter.model_dump(exclude_none=True) == {
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


def test_closed_entries_are_skipped_by_default() -> None:
    closed = json.dumps([REQUEST | {"status": "closed"}])
    assert items(closed) == [Ignored(1)]
    assert [type(each) for each in items(closed, settled=True)] == [Report]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"service_request_id": None}, "service_request_id: missing"),
        ({"service_request_id": {}}, "service_request_id: is not text"),
        (
            {"service_name": None, "service_code": None, "description": None, "address": None, "zipcode": None},
            "a report",
        ),
        ({"description": ["x"]}, "description: is not text"),
        ({"description": True}, "description: is not text"),
        ({"service_name": "x" * 301}, "title: String should have at most 300 characters"),
    ],
)
def test_a_request_that_is_no_report_has_a_reason(changes: dict[str, Any], message: str) -> None:
    assert reason(REQUEST | changes).startswith(message)


@pytest.mark.parametrize("entry", [None, 7, "text", []])
def test_an_invalid_request_is_refused(entry: Any) -> None:
    assert reason(entry) == "is not an object"


def test_good_requests_go_whatever_stands_between_them() -> None:
    lines = "\n".join((json.dumps(REQUEST), "{broken", json.dumps(REQUEST | {"service_request_id": "2"})))
    assert [type(each) for each in items(lines)] == [Report, Skipped, Report]


@pytest.mark.parametrize("content", ["", "nonsense", "7", '"text"', "[" * 10_000, "id,title\n1,x\n"])
def test_a_file_that_is_not_a_list_of_requests_is_refused_as_a_whole(content: str) -> None:
    with pytest.raises(UnreadableFile):
        items(content)


def test_a_list_that_is_too_large_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "LONGEST", 1_000)
    with pytest.raises(UnreadableFile, match="one entry a line"):
        items(json.dumps([REQUEST] * 3, indent=1))
    assert len(items("\n".join([json.dumps(REQUEST)] * 3))) == 3


def test_of_a_line_that_is_too_long_no_more_is_read_than_may_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "LONGEST", 1_000)
    stream = io.BytesIO(b"x" * 999 + b"\n" + b"[" * 1_000_000)
    found = encodings.lines_of(stream)
    assert next(found) == b"x" * 999 + b"\n"
    with pytest.raises(UnreadableFile, match="line 2 has more than 1,000 bytes: write one entry a line"):
        next(found)
    assert stream.tell() == 2_001


def request(**changes: Any) -> str:
    return json.dumps([REQUEST | changes])


@every(
    Rows(
        [
            ({"lat": "north"}, "lat: 'north' is not a number of degrees"),
            ({"lat": 95}, "lat, lon: 95, 115.212 is not a place on earth"),
            ({"lat": 115.2123, "long": -8.6563}, "lat, lon: 115.212, -8.6563 look swapped"),
            ({"lat": 42.35, "long": -71.06}, "lat, lon: 42.35, -71.06 lies outside Indonesia (--anywhere keeps it)"),
            ({"long": None}, "lat: given without the other coordinate"),
            ({"lat": 0, "long": "0"}, "lat, lon: 0, 0 is in the sea off Africa"),
            ({"requested_datetime": "kemarin"}, "received: 'kemarin' is not a date"),
            ({"media_url": 7}, "attachment: is not a link"),
            ({"media_url": "javascript:alert(1)"}, "attachment: a javascript: link is not an attachment"),
            ({"media_url": "data:image/png;base64,QUJD"}, "attachment: a data: link is not an attachment"),
            ({"media_url": "foto.jpg"}, "attachment: 'foto.jpg' is not an attachment"),
            ({"media_url": [f"https://x.test/{n}" for n in range(25)]}, "attachment: there are 25; 5 are left out"),
            ({"media_url": f"https://x.test/{'x' * 2_100}"}, "attachment: has 2,115 characters, over 2,048"),
        ]
    )
)
def test_an_impossible_value_costs_itself_and_is_reported(changes: dict[str, Any], message: str) -> None:
    [note] = notes(request(**changes))
    assert note.startswith(message)


@pytest.mark.parametrize(
    "media",
    [
        "https://x.test/1.jpg",
        ["https://x.test/1.jpg"],
        {"url": "https://x.test/1.jpg"},
        [{"id": "a", "url": "https://x.test/1.jpg", "tags": ["Create"]}],
        [[{"href": "https://x.test/1.jpg"}], "https://x.test/1.jpg", None],
    ],
)
def test_photos_come_as_text_list_or_object(media: Any) -> None:
    assert taken(media_url=media).data.attachments == ("https://x.test/1.jpg",)
    assert taken(media_url=None, media_urls=media).data.attachments == ("https://x.test/1.jpg",)
    assert taken(media_url=None, extended_attributes={"media_urls": media}).data.attachments == (
        "https://x.test/1.jpg",
    )


@pytest.mark.parametrize(
    "media",
    [
        "https://x.test/1.jpg, https://x.test/a,b.jpg",
        "https://x.test/1.jpg\nhttps://x.test/a,b.jpg ",
        ["https://x.test/1.jpg;https://x.test/a,b.jpg"],
        '[{"url": "https://x.test/1.jpg"}, "https://x.test/a,b.jpg"]',
    ],
)
def test_several_photos_in_one_text_are_several(media: Any) -> None:
    assert taken(media_url=media).data.attachments == ("https://x.test/1.jpg", "https://x.test/a,b.jpg")


def test_a_photo_within_its_link_is_reported_once() -> None:
    media = "data:image/png;base64,QUJD\nQUJD\nhttps://x.test/1.jpg"
    assert notes(request(media_url=media)) == ("attachment: a data: link is not an attachment: use http or https",)
    assert taken(media_url=media).data.attachments == ("https://x.test/1.jpg",)


def test_a_title_of_its_own_goes_before_the_service() -> None:
    assert taken(title="Lampu mati").data.title == "Lampu mati"
    assert taken(extended_attributes={"title": "Lampu mati"}).data.category == "infrastruktur-jalan"


class TestPrivacy:
    @every(
        Rows(
            [
                ({"attributes": [{"code": "ANON", "value": "Yes"}]}, (True, False)),
                ({"attributes": {"is_anonymous": True}}, (True, False)),
                ({"attributes": {"attribute": [{"name": "Rahasia?", "value": "ya"}]}}, (False, True)),
                ({"attribute[ANON]": "true"}, (True, False)),
                ({"anonymous": "1", "confidential": "yes"}, (True, True)),
                ({"extended_attributes": {"public": False}}, (False, True)),
                ({"public": True, "anonymous": False}, (False, False)),
                (
                    {"attributes": [{"label": "Report anonymously?", "values": [{"key": "y", "name": "y"}]}]},
                    (True, False),
                ),
                ({"first_name": "Anonim", "last_name": None}, (True, False)),
                ({"do_not_publish": "yes"}, (False, True)),
                ({"hide_from_public": "no"}, (False, False)),
                ({"is_public": False, "public": True}, (False, True)),
            ]
        )
    )
    def test_it_is_honoured_by_whichever_name(self, changes: dict[str, Any], flags: tuple[bool, bool]) -> None:
        found = taken(**changes).data
        assert (found.anonymous, found.secret) == flags

    @pytest.mark.parametrize(
        "changes",
        [
            {"attributes": [{"code": "ANON", "value": "barangkali"}]},
            {"anonymous": "perhaps"},
            {"private": {"a": {}}},
            {"is_public": "vielleicht"},
            {"attribute[secret]": ["yes", "no"]},
        ],
    )
    def test_what_is_not_understood_stops_the_request(self, changes: dict[str, Any]) -> None:
        assert "neither yes nor no" in reason(REQUEST | changes)

    @pytest.mark.parametrize("name", ["visibility", "unpublished", "incognito", "hide_name"])
    def test_nor_is_a_request_taken_whose_attribute_may_be_about_it(self, name: str) -> None:
        message = f"{name}: may be about privacy, and is not understood (--ignore '{name}' leaves it out)"
        assert reason(REQUEST | {name: "x"}) == message
        assert [type(each) for each in items(request(**{name: "x"}), ignored=(name,))] == [Report]


class TestStatus:
    @every(
        [
            *(
                "closed",
                "CLOSED",
                "Closed (Duplicate)",
                "resolved",
                "Completed",
                "fixed - council",
                "archived",
                "cancelled",
            ),
            *(
                "Canceled",
                "duplicate",
                "not councils responsibility",
                "Selesai",
                "Ditutup oleh Sistem",
                "Completed - Dup",
            ),
        ]
    )
    def test_settled_entries_are_skipped(self, word: str) -> None:
        assert items(request(status=word)) == [Ignored(1)]

    @pytest.mark.parametrize(
        "word", [None, "", "open", "Open - Dup", "in_progress", "In Progress", "received", "Terverifikasi"]
    )
    def test_what_is_open_is_not(self, word: str | None) -> None:
        assert [type(each) for each in items(request(status=word))] == [Report]

    def test_an_unknown_word_stops_until_it_is_explained(self) -> None:
        with pytest.raises(BadLayout, match=r"'Zurückgestellt' \(1 of 1\): explain each with --open-as"):
            items(request(status="Zurückgestellt"))
        over, open_ = StatusWords(closed=("zurückgestellt",)), StatusWords(open=("Zurückgestellt",))
        assert items(request(status="Zurückgestellt"), words=over) == [Ignored(1)]
        assert [type(each) for each in items(request(status="Zurückgestellt"), words=open_)] == [Report]

    def test_one_among_many_costs_its_request(self) -> None:
        requests = [REQUEST | {"service_request_id": n, "status": "open" if n else "opne"} for n in range(50)]
        found = items(json.dumps(requests))
        assert isinstance(found[0], Skipped)
        assert found[0].reason == "status: 'opne' is not known: explain it with --open-as 'opne' or --closed-as 'opne'"
        assert len([each for each in found if isinstance(each, Report)]) == 49

    def test_no_word_is_both(self) -> None:
        words = catalogue().status
        assert not set(words["open"]) & set(words["closed"])
        for word in words["open"]:
            assert StatusWords().is_over(word.removesuffix("*").strip()) is False


class TestEnvelopes:
    ONE = REQUEST | {"service_request_id": "1"}

    @pytest.mark.parametrize(
        "document",
        [
            {"service_requests": [ONE]},
            {"requests": [ONE]},
            {"count": 1, "request": [ONE]},
            {"data": {"service_requests": {"request": [ONE]}}},
            {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": ONE, "geometry": None}]},
            ONE,
            [ONE],
        ],
    )
    def test_each_is_opened(self, document: Any) -> None:
        assert [each.line for each in items(json.dumps(document)) if isinstance(each, Report)] == [1]

    def test_geojson_has_the_place_beside_the_fields(self) -> None:
        one = {name: value for name, value in self.ONE.items() if name not in {"lat", "long"}}
        point = {"type": "Point", "coordinates": [115.21, -8.65]}
        feature = {"type": "Feature", "properties": one, "geometry": point}
        document = {"type": "FeatureCollection", "features": [feature]}
        location = report(json.dumps(document)).data.location
        assert location is not None
        assert (location.lat, location.lon) == (-8.65, 115.21)

    @pytest.mark.parametrize("document", ['{"service_requests": []}', "[]", "<service_requests/>"])
    def test_an_empty_one_is_nothing(self, document: str) -> None:
        with pytest.raises(UnreadableFile, match="there is nothing in it"):
            items(document)

    XML = """<?xml version="1.0" encoding="utf-8"?>
    <service_requests type="array"><request>
      <service_request_id>1</service_request_id><status>open</status><status_notes nil="true"/>
      <service_name>Jalan</service_name><description>Lubang &amp; genangan</description>
      <requested_datetime>2026-03-16T09:11:00+07:00</requested_datetime><lat>-8.65</lat><long>115.21</long>
      <media_url>https://x.test/1.jpg</media_url>
      <attributes><attribute><code>ANON</code><value>true</value></attribute></attributes>
    </request><request><service_request_id>2</service_request_id><status>closed</status></request></service_requests>"""

    def test_xml_is_read_alike(self) -> None:
        first, second = opened(self.XML).items
        assert isinstance(first, Report), first
        event = decode_report(first.value)
        assert (event.id, event.data.body, event.data.anonymous) == ("1", "Lubang & genangan", True)
        assert event.data.attachments == ("https://x.test/1.jpg",)
        assert event.time == datetime(2026, 3, 16, 2, 11, tzinfo=UTC)
        assert second == Ignored(2)

    def test_json_of_requests_is_known_without_being_named(self) -> None:
        found = opened(request())
        assert found.notes[0] == "layout: Open311 (GeoReport v2), as from /channels/open311"
        assert (found.total, found.entry) == (1, "request")


CHANGES = st.dictionaries(st.sampled_from(sorted(REQUEST)), st.text() | st.floats())


@given(st.binary(max_size=200) | CHANGES.map(lambda changes: json.dumps([REQUEST | changes]).encode()))
def test_no_file_is_too_strange(content: bytes) -> None:
    with suppress(UnreadableFile, BadLayout):
        for found in items(content):
            assert isinstance(found, Report | Skipped | Ignored)


def test_options_of_tables_are_refused() -> None:
    with pytest.raises(TableOnly, match="--map: only for tables"):
        opened(json.dumps([REQUEST]), form=OPEN311, columns=("title=service_name",))
