"""Workbooks as tables of text: .xlsx, .xlsb, .xls and .ods, cells as a person sees them or nearly so.

python-calamine reads them. It knows no number formats, no hidden rows and no errors, and trusts what a file claims of
its size: these are looked up beforehand (`workbook_xml`, `xlsb_marks`, `xls_marks`).
"""

import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, BinaryIO, Final

from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from agents.integrations import xls_marks
from agents.integrations.entries import BadLayout, Skipped, UnreadableFile
from agents.integrations.tables import Grid, Row
from agents.integrations.workbook_xml import Marks, marks_of
from agents.integrations.xlsb_marks import xlsb_marks

ZIP: Final = b"PK\x03\x04"
OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

# a workbook of a megabyte can unpack to gigabytes, and all of it is held in memory
_LARGEST: Final = 128 * 1024 * 1024
# Excel keeps 15 digits of a number and puts zeros for the rest: a longer number is not the one that was typed
_EXACT_BELOW: Final = 1e15


@dataclass
class SheetGrid:
    """One sheet of a workbook."""

    name: str
    workbook: CalamineWorkbook
    marks: Marks
    hidden_too: bool

    def rows(self) -> Iterator[Row | Skipped]:
        """Give each row; hidden ones only if they are asked for.

        Raises:
            UnreadableFile: a cell is none that can be read.
        """
        with _in_one_line(f"sheet {self.name} cannot be read"):
            sheet = self.workbook.get_sheet_by_name(self.name)
        left = (sheet.start or (0, 0))[1]
        ranges = self.marks.merged or sheet.merged_cell_ranges or ()
        merged = _Merged(ranges)
        for row, values in enumerate(self._values(sheet)):
            # a mark in the last row of a sheet is common, and has a million rows before it
            if not ranges and row not in self.marks.shown and values.count("") == len(values):
                continue
            cells = [""] * left + [self._text(row, column, value) for column, value in enumerate(values, start=left)]
            for column, text in self.marks.shown.get(row, {}).items():
                cells += [""] * (column + 1 - len(cells))
                cells[column] = cells[column] or text
            cells = [merged.value(row, column, text) for column, text in enumerate(cells)]
            if any(cell.strip() for cell in cells) and (self.hidden_too or row not in self.marks.hidden):
                yield row + 1, cells

    def _values(self, sheet: CalamineSheet) -> Iterator[Sequence[object]]:
        count = 0
        for count, values in enumerate(sheet.iter_rows(), start=1):  # noqa: B007 -- their number is wanted behind them
            yield values
        yield from ([] for _ in range(count, max(self.marks.shown, default=-1) + 1))

    def _text(self, row: int, column: int, value: object) -> str:
        text = _text(value)
        return text.zfill(digits) if (digits := self.marks.digits.get((row, column), 0)) and text.isdigit() else text


def sheets_of(stream: BinaryIO, *, sheet: str | None = None, hidden: bool = False) -> tuple[Sequence[Grid], list[str]]:
    """Return the sheets that may be read, and what has to be told of the others.

    Raises:
        UnreadableFile: it is no workbook, or too large.
        BadLayout: there is no sheet `sheet`.
    """
    magic = stream.read(len(OLE))
    marks = _looked_up(stream) if magic.startswith(ZIP) else _tried(stream)
    stream.seek(0)
    with _in_one_line("is no workbook that can be read"):
        workbook = CalamineWorkbook.from_filelike(stream)
    names = [each for each in workbook.sheets_metadata if each.typ is SheetTypeEnum.WorkSheet]
    if sheet is not None:
        names = [each for each in names if each.name.casefold() == sheet.casefold()]
        if not names:
            raise BadLayout(f"--sheet {sheet}: there is no such sheet; there are {', '.join(workbook.sheet_names)}")
    names.sort(key=lambda each: each.visible is not SheetVisibleEnum.Visible)
    shown = [each.name for each in names if hidden or sheet is not None or each.visible is SheetVisibleEnum.Visible]
    unseen = [each.name for each in names if each.name not in shown]
    told = [f"hidden and not read: {', '.join(unseen)} (--hidden or --sheet reads it)"] if unseen else []
    if not shown:
        raise BadLayout(f"has no sheet that is not hidden: {', '.join(unseen)} (--hidden or --sheet reads it)")
    told += [
        f"{count} hidden rows of {name} are not read (--hidden reads them)"
        for name in shown
        if not hidden and (count := len(marks.get(name, Marks()).hidden))
    ]
    return [SheetGrid(name, workbook, marks.get(name, Marks()), hidden) for name in shown], told


def _tried(stream: BinaryIO) -> dict[str, Marks]:
    """Look over an .xls in a process of its own, which ends where the file claims more cells than there is memory for.

    Raises:
        UnreadableFile: it did end.
    """
    stream.seek(0)
    program = [sys.executable, "-m", xls_marks.__name__]
    done = subprocess.run(program, input=stream.read(), capture_output=True, check=False)  # noqa: S603 -- our own
    if done.returncode:
        raise UnreadableFile("is no workbook that can be read, or claims more cells than there is memory for")
    return xls_marks.marks_from(done.stdout)


def _looked_up(stream: BinaryIO) -> dict[str, Marks]:
    stream.seek(0)
    with _in_one_line("is no workbook that can be read"), zipfile.ZipFile(stream) as archive:
        _check_archive(archive)
        return xlsb_marks(archive) if "xl/workbook.bin" in archive.namelist() else marks_of(archive)


def _check_archive(archive: zipfile.ZipFile) -> None:
    names = set(archive.namelist())
    if "word/document.xml" in names or "ppt/presentation.xml" in names:
        raise UnreadableFile("is a document of a word processor or a presentation, and no workbook")
    unpacked = sum(each.file_size for each in archive.infolist())
    if unpacked > _LARGEST:
        raise UnreadableFile(f"unpacks to {unpacked:,} bytes, which is too much; save it as CSV")


@contextmanager
def _in_one_line(what: str) -> Iterator[None]:
    """Refuse a file that is damaged, whatever comes of reading it.

    Raises:
        UnreadableFile: it is.
    """
    try:
        yield
    except (UnreadableFile, KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # noqa: BLE001 -- a panic of Rust is no Exception
        reason = next(iter(str(error).splitlines()), "")[:200] or type(error).__name__
        raise UnreadableFile(f"{what}: {reason}") from None


class _Merged:
    """Merged cells: each has the value of the first of them."""

    def __init__(self, ranges: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> None:
        self._ranges = sorted(ranges)
        self._open: list[list[Any]] = []
        self._next = 0

    def value(self, row: int, column: int, text: str) -> str:
        """Return what a cell shows; cells are asked for in their order."""
        while self._next < len(self._ranges) and self._ranges[self._next][0] <= (row, column):
            self._open.append([*self._ranges[self._next], None])
            self._next += 1
        if not self._open:
            return text
        self._open = [each for each in self._open if each[1][0] >= row]
        for each in self._open:
            (_, left), (_, right), first = each
            if left <= column <= right:
                each[2] = text if first is None else first
                return str(each[2])
        return text


def _text(cell: object) -> str:  # noqa: PLR0911 -- one for each type that a cell can have
    """Write a cell as text: a number without what a spreadsheet adds to it, a day or a moment as ISO 8601 has it.

    A number too long for Excel is written as the rounded one that it is, such as 1.2e+17, and is nobody's id any more.
    """
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "ya" if cell else "tidak"
    if isinstance(cell, int | float) and abs(cell) >= _EXACT_BELOW:
        return str(float(cell))
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="seconds")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return "" if cell is None else str(cell)
