"""Every line of a file is a report of the contract, or has a reason why not."""

import io
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.bridges.columns import BadMapping
from agents.bridges.items import Item, Report, Skipped, UnreadableFile
from agents.bridges.reports import TableOptions, csv_table, is_json, json_reports
from events.codec import decode_report
from events.ids import complaint_id
from events.reports import ReportSubmitted
from events.vocabulary import ComplaintClass

NOW = datetime(2026, 3, 16, 2, 11, tzinfo=UTC)
REPORT = {
    "specversion": "1.0",
    "type": "lapor.report.submitted.v1",
    "source": "/channels/sms",
    "id": "1",
    "data": {"class": "complaint", "title": "Jalan berlubang"},
}


def lines_of(content: bytes) -> Iterator[bytes]:
    return iter(io.BytesIO(content))


def items(text: str | bytes, options: TableOptions | None = None) -> list[Item]:
    content = text if isinstance(text, bytes) else text.encode()
    return list(csv_table(lines_of(content), options or TableOptions(), NOW))


def report(text: str, options: TableOptions | None = None) -> ReportSubmitted:
    [found] = items(text, options)
    assert isinstance(found, Report), found
    return decode_report(found.value)


def reason(text: str | bytes) -> str:
    [found] = items(text)
    assert isinstance(found, Skipped), found
    assert "\n" not in found.reason
    return found.reason


def test_a_row_becomes_a_report_of_the_contract() -> None:
    found = report(
        "id,title,description,status,created_at,latitude,longitude,supporters,comments\n"
        '1961,Lampu lalu lintas,"Mati sejak kemarin, gelap.",submitted,2010-04-09T23:30:00Z,-8.65,115.21,0,0\n'
    )

    assert (found.source, found.id, found.time) == ("/channels/web", "1961", NOW)
    assert found.data.class_ is ComplaintClass.COMPLAINT
    assert (found.data.title, found.data.body) == ("Lampu lalu lintas", "Mati sejak kemarin, gelap.")
    # the day as it is written: no zone moves it to the next
    assert found.data.event_date == date(2010, 4, 9)
    assert found.data.location is not None
    assert (found.data.location.lat, found.data.location.lon) == (-8.65, 115.21)


def test_an_export_in_indonesian_is_understood() -> None:
    found = report(
        "Nomor;Judul;Isi;Klasifikasi;Kategori;Provinsi;Kota;Tanggal Kejadian;Anonim;Rahasia;Pelapor;Lintang;Bujur\n"
        "7;Jalan;Berlubang;Pengaduan Berkadar Pengawasan;Infrastruktur Jalan;Bali;Denpasar;14/03/2026;Ya;Tidak;"
        "Ni Luh;-8,65;115,21\n"
    )

    assert found.data.class_ is ComplaintClass.COMPLAINT_INSPECTION
    assert found.data.category == "infrastruktur-jalan"
    assert found.data.event_date == date(2026, 3, 14)
    assert (found.data.anonymous, found.data.secret) == (True, False)
    assert found.data.reporter is not None
    assert found.data.reporter.name == "Ni Luh"
    assert found.data.location is not None
    assert found.data.location.lat == -8.65


def test_rows_have_the_source_and_class_they_are_given() -> None:
    options = TableOptions(source="/channels/kiosk", complaint_class=ComplaintClass.ASPIRATION)
    [found] = items("id,title\n1,Usul taman\n", options)

    assert isinstance(found, Report)
    assert found.complaint == complaint_id("/channels/kiosk", "1")
    assert decode_report(found.value).data.class_ is ComplaintClass.ASPIRATION


def test_a_title_alone_is_a_report_and_an_empty_row_is_none() -> None:
    assert report("id,title,body\n1,Hanya judul,\n").data.body == ""
    assert reason("id,title,body\n1,,  \n") == "a report needs a title or a body that is not empty"
    assert items("id,title,body\n\n , , \n") == []


def test_rows_without_ids_get_the_same_ones_every_time() -> None:
    text = "title,body\nJalan,rusak\nJalan,rusak\nJalan,gelap\n"
    first, again = items(text), items(text)

    assert [found.complaint for found in first if isinstance(found, Report)] == [
        found.complaint for found in again if isinstance(found, Report)
    ]
    # two citizens may say the same
    assert len({found.complaint for found in first if isinstance(found, Report)}) == 3


