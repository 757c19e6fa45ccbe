"""What a workbook's XML says of its cells beside their values: hidden rows, leading zeros, its claimed size.

Read with expat, which is fast enough to go over every cell. Document types are refused, and with them entities that
unfold without end.
"""

import posixpath
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from xml.parsers.expat import ExpatError, ParserCreate, XMLParserType

from agents.bridges.items import UnreadableFile

Place = tuple[int, int]
"""Row and column, from 0."""

_MOST_ROWS: Final = 1_048_576
_MOST_CELLS: Final = 20_000_000
_CELL: Final = re.compile(r"([A-Za-z]{1,4})([0-9]{1,12})")
_ZEROS: Final = re.compile(r"(?:\[[^\]]*\])?(0{2,})(?:;.*)?")
_TRUE: Final = ("1", "true")
_BUILT_IN: Final = 164
"""Formats below this number come with Excel; none of them has leading zeros."""


@dataclass
class Marks:
    """What is known of the cells of a sheet."""

    hidden: set[int] = field(default_factory=set)
    """Rows that are hidden."""
    digits: dict[Place, int] = field(default_factory=dict)
    """Cells whose number is shown with leading zeros, and with how many digits."""
    merged: list[tuple[Place, Place]] = field(default_factory=list)


def marks_of(archive: zipfile.ZipFile) -> dict[str, Marks]:
    """Return the marks of each sheet by its name; nothing for a workbook that is not XML.

    Raises:
        UnreadableFile: it claims more cells than a spreadsheet has, or its XML cannot be read.
    """
    names = set(archive.namelist())
    if "xl/workbook.xml" in names:
        return _excel(archive)
    if "content.xml" in names:
        return _open_document(archive)
    if "xl/workbook.bin" in names:
        for name in sorted(names):
            if name.startswith("xl/worksheets/") and name.endswith(".bin"):
                _check_binary(archive.read(name))
        return {}
    raise UnreadableFile("is an archive, and no workbook: unpack it first")


Start = Callable[[str, dict[str, str]], None]


def _parse(
    content: bytes, start: Start, end: Callable[[str], None] | None = None, text: Callable[[str], None] | None = None
) -> None:
    parser: XMLParserType = ParserCreate(namespace_separator=" ")

    def refuse(*_: object) -> None:
        raise UnreadableFile("its XML has a document type, whose entities may unfold without end")

    parser.StartDoctypeDeclHandler = refuse
    # names without the namespace: OOXML has two, for the same words
    parser.StartElementHandler = lambda name, attributes: start(
        name.rpartition(" ")[2], {key.rpartition(" ")[2]: value for key, value in attributes.items()}
    )
    if end is not None:
        parser.EndElementHandler = lambda name: end(name.rpartition(" ")[2])
    if text is not None:
        parser.CharacterDataHandler = text
    try:
        parser.Parse(content, True)  # noqa: FBT003 -- it is all of it
    except ExpatError as error:
        raise UnreadableFile(f"is no workbook that can be read: {error}") from None


