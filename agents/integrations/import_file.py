"""A file of any kind that holds reports, opened: what it is, and what becomes of each of its entries.

A table and a list of requests are gone over twice. First for what must be decided about all of them (the order of day
and month, words for where a request stands), so that nothing is sent of a file that needs a decision; then entry by
entry.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any, BinaryIO, Final, cast

from pydantic_core import from_json

from agents.integrations import open311
from agents.integrations.columns import Columns, choose_columns
from agents.integrations.dates import DateColumn, Order
from agents.integrations.encodings import encoding_of, refuse_what_is_no_text, text_lines
from agents.integrations.entries import (
    NOTHING,
    Entry,
    Item,
    Skipped,
    UnreadableFile,
    item_of,
    judged,
    without_conflicts,
)
from agents.integrations.formulas import as_written
from agents.integrations.json_messages import Message, head_of, is_json, messages_in, without
from agents.integrations.layouts import catalogue, plain, plain_names
from agents.integrations.lines import lines_of
from agents.integrations.reject_columns import ADDED, REASON, SOURCE
from agents.integrations.report_rows import ImportOptions, Maker
from agents.integrations.survey import Looks, Survey
from agents.integrations.table_detection import Table, find_table
from agents.integrations.tables import Grid, csv_grid
from agents.integrations.workbooks import OLE, ZIP, sheets_of

OPEN311: Final = "open311"
LAPOR: Final = "lapor"

_HELD: Final = 16 * 1024 * 1024
_WEB_PAGE: Final = ("<!doctype html", "<html", "<table", "<meta", "<head", "<style", "<div", "<!--", "mime-version:")
_DATES: Final = ("received", "event_date")


@dataclass(frozen=True)
class TableOptions:
    """Where in a file its table is, and what its columns are."""

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
    """The format that was asked for: `OPEN311`, `LAPOR`, or whatever the file is."""


@dataclass
class Import:
    """A file that has been opened, and looked at as far as it can be before anything is sent."""

    items: Iterable[Item]
    told: list[str] = field(default_factory=list)
    """What a person should know of how it was read, a line each."""
    total: int | None = None
    """Its entries; None where they are taken as they come."""
    entry: str = "line"
    """What an entry of it is called."""
    header: tuple[str, ...] | None = None
    """The columns of a table; None for JSON, whose entries are objects."""
    source: str | None = None
    """The channel of entries that do not name theirs; None for reports of the contract, which do."""


class TableOnly(Exception):
    """An option is for tables or requests only, and the file is neither; the message is one line."""


def open_import(
    stream: BinaryIO, table: TableOptions, options: ImportOptions, now: datetime, *, given: Sequence[str] = ()
) -> Import:
    """Find out what a file is, and how it is to be read.

    Args:
        stream: of a file or a pipe; it must stay open while the items are taken.
        table: for tables, how to find their columns.
        options: how entries become reports.
        now: aware, UTC.
        given: the options that were given; they do not fit reports of the contract, which have it all in themselves.

    Raises:
        UnreadableFile: it holds no reports.
        BadLayout: something about it needs a decision.
        TableOnly: options were given that do not fit it.
    """
    found = _opened(stream, table, options, now, given)
    found.items = without_conflicts(found.items, found.entry)
    return found


def _opened(
    stream: BinaryIO, table: TableOptions, options: ImportOptions, now: datetime, given: Sequence[str]
) -> Import:
    lines = lines_of(stream)
    head = head_of(lines)
    if not head[-1]:
        raise UnreadableFile(NOTHING)
    everything = chain(head, lines)
    if is_json(head[-1]):
        return _json(stream, everything, table, options, now, given=given)
    return _document(_seekable(stream, everything), head[-1], table, options, now)


def _seekable(stream: BinaryIO, lines: Iterable[bytes]) -> BinaryIO:
    """Return a stream that can be read from its beginning again: what comes from a pipe is kept in a file."""
    if stream.seekable():
        return stream
    kept = tempfile.SpooledTemporaryFile(max_size=_HELD)  # noqa: SIM115 -- lives as long as the import
    kept.writelines(lines)
    return cast("BinaryIO", kept)


def _document(stream: BinaryIO, first: bytes, table: TableOptions, options: ImportOptions, now: datetime) -> Import:
    refuse_what_is_no_text(first)
    stream.seek(0)
    if first.startswith((ZIP, OLE)):
        grids, told = sheets_of(stream, sheet=table.sheet, hidden=table.hidden)
        return _table(grids, told, table, options, now)
    encoding = encoding_of(stream, table.encoding)
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
        return _requests(lambda: iter(enumerate(requests, start=1)), table, options, now)
    told = [] if encoding in {"utf-8", "utf-8-sig"} else [f"read as {encoding} (--encoding names another)"]
    known = _scorer(table)
    return _table([csv_grid(lambda: text_lines(stream, encoding), known)], told, table, options, now)


def _scorer(table: TableOptions) -> Callable[[Sequence[str]], int]:
    names = (
        catalogue().names | {plain(pair.partition("=")[2]) for pair in table.columns} | set(map(plain, table.ignored))
    )
    return lambda cells: len({name for cell in cells for name in plain_names(cell)} & (names - {""}))


def _table(
    grids: Sequence[Grid], told: list[str], table: TableOptions, options: ImportOptions, now: datetime
) -> Import:
    found, others = find_table(grids, _scorer(table), header_row=table.header_row)
    if table.form == OPEN311 and "service_request_id" not in map(plain, found.header):
        raise UnreadableFile("is no list of service requests")
    layout = catalogue().layout_named("the LAPOR export") if table.form == LAPOR else None
    columns = choose_columns(found.header, table.columns, table.ignored, no_id=table.no_id, layout=layout)
    named = SOURCE in map(plain, found.header)
    options = options.within(columns.layout, named=named)
    survey = Survey(options, {field_: DateColumn(columns.name_of(field_), table.dates) for field_ in _DATES})
    rows = _Rows(found, columns)
    looks = Looks(columns)
    for entry in rows.entries():
        looks.see(entry)
        survey.see(entry)
    looks.refuse_overlooked()
    orders = survey.decide()
    lines = [*([f"sheet: {found.grid.name}"] if found.grid.name else []), *told]
    lines += [f"not read: {', '.join(others)} (--sheet reads another)"] if others else []
    lines += [found.told] if found.told else []
    lines += [f"layout: {columns.layout.name}, as from {_channel(options, named=named)}"]
    lines += [f"columns: {columns}", *looks.told, *survey.told(columns.positions)]
    maker = Maker(columns.layout, options, orders, now, no_id="id" not in columns.positions)
    items = _Judged(rows.entries, maker)
    return Import(items, lines, survey.total, header=columns.header, source=options.origin)


def _channel(options: ImportOptions, *, named: bool) -> str:
    return f"{SOURCE} has it" if named and options.source is None else str(options.origin)


@dataclass
class _Rows:
    """The rows of a table as entries."""

    table: Table
    columns: Columns

    def entries(self) -> Iterator[Entry | Skipped]:
        """Give each row; without what a file of rejects has added."""
        width = len(self.columns.header)
        added = {plain(name): place for place, name in enumerate(self.columns.header) if plain(name) in ADDED}
        for row in self.table.rows():
            if isinstance(row, Skipped):
                yield row
                continue
            number, cells = row
            if not any(cell.strip() for place, cell in enumerate(cells) if place not in added.values()):
                continue
            if len(cells) < width and self.table.grid.name:
                cells += [""] * (width - len(cells))
            if len(cells) != width:
                # the rest of a text that was cut in two by a stray quote would else become a complaint
                yield Skipped(number, f"has {len(cells)} cells under {width} columns", cells)
            else:
                taken = {field_: as_written(cells[place]) for field_, place in self.columns.positions.items()}
                source = cells[added[SOURCE]].strip() if SOURCE in added else None
                yield Entry(number, taken, cells, source=source or None)


@dataclass
class _Judged:
    """Entries, each with what becomes of it."""

    entries: Callable[[], Iterator[Entry | Skipped]]
    maker: Maker

    def __iter__(self) -> Iterator[Item]:
        """Go over them from the first on."""
        for entry in self.entries():
            yield entry if isinstance(entry, Skipped) else item_of(entry, self.maker.report)


def _requests(
    requests: Callable[[], Iterator[tuple[int, Any]]], table: TableOptions, options: ImportOptions, now: datetime
) -> Import:
    def entries() -> Iterator[Entry | Skipped]:
        return open311.entries_of(requests(), table.ignored)

    _refuse_options_of_tables(table)
    layout = open311.LAYOUT
    options = options.within(layout)
    survey = Survey(options, {"received": DateColumn("requested_datetime", table.dates)})
    for entry in entries():
        survey.see(entry)
    maker = Maker(layout, options, survey.decide(), now, no_id=False)
    told = [f"layout: {layout.name}, as from {options.origin}", *survey.told({"received", "status"})]
    return Import(_Judged(entries, maker), told, survey.total, entry="request", source=options.origin)


def _refuse_options_of_tables(table: TableOptions) -> None:
    given = {
        "--map": table.columns,
        "--no-id": table.no_id,
        "--sheet": table.sheet,
        "--header-row": table.header_row,
        "--hidden": table.hidden,
    }
    if unread := [name for name, value in given.items() if value]:
        raise TableOnly(f"{', '.join(unread)}: only for tables; this file holds requests of Open311")


def _json(  # noqa: PLR0913 -- as they come from `open_import`
    stream: BinaryIO,
    lines: Iterator[bytes],
    table: TableOptions,
    options: ImportOptions,
    now: datetime,
    *,
    given: Sequence[str],
) -> Import:
    taken: list[bytes] = []
    messages = messages_in(_kept(lines, taken))
    first = next(messages, None)
    if first is None:
        raise UnreadableFile(NOTHING)
    value = _value(first)
    if table.form == OPEN311 or open311.looks_like_requests(value):
        if isinstance(value, UnreadableFile) and first.within == "whole":
            raise value
        whole = _seekable(stream, chain(taken, lines))
        return _requests(lambda: _requests_of(whole), table, options, now)
    if table.form is not None:
        raise UnreadableFile("is JSON, and no table")
    if given:
        raise TableOnly(
            f"{', '.join(given)}: only for tables and Open311; reports of the contract have it in themselves"
        )
    entry = "entry" if first.within == "entry" else "line"
    return Import(
        (judged(each.line, without(each.raw, REASON), each.raw) for each in chain([first], messages)), entry=entry
    )


def _kept(lines: Iterable[bytes], taken: list[bytes]) -> Iterator[bytes]:
    for line in lines:
        taken.append(line)
        yield line


def _requests_of(stream: BinaryIO) -> Iterator[tuple[int, Any]]:
    stream.seek(0)
    number = 0
    for message in messages_in(lines_of(stream)):
        value = _value(message)
        whole = message.within == "entry" or isinstance(value, UnreadableFile)
        for request in [value] if whole else open311.requests_in(value):
            number += 1
            yield number, request


def _value(message: Message) -> object:
    try:
        return from_json(message.raw)
    except ValueError as error:
        return UnreadableFile(f"is no JSON: {error}")
