"""Files as people have them, and the reports that imports make of them."""

import csv
import io
import struct
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from openpyxl import Workbook

from agents.integrations.entries import Item, Report, Skipped
from agents.integrations.import_file import Import, TableOptions, open_import
from agents.integrations.report_rows import ImportOptions
from events.codec.decode import decode_report
from events.reports import ReportSubmitted

NOW = datetime(2026, 11, 16, 2, 11, tzinfo=UTC)
_OF_TABLES = frozenset(TableOptions.__dataclass_fields__)


def opened(content: str | bytes, **options: Any) -> Import:
    """Open a file of this content; options of tables and of reports differ by their names."""
    raw = content if isinstance(content, bytes) else content.encode()
    table = TableOptions(**{name: value for name, value in options.items() if name in _OF_TABLES})
    rest = ImportOptions(**{name: value for name, value in options.items() if name not in _OF_TABLES})
    return open_import(io.BytesIO(raw), table, rest, NOW)


def items(content: str | bytes, **options: Any) -> list[Item]:
    return list(opened(content, **options).items)


def reports(content: str | bytes, **options: Any) -> list[ReportSubmitted]:
    """The reports of a file without refused entries."""
    found = items(content, **options)
    assert all(isinstance(each, Report) for each in found), found
    return [decode_report(each.value) for each in found if isinstance(each, Report)]


def report(content: str | bytes, **options: Any) -> ReportSubmitted:
    [found] = reports(content, **options)
    return found


def reason(content: str | bytes, **options: Any) -> str:
    """The reason why the one entry of a file is refused."""
    [found] = items(content, **options)
    assert isinstance(found, Skipped), found
    assert "\n" not in found.reason
    return found.reason


def notes(content: str | bytes, **options: Any) -> tuple[str, ...]:
    """The notes on dropped values of the one report of a file."""
    [found] = items(content, **options)
    assert isinstance(found, Report), found
    return found.notes


def table(rows: Iterable[Sequence[str]], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


def workbook(*rows: Sequence[Any], book: Workbook | None = None, title: str = "Laporan") -> bytes:
    """A workbook of one sheet with these rows, written by openpyxl."""
    made = book or Workbook()
    sheet: Any = made.active
    sheet.title = title
    for each in rows:
        sheet.append(list(each))
    return saved(made)


def saved(book: Workbook) -> bytes:
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def changed(archive: bytes, name: str, old: str, new: str) -> bytes:
    """An archive with one file replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(out, "w") as target:
        for each in source.namelist():
            text = source.read(each)
            if each == name:
                assert old.encode() in text
                text = text.replace(old.encode(), new.encode())
            target.writestr(each, text)
    return out.getvalue()


def open_document(*rows: str) -> bytes:
    """A workbook of one sheet with these rows of XML, as LibreOffice writes it."""
    names = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
        for short, long in (("office", "office"), ("table", "table"), ("text", "text"))
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {names} office:version="1.3"><office:body>'
        f'<office:spreadsheet><table:table table:name="Laporan">{"".join(rows)}</table:table></office:spreadsheet>'
        "</office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("content.xml", content)
        archive.writestr(
            "META-INF/manifest.xml",
            '<?xml version="1.0"?>'
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>',
        )
    return out.getvalue()


def cells(*values: str | tuple[str, str, str], attributes: str = "") -> str:
    """A row of an OpenDocument sheet: texts, or type, value and displayed text."""
    written = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
        if isinstance(value, str)
        else f'<table:table-cell office:value-type="{value[0]}" office:{_VALUE[value[0]]}="{value[1]}">'
        f"<text:p>{value[2]}</text:p></table:table-cell>"
        for value in values
    )
    return f"<table:table-row{attributes}>{written}</table:table-row>"


_VALUE = {"float": "value", "date": "date-value"}

_EVENT = {"specversion": "1.0", "type": "lapor.report.submitted.v1", "source": "/c", "data": {"class": "complaint"}}
HALF_READ: dict[str, list[dict[str, Any]]] = {
    "json": [
        _EVENT | {"id": "1", "data": {"class": "complaint", "title": "Jalan", "anonymous": False}},
        _EVENT | {"id": "2", "data": {"class": "complaint", "title": "Lampu", "anonymous": "mungkin"}},
    ],
    "open311": [
        {"service_request_id": "1", "service_name": "Jalan", "anonymous": False},
        {"service_request_id": "2", "service_name": "Lampu", "anonymous": "mungkin"},
    ],
}
"""Entries of which the second has a flag that nobody understands."""


def binary_workbook(*rows: Sequence[Any], hidden: Sequence[int] = ()) -> bytes:
    """A workbook in the binary form of Excel (.xlsb), of one sheet with these rows.

    Numbers are shown with seven digits. None is a blank cell, an int below 0 the error with that code.
    """
    size = struct.pack("<IIII", 0, len(rows), 0, max(map(len, rows)))
    sheet = [_record(129), _record(148, size), _record(145)]
    for number, row in enumerate(rows):
        flags = b"\0" + bytes([0x10 if number in hidden else 0]) + b"\0" * 5
        sheet.append(_record(0, struct.pack("<IIH", number, 0, 300) + flags))
        sheet += [_binary_cell(column, value) for column, value in enumerate(row)]
    sheet += [_record(146), _record(130)]
    style = struct.pack("<HHHHH", 0xFFFF, 164, 0, 0, 0) + b"\0" * 6
    styles = [_record(278), _record(615, struct.pack("<I", 1)), _record(44, struct.pack("<H", 164) + _wide("0000000"))]
    styles += [_record(616), _record(617, struct.pack("<I", 1)), _record(47, style), _record(618), _record(279)]
    book = [_record(131), _record(143), _record(156, struct.pack("<II", 0, 1) + _wide("rId1") + _wide("Laporan"))]
    book += [_record(144), _record(132)]
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    types = "http://schemas.openxmlformats.org/package/2006"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{types}/content-types"/>')
        archive.writestr(
            "xl/_rels/workbook.bin.rels",
            f'<Relationships xmlns="{types}/relationships"><Relationship Id="rId1" Type="{kinds}/worksheet" '
            'Target="worksheets/sheet1.bin"/></Relationships>',
        )
        for name, records in (("workbook", book), ("styles", styles), ("worksheets/sheet1", sheet)):
            archive.writestr(f"xl/{name}.bin", b"".join(records))
    return out.getvalue()


def _record(kind: int, content: bytes = b"") -> bytes:
    head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    size = len(content)
    packed = bytes([size]) if size < 0x80 else bytes([size & 0x7F | 0x80, size >> 7])
    return head + packed + content


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def _binary_cell(column: int, value: Any) -> bytes:
    head = struct.pack("<II", column, 0)
    if value is None:
        return _record(1, head)
    if isinstance(value, str):
        return _record(6, head + _wide(value))
    return _record(3, head + bytes([-value])) if value < 0 else _record(5, head + struct.pack("<d", value))
