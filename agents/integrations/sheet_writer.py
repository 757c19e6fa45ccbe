"""Writers of tables for spreadsheets: CSV and Excel, row by row.

Cells that a spreadsheet would run as a formula are defused, since citizens can write anything.
"""

import csv
import re
from collections.abc import Sequence
from typing import Any, BinaryIO, Final, TextIO

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from events.wording import defused

_LONGEST_CELL: Final = 32_767  # Excel's limit, in UTF-16 code units
_MOST_ROWS: Final = 1_048_576
# characters that are invalid in XML
_NO_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class TooManyRows(Exception):
    """There are more rows than a workbook can have; the message is one line."""


class CsvWriter:
    """Writes CSV in UTF-8, with the byte order mark that Excel needs."""

    def __init__(self, stream: TextIO) -> None:
        stream.write("\ufeff")
        self._writer = csv.writer(stream)

    def write(self, row: Sequence[str]) -> None:
        """Write a row."""
        self._writer.writerow([defused(cell).replace("\x00", "\ufffd") for cell in row])


class XlsxWriter:
    """Writes a workbook of one sheet, by way of a temporary file; raises TooManyRows."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._workbook = Workbook(write_only=True)
        self._sheet: Any = self._workbook.create_sheet("Laporan")
        self._rows = 0

    def write(self, row: Sequence[str]) -> None:
        """Write a row, every cell as text."""
        self._rows += 1
        if self._rows > _MOST_ROWS:
            raise TooManyRows(f"a workbook has room for {_MOST_ROWS:,} rows: write a .csv")
        self._sheet.append([self._cell(text) for text in row])

    def close(self) -> None:
        """Complete the workbook."""
        self._workbook.save(self._stream)

    def _cell(self, text: str) -> WriteOnlyCell:
        cell: Any = WriteOnlyCell(self._sheet, _fitting(_NO_XML.sub("\ufffd", defused(text))))
        cell.data_type = "s"
        return cell


def _fitting(text: str) -> str:
    if len(text) * 2 <= _LONGEST_CELL:
        return text
    units = text.encode("utf-16-le")
    if len(units) <= 2 * _LONGEST_CELL:
        return text
    return units[: 2 * (_LONGEST_CELL - 1)].decode("utf-16-le", "ignore") + "…"