def _excel(archive: zipfile.ZipFile) -> dict[str, Marks]:
    sheets: dict[str, str] = {}
    targets: dict[str, str] = {}

    def workbook(name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            sheets[attributes.get("name", "")] = attributes.get("id", "")

    def relation(name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship":
            targets[attributes.get("Id", "")] = attributes.get("Target", "")

    _parse(archive.read("xl/workbook.xml"), workbook)
    names = set(archive.namelist())
    if "xl/_rels/workbook.xml.rels" in names:
        _parse(archive.read("xl/_rels/workbook.xml.rels"), relation)
    formats = _zero_formats(archive.read("xl/styles.xml")) if "xl/styles.xml" in names else {}
    found = {}
    for sheet, relation_id in sheets.items():
        path = posixpath.normpath(posixpath.join("/xl", targets.get(relation_id, ""))).lstrip("/")
        if path in names:
            found[sheet] = _excel_sheet(archive.read(path), formats)
    return found


def _zero_formats(styles: bytes) -> dict[str, int]:
    """Return by style how many digits it shows at least, for the styles with leading zeros."""
    codes: dict[str, int] = {}
    styles_seen: list[str] = []
    within: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        within.append(name)
        if name == "numFmt" and (zeros := _ZEROS.fullmatch(attributes.get("formatCode", ""))):
            codes[attributes.get("numFmtId", "")] = len(zeros[1])
        elif name == "xf" and "cellXfs" in within:
            styles_seen.append(attributes.get("numFmtId", ""))

    _parse(styles, start, lambda _: within.__delitem__(-1))
    return {str(index): codes[number] for index, number in enumerate(styles_seen) if number in codes}


def _excel_sheet(content: bytes, formats: dict[str, int]) -> Marks:
    marks, row, column = Marks(), -1, -1
    lowest = rightmost = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, lowest, rightmost
        if name == "c":
            column += 1
            if found := _CELL.fullmatch(attributes.get("r", "")):
                row, column = int(found[2]) - 1, _column(found[1])
            if column > rightmost or row > lowest:
                rightmost, lowest = max(column, rightmost), max(row, lowest)
                _check(lowest, rightmost)
            if (style := attributes.get("s")) in formats and attributes.get("t", "n") == "n":
                marks.digits[row, column] = formats[style or ""]
        elif name == "row":
            given = attributes.get("r", "")
            row, column = (int(given) - 1 if given.isdigit() else row + 1), -1
            _check(row, 0)
            if attributes.get("hidden") in _TRUE:
                marks.hidden.add(row)

    _parse(content, start)
    return marks


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _check(row: int, column: int) -> None:
    if row >= _MOST_ROWS or (row + 1) * (column + 1) > _MOST_CELLS:
        raise UnreadableFile(
            f"claims to have a cell in row {row + 1:,}, column {column + 1:,}: export it anew, or as CSV"
        )


@dataclass
class _Cell:
    """A cell of an OpenDocument sheet while it is read."""

    repeated: int
    kind: str
    rows: int
    columns: int
    text: str = ""


def _open_document(archive: zipfile.ZipFile) -> dict[str, Marks]:
    return _OpenDocument().read(archive.read("content.xml"))


class _OpenDocument:
    """Goes over the one XML file of an OpenDocument workbook, which writes what its cells show beside their values."""

    def __init__(self) -> None:
        self._found: dict[str, Marks] = {}
        self._marks = Marks()
        self._row = self._column = 0
        self._rows = 1
        self._cell: _Cell | None = None

    def read(self, content: bytes) -> dict[str, Marks]:
        """Return the marks of each sheet."""
        _parse(content, self._start, self._end, self._text)
        return self._found

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table":
            self._marks = self._found.setdefault(attributes.get("name", ""), Marks())
            self._row = 0
        elif name == "table-row":
            self._column, self._rows = 0, _count(attributes, "number-rows-repeated")
            if attributes.get("visibility") in {"collapse", "filter"} and self._row + self._rows <= _MOST_ROWS:
                self._marks.hidden.update(range(self._row, self._row + self._rows))
        elif name in {"table-cell", "covered-table-cell"}:
            self._cell = _Cell(
                _count(attributes, "number-columns-repeated"),
                attributes.get("value-type", ""),
                _count(attributes, "number-rows-spanned"),
                _count(attributes, "number-columns-spanned"),
            )

    def _text(self, text: str) -> None:
        if self._cell is not None:
            self._cell.text += text

    def _end(self, name: str) -> None:
        if name == "table-row":
            self._row += self._rows
        elif name in {"table-cell", "covered-table-cell"} and self._cell is not None:
            cell, self._cell = self._cell, None
            if cell.kind:
                # only what has a value counts: all the rest of a sheet is one repeated empty cell
                _check(self._row + self._rows - 1, self._column + cell.repeated - 1)
                self._mark(cell)
            self._column += cell.repeated

    def _mark(self, cell: _Cell) -> None:
        shown = cell.text.strip()
        if cell.kind == "float" and shown.isdigit() and shown.startswith("0") and len(shown) > 1:
            for row in range(self._row, self._row + self._rows):
                for column in range(self._column, self._column + cell.repeated):
                    self._marks.digits[row, column] = len(shown)
        if cell.rows > 1 or cell.columns > 1:
            last = (self._row + cell.rows - 1, self._column + cell.columns - 1)
            self._marks.merged.append(((self._row, self._column), last))


def _count(attributes: dict[str, str], name: str) -> int:
    given = attributes.get(name, "1")
    return max(1, int(given)) if given.isdigit() and len(given) < 12 else 1  # noqa: PLR2004 -- digits enough


def _check_binary(content: bytes) -> None:
    """Go over the records of a sheet of an .xlsb, for the rows and columns that it claims."""
    at, row, column = 0, 0, 0
    try:
        while at < len(content):
            kind, at = _number(content, at, 2)
            size, at = _number(content, at, 4)
            if kind == 0:
                row = max(row, int.from_bytes(content[at : at + 4], "little"))
            elif 1 <= kind <= 11:  # noqa: PLR2004 -- cells of each type
                column = max(column, int.from_bytes(content[at : at + 4], "little"))
            _check(row, column)
            at += size
    except IndexError:
        raise UnreadableFile("is no workbook that can be read: a sheet ends in the middle of a record") from None


def _number(content: bytes, at: int, most: int) -> tuple[int, int]:
    value = 0
    for step in range(most):
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << (7 * step)
        if byte < 0x80:  # noqa: PLR2004 -- the last byte of a number
            break
    return value, at
