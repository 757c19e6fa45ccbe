"""Workbooks of Excel and LibreOffice are read as displayed, within limits of size."""

import io
import random
import struct
import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from agents.integrations import workbooks
from agents.integrations.entries import NOTHING, BadLayout, Report, Skipped, UnreadableFile
from events.codec.decode import decode_report
from tests.support.table_files import (
    binary_workbook,
    cells,
    changed,
    items,
    notes,
    open_document,
    opened,
    reason,
    report,
    reports,
    saved,
    table,
    workbook,
)

pytestmark = pytest.mark.long

SHEET = "xl/worksheets/sheet1.xml"
HEADER = ("Tracking ID", "Judul", "Kota")
MOMENT = datetime(2026, 3, 16, 9, 11, 5)  # noqa: DTZ001 -- Excel has no zones


def book() -> tuple[Workbook, Any]:
    made = Workbook()
    sheet: Any = made.active
    sheet.title = "Laporan"
    return made, sheet


class TestCells:
    def test_they_are_text_as_one_sees_it(self) -> None:
        found = report(
            workbook(
                ["Nomor", "Judul", "Tanggal Laporan", "Jam Masuk", "Tanggal Kejadian", "Anonim", "Lintang", "Bujur"],
                [1041007, "Jalan", date(2026, 3, 16), time(9, 11, 5), MOMENT, True, -8.65, 115.21],
            )
        )
        assert (found.id, found.data.anonymous) == ("1041007", True)
        assert found.time is not None
        assert found.time.isoformat() == "2026-03-16T02:11:05+00:00"
        assert found.data.event_date == date(2026, 3, 16)
        assert found.data.location is not None
        assert (found.data.location.lat, found.data.location.lon) == (-8.65, 115.21)

    def test_dates_in_the_format_of_an_indonesian_excel_are_dates(self) -> None:
        made, sheet = book()
        sheet.append(["Nomor", "Judul", "Tanggal Laporan"])
        sheet.append(["1", "Jalan", date(2026, 3, 4)])
        sheet["C2"].number_format = "[$-421]dd mmmm yyyy;@"
        found = report(saved(made))
        assert found.time is not None
        assert found.time.date() == date(2026, 3, 3)  # midnight in Jakarta

    def test_leading_zeros_of_a_format_are_seen(self) -> None:
        made, sheet = book()
        for row in (
            HEADER,
            (41007, "Jalan", "Denpasar"),
            (5049672, "Lampu", "Denpasar"),
            ("0041008", "Got", "Denpasar"),
        ):
            sheet.append(row)
        for place in ("A2", "A3", "A4"):
            sheet[place].number_format = "0000000"
        assert [each.id for each in reports(saved(made))] == ["0041007", "5049672", "0041008"]

    @pytest.mark.parametrize(
        ("code", "number", "shown"),
        [
            ('"LP-"0000', 41, "LP-0041"),
            (r"\L\P0", 41, "LP41"),
            ("0000-0000", 5049672, "0504-9672"),
            ("000-00", 1234567, "12345-67"),
            ("000_);(000)", 7, "007"),
            ('"A0"00', 7, "A007"),
            ("0_)", 7, "7"),
            ("#,##0", 5049672, "5049672"),
            ("General", 7, "7"),
        ],
    )
    def test_letters_and_marks_of_a_format_are_seen(self, code: str, number: int, shown: str) -> None:
        made, sheet = book()
        sheet.append(HEADER)
        sheet.append((number, "Jalan", "Denpasar"))
        sheet["A2"].number_format = code
        assert [each.id for each in reports(saved(made))] == [shown]

    def test_a_number_that_excel_has_rounded_is_not_an_id(self) -> None:
        rows = [["Tracking ID", "Judul Laporan", "Status Laporan", "Anonim/Rahasia"]]
        content = workbook(*rows, [123456789012345678, "a", "", ""], [999_999_999_999_999.0, "b", "", ""])
        rounded, whole = items(content)
        assert isinstance(rounded, Skipped)
        assert rounded.reason.startswith("id: '1.23456789012345")
        assert "was rounded by a spreadsheet" in rounded.reason
        assert isinstance(whole, Report)
        assert decode_report(whole.value).id == "999999999999999"

    def test_merged_cells_give_their_value_to_each(self) -> None:
        made, sheet = book()
        for row in (HEADER, ("1", "Jalan", "Denpasar"), ("2", "Lampu", None), ("3", "Got", None), ("4", "Pasar", None)):
            sheet.append(row)
        sheet.merge_cells("C2:C4")
        places = [each.data.location for each in reports(saved(made))]
        assert [place and place.city for place in places] == ["Denpasar", "Denpasar", "Denpasar", None]

    def test_short_rows_and_empty_ones_are_no_matter(self) -> None:
        found = items(workbook(HEADER, ["1", "Jalan"], [None, None], ["2", "Lampu", "Denpasar"]))
        assert [(type(each), each.line) for each in found] == [(Report, 2), (Report, 4)]


