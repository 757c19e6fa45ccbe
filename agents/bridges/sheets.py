"""Tables as rows of text: CSV, and the first sheet of an Excel workbook."""

import csv
import zipfile
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import chain
from typing import Any, BinaryIO, Final, Protocol

from openpyxl import load_workbook

from agents.bridges.items import Skipped, UnreadableFile

XLSX_MAGIC: Final = b"PK\x03\x04"

_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS: Final = ",;\t|"
_LONGEST_CELL: Final = 16 * 1024 * 1024
# a workbook of a megabyte can unpack to gigabytes, and its texts are held in memory: these, if all are short, as 765 MB
_LARGEST_WORKBOOK: Final = 128 * 1024 * 1024
# Excel keeps 15 digits of a number and puts zeros for the rest: a longer number is not the one that was typed
_EXACT_BELOW: Final = 1e15

Row = tuple[int, list[str]]
"""The number of a row, as an editor or a spreadsheet counts, and its cells."""


class Sheet(Protocol):
    """A table: its header, and its rows or why they are none. Empty rows are passed over."""

    header: tuple[str, ...]

    def __iter__(self) -> Iterator[Row | Skipped]:
        """Give each row."""


class CsvSheet:
    """A CSV file, whatever parts its columns.

    Raises:
        UnreadableFile: there is no header in it, or it is not text in UTF-8.
    """

    def __init__(self, lines: Iterator[bytes]) -> None:
        first = next(lines, b"").removeprefix(BOM_UTF8)
        if first.startswith(_UTF_16):
            raise UnreadableFile("is UTF-16; save it as UTF-8")
        # bytes that are no UTF-8 spoil their row, not the file
        text = (line.decode("utf-8", "surrogateescape") for line in chain([first], lines))
        csv.field_size_limit(_LONGEST_CELL)
        self._reader = csv.reader(text, delimiter=_delimiter(first.decode("utf-8", "replace")), strict=True)
        try:
            self.header = _header(next(self._reader, []))
        except csv.Error as error:
            raise UnreadableFile(f"its first line is no header: {error}") from None

    def __iter__(self) -> Iterator[Row | Skipped]:
        """Give each row; a line that breaks the table is skipped."""
        while True:
            line = self._reader.line_num + 1
            try:
                row = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Skipped(line, f"no row of a table: {error}")
                continue
            if any(cell.strip() for cell in row):
                yield line, row


class XlsxSheet:
    """The first sheet of a workbook, row by row, cells as the text they show or nearly so.

    Raises:
        UnreadableFile: it is no workbook, too large, or has no header.
    """

    def __init__(self, stream: BinaryIO) -> None:
        try:
            with zipfile.ZipFile(stream) as archive:
                unpacked = sum(each.file_size for each in archive.infolist())
        except (zipfile.BadZipFile, OSError) as error:
            raise UnreadableFile(f"is no Excel workbook: {error}") from None
        if unpacked > _LARGEST_WORKBOOK:
            raise UnreadableFile(f"unpacks to {unpacked:,} bytes, which is too much; save it as CSV")
        stream.seek(0)
        try:
            sheet: Any = load_workbook(stream, read_only=True, data_only=True, keep_links=False).worksheets[0]
            # some programs write that a sheet is one cell large
            sheet.reset_dimensions()
            self._rows = enumerate(sheet.iter_rows(values_only=True), start=1)
            _, first = next(self._rows, (0, ()))
        except Exception as error:  # noqa: BLE001 -- whatever the library makes of an archive that is no workbook
            raise UnreadableFile(f"is no Excel workbook that can be read: {_first_line(error)}") from None
        self.header = _header(_trimmed([_text(cell) for cell in first]))

    def __iter__(self) -> Iterator[Row | Skipped]:
        """Give each row, as wide as the header at least; cells that are left out at its end are empty."""
        number = 1
        while True:
            try:
                number, row = next(self._rows)
                cells = _trimmed([_text(cell) for cell in row])
            except StopIteration:
                return
            except Exception as error:  # noqa: BLE001 -- as above; what is damaged here has no further rows
                yield Skipped(number + 1, f"the rest of the workbook cannot be read: {_first_line(error)}")
                return
            if cells:
                yield number, cells + [""] * (len(self.header) - len(cells))


def _first_line(error: BaseException) -> str:
    # the library puts a general word in front of what it met with
    cause = error.__cause__ or error
    return next(iter(str(cause).splitlines()), "") or type(cause).__name__


def _header(cells: Iterable[str]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in cells)
    if not any(names):
        raise UnreadableFile("has no header line")
    return names


def _trimmed(cells: list[str]) -> list[str]:
    while cells and not cells[-1].strip():
        cells.pop()
    return cells


def _text(cell: object) -> str:
    """Write a cell as text: a number without what Excel adds to it, a day or a moment as ISO 8601 has it.

    A number too long for Excel is written as the rounded one that it is, such as 1.2e+17, and is nobody's id any more.
    """
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "ya" if cell else "tidak"
    if isinstance(cell, int | float) and abs(cell) >= _EXACT_BELOW:
        return str(float(cell))
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime | date):
        return cell.isoformat(sep=" ") if isinstance(cell, datetime) else cell.isoformat()
    return str(cell)


def _delimiter(header: str) -> str:
    """Find what parts the columns: a spreadsheet in Indonesian writes `;`."""
    return max(_DELIMITERS, key=header.count)
