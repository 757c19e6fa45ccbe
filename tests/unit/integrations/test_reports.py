"""Every line of a file is a report of the contract, or refused with a reason."""

import io
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from agents.integrations.entries import BadLayout, Ignored, Report, Skipped, UnreadableFile
from agents.integrations.import_file import TableOnly, TableOptions, open_import
from agents.integrations.json_messages import messages_in
from agents.integrations.layouts import StatusWords
from agents.integrations.report_rows import ImportOptions
from events.codec.decode import decode_report
from events.ids import complaint_id
from events.vocabulary import ComplaintClass
from tests.support.table_files import NOW, items, notes, opened, reason, report, reports, table
from tests.support.tables import Rows, every

REPORT = {
    "specversion": "1.0",
    "type": "lapor.report.submitted.v1",
    "source": "/channels/sms",
    "id": "1",
    "data": {"class": "complaint", "title": "Jalan berlubang"},
}


def test_a_row_becomes_a_report_of_the_contract() -> None:
    found = report(
        "id,title,description,status,created_at,latitude,longitude,supporters,comments\n"
        '1961,Lampu lalu lintas,"Mati sejak kemarin, gelap.",submitted,2010-04-09T23:30:00Z,-8.65,115.21,0,0\n'
    )

    assert (found.source, found.id) == ("/channels/web", "1961")
    assert found.time == datetime(2010, 4, 9, 23, 30, tzinfo=UTC)
    assert found.data.class_ is ComplaintClass.COMPLAINT
    assert (found.data.title, found.data.body) == ("Lampu lalu lintas", "Mati sejak kemarin, gelap.")
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


def test_a_column_gives_the_subject_that_speaks_for_the_reporter() -> None:
    head = "id,title,description,reporter_subject\n"
    found = report(f"{head}1,Jalan,Berlubang,r-7f3a91c0d2\n")
    assert found.data.reporter is not None
    assert found.data.reporter.subject == "r-7f3a91c0d2"

    for number in ("0812 3456 7890", "3171234567890123", "ni.luh@example.id"):
        [note] = notes(f"{head}1,Jalan,Berlubang,{number}\n")
        assert note == f"subject: '{number}' looks like a phone number, a NIK or an e-mail address"
        assert report(f"{head}1,Jalan,Berlubang,{number}\n").data.reporter is None


def test_rows_have_the_source_and_class_they_are_given() -> None:
    options = {"source": "/channels/kiosk", "complaint_class": ComplaintClass.ASPIRATION}
    [found] = items("id,title\n1,Usul taman\n", **options)

    assert isinstance(found, Report)
    assert found.complaint == complaint_id("/channels/kiosk", "1")
    assert decode_report(found.value).data.class_ is ComplaintClass.ASPIRATION


def test_a_title_alone_is_a_report_and_an_empty_row_is_none() -> None:
    assert report("id,title,body\n1,Hanya judul,\n").data.body == ""
    assert reason("id,title,body\n1,,  \n") == "a report needs a title or a body that is not empty"
    assert reason("id,title,body\n1,\u200b,\u2060\ufeff \n") == "a report needs a title or a body that is not empty"


def test_rows_without_ids_get_the_same_ones_every_time() -> None:
    text = "title,body\nJalan,rusak\nJalan,rusak\nJalan,gelap\n"
    first, again = items(text, no_id=True), items(text, no_id=True)

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


def test_another_row_with_the_same_id_and_other_content_is_no_report() -> None:
    first, other, again = items("id,title,status\n1,Jalan,open\n1,Lampu,open\n1,Jalan,in progress\n")

    assert isinstance(first, Report)
    assert isinstance(other, Skipped)
    assert other.reason == "id: line 2 has it with different content: correct one"
    assert isinstance(again, Report)


CITIZENS = "id,title,description,pelapor,phone,supporters"
WITHOUT_ID = "title,phone,pelapor,address"
A_SUM = "and has more than amounts: begin a report with another word, or leave out the line of a sum"
MAY_BE_A_SUM = "may be the line of a sum: of a sum leave out the line, or write {} alone there; of a report give"
NO_TEXT = "'---' is not text: a report needs a title or a body with words"


@pytest.mark.parametrize(
    "row",
    [
        "Jumlah,5,,,,",
        "TOTAL:,,,,,",
        ",Total,,,,12.345",
        "Jumlah,Jumlah,Jumlah,,,5",
        'Total,-,Rp 1.500.000,"IDR 2,5","12,5%",-3',
        "---,:---:,---,---,---,---:",
        ",====,====,,,",
    ],
)
def test_the_rules_and_sums_of_a_table_are_no_reports(row: str) -> None:
    assert items(f"{CITIZENS}\n{row}\n") == [Ignored(2, layout=True)]


