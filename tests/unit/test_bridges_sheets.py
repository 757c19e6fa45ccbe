"""Workbooks are read as tables of text, and written so that nothing in them runs."""

import io
import random
import zipfile
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from agents.bridges.lapor import LaporRows, lapor_columns
from agents.bridges.reports import Table, TableOptions
from agents.bridges.sheets import CsvSheet, XlsxSheet
from openpyxl import Workbook, load_workbook

from agents.bridges import sheets, sheets_out
from agents.bridges.items import Item, Report, Skipped, UnreadableFile
from agents.bridges.lapor_rows import HEADER
from agents.bridges.sheets_out import CsvWriter, TooManyRows, XlsxWriter

FORMULAS = (
    *("=1+1", "+62 812", "-2", "@SUM(A1)", "\tx", "\rx", "\nx", '=HYPERLINK("http://x.test";"klik")'),
    "＝1+1",  # noqa: RUF001 -- a wide form is meant
)


def workbook(*rows: list[Any]) -> io.BytesIO:
    book = Workbook()
    sheet: Any = book.active
    for each in rows:
        sheet.append(each)
    stream = io.BytesIO()
    book.save(stream)
    stream.seek(0)
    return stream


def written(*rows: tuple[str, ...]) -> io.BytesIO:
    stream = io.BytesIO()
    with closing(XlsxWriter(stream)) as writer:
        for each in rows:
            writer.write(each)
    stream.seek(0)
    return stream


class TestReading:
    def test_cells_are_text_as_one_sees_it(self) -> None:
        moment = datetime(2026, 3, 16, 9, 11, 5)  # noqa: DTZ001 -- Excel knows no zones
        sheet = XlsxSheet(
            workbook(["Tracking ID", "b", "c", "d", "e"], [1041007, 2.5, moment, date(2026, 3, 16), True])
        )

        assert sheet.header == ("Tracking ID", "b", "c", "d", "e")
        # Excel keeps a day as the midnight it begins with
        assert list(sheet) == [(2, ["1041007", "2.5", "2026-03-16 09:11:05", "2026-03-16 00:00:00", "ya"])]

    def test_a_number_that_excel_has_rounded_is_nobodys_id(self) -> None:
        sheet = XlsxSheet(workbook(["Tracking ID", "Judul"], [123456789012345678, "a"], [999_999_999_999_999.0, "b"]))
        table = Table(sheet, LaporRows(lapor_columns(sheet.header), TableOptions(), datetime(2026, 3, 16, tzinfo=UTC)))

        rounded, whole = table
        assert isinstance(rounded, Skipped)
        assert rounded.reason.startswith("id: '1.23456789012345")
        assert "is no Tracking ID" in rounded.reason
        assert isinstance(whole, Report)
        assert b'"id":"999999999999999"' in whole.value

    def test_short_and_empty_rows_are_no_matter(self) -> None:
        rows = list(XlsxSheet(workbook(["a", "b", "c"], ["1"], [None, None, None], [None, "2", None])))
        assert rows == [(2, ["1", "", ""]), (4, ["", "2", ""])]

    def test_a_formula_is_read_as_what_it_came_to(self) -> None:
        # nobody has computed it here
        assert list(XlsxSheet(workbook(["a", "b"], ["1", "=1+1"]))) == [(2, ["1", ""])]

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"PK\x03\x04" + b"x" * 100])
    def test_what_is_no_workbook_is_refused(self, content: bytes) -> None:
        with pytest.raises(UnreadableFile, match="is no Excel workbook"):
            XlsxSheet(io.BytesIO(content))

    def test_an_archive_that_is_none_is_refused(self) -> None:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("a.txt", "x")
        with pytest.raises(UnreadableFile, match="is no Excel workbook that can be read"):
            XlsxSheet(stream)

    def test_a_workbook_without_a_header_is_refused(self) -> None:
        with pytest.raises(UnreadableFile, match="header"):
            XlsxSheet(workbook([None, " "]))

    def test_a_workbook_that_unpacks_to_too_much_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sheets, "_LARGEST_WORKBOOK", 1_000)
        with pytest.raises(UnreadableFile, match="save it as CSV"):
            XlsxSheet(workbook(["a"]))

    def test_xml_that_unfolds_without_end_is_refused(self) -> None:
        plain, bomb = workbook(["a"], ["b"]), io.BytesIO()
        entities = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
        with zipfile.ZipFile(plain) as source, zipfile.ZipFile(bomb, "w") as target:
            for each in source.namelist():
                text = source.read(each).decode()
                if each == "xl/worksheets/sheet1.xml":
                    text = f"{entities}{text.removeprefix('<?xml version=1.0?>')}"
                target.writestr(each, text)
        with pytest.raises(UnreadableFile, match="EntitiesForbidden"):
            XlsxSheet(bomb)

    @pytest.mark.parametrize("seed", range(20))
    def test_a_damaged_workbook_ends_with_a_reason(self, seed: int) -> None:
        lots = random.Random(seed)  # noqa: S311 -- to be drawn alike each time
        content = bytearray(workbook(["Tracking ID", "Judul"], *([str(n), "Jalan"] for n in range(200))).getvalue())
        for _ in range(20):
            content[lots.randrange(len(content))] ^= 1 << lots.randrange(8)
        try:
            found = list(XlsxSheet(io.BytesIO(bytes(content))))
        except UnreadableFile:
            return
        assert all(isinstance(each, Skipped | tuple) for each in found)


class TestWriting:
    @pytest.mark.parametrize("text", FORMULAS)
    def test_no_cell_is_a_formula(self, text: str) -> None:
        lines = io.StringIO(newline="")
        CsvWriter(lines).write((text,))
        assert lines.getvalue().lstrip("\ufeff").lstrip('"').startswith("'")

        cell = load_workbook(written((text,))).worksheets[0]["A1"]
        assert (cell.data_type, cell.value[0]) == ("s", "'")

    def test_what_excel_cannot_hold_is_replaced_or_cut(self) -> None:
        cells = load_workbook(written(("a\x00b\x0bc", "\U0001f6a7" * 20_000, "x" * 20_000))).worksheets[0][1]
        first, second, third = (cell.value for cell in cells)

        assert first == "a\ufffdb\ufffdc"
        assert len(second.encode("utf-16-le")) // 2 <= 32_767
        assert second.endswith("\U0001f6a7…")
        assert third == "x" * 20_000

    def test_there_is_room_for_so_many_rows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sheets_out, "_MOST_ROWS", 2)
        with pytest.raises(TooManyRows, match="csv"):
            written(("a",), ("b",), ("c",))

    def test_a_workbook_and_a_csv_are_read_alike(self, tmp_path: Path) -> None:
        row = dict.fromkeys(HEADER, "") | {"Tracking ID": "1041007", "Judul Laporan": '=Jalan; rusak\n"parah"'}
        out = tmp_path / "laporan.csv"
        with out.open("w", encoding="utf-8", newline="") as stream:
            writer = CsvWriter(stream)
            writer.write(HEADER)
            writer.write(tuple(row.values()))
        found: list[Item] = []
        with out.open("rb") as lines:
            for sheet in (CsvSheet(iter(lines)), XlsxSheet(written(HEADER, tuple(row.values())))):
                now = datetime(2026, 3, 16, tzinfo=UTC)
                found += Table(sheet, LaporRows(lapor_columns(sheet.header), TableOptions(), now))

        first, second = found
        assert isinstance(first, Report)
        assert first == second
        assert b'"=Jalan; rusak\\n\\"parah\\""' in first.value
