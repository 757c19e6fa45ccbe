"""`alur submit`: reports from a file into the intake."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from agents.bridges.items import Item, PassedOver, Report, Skipped, UnreadableFile
from agents.bridges.lines import lines_of
from agents.bridges.reports import DEFAULT_SOURCE, TableOptions
from agents.cli import rejects as reject_file
from agents.cli.context import console, say, settings_of
from agents.cli.errors import Failure, interruptible
from agents.cli.formats import Asked, Format, items_of, one_line
from agents.cli.given import name_of, opened
from agents.cli.interrupts import status_of
from agents.cli.senders import channel
from agents.settings import Settings
from events.client import KafkaFailure, Place, Publisher, require_topics
from events.topics import TopicName
from events.vocabulary import ComplaintClass

_Ending = UnreadableFile | KafkaFailure | KeyboardInterrupt
_SHOWN = 20
_LINGER_MS = 20


@dataclass
class Tally:
    """What became of a file."""

    accepted: int = 0
    """Acknowledged by Kafka."""
    complaints: set[str] = field(default_factory=set)
    skipped: list[Skipped] = field(default_factory=list)
    """Not sent."""
    settled: int = 0
    """Passed over, because others have settled them."""
    handed_over: int = 0
    """To Kafka."""
    refused: list[Skipped] = field(default_factory=list)
    """By Kafka, each by itself."""

    @property
    def empty(self) -> bool:
        """Say whether nothing of the file has been read yet."""
        return not (self.handed_over or self.skipped or self.settled)

    @property
    def unconfirmed(self) -> int:
        """Count the reports that may be in the log or not."""
        return self.handed_over - self.accepted - len(self.refused)

    @property
    def left_out(self) -> list[Skipped]:
        """Name the lines that are not in the log, in the order of the file."""
        return sorted((*self.skipped, *self.refused), key=lambda each: each.line)

    def accept(self, report: Report, _place: Place) -> None:
        """Count a report that is in the log."""
        self.accepted += 1
        self.complaints.add(report.complaint)

    def refuse(self, line: int, reason: str) -> None:
        """Note a line that is not."""
        self.refused.append(Skipped(line, reason))

    def leave(self, item: Skipped | PassedOver) -> None:
        """Count an entry that is not to be sent."""
        if isinstance(item, Skipped):
            self.skipped.append(item)
        else:
            self.settled += 1


_File = Annotated[str, typer.Argument(metavar="FILE", help="JSON lines of the contract, or CSV; - is stdin")]
_Form = Annotated[
    Format | None, typer.Option("--format", help="the file is in a format of others'; see docs/bridges.md")
]
_Columns = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="FIELD=COLUMN", help="which column of a table holds what; FIELD= for none"),
]
_Source = Annotated[
    str | None,
    typer.Option(callback=channel, help=f"the channel that rows come from; {DEFAULT_SOURCE} unless given, for a CSV"),
]
_Class = Annotated[
    ComplaintClass | None, typer.Option("--class", help="the class of rows that have none; complaint unless given")
]
_Settled = Annotated[bool, typer.Option("--settled", help="submit also what is closed or archived where it comes from")]
_Rejects = Annotated[
    Path | None, typer.Option(dir_okay=False, writable=True, help="write every skipped line here, with its reason")
]


def submit(  # noqa: PLR0913 -- the options of a command are its arguments
    ctx: typer.Context,
    file: _File,
    *,
    form: _Form = None,
    columns: _Columns = None,
    source: _Source = None,
    complaint_class: _Class = None,
    settled: _Settled = False,
    rejects: _Rejects = None,
) -> None:
    """Submit reports: JSON lines of the contract, or a CSV whose columns are found by their names.

    A report counts once Kafka has acknowledged it. A line that is no report of the contract is skipped with its
    reason, and then the exit status is 1, as it is when there is nothing in the file. Submitting a file again does no
    harm: the same source and id are the same report. Fields to map: id, title, body, class, category, event_date,
    province, city, district, village, lat, lon, office, anonymous, secret, name, phone, email, attachments.

    With `--format open311` the file holds service requests (GeoReport v2, JSON), with `--format lapor` an export of
    LAPOR (CSV or Excel).

        alur submit reports.jsonl

        alur submit export.csv --map title=judul --map body=isi --map event_date=

        generate | alur submit - --source /channels/sms

        alur submit --format lapor laporan.xlsx
    """
    row_options = (("--map", columns), ("--source", source), ("--class", complaint_class), ("--settled", settled))
    options = TableOptions(tuple(columns or ()), source, complaint_class or ComplaintClass.COMPLAINT, settled)
    given = tuple(name for name, value in row_options if value)
    tally = Tally()
    reject_file.refuse_unless_writable(rejects, file)
    name = name_of(file)
    with one_line(name), interruptible(lambda: _known(tally)):
        with opened(file) as stream, _progress(stream) as lines:
            ended_by = _send(settings_of(ctx), items_of(Asked(name, stream, form, options, given), lines), tally)
        _conclude(tally, rejects, "request" if form is Format.OPEN311 else "line", ended_by)


def _send(settings: Settings, items: Iterable[Item], tally: Tally) -> _Ending | None:
    """Submit the reports; return what ended that before the end of the file, if anything did.

    Raises:
        KafkaFailure: it could not begin.
    """
    require_topics(settings, [TopicName.INTAKE])
    unreadable = None
    try:
        with Publisher(settings, linger_ms=_LINGER_MS) as publisher:
            try:
                _hand_over(publisher, items, tally)
            except UnreadableFile as error:
                unreadable = error
            publisher.flush()  # also what stands before that place of the file
    except (KafkaFailure, KeyboardInterrupt) as error:
        return error
    return unreadable


def _hand_over(publisher: Publisher, items: Iterable[Item], tally: Tally) -> None:
    for item in items:
        if not isinstance(item, Report):
            tally.leave(item)
            continue
        tally.handed_over += 1
        publisher.publish(
            TopicName.INTAKE,
            item.complaint,
            item.value,
            accepted=partial(tally.accept, item),
            refused=partial(tally.refuse, item.line),
        )


def _conclude(tally: Tally, rejects: Path | None, entry: str, ended_by: _Ending | None) -> None:
    """Tell what became of the file up to its end, or up to where it could not go on.

    Raises:
        UnreadableFile: it became unreadable.
        Failure: Kafka took no more, some of it was not submitted, the rejects could not be written, or it was
            interrupted.
    """
    left_out = tally.left_out
    if ended_by is None or not tally.empty:
        _tell(tally, left_out, entry, all_written=rejects is not None)
        try:
            if rejects is not None:
                reject_file.write(rejects, left_out)
        except Failure as unwritten:
            if ended_by is None:
                raise
            say(str(unwritten))  # what ended it has the last word
    if ended_by is not None:
        raise _failure(ended_by, _known(tally), empty=not tally.handed_over) from ended_by
    if left_out:
        raise Failure(f"{len(left_out)} of {tally.accepted + len(left_out)} reports were not submitted")


def _failure(ended_by: _Ending, known: str, *, empty: bool) -> Exception:
    if isinstance(ended_by, KeyboardInterrupt):
        return Failure(f"interrupted: {known}", status_of(ended_by))
    reason = str(ended_by) if empty else f"{ended_by} (before that {known})"
    return UnreadableFile(reason) if isinstance(ended_by, UnreadableFile) else Failure(reason)


def _known(tally: Tally) -> str:
    """Say how much of the file is in the log."""
    if not tally.handed_over:
        return "nothing was submitted"
    unconfirmed = f", and {tally.unconfirmed} may be in the log or not" if tally.unconfirmed else ""
    return f"{tally.accepted} were submitted{unconfirmed}; doing it again does no harm"


def _tell(tally: Tally, left_out: list[Skipped], entry: str, *, all_written: bool) -> None:
    """Say what became of the file."""
    for skipped in left_out[:_SHOWN]:
        say(f"{entry} {skipped.line}: {skipped.reason}")
    if (more := len(left_out) - _SHOWN) > 0:
        say(f"and {more} more {entry}s" + ("" if all_written else " (--rejects FILE writes them all)"))
    if repeats := tally.accepted - len(tally.complaints):
        say(f"{repeats} repeat a report of the file: these are {len(tally.complaints)} complaints")
    if tally.settled:
        say(f"{tally.settled} are settled where they come from and were passed over (--settled submits them too)")
    say(f"submitted {tally.accepted}, skipped {len(left_out)}")


@contextmanager
def _progress(stream: BinaryIO) -> Iterator[Iterator[bytes]]:
    """Give the lines of a file, and show on a terminal how far they have been taken."""
    parts = (TextColumn("submitting"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    where = console(stderr=True)
    with Progress(*parts, console=where, transient=True, disable=not where.is_terminal) as progress:
        task = progress.add_task("", total=_size(stream))

        def lines() -> Iterator[bytes]:
            for line in lines_of(stream):
                yield line
                progress.advance(task, len(line))

        yield lines()


def _size(stream: BinaryIO) -> int | None:
    """Return the length of a regular file, None for what has no length beforehand."""
    try:
        return os.fstat(stream.fileno()).st_size or None
    except OSError:
        return None
