"""Files as people have them, for the tests of the bridges, and what becomes of them."""

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from openpyxl import Workbook

from agents.bridges.importing import Import, TableOptions, open_import
from agents.bridges.items import Item, Report, Skipped
from agents.bridges.rows import ImportOptions
from events.codec import decode_report
from events.reports import ReportSubmitted

NOW = datetime(2026, 11, 16, 2, 11, tzinfo=UTC)
_OF_TABLES = frozenset(TableOptions.__dataclass_fields__)


def opened(content: str | bytes, **options: Any) -> Import:
    """Open a file of this content; options of tables and of reports are told apart by their names."""
    raw = content if isinstance(content, bytes) else content.encode()
    table = TableOptions(**{name: value for name, value in options.items() if name in _OF_TABLES})
    rest = ImportOptions(**{name: value for name, value in options.items() if name not in _OF_TABLES})
    return open_import(io.BytesIO(raw), table, rest, NOW)


def items(content: str | bytes, **options: Any) -> list[Item]:
    return list(opened(content, **options).items)


def reports(content: str | bytes, **options: Any) -> list[ReportSubmitted]:
    """The reports of a file, all of whose entries are some."""
    found = items(content, **options)
    assert all(isinstance(each, Report) for each in found), found
    return [decode_report(each.value) for each in found if isinstance(each, Report)]


def report(content: str | bytes, **options: Any) -> ReportSubmitted:
    [found] = reports(content, **options)
    return found


def reason(content: str | bytes, **options: Any) -> str:
    """Why the one entry of a file is no report."""
    [found] = items(content, **options)
    assert isinstance(found, Skipped), found
    assert "\n" not in found.reason
    return found.reason


def notes(content: str | bytes, **options: Any) -> tuple[str, ...]:
    """What was left out of the one report of a file."""
    [found] = items(content, **options)
    assert isinstance(found, Report), found
    return found.notes


def table(rows: Iterable[Sequence[str]], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


def workbook(*rows: Sequence[Any], book: Workbook | None = None, title: str = "Laporan") -> bytes:
    """A workbook as openpyxl writes it, of one sheet with these rows."""
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
    """An archive with something else in one of its files."""
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
    """A workbook as LibreOffice writes it, of one sheet with these rows of XML."""
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
    """A row of an OpenDocument sheet: texts, or a type, a value and what is shown of it."""
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
