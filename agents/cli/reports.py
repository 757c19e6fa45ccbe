"""A file of reports, line by line: each as a message that may be published, or the reason why not."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import PurePath
from typing import Final

from pydantic_core import to_json

from agents.cli.columns import Columns, choose_columns
from agents.cli.rows import Rows, Unusable
from events.codec import decode_report
from events.errors import Undecodable
from events.vocabulary import ComplaintClass

DEFAULT_SOURCE: Final = "/channels/web"
_BOM: Final = b"\xef\xbb\xbf"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS: Final = ",;\t|"
_LONGEST_CELL: Final = 16 * 1024 * 1024
_JSON_SUFFIXES: Final = frozenset({".jsonl", ".ndjson", ".json"})
_TABLE_SUFFIXES: Final = frozenset({".csv", ".tsv", ".txt"})


class UnreadableFile(Exception):
    """The file as a whole is nothing that holds reports; the message is one line."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report that is one by the contract."""

    line: int
    complaint: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line that is none, and why."""

    line: int
    reason: str


@dataclass(frozen=True)
class TableOptions:
    """How rows become reports."""

    wanted: tuple[str, ...] = ()
    source: str = DEFAULT_SOURCE
    complaint_class: ComplaintClass = ComplaintClass.COMPLAINT


def is_json(name: str, first: bytes) -> bool:
    """Tell JSON lines from a table: by the name of the file, else by how its first line begins."""
    suffix = PurePath(name).suffix.casefold()
    if suffix in _JSON_SUFFIXES | _TABLE_SUFFIXES:
        return suffix in _JSON_SUFFIXES
    return first.removeprefix(_BOM).lstrip()[:1] in {b"{", b"["}


def json_reports(lines: Iterable[bytes]) -> Iterator[Report | Skipped]:
    """Read one report a line, as the contract writes it; empty lines are passed over."""
    for number, raw in enumerate(lines, start=1):
        line = (raw.removeprefix(_BOM) if number == 1 else raw).strip()
        if line:
            yield _judged(number, line)


def _judged(line: int, value: bytes) -> Report | Skipped:
    try:
        return Report(line, decode_report(value).complaint_id, value)
    except Undecodable as error:
        return Skipped(line, error.reason.replace("data.", "").removeprefix("data: ").replace("Value error, ", ""))


class Table:
    """A CSV file: its columns, and its rows as reports.

    Raises:
        UnreadableFile: there is no header in it, or it is not text in UTF-8.
        BadMapping: its columns do not fit.
    """

    def __init__(self, lines: Iterator[bytes], options: TableOptions, now: datetime) -> None:
        first = next(lines, b"").removeprefix(_BOM)
        if first.startswith(_UTF_16):
            raise UnreadableFile("is UTF-16; save it as UTF-8")
        # bytes that are no UTF-8 spoil their row, not the file
        text = (line.decode("utf-8", "surrogateescape") for line in chain([first], lines))
        csv.field_size_limit(_LONGEST_CELL)
        self._reader = csv.reader(text, delimiter=_delimiter(first.decode("utf-8", "replace")), strict=True)
        try:
            header = next(self._reader, [])
        except csv.Error as error:
            raise UnreadableFile(f"its first line is no header: {error}") from None
        if not any(name.strip() for name in header):
            raise UnreadableFile("has no header line")
        self.columns: Columns = choose_columns(header, options.wanted)
        self._rows = Rows(self.columns, source=options.source, complaint_class=options.complaint_class, now=now)

    def __iter__(self) -> Iterator[Report | Skipped]:
        """Give each row; empty lines are passed over."""
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
                yield self._report(line, row)

    def _report(self, line: int, row: list[str]) -> Report | Skipped:
        try:
            return _judged(line, to_json(self._rows.report(row)))
        except Unusable as error:
            return Skipped(line, str(error))


def _delimiter(header: str) -> str:
    """Find what parts the columns: a spreadsheet in Indonesian writes `;`."""
    return max(_DELIMITERS, key=header.count)
