"""Properties of cells in an .xlsb, like those of `workbook_xml`.

Its parts are sequences of records: kind and length with seven bits per byte, then the content ([MS-XLSB] 2.1.4).
"""

import zipfile
from collections.abc import Iterator
from typing import Final

from agents.integrations.entries import UnreadableFile
from agents.integrations.workbook_xml import Marks, check_size, mask_of, relations_of

_ROW, _ERROR, _COMPUTED_ERROR, _LAST_CELL = 0, 3, 11, 11
_NUMBERS: Final = (2, 5, 9)
_FORMAT, _STYLE, _STYLES_BEGIN, _STYLES_END, _SHEET = 44, 47, 617, 618, 156
_HIDDEN: Final = 0x10
ERRORS: Final = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}
"""Codes of errors, in .xlsb and .xls."""


def xlsb_marks(archive: zipfile.ZipFile) -> dict[str, Marks]:
    """Return the properties of each sheet by its name; raise UnreadableFile if the file is truncated or too large."""
    names = set(archive.namelist())
    formats = _masks(archive.read("xl/styles.bin")) if "xl/styles.bin" in names else {}
    targets = relations_of(archive, "xl/_rels/workbook.bin.rels")
    marks = {}
    for kind, content in _records(archive.read("xl/workbook.bin")):
        if kind == _SHEET:
            relation, end = _text(content, 8)
            path = targets.get(relation)
            if path in names:
                marks[_text(content, end)[0]] = _sheet(archive.read(path), formats)
    return marks


def _sheet(content: bytes, formats: dict[int, str]) -> Marks:
    marks, row = Marks(), 0
    for kind, record in _records(content):
        if kind > _LAST_CELL:
            continue
        first = _number(record, 0, 4)
        if kind == _ROW:
            row = first
            check_size(row, 0)
            if len(record) > 11 and record[11] & _HIDDEN:  # noqa: PLR2004 -- where the flags of a row are
                marks.hidden.add(row)
            continue
        check_size(row, first)
        if kind in {_ERROR, _COMPUTED_ERROR}:
            marks.show(row, first, ERRORS.get(_number(record, 8, 1), "#N/A"))
        elif kind in _NUMBERS and (mask := formats.get(_number(record, 4, 3))):
            marks.mask(row, first, mask)
    return marks


def _masks(styles: bytes) -> dict[int, str]:
    codes: dict[int, str] = {}
    used: list[int] = []
    within = False
    for kind, record in _records(styles):
        if kind == _FORMAT:
            codes[_number(record, 0, 2)] = mask_of(_text(record, 2)[0])
        elif kind in {_STYLES_BEGIN, _STYLES_END}:
            within = kind == _STYLES_BEGIN
        elif kind == _STYLE and within:
            used.append(_number(record, 2, 2))
    return {style: mask for style, number in enumerate(used) if (mask := codes.get(number, ""))}


def _records(content: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(content):
        kind, at = _packed(content, at, 2)
        size, at = _packed(content, at, 4)
        yield kind, content[at : at + size]
        at += size


def _packed(content: bytes, at: int, most: int) -> tuple[int, int]:
    value = 0
    for step in range(most):
        byte = _number(content, at, 1)
        at += 1
        # the kind keeps the high bits of its bytes, the length does not
        value |= (byte & 0x7F) << (7 * step)
        if byte < 0x80:  # noqa: PLR2004 -- the last byte of a number
            break
    return value, at


def _number(content: bytes, at: int, size: int) -> int:
    if at + size > len(content):
        raise UnreadableFile("is not a readable workbook: a sheet ends in the middle of a record")
    return int.from_bytes(content[at : at + size], "little")


def _text(content: bytes, at: int) -> tuple[str, int]:
    length = _number(content, at, 4)
    end = at + 4 + (0 if length == 0xFFFFFFFF else 2 * length)  # noqa: PLR2004 -- no text
    return content[at + 4 : end].decode("utf-16-le", "replace"), end
