"""A file of reports, entry by entry: each as a message that may be published, or the reason why not."""

from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import PurePath
from typing import Any, Final, Protocol

from agents.bridges.columns import Columns, choose_columns
from agents.bridges.items import Item, Report, Skipped, item_of, judged
from agents.bridges.rows import Rows
from agents.bridges.sheets import CsvSheet, Sheet
from events.vocabulary import ComplaintClass

DEFAULT_SOURCE: Final = "/channels/web"
_JSON_SUFFIXES: Final = frozenset({".jsonl", ".ndjson", ".json"})
_TABLE_SUFFIXES: Final = frozenset({".csv", ".tsv", ".txt"})


@dataclass(frozen=True)
class TableOptions:
    """How rows become reports. `settled`: take also those that others have settled."""

    wanted: tuple[str, ...] = ()
    source: str | None = None
    complaint_class: ComplaintClass = ComplaintClass.COMPLAINT
    settled: bool = False


class Maker(Protocol):
    """Makes reports of rows."""

    columns: Columns

    def report(self, row: Sequence[str]) -> dict[str, Any]:
        """Return the report as JSON will hold it; what is in it is for the contract's model to judge.

        Raises:
            Unusable: a cell cannot be read as what its column holds.
            Settled: others have settled it.
        """


def is_json(name: str, first: bytes) -> bool:
    """Tell JSON lines from a table: by the name of the file, else by how its first line begins."""
    suffix = PurePath(name).suffix.casefold()
    if suffix in _JSON_SUFFIXES | _TABLE_SUFFIXES:
        return suffix in _JSON_SUFFIXES
    return first.removeprefix(BOM_UTF8).lstrip()[:1] in {b"{", b"["}


def json_reports(lines: Iterable[bytes]) -> Iterator[Report | Skipped]:
    """Read one report a line, as the contract writes it; empty lines are passed over."""
    for number, raw in enumerate(lines, start=1):
        line = (raw.removeprefix(BOM_UTF8) if number == 1 else raw).strip()
        if line:
            yield judged(number, line)


class Table:
    """The rows of a sheet as reports."""

    def __init__(self, sheet: Sheet, maker: Maker) -> None:
        self.columns = maker.columns
        self._sheet = sheet
        self._maker = maker

    def __iter__(self) -> Iterator[Item]:
        """Give what comes of each row."""
        for row in self._sheet:
            if isinstance(row, Skipped):
                yield row
            else:
                line, cells = row
                yield item_of(line, partial(self._maker.report, cells))


def csv_table(lines: Iterator[bytes], options: TableOptions, now: datetime) -> Table:
    """Read a CSV file of any making, whose columns are found by their names.

    Raises:
        UnreadableFile: there is no header in it, or it is not text in UTF-8.
        BadMapping: its columns do not fit.
    """
    sheet = CsvSheet(lines)
    columns = choose_columns(sheet.header, options.wanted)
    source = options.source or DEFAULT_SOURCE
    return Table(sheet, Rows(columns, source=source, complaint_class=options.complaint_class, now=now))
