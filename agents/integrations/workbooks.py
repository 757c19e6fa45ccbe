"""Workbooks as tables of text: .xlsx, .xlsb, .xls and .ods, with cells nearly as displayed.

python-calamine reads them. It ignores number formats, hidden rows and errors, and trusts the declared size of a file.
So these are read separately before (`workbook_xml`, `xlsb_marks`, `xls_marks`).
"""

import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, BinaryIO, Final

from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from agents.integrations import xls_marks
from agents.integrations.entries import BadLayout, Skipped, UnreadableFile
from agents.integrations.tables import Grid, Row
from agents.integrations.workbook_xml import Marks, marks_of, shown_as
from agents.integrations.xlsb_marks import xlsb_marks

ZIP: Final = b"PK\x03\x04"
OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

# a megabyte can unpack to gigabytes, all of it in memory
_LARGEST: Final = 128 * 1024 * 1024
# Excel keeps 15 digits and replaces the rest by zeros: a longer number is not the original
_EXACT_BELOW: Final = 1e15


@dataclass
class SheetGrid:
    """One sheet of a workbook."""

    name: str
    workbook: CalamineWorkbook
    marks: Marks
    hidden_too: bool

    def rows(self) -> Iterator[Row | Skipped]:
        """Yield each row, hidden ones on request only; raise UnreadableFile if a cell cannot be read."""
        with _in_one_line(f"sheet {self.name} cannot be read"):
            sheet = self.workbook.get_sheet_by_name(self.name)
        left = (sheet.start or (0, 0))[1]
        ranges = self.marks.merged or sheet.merged_cell_ranges or ()
        merged = _Merged(ranges)
        for row, values in enumerate(self._values(sheet)):
            # a stray cell in the last possible row is common, after a million empty ones
            if not ranges and row not in self.marks.displayed and values.count("") == len(values):
                continue
            cells = [""] * left + [_text(value) for value in values]
            for column, mask in self.marks.masks.get(row, {}).items():
                if column < len(cells) and cells[column].isdigit():
                    cells[column] = shown_as(cells[column], mask)
            for column, text in self.marks.displayed.get(row, {}).items():
                cells += [""] * (column + 1 - len(cells))
                cells[column] = cells[column] or text
            cells = [merged.value(row, column, text) for column, text in enumerate(cells)]
            if any(cell.strip() for cell in cells) and (self.hidden_too or row not in self.marks.hidden):
                yield row + 1, cells

    def _values(self, sheet: CalamineSheet) -> Iterator[Sequence[object]]:
        count = 0
        for count, values in enumerate(sheet.iter_rows(), start=1):  # noqa: B007 -- used after the loop
            yield values
        yield from ([] for _ in range(count, max(self.marks.displayed, default=-1) + 1))


def sheets_of(stream: BinaryIO, *, sheet: str | None = None, hidden: bool = False) -> tuple[Sequence[Grid], list[str]]:
    """Return the sheets to read, and a line per hidden sheet or row; raise UnreadableFile or BadLayout."""
    magic = stream.read(len(OLE))
    marks = _marks(stream) if magic.startswith(ZIP) else _xls_marks(stream)
    stream.seek(0)
    with _in_one_line("is not a readable workbook"):
        workbook = CalamineWorkbook.from_filelike(stream)
    names = [each for each in workbook.sheets_metadata if each.typ is SheetTypeEnum.WorkSheet]
    if sheet is not None:
        names = [each for each in names if each.name.casefold() == sheet.casefold()]
        if not names:
            raise BadLayout(f"--sheet {sheet}: there is no such sheet; use one of {', '.join(workbook.sheet_names)}")
    names.sort(key=lambda each: each.visible is not SheetVisibleEnum.Visible)
    shown = [each.name for each in names if hidden or sheet is not None or each.visible is SheetVisibleEnum.Visible]
    unseen = [each.name for each in names if each.name not in shown]
    lines = [f"hidden and not read: {', '.join(unseen)} (--hidden or --sheet reads it)"] if unseen else []
    if not shown:
        raise BadLayout(f"has no sheet that is not hidden: {', '.join(unseen)} (--hidden or --sheet reads it)")
    lines += [
        f"{count} hidden rows of {name} are not read (--hidden reads them)"
        for name in shown
        if not hidden and (count := len(marks.get(name, Marks()).hidden))
    ]
    return [SheetGrid(name, workbook, marks.get(name, Marks()), hidden) for name in shown], lines


def _xls_marks(stream: BinaryIO) -> dict[str, Marks]:
    """Read an .xls in a separate process with limited memory."""
    stream.seek(0)
    program = [sys.executable, "-P", "-m", xls_marks.__name__]
    done = subprocess.run(program, input=stream.read(), capture_output=True, check=False)  # noqa: S603 -- our own
    if done.returncode:
        raise UnreadableFile("is not a readable workbook, or claims more cells than there is memory for")
    return xls_marks.SHEETS.validate_json(done.stdout)


def _marks(stream: BinaryIO) -> dict[str, Marks]:
    stream.seek(0)
    with _in_one_line("is not a readable workbook"), zipfile.ZipFile(stream) as archive:
        _check_archive(archive)
        return xlsb_marks(archive) if "xl/workbook.bin" in archive.namelist() else marks_of(archive)


def _check_archive(archive: zipfile.ZipFile) -> None:
    names = set(archive.namelist())
    if "word/document.xml" in names or "ppt/presentation.xml" in names:
        raise UnreadableFile("is a document of a word processor or a presentation, not a workbook")
    unpacked = sum(each.file_size for each in archive.infolist())
    if unpacked > _LARGEST:
        raise UnreadableFile(f"unpacks to {unpacked:,} bytes, which is too much; save it as CSV")


@contextmanager
def _in_one_line(what: str) -> Iterator[None]:
    """Convert any error of a parser to `UnreadableFile` with one line."""
    try:
        yield
    except (UnreadableFile, KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # noqa: BLE001 -- a panic of Rust is no Exception
        reason = next(iter(str(error).splitlines()), "")[:200] or type(error).__name__
        raise UnreadableFile(f"{what}: {reason}") from None


class _Merged:
    """Merged cells; each has the value of the first one."""

    def __init__(self, ranges: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> None:
        self._ranges = sorted(ranges)
        self._open: list[list[Any]] = []
        self._next = 0

    def value(self, row: int, column: int, text: str) -> str:
        """Return the text of a cell; call it in the order of cells."""
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


def _text(cell: object) -> str:  # noqa: PLR0911 -- one for each type of a cell
    """Return a cell as text: integers without a fraction, dates and times in ISO 8601.

    A number too long for Excel stays rounded, such as 1.2e+17, so that it does not look like an id.
    """
    match cell:
        case None:
            return ""
        case bool():
            return "ya" if cell else "tidak"
        case int() | float() if abs(cell) >= _EXACT_BELOW:
            return str(float(cell))
        case float() if cell.is_integer():
            return str(int(cell))
        case datetime():
            return cell.isoformat(sep=" ", timespec="seconds")
        case date() | time():
            return cell.isoformat()
    return str(cell)
