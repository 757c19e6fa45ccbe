"""Properties of cells in .xlsx and .ods: hidden rows, leading zeros, errors, merged cells, and the declared size.

Sheets are parsed with expat, for speed. Document types are refused, since their entities may expand without end.
"""

import posixpath
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import Element
from xml.parsers.expat import ExpatError, ParserCreate, XMLParserType

from defusedxml.ElementTree import fromstring

from agents.integrations.entries import NO_RESULT, UnreadableFile

_MOST_ROWS: Final = 1_048_576
_MOST_CELLS: Final = 20_000_000
_CELL: Final = re.compile(r"([A-Za-z]{1,4})([0-9]{1,12})")
_INTEGER: Final = re.compile(r'(?:\[[^\]]*\])?((?:"[^"]*"|\\.|[_*].|[0 ()-])*)(?:;.*)?', re.DOTALL)
"""A number format of zeros and literal text: quoted, behind a backslash, or marks; `_` and `*` pad it with space."""
_PIECES: Final = re.compile(r'"([^"]*)"|\\(.)|[_*].|(.)', re.DOTALL)
_SHOWN_INTEGER: Final = re.compile(r"[^\d.,+]*\d(?:[\d-]*\d)?")
_READ: Final = ("string", "float", "boolean", "date", "time", "percentage", "currency")
"""Types of OpenDocument cells whose value is read; of others the displayed text is."""

Cell = tuple[int, int]
"""Row and column, from 0."""


@dataclass
class Marks:
    """Properties of the cells of a sheet other than values. Rows and columns count from 0."""

    hidden: set[int] = field(default_factory=set)
    masks: dict[int, dict[int, str]] = field(default_factory=dict)
    """By row and column, the mask of a whole number that is displayed in another form, see `shown_as`."""
    displayed: dict[int, dict[int, str]] = field(default_factory=dict)
    """By row and column, the text of cells without a value: errors, formulas without a result."""
    merged: list[tuple[Cell, Cell]] = field(default_factory=list)

    def mask(self, row: int, column: int, mask: str) -> None:
        """Set the number format of a cell."""
        self.masks.setdefault(row, {})[column] = mask

    def show(self, row: int, column: int, text: str) -> None:
        """Set the displayed text of a cell."""
        self.displayed.setdefault(row, {})[column] = text


def marks_of(archive: zipfile.ZipFile) -> dict[str, Marks]:
    """Return the properties of each sheet of an .xlsx or .ods by its name; raise UnreadableFile."""
    names = set(archive.namelist())
    if "xl/workbook.xml" in names:
        return _excel(archive)
    if "content.xml" in names:
        return _OpenDocument().read(archive.read("content.xml"))
    raise UnreadableFile("is an archive, not a workbook: unpack it first")


def _parse(
    content: bytes,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], None],
) -> None:
    parser: XMLParserType = ParserCreate(namespace_separator=" ")

    def refuse(*_: object) -> None:
        raise UnreadableFile("its XML has a document type, whose entities may unfold without end")

    parser.StartDoctypeDeclHandler = refuse
    # without the namespace, since OOXML has two
    parser.StartElementHandler = lambda name, attributes: start(
        name.rpartition(" ")[2], {key.rpartition(" ")[2]: value for key, value in attributes.items()}
    )
    parser.EndElementHandler = lambda name: end(name.rpartition(" ")[2])
    parser.CharacterDataHandler = text
    try:
        parser.Parse(content, True)  # noqa: FBT003 -- final
    except ExpatError as error:
        raise UnreadableFile(f"is not a readable workbook: {error}") from None


def _excel(archive: zipfile.ZipFile) -> dict[str, Marks]:
    names = set(archive.namelist())
    targets = relations_of(archive, "xl/_rels/workbook.xml.rels")
    formats = _masks(_tree(archive, "xl/styles.xml")) if "xl/styles.xml" in names else {}
    marks = {}
    for sheet in _tree(archive, "xl/workbook.xml").iterfind(".//{*}sheet"):
        relation = next((value for name, value in sheet.items() if name.endswith("}id")), "")
        if (path := targets.get(relation)) in names:
            marks[sheet.get("name", "")] = _ExcelSheet(formats).read(archive.read(path))
    return marks


def _tree(archive: zipfile.ZipFile, name: str) -> Element:
    tree: Element = fromstring(archive.read(name), forbid_dtd=True)
    return tree


def relations_of(archive: zipfile.ZipFile, name: str) -> dict[str, str]:
    """Return the parts of an archive that a part refers to, by relation id, from `name`."""
    if name not in archive.namelist():
        return {}
    return {
        each.get("Id", ""): posixpath.normpath(posixpath.join("/xl", each.get("Target", ""))).lstrip("/")
        for each in _tree(archive, name).iterfind("{*}Relationship")
    }


def mask_of(code: str) -> str:
    """Return the mask of a number format such as `"LP-"0000`; empty if whole numbers are displayed unchanged."""
    match = _INTEGER.fullmatch(code)
    pieces = _PIECES.findall(match[1]) if match else []
    mask = "".join("0" if mark == "0" else _literal(quoted + escaped + mark) for quoted, escaped, mark in pieces)
    return mask if mask.strip("\\ ") != "0" and "0" in [mark for *_, mark in pieces] else ""


def _literal(text: str) -> str:
    return "".join(f"\\{letter}" for letter in text)


