"""Which reader takes the file that `alur submit` is given."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain
from typing import BinaryIO, Final

from agents.bridges.columns import BadMapping
from agents.bridges.items import Item, UnreadableFile
from agents.bridges.lapor import LaporRows, lapor_columns
from agents.bridges.open311 import open311_reports
from agents.bridges.reports import Table, TableOptions, csv_table, is_json, json_reports
from agents.bridges.sheets import XLSX_MAGIC, CsvSheet, Sheet, XlsxSheet
from agents.cli.context import say
from agents.cli.errors import MISUSED, Failure
from agents.cli.given import NOTHING


class Format(StrEnum):
    """Formats of others that reports can come in."""

    OPEN311 = "open311"
    LAPOR = "lapor"


@dataclass(frozen=True)
class Asked:
    """What was asked for on the command line, by its options."""

    file: str
    stream: BinaryIO
    format: Format | None
    options: TableOptions
    given: tuple[str, ...]
    """The names of the options for rows that were given."""


_MEANT_FOR: Final[dict[str, set[Format | None]]] = {
    "--map": {None, Format.LAPOR},
    "--source": {None, Format.LAPOR, Format.OPEN311},
    "--class": {None, Format.LAPOR, Format.OPEN311},
    "--settled": {Format.LAPOR, Format.OPEN311},
}


@contextmanager
def one_line(file: str) -> Iterator[None]:
    """Say what is wrong with a file as a whole.

    Raises:
        Failure: it cannot be read so.
    """
    try:
        yield
    except UnreadableFile as error:
        raise Failure(f"{file}: {error}") from None
    except BadMapping as error:
        raise Failure(f"{file}: {error}", MISUSED) from None


def items_of(asked: Asked, lines: Iterator[bytes]) -> Iterable[Item]:
    """Give what comes of each entry of the file.

    Raises:
        Failure: an option does not fit the format.
        UnreadableFile, BadMapping: the file as a whole cannot be read so, as found now or on the way.
    """
    if misplaced := [name for name in asked.given if asked.format not in _MEANT_FOR[name]]:
        meant = _MEANT_FOR[misplaced[0]]
        formats = [*(["a CSV"] if None in meant else []), *(f"--format {each}" for each in Format if each in meant)]
        raise Failure(f"{misplaced[0]}: only with {' or '.join(formats)}", MISUSED)
    first = next(lines, b"")
    if not first:
        raise UnreadableFile(NOTHING)
    if asked.file.casefold().endswith(".xlsx") and not first.startswith(XLSX_MAGIC):
        raise Failure(f"{asked.file}: is no Excel workbook, whatever its name says: export it anew, or rename a CSV")
    return _READERS[asked.format](asked, first, chain([first], lines))


def _contract(asked: Asked, first: bytes, lines: Iterator[bytes]) -> Iterable[Item]:
    if first.startswith(XLSX_MAGIC):
        raise Failure(f"{asked.file}: is an Excel workbook: is it a LAPOR export (--format lapor)? Else save it as CSV")
    if not is_json(asked.file, first):
        return _told(csv_table(lines, asked.options, datetime.now(UTC)))
    if asked.given:
        raise Failure(f"{', '.join(asked.given)}: only for CSV; reports in JSON say it themselves", MISUSED)
    return _at_least_one(json_reports(lines))


def _at_least_one(items: Iterator[Item]) -> Iterator[Item]:
    first = next(items, None)
    if first is None:
        raise UnreadableFile(NOTHING)
    yield first
    yield from items


def _open311(asked: Asked, _first: bytes, lines: Iterator[bytes]) -> Iterable[Item]:
    return open311_reports(lines, asked.options, datetime.now(UTC))


def _lapor(asked: Asked, first: bytes, lines: Iterator[bytes]) -> Iterable[Item]:
    workbook = first.startswith(XLSX_MAGIC)
    if workbook and not asked.stream.seekable():
        raise Failure("an Excel workbook cannot be read from a pipe: name its file", MISUSED)
    sheet: Sheet = XlsxSheet(asked.stream) if workbook else CsvSheet(lines)
    columns = lapor_columns(sheet.header, asked.options.wanted)
    return _told(Table(sheet, LaporRows(columns, asked.options, datetime.now(UTC))))


def _told(table: Table) -> Table:
    say(f"columns: {table.columns}")
    return table


_READERS: Final[dict[Format | None, Callable[[Asked, bytes, Iterator[bytes]], Iterable[Item]]]] = {
    None: _contract,
    Format.OPEN311: _open311,
    Format.LAPOR: _lapor,
}