PRIVATE = ("id", "judul", "kota", "anonim")
WITHOUT_VALUE = [
    ("<f>IF(1,2)</f><v/>", "is a formula without a result in the file: open it in a spreadsheet and save it"),
    ("<f>IF(1,2)</f>", "is a formula without a result in the file: open it in a spreadsheet and save it"),
    ("<f t='shared' si='0'/>", "is a formula without a result in the file: open it in a spreadsheet and save it"),
    ("<v>#N/A</v>", "'#N/A' is an error of the spreadsheet"),
    ("<f>X()</f><v>#NAME?</v>", "'#NAME?' is an error of the spreadsheet"),
]

COMPUTED_TO_AN_ERROR = (
    '<table:table-cell table:formula="of:=X()" office:value-type="string" office:string-value="">'
    "<text:p>#NAME?</text:p></table:table-cell>"
)


class TestCellsWithoutValue:
    """A cell that has something in it never reads as empty: in a column of privacy that would be a no."""

    @staticmethod
    def cell(place: str, inner: str) -> bytes:
        content = workbook(PRIVATE, ["1", "Jalan", "Denpasar", "ya"], ["2", "Lampu", "Denpasar", "ya"])
        kind = "e" if "#" in inner else "n"
        value = "Denpasar" if place == "C2" else "ya"
        old = f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
        return changed(content, SHEET, old, f'<c r="{place}" t="{kind}">{inner}</c>')

    @pytest.mark.parametrize(("inner", "message"), WITHOUT_VALUE)
    def test_in_a_column_that_decides_it_costs_the_report(self, inner: str, message: str) -> None:
        refused, whole = items(self.cell("D2", inner))
        assert isinstance(refused, Skipped)
        assert refused.reason == f"anonymous: {message}"
        assert isinstance(whole, Report)

    @pytest.mark.parametrize(("inner", "message"), WITHOUT_VALUE)
    def test_in_another_it_costs_the_field(self, inner: str, message: str) -> None:
        first, _ = items(self.cell("C2", inner))
        assert isinstance(first, Report)
        assert first.notes == (f"city: {message}",)
        assert decode_report(first.value).data.location is None

    def test_a_formula_is_read_as_what_it_came_to(self) -> None:
        found = reports(self.cell("D2", "<f>IF(1,2)</f><v>1</v>"))
        assert [each.data.anonymous for each in found] == [True, True]
        empty = self.cell("D2", "<f>IF(1,2)</f><v></v>")
        content = changed(empty, SHEET, '<c r="D2" t="n">', '<c r="D2" t="str">')
        assert [each.data.anonymous for each in reports(content)] == [False, True]

    @pytest.mark.parametrize("word", ["#N/A", "#REF!", "#NAME?", "#DIV/0!", "#SPILL!", "########", "Err:502"])
    def test_an_error_that_an_export_has_written_is_one(self, word: str) -> None:
        assert reason(table([PRIVATE, ["1", "Jalan", "", word]])) == (
            f"anonymous: '{word}' is an error of the spreadsheet"
        )
        assert notes(table([PRIVATE, ["1", "Jalan", word, ""]])) == (f"city: '{word}' is an error of the spreadsheet",)

    @pytest.mark.parametrize(
        "cell",
        [
            '<table:table-cell table:formula="of:=1+1"/>',
            '<table:table-cell office:value-type="error"><text:p>Err:502</text:p></table:table-cell>',
            COMPUTED_TO_AN_ERROR,
        ],
    )
    def test_nor_does_one_of_libreoffice(self, cell: str) -> None:
        row = cells("1", "Jalan", "Denpasar").replace("</table:table-row>", f"{cell}</table:table-row>")
        assert reason(open_document(cells(*PRIVATE), row)).startswith("anonymous: ")

    def test_a_text_without_a_type_is_read_and_a_note_about_a_cell_is_not(self) -> None:
        bare = "<table:table-cell><text:p>ya</text:p></table:table-cell></table:table-row>"
        noted = "<table:table-cell><office:annotation><text:p>ya</text:p></office:annotation></table:table-cell>"
        rows = [cells("1", "Jalan", "a").replace("</table:table-row>", bare)]
        rows.append(cells("2", "Lampu", "b").replace("</table:table-row>", f"{noted}</table:table-row>"))
        assert [each.data.anonymous for each in reports(open_document(cells(*PRIVATE), *rows))] == [True, False]

    def test_an_unknown_kind_of_cell_fails_in_one_line(self) -> None:
        with pytest.raises(UnreadableFile, match="sheet Laporan cannot be read: Unsupported cell error"):
            opened(self.cell("D2", "<v>#SPILL!</v>"))


