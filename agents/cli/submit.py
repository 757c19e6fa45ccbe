"""`alur submit`: reports from a file into the intake."""

import csv
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from agents.cli.columns import BadMapping
from agents.cli.context import console, say, settings_of
from agents.cli.errors import MISUSED, Failure
from agents.cli.reports import (
    DEFAULT_SOURCE,
    Report,
    Skipped,
    Table,
    TableOptions,
    UnreadableFile,
    is_json,
    json_reports,
)
from agents.settings import Settings
from events.client import Place, Publisher, require_topics
from events.client.errors import KafkaFailure
from events.topics import TopicName
from events.vocabulary import ComplaintClass

_SHOWN = 20
_LINGER_MS = 20


@dataclass
class Tally:
    """What became of a file."""

    accepted: int = 0
    """Acknowledged by Kafka."""
    complaints: set[str] = field(default_factory=set)
    skipped: list[Skipped] = field(default_factory=list)

    def accept(self, report: Report, _place: Place) -> None:
        """Count a report that is in the log."""
        self.accepted += 1
        self.complaints.add(report.complaint)

    def refuse(self, line: int, reason: str) -> None:
        """Note a line that is not."""
        self.skipped.append(Skipped(line, reason))


def submit(  # noqa: PLR0913, PLR0917 -- the options of a command are its arguments
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON lines of the contract, or CSV; - is stdin")],
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="which column of a CSV holds what; FIELD= for none"),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help=f"the channel that rows of a CSV come from; {DEFAULT_SOURCE} unless given")
    ] = None,
    complaint_class: Annotated[
        ComplaintClass | None, typer.Option("--class", help="the class of rows that have none; complaint unless given")
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(dir_okay=False, writable=True, help="write every skipped line here, with its reason")
    ] = None,
) -> None:
    """Submit reports: JSON lines of the contract, or a CSV whose columns are found by their names.

    A report counts once Kafka has acknowledged it. A line that is no report of the contract is skipped with its
    reason, and then the exit status is 1. Submitting a file again does no harm: the same source and id are the same
    report. Fields to map: id, title, body, class, category, event_date, province, city, district, village, lat, lon,
    office, anonymous, secret, name, phone, email, attachments.

        alur submit reports.jsonl

        alur submit export.csv --map title=judul --map body=isi --map event_date=

        generate | alur submit - --source /channels/sms
    """
    table_options = (("--map", columns), ("--source", source), ("--class", complaint_class))
    options = TableOptions(tuple(columns or ()), source or DEFAULT_SOURCE, complaint_class or ComplaintClass.COMPLAINT)
    tally = Tally()
    with _opened(file) as stream, _progress(stream) as rest:
        first = next(rest, b"")
        lines = chain([first], rest)
        if is_json(file, first):
            if misplaced := [name for name, value in table_options if value]:
                raise Failure(f"{', '.join(misplaced)}: only for CSV; reports in JSON say it themselves", MISUSED)
            items: Iterable[Report | Skipped] = json_reports(lines)
        else:
            items = _table(file, lines, options)
        _send(settings_of(ctx), items, tally)
    _tell(tally, rejects)
    if tally.skipped:
        raise Failure(f"{len(tally.skipped)} of {tally.accepted + len(tally.skipped)} reports were not submitted")


def _table(file: str, lines: Iterator[bytes], options: TableOptions) -> Table:
    try:
        table = Table(lines, options, datetime.now(UTC))
    except UnreadableFile as error:
        raise Failure(f"{file}: {error}") from None
    except BadMapping as error:
        raise Failure(f"{file}: {error}", MISUSED) from None
    say(f"columns: {table.columns}")
    return table


def _send(settings: Settings, items: Iterable[Report | Skipped], tally: Tally) -> None:
    require_topics(settings, [TopicName.INTAKE])
    try:
        with Publisher(settings, linger_ms=_LINGER_MS) as publisher:
            for item in items:
                if isinstance(item, Skipped):
                    tally.skipped.append(item)
                    continue
                publisher.publish(
                    TopicName.INTAKE,
                    item.complaint,
                    item.value,
                    accepted=partial(tally.accept, item),
                    refused=partial(tally.refuse, item.line),
                )
            publisher.flush()
    except KafkaFailure as error:
        raise Failure(f"{error} (before that {tally.accepted} were submitted; doing it again does no harm)") from error


def _tell(tally: Tally, rejects: Path | None) -> None:
    tally.skipped.sort(key=lambda skipped: skipped.line)
    for skipped in tally.skipped[:_SHOWN]:
        say(f"line {skipped.line}: {skipped.reason}")
    if (more := len(tally.skipped) - _SHOWN) > 0:
        say(f"and {more} more lines" + ("" if rejects else " (--rejects FILE writes them all)"))
    if rejects is not None:
        with rejects.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(("line", "reason"))
            writer.writerows((skipped.line, skipped.reason) for skipped in tally.skipped)
    if repeats := tally.accepted - len(tally.complaints):
        say(f"{repeats} repeat a report of the file: these are {len(tally.complaints)} complaints")
    say(f"submitted {tally.accepted}, skipped {len(tally.skipped)}")


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
    else:
        with Path(file).open("rb") as stream:
            yield stream


@contextmanager
def _progress(stream: BinaryIO) -> Iterator[Iterator[bytes]]:
    """Give the lines of a file, and show on a terminal how far they have been taken."""
    parts = (TextColumn("submitting"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    where = console(stderr=True)
    with Progress(*parts, console=where, transient=True, disable=not where.is_terminal) as progress:
        task = progress.add_task("", total=_size(stream))

        def lines() -> Iterator[bytes]:
            for line in stream:
                yield line
                progress.advance(task, len(line))

        yield lines()


def _size(stream: BinaryIO) -> int | None:
    """Return the length of a regular file, None for what has no length beforehand."""
    try:
        return os.fstat(stream.fileno()).st_size or None
    except OSError:
        return None
