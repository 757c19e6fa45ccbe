"""What a workbook says of its cells beside their values: hidden rows, leading zeros, errors, its claimed size.

XML is read with expat, which is fast enough to go over every cell. Document types are refused, and with them entities
that unfold without end.
"""

import posixpath
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from xml.parsers.expat import ExpatError, ParserCreate, XMLParserType

from agents.integrations.entries import NO_RESULT, UnreadableFile

Place = tuple[int, int]
"""Row and column, from 0."""

_MOST_ROWS: Final = 1_048_576
_MOST_CELLS: Final = 20_000_000
_CELL: Final = re.compile(r"([A-Za-z]{1,4})([0-9]{1,12})")
_ZEROS: Final = re.compile(r"(?:\[[^\]]*\])?(0{2,})(?:;.*)?")
_TRUE: Final = ("1", "true")
_READ: Final = ("string", "float", "boolean", "date", "time", "percentage", "currency")
"""Types of OpenDocument cells whose values are read; what others show is taken."""


@dataclass
class Marks:
    """What is known of the cells of a sheet."""

    hidden: set[int] = field(default_factory=set)
    """Rows that are hidden."""
    digits: dict[Place, int] = field(default_factory=dict)
    """Cells whose number is shown with leading zeros, and with how many digits."""
    merged: list[tuple[Place, Place]] = field(default_factory=list)
    shown: dict[int, dict[int, str]] = field(default_factory=dict)
    """By row and column, the text of cells that would else be read as empty: errors, formulas without a result."""

    def show(self, row: int, column: int, text: str) -> None:
        """Note the text of a cell."""
        self.shown.setdefault(row, {})[column] = text