@every(
    Rows(
        [
            (CITIZENS, "R-17,---,---,Budi,081234567,", NO_TEXT),
            (CITIZENS, "---,---,---,,081234567,", NO_TEXT),
            (CITIZENS, "17,---,---,,,", NO_TEXT),
            (CITIZENS, ",---,---,,,tiga", NO_TEXT),
            (CITIZENS, "Jumlah,Jalan rusak,,,,", A_SUM),
            (CITIZENS, "Jumlah,,,Budi,,", A_SUM),
            (CITIZENS, "Jumlah,,,,0812 3456 7890,", A_SUM),
            (CITIZENS, "Jumlah,,,,,lima orang", A_SUM),
            (WITHOUT_ID, "Jumlah,08123456789,Budi,Jl. Melati 5", A_SUM),
            (WITHOUT_ID, "Total,,Budi,Jl. Melati 5", A_SUM),
            (WITHOUT_ID, "Total,,,2026-03-16", A_SUM),
        ]
    )
)
def test_a_sum_or_a_rule_with_anything_else_is_refused_with_a_reason(header: str, row: str, message: str) -> None:
    assert reason(f"{header}\n{row}\n", no_id=header is WITHOUT_ID).endswith(message)


@pytest.mark.parametrize(
    ("header", "row", "word"),
    [
        ("id,title", "Jumlah laporan,2", "Jumlah"),
        (CITIZENS, "Jumlah laporan bulan ini,,,,,2", "Jumlah"),
        ("title,body", "Total = 3,", "Total"),
        ("title,body", "Subtotal: 4,", "Subtotal"),
        ("title,body", "Total keluhan,12", "Total"),
        ("title,body", "TOTAL-,---", "TOTAL"),
        ("title,body", "Grand Total = 3,", "Grand Total"),
        ("title,body", "Total keseluruhan = 3,", "Total keseluruhan"),
        ("title,body", "Total: Rp 1.500.000,-", "Total"),
    ],
)
def test_what_may_be_a_sum_is_neither_sent_nor_skipped(header: str, row: str, word: str) -> None:
    assert MAY_BE_A_SUM.format(word) in reason(f"{header}\n{row}\n", no_id=not header.startswith("id"))


def test_an_amount_in_the_line_of_a_sum_is_no_status_and_no_word() -> None:
    rows = "".join(f"{number},Jalan,rusak,open\n" for number in range(18))
    *reports, total = items(f"id,title,body,status\n{rows}Jumlah,,,18\n")
    assert all(isinstance(each, Report) for each in reports)
    assert total == Ignored(20, layout=True)


def test_a_title_that_begins_as_a_sum_is_a_report() -> None:
    for text in ("Total bantuan,tidak sampai", "Jumlah,5", "Total = 3,", "Jumlah laporan,2"):
        assert report(f"id,title,body\n7,{text}\n").id == "7"
    alone = (
        "Total pemadaman listrik sudah 5 hari,",
        "Jumlah korban bertambah,",
        "Jumlah guru kurang,",
        "Jumlah guru kurang,-",
    )
    for text in ("Total bantuan,tidak sampai", "Totalitas,5", "Jumlahkan,", "Summary,5", *alone):
        assert report(f"title,body\n{text}\n", no_id=True).data.title == text.split(",")[0]
    assert report("title,body\nTotal bantuan,tidak sampai\n", no_id=True).data.title == "Total bantuan"


def test_an_id_that_is_made_of_a_row_does_not_change_with_its_status() -> None:
    monday, tuesday = (
        items(f"title,body,status,tanggal_laporan\nJalan,rusak,{status},{day}\n", no_id=True)[0]
        for status, day in (("open", "2026-03-16"), ("in progress", "2026-03-17"))
    )
    assert isinstance(monday, Report)
    assert isinstance(tuesday, Report)
    assert monday.complaint == tuesday.complaint


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (",Judul,,,,", "id: empty"),
        ("1,Judul,,,,keluhan", "class: 'keluhan' is not a class; use one of complaint, complaint_inspection"),
        (f"1,{'x' * 301},,,,", "title: String should have at most 300 characters"),
        (f"{'9' * 257},Judul,,,,", "id: String should have at most 256 characters"),
        ("1,Judul\x00,,,,", "title: holds a character that is not allowed there"),
        ("1,Judul,,,,,x,", "has 7 cells under 6 columns"),
        ("1,Judul", "has 2 cells under 6 columns"),
        ("1", "has 1 cell under 6 columns"),
        ('1,"Judul,,,,', "not a row of a table: opens a quote that is not closed"),
    ],
)
def test_a_row_that_is_no_report_has_a_reason(row: str, message: str) -> None:
    assert reason(f"id,title,event_date,lat,lon,class\n{row}\n").startswith(message)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,Judul,,north,1,", "lat: 'north' is not a number of degrees"),
        ("1,Judul,,nan,1,", "lat: 'nan' is not a number of degrees"),
        ("1,Judul,,95,170,", "lat, lon: 95, 170 is not a place on earth"),
        ('1,Judul,,"115,2","-8,6",', "lat, lon: 115.2, -8.6 look swapped"),
        ("1,Judul,,0,0,", "lat, lon: 0, 0 is in the sea off Africa"),
        ("1,Judul,,52.5,13.4,", "lat, lon: 52.5, 13.4 lies outside Indonesia"),
    ],
)
def test_an_impossible_place_is_dropped_and_reported(row: str, message: str) -> None:
    text = f"id,title,event_date,lat,lon,class\n{row}\n"
    [note] = notes(text)
    assert note.startswith(message)
    assert report(text).data.location is None