class TestIndonesianLocale:
    HEADER = ("Nomor", "Judul", "Tanggal Laporan", "Jam Masuk", "Anonim", "Lintang", "Bujur")

    def expected(self, content: str | bytes) -> None:
        found = report(content)
        assert found.time is not None
        assert (found.time.isoformat(), found.data.anonymous) == ("2026-08-16T02:11:00+00:00", True)
        assert found.data.location is not None
        assert (found.data.location.lat, found.data.location.lon) == (-8.65, 115.21)

    def test_texts_are_read_as_they_are_shown(self) -> None:
        row = ["0042", "Jalan", "16 Agustus 2026", "09.11", "BENAR", "-8,65", "115,21"]
        self.expected(workbook(self.HEADER, row))
        self.expected(table([self.HEADER, row], delimiter=";"))
        self.expected(table([self.HEADER, [*row[:2], "Minggu, 16-Agu-26", *row[3:]]], delimiter=";"))
        self.expected(open_document(cells(*self.HEADER), cells(*row)))

    def test_so_are_values_with_formats(self) -> None:
        made, sheet = book()
        sheet.append(self.HEADER)
        sheet.append(["0042", "Jalan", date(2026, 8, 16), time(9, 11), True, -8.65, 115.21])
        for place, shown in (("C2", "[$-421]dddd, dd mmmm yyyy"), ("D2", "[$-421]hh.mm"), ("F2", "#.##0,00")):
            sheet[place].number_format = shown
        self.expected(saved(made))
        day = ("date", "2026-08-16", "Minggu, 16 Agustus 2026")
        where = (("float", "-8.65", "-8,65"), ("float", "115.21", "115,21"))
        self.expected(open_document(cells(*self.HEADER), cells("0042", "Jalan", day, "09.11", "BENAR", *where)))


class TestFindingTheTable:
    def test_a_table_that_begins_further_right_and_lower_is_found(self) -> None:
        made, sheet = book()
        sheet["B2"] = "Rekap"
        for number, row in enumerate((HEADER, ("0007", "Jalan", "Denpasar")), start=4):
            for column, value in zip("CDE", row, strict=True):
                sheet[f"{column}{number}"] = value
        found = opened(saved(made))
        assert "the header is in row 4; skipped above it: Rekap" in found.notes
        [one] = found.items
        assert isinstance(one, Report)
        assert (one.line, decode_report(one.value).id) == (5, "0007")

    def test_a_cover_is_skipped_and_named(self) -> None:
        made, sheet = book()
        sheet.title = "Sampul"
        sheet.append(["Rekap Laporan"])
        january: Any = made.create_sheet("Januari")
        for row in (HEADER, ("1", "Jalan", "Denpasar")):
            january.append(row)
        found = opened(saved(made))
        assert found.notes[:2] == ["sheet: Januari", "not read: Sampul (--sheet reads another)"]
        with pytest.raises(BadLayout, match="--sheet Februari: there is no such sheet; use one of Sampul, Januari"):
            opened(saved(made), sheet="Februari")

    def test_what_is_hidden_is_not_read_unless_asked_for(self) -> None:
        made, sheet = book()
        sheet.title = "arsip"
        for row in (HEADER, ("1", "Lama", "Denpasar")):
            sheet.append(row)
        shown: Any = made.create_sheet("Laporan")
        for row in (HEADER, ("2", "Baru", "Denpasar"), ("3", "Tersembunyi", "Denpasar")):
            shown.append(row)
        sheet.sheet_state = "hidden"
        made.active = 1
        shown.row_dimensions[3].hidden = True
        content = saved(made)
        assert [each.id for each in reports(content)] == ["2"]
        notes = opened(content).notes
        assert "hidden and not read: arsip (--hidden or --sheet reads it)" in notes
        assert "1 hidden rows of Laporan are not read (--hidden reads them)" in notes
        assert [each.id for each in reports(content, hidden=True)] == ["2", "3"]
        assert [each.id for each in reports(content, sheet="arsip")] == ["1"]
        with pytest.raises(BadLayout, match="has no sheet that is not hidden: arsip, Laporan"):
            opened(changed(content, "xl/workbook.xml", 'state="visible"', 'state="hidden"'))