def test_rows_of_one_id_are_one_complaint() -> None:
    first, second = items("id,title\n1,Jalan\n1,Jalan\n")

    assert isinstance(first, Report)
    assert isinstance(second, Report)
    assert first.complaint == second.complaint


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (",Judul,,,,", "id: empty"),
        ("1,Judul,2026-02-30,,,", "event_date: '2026-02-30' is no date"),
        ("1,Judul,0000-01-01,,,", "event_date: '0000-01-01' is no date"),
        ("1,Judul,kemarin,,,", "event_date: 'kemarin' is no date"),
        ("1,Judul,,north,1,", "lat: 'north' is no number of degrees"),
        ("1,Judul,,nan,1,", "lat: 'nan' is no number of degrees"),
        ("1,Judul,,95,1,", "location.lat: Input should be less than or equal to 90"),
        ("1,Judul,,,,keluhan", "class: 'keluhan' is no class; there are complaint, complaint_inspection"),
        (f"1,{'x' * 301},,,,", "title: String should have at most 300 characters"),
        (f"{'9' * 257},Judul,,,,", "id: String should have at most 256 characters"),
        ("1,Judul\x00,,,,", "title: holds a character that is not allowed there"),
        ("1,Judul,,,,,,", "has 8 cells under 6 columns"),
        ("1,Judul", "has 2 cells under 6 columns"),
        ('1,"Judul,,,,', "no row of a table: unexpected end of data"),
    ],
)
def test_a_row_that_is_no_report_says_why(row: str, said: str) -> None:
    assert reason(f"id,title,event_date,lat,lon,class\n{row}\n").startswith(said)


def test_bytes_that_are_no_text_spoil_their_row_only() -> None:
    found = items(b"id,title\n1,baik\n2,caf\xe9\n3,juga baik\n")

    assert [type(each) for each in found] == [Report, Skipped, Report]
    assert found[1] == Skipped(3, "is not UTF-8")


def test_lines_are_counted_as_an_editor_does() -> None:
    found = items('id,title,body\n1,Judul,"dua\nbaris"\n\n2,,\n')

    assert [each.line for each in found] == [2, 5]


@pytest.mark.parametrize("content", [b"", b"\n1,2\n", "id,title\n".encode("utf-16")])
def test_what_is_no_table_is_refused_as_a_whole(content: bytes) -> None:
    with pytest.raises(UnreadableFile):
        items(content)


def test_json_lines_go_through_as_they_are() -> None:
    line = json.dumps(REPORT).encode()
    found = list(json_reports([b"\xef\xbb\xbf" + line + b"\r\n", b"\n", line]))

    complaint = complaint_id("/channels/sms", "1")
    assert found == [Report(1, complaint, line), Report(3, complaint, line)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"type": "other"}, "type 'other' is not lapor.report.submitted.v1"),
        ({"id": None}, "id: "),
        ({"data": {"class": "complaint", "title": "x", "colour": "red"}}, "colour: unknown field"),
        ({"data": {"class": "complaint"}}, "a report needs a title or a body"),
    ],
)
def test_a_line_that_is_no_report_says_why(change: dict[str, Any], said: str) -> None:
    [found] = json_reports([json.dumps(REPORT | change).encode()])

    assert isinstance(found, Skipped)
    assert found.reason.startswith(said)


def test_the_kind_of_a_file_is_told_by_its_name_or_its_first_line() -> None:
    assert is_json("reports.jsonl", b"")
    assert not is_json("reports.CSV", b"{")
    assert is_json("-", b'\xef\xbb\xbf {"a": 1}')
    assert not is_json("-", b"id,title")


@given(st.binary(max_size=300), st.sampled_from([b"", b"id,title,body\n", b"judul;lat;tanggal\n"]))
def test_no_file_is_too_strange(content: bytes, header: bytes) -> None:
    with suppress(UnreadableFile, BadMapping):
        for found in csv_table(lines_of(header + content), TableOptions(), NOW):
            assert isinstance(found, Report | Skipped)
    for found in json_reports(lines_of(content)):
        assert isinstance(found, Report | Skipped)
