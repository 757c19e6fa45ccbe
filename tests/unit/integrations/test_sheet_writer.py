"""Written tables contain no formulas, and are read again unchanged."""

import io
from contextlib import closing
from pathlib import Path

import pytest
from openpyxl import load_workbook

from agents.integrations import sheet_writer
from agents.integrations.entries import Report
from agents.integrations.lapor_rows import HEADER
from agents.integrations.sheet_writer import CsvWriter, TooManyRows, XlsxWriter
from tests.support.table_files import items

FORMULAS = (
    *("=1+1", "+62 812", "-2", "@SUM(A1)", "\tx", "\rx", "\nx", '=HYPERLINK("http://x.test";"klik")'),
    "＝1+1",  # noqa: RUF001 -- a wide form is meant
)


def written(*rows: tuple[str, ...]) -> io.BytesIO:
    stream = io.BytesIO()
    with closing(XlsxWriter(stream)) as writer:
        for each in rows:
            writer.write(each)
    stream.seek(0)
    return stream


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text: str) -> None:
    lines = io.StringIO(newline="")
    CsvWriter(lines).write((text,))
    assert lines.getvalue().lstrip("\ufeff").lstrip('"').startswith("'")

    cell = load_workbook(written((text,))).worksheets[0]["A1"]
    assert (cell.data_type, cell.value[0]) == ("s", "'")


def test_what_excel_cannot_hold_is_replaced_or_cut() -> None:
    cells = load_workbook(written(("a\x00b\x0bc", "\U0001f6a7" * 20_000, "x" * 20_000))).worksheets[0][1]
    first, second, third = (cell.value for cell in cells)

    assert first == "a\ufffdb\ufffdc"
    assert len(second.encode("utf-16-le")) // 2 <= 32_767
    assert second.endswith("\U0001f6a7…")
    assert third == "x" * 20_000


def test_there_is_room_for_so_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_writer, "_MOST_ROWS", 2)
    with pytest.raises(TooManyRows, match="csv"):
        written(("a",), ("b",), ("c",))


def test_a_workbook_and_a_csv_are_read_alike(tmp_path: Path) -> None:
    row = dict.fromkeys(HEADER, "") | {"Tracking ID": "1041007", "Judul Laporan": '=Jalan; rusak\n"parah"'}
    out = tmp_path / "laporan.csv"
    with out.open("w", encoding="utf-8", newline="") as stream:
        writer = CsvWriter(stream)
        writer.write(HEADER)
        writer.write(tuple(row.values()))
    found = [*items(out.read_bytes()), *items(written(HEADER, tuple(row.values())).getvalue())]

    first, second = found
    assert isinstance(first, Report)
    assert first == second
    assert b'"=Jalan; rusak\\n\\"parah\\""' in first.value