def shown_as(digits: str, mask: str) -> str:
    """Format a whole number by a mask, in which 0 is a digit and other characters follow a backslash."""
    places = re.findall(r"\\.|0", mask, re.DOTALL)
    left = digits.zfill(places.count("0"))
    first = len(left) - places.count("0") + 1
    shown = ""
    for place in places:
        if place == "0":
            shown, left, first = shown + left[:first], left[first:], 1
        else:
            shown += place[1:]
    return shown


def _masks(styles: Element) -> dict[str, str]:
    codes = {each.get("numFmtId"): mask_of(each.get("formatCode", "")) for each in styles.iterfind(".//{*}numFmt")}
    used = (each.get("numFmtId") for each in styles.iterfind("{*}cellXfs/{*}xf"))
    return {str(index): mask for index, number in enumerate(used) if (mask := codes.get(number, ""))}


class _ExcelSheet:
    def __init__(self, formats: dict[str, str]) -> None:
        self._formats = formats
        self._marks = Marks()
        self._row = self._column = -1
        self._lowest = self._rightmost = 0
        self._kind = ""
        self._formula = False
        self._value: str | None = None
        """Text of the cell's value; None without such an element."""

    def read(self, content: bytes) -> Marks:
        _parse(content, self._start, self._end, self._text)
        return self._marks

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._cell(attributes)
        elif name == "row":
            number = attributes.get("r", "")
            self._row, self._column = (int(number) - 1 if number.isdigit() else self._row + 1), -1
            check_size(self._row, 0)
            if attributes.get("hidden") in {"1", "true"}:
                self._marks.hidden.add(self._row)
        elif name == "f":
            self._formula = True
        elif name == "v":
            self._value = ""

    def _cell(self, attributes: dict[str, str]) -> None:
        self._column += 1
        if reference := _CELL.fullmatch(attributes.get("r", "")):
            self._row, self._column = int(reference[2]) - 1, _column(reference[1])
        if self._column > self._rightmost or self._row > self._lowest:
            self._rightmost, self._lowest = max(self._column, self._rightmost), max(self._row, self._lowest)
            check_size(self._lowest, self._rightmost)
        self._kind, self._formula, self._value = attributes.get("t", "n"), False, None
        if self._kind == "n" and (mask := self._formats.get(attributes.get("s", ""))):
            self._marks.mask(self._row, self._column, mask)

    def _text(self, text: str) -> None:
        if self._value is not None:
            self._value += text

    def _end(self, name: str) -> None:
        if name != "c":
            return
        # a computed text may be empty
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
    """Raise UnreadableFile unless a sheet can have a cell there."""
    if row >= _MOST_ROWS or (row + 1) * (column + 1) > _MOST_CELLS:
        raise UnreadableFile(
            f"claims to have a cell in row {row + 1:,}, column {column + 1:,}: export it again, or as CSV"
        )


@dataclass
class _Cell:
    """A cell of an OpenDocument sheet during parsing."""

    repeated: int
    kind: str
    rows: int
    columns: int
    formula: bool
    text: str = ""


class _OpenDocument:
    """Handlers for the XML of an .ods, which has values and displayed texts."""

    def __init__(self) -> None:
        self._sheets: dict[str, Marks] = {}
        self._marks = Marks()
        self._row = self._column = 0
        self._rows = 1
        self._cell: _Cell | None = None
        self._annotations = 0
        """Depth of annotations, which are not content of the cell."""

    def read(self, content: bytes) -> dict[str, Marks]:
        _parse(content, self._start, self._end, self._text)
        return self._sheets

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table":
            self._marks = self._sheets.setdefault(attributes.get("name", ""), Marks())
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
            self._annotations += 1

    def _text(self, text: str) -> None:
        if self._cell is not None and not self._annotations:
            self._cell.text += text

    def _end(self, name: str) -> None:
        if name == "annotation":
            self._annotations -= 1
        elif name == "table-row":
            self._row += self._rows
        elif name in {"table-cell", "covered-table-cell"} and self._cell is not None:
            cell, self._cell = self._cell, None
            if cell.kind or cell.formula or cell.text.strip():
                # skip empty cells: the rest of a sheet is one repeated empty cell
                check_size(self._row + self._rows - 1, self._column + cell.repeated - 1)
                self._mark(cell)
            self._column += cell.repeated

    def _mark(self, cell: _Cell) -> None:
        text = cell.text.strip()
        shown = _SHOWN_INTEGER.fullmatch(text) if cell.kind == "float" else None
        masked = shown and (not text.isdigit() or text.startswith("0")) and len(text) > 1
        # a computed cell without a value may display an error
        unread = cell.kind not in _READ or (cell.kind == "string" and cell.formula and text)
        for row in range(self._row, self._row + self._rows) if masked or unread else ():
            for column in range(self._column, self._column + cell.repeated):
                if masked:
                    self._marks.mask(row, column, "".join("0" if each.isdigit() else _literal(each) for each in text))
                else:
                    self._marks.show(row, column, text or NO_RESULT)
        if cell.rows > 1 or cell.columns > 1:
            last = (self._row + cell.rows - 1, self._column + cell.columns - 1)
            self._marks.merged.append(((self._row, self._column), last))


def _count(attributes: dict[str, str], name: str) -> int:
    number = attributes.get(name, "1")
    return max(1, int(number)) if number.isdigit() and len(number) < 12 else 1  # noqa: PLR2004 -- limit for int()