class TestOpenDocument:
    def test_what_is_shown_is_read(self) -> None:
        content = open_document(
            cells("Rekap"),
            cells("Tracking ID", "Judul", "Tanggal Laporan", "Kota"),
            cells(("float", "41007", "0041007"), "Jalan", ("date", "2026-03-16", "16 Maret 2026"), "Denpasar"),
            cells(
                "0041008",
                "Lampu",
                ("date", "2026-03-16", "16 Maret 2026"),
                "Denpasar",
                attributes=' table:visibility="collapse"',
            ),
            '<table:table-row table:number-rows-repeated="1048000">'
            '<table:table-cell table:number-columns-repeated="16000"/></table:table-row>',
        )
        found = report(content)
        assert found.id == "0041007"
        assert found.time is not None
        assert found.time.isoformat() == "2026-03-15T17:00:00+00:00"
        assert [each.id for each in reports(content, hidden=True)] == ["0041007", "0041008"]

    @pytest.mark.parametrize(
        ("value", "text", "shown"),
        [("41", "LP-0041", "LP-0041"), ("5049672", "0504-9672", "0504-9672"), ("5049672", "5.049.672", "5049672")],
    )
    def test_letters_and_marks_of_a_format_are_seen(self, value: str, text: str, shown: str) -> None:
        content = open_document(cells(*HEADER), cells(("float", value, text), "Jalan", "Denpasar"))
        assert [each.id for each in reports(content)] == [shown]

    def test_merged_cells_give_their_value_to_each(self) -> None:
        spanned = cells("Denpasar").removeprefix("<table:table-row>").removesuffix("</table:table-row>")
        spanned = spanned.replace("<table:table-cell", '<table:table-cell table:number-rows-spanned="2"')
        first = cells("1", "Jalan").replace("</table:table-row>", f"{spanned}</table:table-row>")
        second = cells("2", "Lampu").replace("</table:table-row>", "<table:covered-table-cell/></table:table-row>")
        found = reports(open_document(cells(*HEADER), first, second))
        assert [each.data.location and each.data.location.city for each in found] == ["Denpasar", "Denpasar"]

    def test_one_that_repeats_a_value_without_end_is_refused(self) -> None:
        many = cells("1", "Jalan", "Denpasar", attributes=' table:number-rows-repeated="2000000000"')
        with pytest.raises(UnreadableFile, match="claims to have a cell in row 2,000,000,001"):
            opened(open_document(cells(*HEADER), many))


class TestOldExcel:
    """`files/laporan.xls`, as xlwt writes it: a hidden sheet, a title, merged cells, days in the format DD/MM/YYYY."""

    CONTENT = (Path(__file__).parent / "files" / "laporan.xls").read_bytes()

    def test_it_is_read_as_it_is_shown(self) -> None:
        first, second = reports(self.CONTENT)
        assert (first.id, first.data.title, second.id) == ("0041007", "Jalan café", "5049672")
        assert [each.data.location and each.data.location.city for each in (first, second)] == ["Denpasar", "Denpasar"]
        assert first.time is not None
        assert first.time.isoformat() == "2026-03-15T17:00:00+00:00"
        notes = opened(self.CONTENT).notes
        assert "hidden and not read: arsip (--hidden or --sheet reads it)" in notes
        hidden = bytearray(self.CONTENT)
        row = hidden.find(b"\x08\x02\x10\x00\x04\x00", hidden.find(b"Laporan"))  # a row: its number follows
        hidden[row + 4 + 12] |= 0x20
        assert [each.id for each in reports(bytes(hidden))] == ["0041007"]

    def test_one_that_claims_too_much_is_refused(self) -> None:
        content = bytearray(self.CONTENT)
        cell = content.find(b"\x03\x02\x0e\x00")  # a number: its row and its column follow
        cell = cell if cell >= 0 else content.find(b"\x7e\x02\x0a\x00")
        content[cell + 4 : cell + 8] = b"\xff\xff\xff\xff"
        with pytest.raises(UnreadableFile, match="claims more cells than there is memory for"):
            opened(bytes(content))