def marks_of(archive: zipfile.ZipFile) -> dict[str, Marks]:
    """Return the marks of each sheet by its name, of a workbook whose parts are XML.

    Raises:
        UnreadableFile: it claims more cells than a spreadsheet has, or its XML cannot be read.
    """
    names = set(archive.namelist())
    if "xl/workbook.xml" in names:
        return _excel(archive)
    if "content.xml" in names:
        return _open_document(archive)
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

    def workbook(name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            sheets[attributes.get("name", "")] = attributes.get("id", "")

    _parse(archive.read("xl/workbook.xml"), workbook)
    names = set(archive.namelist())
    targets = relations_of(archive, "xl/_rels/workbook.xml.rels")
    formats = _zero_formats(archive.read("xl/styles.xml")) if "xl/styles.xml" in names else {}
    found = {}
    for sheet, relation_id in sheets.items():
        path = targets.get(relation_id)
        if path in names:
            found[sheet] = _ExcelSheet(formats).read(archive.read(path))
    return found


def relations_of(archive: zipfile.ZipFile, name: str) -> dict[str, str]:
    """Return the parts that the workbook of an archive refers to, by the ids that it has for them."""
    targets: dict[str, str] = {}

    def relation(name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship":
            target = posixpath.join("/xl", attributes.get("Target", ""))
            targets[attributes.get("Id", "")] = posixpath.normpath(target).lstrip("/")

    if name in archive.namelist():
        _parse(archive.read(name), relation)
    return targets


def leading_zeros(code: str) -> int:
    """Return how many digits a format of numbers shows at least; 0 for one without leading zeros."""
    found = _ZEROS.fullmatch(code)
    return len(found[1]) if found else 0


def _zero_formats(styles: bytes) -> dict[str, int]:
    """Return by style how many digits it shows at least, for the styles with leading zeros."""
    codes: dict[str, int] = {}
    styles_seen: list[str] = []
    within: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        within.append(name)
        if name == "numFmt" and (zeros := leading_zeros(attributes.get("formatCode", ""))):
            codes[attributes.get("numFmtId", "")] = zeros
        elif name == "xf" and "cellXfs" in within:
            styles_seen.append(attributes.get("numFmtId", ""))

    _parse(styles, start, lambda _: within.__delitem__(-1))
    return {str(index): codes[number] for index, number in enumerate(styles_seen) if number in codes}


class _ExcelSheet:
    """Goes over the XML of a sheet of an .xlsx."""

    def __init__(self, formats: dict[str, int]) -> None:
        self._formats = formats
        self._marks = Marks()
        self._row = self._column = -1
        self._lowest = self._rightmost = 0
        self._kind = ""
        self._formula = False
        self._value: str | None = None
        """What stands in the cell as its value; None where there is no such element."""

    def read(self, content: bytes) -> Marks:
        """Return the marks of the sheet."""
        _parse(content, self._start, self._end, self._text)
        return self._marks

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._cell(attributes)
        elif name == "row":
            given = attributes.get("r", "")
            self._row, self._column = (int(given) - 1 if given.isdigit() else self._row + 1), -1
            check_size(self._row, 0)
            if attributes.get("hidden") in _TRUE:
                self._marks.hidden.add(self._row)
        elif name == "f":
            self._formula = True
        elif name == "v":
            self._value = ""

    def _cell(self, attributes: dict[str, str]) -> None:
        self._column += 1
        if found := _CELL.fullmatch(attributes.get("r", "")):
            self._row, self._column = int(found[2]) - 1, _column(found[1])
        if self._column > self._rightmost or self._row > self._lowest:
            self._rightmost, self._lowest = max(self._column, self._rightmost), max(self._row, self._lowest)
            check_size(self._lowest, self._rightmost)
        self._kind, self._formula, self._value = attributes.get("t", "n"), False, None
        if (style := attributes.get("s")) in self._formats and self._kind == "n":
            self._marks.digits[self._row, self._column] = self._formats[style or ""]

    def _text(self, text: str) -> None:
        if self._value is not None:
            self._value += text

    def _end(self, name: str) -> None:
        if name != "c":
            return
        # a text may be computed to be empty, and then has an empty value
        missing = not self._value and (self._value is None or self._kind != "str")
        if self._formula and missing:
            self._marks.show(self._row, self._column, NO_RESULT)
        elif self._value and self._kind in {"e", "inlineStr"}:
            self._marks.show(self._row, self._column, self._value)


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def check_size(row: int, column: int) -> None:
    """Refuse a workbook that has a cell where none can be.

    Raises:
        UnreadableFile: it does.
    """
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
    formula: bool
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
        self._aside = 0
        """Within so many notes about a cell, which are no part of it."""

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
                "formula" in attributes,
            )
        elif name == "annotation":
            self._aside += 1

    def _text(self, text: str) -> None:
        if self._cell is not None and not self._aside:
            self._cell.text += text

    def _end(self, name: str) -> None:
        if name == "annotation":
            self._aside -= 1
        elif name == "table-row":
            self._row += self._rows
        elif name in {"table-cell", "covered-table-cell"} and self._cell is not None:
            cell, self._cell = self._cell, None
            if cell.kind or cell.formula or cell.text.strip():
                # only what has a value counts: all the rest of a sheet is one repeated empty cell
                check_size(self._row + self._rows - 1, self._column + cell.repeated - 1)
                self._mark(cell)
            self._column += cell.repeated

    def _mark(self, cell: _Cell) -> None:
        text = cell.text.strip()
        zeros = cell.kind == "float" and text.isdigit() and text.startswith("0") and len(text) > 1
        # what is computed may show an error where its value is empty
        unread = cell.kind not in _READ or (cell.kind == "string" and cell.formula and text)
        for row in range(self._row, self._row + self._rows) if zeros or unread else ():
            for column in range(self._column, self._column + cell.repeated):
                if zeros:
                    self._marks.digits[row, column] = len(text)
                else:
                    self._marks.show(row, column, text or NO_RESULT)
        if cell.rows > 1 or cell.columns > 1:
            last = (self._row + cell.rows - 1, self._column + cell.columns - 1)
            self._marks.merged.append(((self._row, self._column), last))


def _count(attributes: dict[str, str], name: str) -> int:
    given = attributes.get(name, "1")
    return max(1, int(given)) if given.isdigit() and len(given) < 12 else 1  # noqa: PLR2004 -- digits enough
