"""Import of a file of any supported kind: detects the kind, and returns the result of each entry.

A table and a list of requests are read twice: first for ambiguities (order of day and month, words for a status), so
that nothing of an ambiguous file is sent; then entry by entry.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import Any, BinaryIO, Final, cast

from pydantic_core import from_json

from agents.integrations import open311
from agents.integrations.cells import as_written
from agents.integrations.columns import Columns, choose_columns
from agents.integrations.dates import DateColumn, Order
from agents.integrations.encodings import encoding_of, lines_of, refuse_what_is_no_text, text_lines
from agents.integrations.entries import (
    ADDED,
    NOTHING,
    REASON,
    SOURCE,
    Entry,
    Item,
    Skipped,
    UnreadableFile,
    item_of,
    validated,
    without_conflicts,
)
from agents.integrations.json_messages import Message, head_of, is_json, messages_in, without
from agents.integrations.layouts import catalogue, plain, plain_names
from agents.integrations.report_rows import ImportOptions, Maker
from agents.integrations.survey import ColumnSurvey, Survey
from agents.integrations.table_detection import Table, find_table
from agents.integrations.tables import Grid, csv_grid
from agents.integrations.workbooks import OLE, ZIP, sheets_of
from events.wording import number_of

OPEN311: Final = "open311"
LAPOR: Final = "lapor"

_IN_MEMORY: Final = 16 * 1024 * 1024
_WEB_PAGE: Final = ("<!doctype html", "<html", "<table", "<meta", "<head", "<style", "<div", "<!--", "mime-version:")
_DATES: Final = ("received", "event_date")


@dataclass(frozen=True)
class TableOptions:
    """Options for finding the table in a file, and its columns."""

    columns: tuple[str, ...] = ()
    """`field=column`, or `field=` for none."""
    ignored: tuple[str, ...] = ()
    no_id: bool = False
    sheet: str | None = None
    header_row: int | None = None
    hidden: bool = False
    encoding: str | None = None
    dates: Order | None = None
    form: str | None = None
    """`OPEN311` or `LAPOR`; None for detection."""


@dataclass
class Import:
    """An opened file without ambiguities."""

    items: Iterable[Item]
    notes: list[str] = field(default_factory=list)
    """Lines on how it is read."""
    total: int | None = None
    """Number of entries; None if they are streamed."""
    entry: str = "line"
    """The word for an entry."""
    header: tuple[str, ...] | None = None
    """The columns of a table; None for JSON, whose entries are objects."""
    source: str | None = None
    """Default channel of entries; None for reports of the contract, which have one."""


class TableOnly(Exception):
    """An option is for tables or requests only, but the file is neither; the message is one line."""


def open_import(
    stream: BinaryIO, table: TableOptions, options: ImportOptions, now: datetime, *, used_options: Sequence[str] = ()
) -> Import:
    """Detect the kind of a file, and survey it; `stream` must stay open while the items are read.

    `used_options` are those of the command line. Raises UnreadableFile, BadLayout (needs a decision) or TableOnly.
    """
    lines = lines_of(stream)
    head = head_of(lines)
    if not head[-1]:
        raise UnreadableFile(NOTHING)
    everything, opening = chain(head, lines), _Opening(table, options, now)
    if is_json(head[-1]):
        opened = opening.json(stream, everything, used_options)
    else:
        opened = opening.document(_seekable(stream, everything), head[-1])
    opened.items = without_conflicts(opened.items, opened.entry)
    return opened


@dataclass(frozen=True)
class _Opening:
    """A file during detection of its kind."""

    table: TableOptions
    options: ImportOptions
    now: datetime

    def json(self, stream: BinaryIO, lines: Iterator[bytes], used_options: Sequence[str]) -> Import:
        """Open messages of the contract, or requests."""
        read: list[bytes] = []
        messages = messages_in(_recorded(lines, read))
        first = next(messages, None)
        if first is None:
            raise UnreadableFile(NOTHING)
        value = _value(first)
        if self.table.form == OPEN311 or open311.looks_like_requests(value):
            if isinstance(value, UnreadableFile) and first.within == "whole":
                raise value
            requests = _seekable(stream, chain(read, lines))
            return self._requests(lambda: _requests_of(requests))
        if self.table.form is not None:
            raise UnreadableFile("is JSON, not a table")
        if used_options:
            raise TableOnly(
                f"{', '.join(used_options)}: only for tables and Open311; reports of the contract have it in themselves"
            )
        entry = "entry" if first.within == "entry" else "line"
        return Import(
            (validated(each.line, without(each.raw, REASON), each.raw) for each in chain([first], messages)),
            entry=entry,
        )

    def document(self, stream: BinaryIO, first: bytes) -> Import:
        """Open a table or a list of requests in XML, which begins with the line `first`."""
        refuse_what_is_no_text(first)
        stream.seek(0)
        if first.startswith((ZIP, OLE)):
            grids, lines = sheets_of(stream, sheet=self.table.sheet, hidden=self.table.hidden)
            return self._grids(grids, lines)
        encoding = encoding_of(stream, self.table.encoding)
        head = next((line for line in text_lines(stream, encoding) if line.strip()), "").lstrip().casefold()
        if head.startswith(_WEB_PAGE):
            raise UnreadableFile(
                "is a web page (HTML), whatever its name: open it in a spreadsheet and save it as .xlsx or CSV"
            )
        if head.startswith(("[", "{")):
            raise UnreadableFile(f"is JSON in {encoding}: save it in UTF-8")
        if head.startswith("<"):
            stream.seek(0)
            requests = open311.from_xml(stream.read())
            return self._requests(lambda: iter(enumerate(requests, start=1)))
        lines = [] if encoding in {"utf-8", "utf-8-sig"} else [f"read as {encoding} (--encoding names another)"]
        return self._grids([csv_grid(lambda: text_lines(stream, encoding), self._score)], lines)

    def _grids(self, grids: Sequence[Grid], lines: list[str]) -> Import:
        table = self.table
        best, others = find_table(grids, self._score, header_row=table.header_row)
        if table.form == OPEN311 and "service_request_id" not in map(plain, best.header):
            raise UnreadableFile("is not a list of service requests")
        layout = catalogue().layout_named("the LAPOR export") if table.form == LAPOR else None
        columns = choose_columns(best.header, table.columns, table.ignored, no_id=table.no_id, layout=layout)
        named = SOURCE in map(plain, best.header)
        options = self.options.within(columns.layout, named=named)
        survey = Survey(options, {name: DateColumn(columns.name_of(name), table.dates) for name in _DATES})
        column_survey = ColumnSurvey(columns)
        for entry in _rows(best, columns):
            column_survey.see(entry)
            survey.see(entry)
        column_survey.refuse_overlooked()
        orders = survey.decide()
        channel = f"{SOURCE} has it" if named and options.source is None else str(options.origin)
        notes = [
            f"sheet: {best.grid.name}" if best.grid.name else "",
            *lines,
            f"not read: {', '.join(others)} (--sheet reads another)" if others else "",
            best.note or "",
            f"layout: {columns.layout.name}, as from {channel}",
            f"columns: {columns}",
            *column_survey.notes,
            *survey.notes(columns.positions),
        ]
        maker = Maker(columns.layout, options, orders, self.now, no_id="id" not in columns.positions)
        items = _items(_rows(best, columns), maker)
        return Import(items, [*filter(None, notes)], survey.total, header=columns.header, source=options.origin)

    def _requests(self, requests: Callable[[], Iterator[tuple[int, Any]]]) -> Import:
        table, layout = self.table, open311.LAYOUT

        def entries() -> Iterator[Entry | Skipped]:
            return open311.entries_of(requests(), table.ignored)

        of_tables = {
            "--map": table.columns,
            "--no-id": table.no_id,
            "--sheet": table.sheet,
            "--header-row": table.header_row,
            "--hidden": table.hidden,
        }
        if unread := [name for name, value in of_tables.items() if value]:
            raise TableOnly(f"{', '.join(unread)}: only for tables; this file holds requests of Open311")
        options = self.options.within(layout)
        survey = Survey(options, {"received": DateColumn("requested_datetime", table.dates)})
        for entry in entries():
            survey.see(entry)
        maker = Maker(layout, options, survey.decide(), self.now, no_id=False)
        notes = [f"layout: {layout.name}, as from {options.origin}", *survey.notes({"received", "status"})]
        return Import(_items(entries(), maker), notes, survey.total, entry="request", source=options.origin)

    @cached_property
    def _score(self) -> Callable[[Sequence[str]], int]:
        mapped = {plain(pair.partition("=")[2]) for pair in self.table.columns} | set(map(plain, self.table.ignored))
        names = (catalogue().names | mapped) - {""}
        return lambda cells: len({name for cell in cells for name in plain_names(cell)} & names)


def _seekable(stream: BinaryIO, lines: Iterable[bytes]) -> BinaryIO:
    """Return a seekable stream: the content of a pipe is copied to a temporary file."""
    if stream.seekable():
        return stream
    copy = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 -- lives as long as the import
    copy.writelines(lines)
    return cast("BinaryIO", copy)


def _rows(table: Table, columns: Columns) -> Iterator[Entry | Skipped]:
    """Yield the rows of a table as entries, without the columns of a reject file."""
    width = len(columns.header)
    added = {plain(name): at for at, name in enumerate(columns.header) if plain(name) in ADDED}
    for row in table.rows():
        if isinstance(row, Skipped):
            yield row
            continue
        number, cells = row
        if not any(cell.strip() for at, cell in enumerate(cells) if at not in added.values()):
            continue
        if len(cells) < width and table.grid.name:
            cells += [""] * (width - len(cells))
        if len(cells) != width:
            # else the rest of a text that a stray quote has split would become a complaint
            yield Skipped(number, f"has {number_of(len(cells), 'cell')} under {number_of(width, 'column')}", cells)
        else:
            values = {name: as_written(cells[at]) for name, at in columns.positions.items()}
            source = cells[added[SOURCE]].strip() if SOURCE in added else None
            yield Entry(number, values, cells, source=source or None)


def _items(entries: Iterable[Entry | Skipped], maker: Maker) -> Iterator[Item]:
    return (entry if isinstance(entry, Skipped) else item_of(entry, maker.report) for entry in entries)


def _recorded(lines: Iterable[bytes], read: list[bytes]) -> Iterator[bytes]:
    for line in lines:
        read.append(line)
        yield line


def _requests_of(stream: BinaryIO) -> Iterator[tuple[int, Any]]:
    stream.seek(0)
    number = 0
    for message in messages_in(lines_of(stream)):
        value = _value(message)
        single = message.within == "entry" or isinstance(value, UnreadableFile)
        for request in [value] if single else open311.requests_in(value):
            number += 1
            yield number, request


def _value(message: Message) -> object:
    try:
        return from_json(message.raw)
    except ValueError as error:
        return UnreadableFile(f"is not JSON: {error}")