def test_places_abroad_are_kept_where_that_is_meant() -> None:
    assert notes("id,title,lat,lon\n1,Jalan,52.5,13.4\n", anywhere=True) == ()


class TestPrivacy:
    @every(["ya", "Ya", "TRUE", "1", "yes", "Y", "x", "✓", "Anonim", "anonymous"])
    def test_every_spelling_of_yes_is_understood(self, word: str) -> None:
        assert report(f"id,title,anonim\n1,Jalan,{word}\n").data.anonymous

    @pytest.mark.parametrize("word", ["", "-", "tidak", "Tdk", "0", "No", "FALSE"])
    def test_and_of_no(self, word: str) -> None:
        assert not report(f"id,title,anonim\n1,Jalan,{word}\n").data.anonymous

    @every(["?", "mungkin", "2", "N/A", "yess", "Ya (mohon)"], ["anonim", "rahasia", "Anonim/Rahasia", "publik"])
    def test_what_is_not_understood_stops_the_report(self, word: str, column: str) -> None:
        assert "neither" in reason(f"id,title,{column}\n1,Jalan,{word}\n")

    def test_what_is_not_public_is_secret(self) -> None:
        assert report("id,title,is_public\n1,Jalan,false\n").data.secret
        assert not report("id,title,is_public\n1,Jalan,true\n").data.secret


class TestAttachments:
    @pytest.mark.parametrize(
        "cell",
        [
            "https://x.test/1.jpg https://x.test/2.jpg",
            "https://x.test/1.jpg, https://x.test/2.jpg",
            "https://x.test/1.jpg;https://x.test/2.jpg;",
            "https://x.test/1.jpg|https://x.test/2.jpg",
            '["https://x.test/1.jpg", {"url": "https://x.test/2.jpg"}]',
        ],
    )
    def test_a_cell_may_hold_several(self, cell: str) -> None:
        found = report(table([["id", "title", "foto"], ["1", "Jalan", cell]]))
        assert found.data.attachments == ("https://x.test/1.jpg", "https://x.test/2.jpg")

    @pytest.mark.parametrize(
        "cell",
        ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "file:///etc/passwd", "data:text/html;base64,QQ=="],
    )
    def test_other_schemes_are_none(self, cell: str) -> None:
        [note] = notes(table([["id", "title", "foto"], ["1", "Jalan", cell]]))
        assert note.endswith("is not an attachment: use http or https")


class TestStatus:
    def test_settled_entries_are_skipped(self) -> None:
        text = "id,title,status\n1,Jalan,selesai\n2,Lampu,Diproses\n"
        assert [type(each) for each in items(text)] == [Ignored, Report]
        assert [type(each) for each in items(text, settled=True)] == [Report, Report]

    def test_a_frequent_unknown_word_stops_the_import(self) -> None:
        rows = "".join(f"{n},Jalan,{'Sortir' if n % 2 else 'baru'}\n" for n in range(10))
        with pytest.raises(BadLayout, match=r"'Sortir' \(5 of 10\): explain each with --open-as 'Sortir' or "):
            opened(f"id,title,status\n{rows}")
        assert len(reports(f"id,title,status\n{rows}", words=StatusWords(open=("Sortir",)))) == 10


class TestOffices:
    def test_an_unknown_one_is_kept_as_text_and_reported(self) -> None:
        found = {"dinas a": ("a", None), "Dinas B": ("Dinas B", "'Dinas B' is not in the directory")}
        text = "id,title,instansi_tujuan\n1,Jalan,{}\n"
        assert report(text.format("dinas a"), offices=found.__getitem__).data.office == "a"
        assert report(text.format("Dinas B"), offices=found.__getitem__).data.office == "Dinas B"
        assert notes(text.format("Dinas B"), offices=found.__getitem__) == (
            "office: 'Dinas B' is not in the directory",
        )