class TestBinaryExcel:
    ROWS = (PRIVATE, (41007, "Jalan", "Denpasar", "ya"), ("2", "Lampu", -42, None), ("3", "Got", "Denpasar", -42))

    def test_it_is_read_as_it_is_shown(self) -> None:
        first, second, third = items(binary_workbook(*self.ROWS))
        assert isinstance(first, Report)
        found = decode_report(first.value)
        assert (found.id, found.data.title, found.data.anonymous) == ("0041007", "Jalan", True)
        assert isinstance(second, Report)
        assert second.notes == ("city: '#N/A' is an error of the spreadsheet",)
        assert isinstance(third, Skipped)
        assert third.reason == "anonymous: '#N/A' is an error of the spreadsheet"

    def test_hidden_rows_are_not_read_unless_asked_for(self) -> None:
        content = binary_workbook(*self.ROWS[:3], hidden=[2])
        assert [each.id for each in reports(content)] == ["0041007"]
        assert "1 hidden rows of Laporan are not read (--hidden reads them)" in opened(content).notes
        assert [each.id for each in reports(content, hidden=True)] == ["0041007", "2"]

    def test_one_that_claims_too_much_or_is_cut_is_refused(self) -> None:
        archive = zipfile.ZipFile(io.BytesIO(binary_workbook(PRIVATE, ["1", "Jalan", "a", "ya"])))
        sheet = archive.read("xl/worksheets/sheet1.bin")
        row = struct.pack("<IIH", 1, 0, 300)
        large = sheet.replace(row, struct.pack("<IIH", 2_000_000_000, 0, 300))
        for damaged, message in ((large, "row 2,000,000,001"), (sheet[:-1], "ends in the middle of a record")):
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w") as target:
                for name in archive.namelist():
                    target.writestr(name, damaged if name.endswith("sheet1.bin") else archive.read(name))
            with pytest.raises(UnreadableFile, match=message):
                opened(out.getvalue())


class TestHostile:
    CONTENT = workbook(HEADER, ["1", "Jalan", "Denpasar"])

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ('<row r="2"', '<row r="2000000000"', "claims to have a cell in row 2,000,000,000"),
            ('r="C2"', 'r="XFD1048576"', "claims to have a cell in row 1,048,576, column 16,384"),
            ('r="C2"', 'r="C2000000000"', "claims to have a cell in row 2,000,000,000"),
            ("<worksheet", '<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><worksheet', "has a document type"),
            ("</sheetData>", "", "is not a readable workbook"),
        ],
    )
    def test_what_claims_too_much_ends_in_one_line(self, old: str, new: str, message: str) -> None:
        with pytest.raises(UnreadableFile) as refusal:
            opened(changed(self.CONTENT, SHEET, old, new))
        assert message in str(refusal.value)
        assert "\n" not in str(refusal.value)

    def test_a_claimed_dimension_means_nothing(self) -> None:
        content = changed(self.CONTENT, SHEET, 'ref="A1:C2"', 'ref="A1:XFD2000000000"')
        assert len(items(content)) == 1

    @pytest.mark.parametrize(
        "content", [b"PK\x03\x04", b"PK\x03\x04" + b"x" * 100, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 9]
    )
    def test_a_file_that_is_not_a_workbook_is_refused(self, content: bytes) -> None:
        with pytest.raises(UnreadableFile, match="is not a readable workbook"):
            opened(content)

    @pytest.mark.parametrize(
        ("name", "message"),
        [("a.txt", "is an archive, not a workbook"), ("word/document.xml", "is a document of a word")],
    )
    def test_another_archive_is_refused_by_what_it_is(self, name: str, message: str) -> None:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr(name, "x")
        with pytest.raises(UnreadableFile, match=message):
            opened(stream.getvalue())

    def test_an_empty_one_is_refused(self) -> None:
        with pytest.raises(UnreadableFile, match=NOTHING):
            opened(workbook([None, " "]))

    def test_one_that_unpacks_to_too_much_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(workbooks, "_LARGEST", 1_000)
        with pytest.raises(UnreadableFile, match="save it as CSV"):
            opened(self.CONTENT)

    @pytest.mark.parametrize("seed", range(20))
    def test_a_damaged_one_ends_with_a_reason(self, seed: int) -> None:
        lots = random.Random(seed)  # noqa: S311 -- to be drawn alike each time
        content = bytearray(workbook(HEADER, *([str(n), "Jalan", "Denpasar"] for n in range(200))))
        for _ in range(20):
            content[lots.randrange(len(content))] ^= 1 << lots.randrange(8)
        try:
            found = items(bytes(content))
        except (UnreadableFile, BadLayout) as error:
            assert "\n" not in str(error)  # noqa: PT017 -- either is right
            return
        assert all(isinstance(each, Skipped | Report) for each in found)