class TestTwoDays:
    HEADER = "id,title,status,created_at\n"
    MONDAY = HEADER + "1,Jalan,open,2026-03-16\n2,Lampu,open,2026-03-16\n3,Got,closed,2026-02-01\n"
    TUESDAY = (
        HEADER
        + "1,Jalan,in progress,2026-03-16\n2,Lampu,selesai,2026-03-16\n3,Got,closed,2026-02-01\n4,Pasar,,2026-03-17\n"
    )

    def test_nothing_is_doubled_and_nothing_reopened(self) -> None:
        monday, tuesday = (
            {each.complaint for each in items(day) if isinstance(each, Report)} for day in (self.MONDAY, self.TUESDAY)
        )
        assert monday == {complaint_id("/channels/web", number) for number in "12"}
        assert tuesday - monday == {complaint_id("/channels/web", "4")}
        assert complaint_id("/channels/web", "2") not in tuesday


LINE = json.dumps(REPORT)
DATA = {"class": "complaint", "title": "x"}


class TestMessages:
    @pytest.mark.parametrize(
        ("content", "places"),
        [
            (f"{LINE}\n\n{LINE}\n", [("line", 1), ("line", 3)]),
            (f"\ufeff{LINE}\r\n{LINE}", [("line", 1), ("line", 2)]),
            (json.dumps(REPORT, indent=2), [("whole", 1)]),
            (f"[{LINE}, {LINE}]", [("entry", 1), ("entry", 2)]),
            (json.dumps([REPORT, REPORT], indent=2), [("entry", 1), ("entry", 2)]),
            (f"{json.dumps(REPORT, indent=2)}\n{json.dumps(REPORT, indent=2)}\n", [("line", 1), ("line", 11)]),
            (f"\n[\n{LINE},\n{LINE}\n]\n", [("entry", 1), ("entry", 2)]),
        ],
    )
    def test_they_come_one_a_line_indented_or_in_a_list(self, content: str, places: list[tuple[str, int]]) -> None:
        found = list(messages_in(content.encode().splitlines(keepends=True)))
        assert [(each.within, each.line) for each in found] == places
        assert [json.loads(each.raw) for each in found] == [REPORT] * len(places)
        assert len(reports(content)) == len(places)

    def test_a_line_goes_through_as_it_is(self) -> None:
        [found] = items(LINE)
        assert found == Report(1, complaint_id("/channels/sms", "1"), LINE.encode())

    def test_in_another_encoding_they_differ_from_a_table(self) -> None:
        with pytest.raises(UnreadableFile, match=r"^is JSON in utf-16: save it in UTF-8$"):
            opened(LINE.encode("utf-16"))

    @pytest.mark.parametrize("first", ["{", '{"a": 1', "{broken}"])
    def test_a_broken_first_line_costs_one_line(self, first: str) -> None:
        found = items("\n".join([first, *[LINE] * 3]))
        assert [type(each) for each in found] == [Skipped, Report, Report, Report]

    @pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000, "{", "[1, 2"])
    def test_invalid_json_is_one_entry_with_a_reason(self, content: str) -> None:
        [found] = items(content)
        assert isinstance(found, Skipped)
        assert "\n" not in found.reason

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"type": "other"}, "type 'other' is not lapor.report.submitted.v1"),
            ({"id": None}, "id: "),
            ({"data": {"class": "complaint", "title": "x", "colour": "red"}}, "colour: unknown field"),
            ({"data": {"class": "complaint"}}, "a report needs a title or a body"),
            (
                {"data": {"class": "complaint", "title": "\u200b", "body": "\u2060\u3164"}},
                "a report needs a title or a body",
            ),
            (
                {"data": {"class": "complaint", "title": "x", "attachments": ["javascript:1"]}},
                "attachments: a link with javascript:",
            ),
            ({"data": {"class": "complaint", "title": "x", "anonymous": "ya"}}, "anonymous: "),
        ],
    )
    def test_one_that_is_no_report_has_a_reason(self, change: dict[str, Any], message: str) -> None:
        assert reason(json.dumps(REPORT | change)).startswith(message)

    def test_options_of_tables_do_not_fit_them(self) -> None:
        with pytest.raises(TableOnly, match="--source: only for tables and Open311"):
            open_import(_stream(LINE), TableOptions(), ImportOptions(), NOW, used_options=("--source",))


def _stream(content: str) -> io.BytesIO:
    return io.BytesIO(content.encode())
