"""`alur submit`: reports from a file into the intake."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from agents.cli import reject_file
from agents.cli.context import console, say, settings_of
from agents.cli.errors import Failure, interruptible
from agents.cli.import_options import File, FileOptions, with_file_options
from agents.cli.import_report import KnownBefore, Tally, preview, report_lines
from agents.cli.input_files import name_of, one_line, opened
from agents.cli.interrupts import status_of
from agents.cli.known_complaints import Before
from agents.cli.wording import safe
from agents.config.settings import Settings
from agents.integrations.entries import NOTHING, Item, Report, UnreadableFile
from agents.integrations.file_source import source_of
from agents.integrations.import_file import Import, open_import
from events.client import KafkaFailure, Publisher, require_topics
from events.topics import TopicName
from events.wording import number_of

_Ending = UnreadableFile | KafkaFailure | KeyboardInterrupt
_LINGER_MS = 20

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="send nothing: show and count what would be sent; needs no broker")
]
Rejects = Annotated[
    Path | None,
    typer.Option(dir_okay=False, writable=True, help="write skipped entries here with the reason, to be corrected"),
]


@with_file_options
def submit(
    ctx: typer.Context,
    *,
    file: File,
    dry_run: DryRun = False,
    asked: FileOptions,
    rejects: Rejects = None,
) -> None:
    """Submit reports: messages of the contract, a table, or service requests of Open311.

    Format, encoding, header and columns are detected and shown; an ambiguity stops before anything is sent, and the
    message names the option that resolves it. A report counts once Kafka has acknowledged it. An invalid entry is
    skipped with its reason; the exit status is then 1, as for an empty file. Submitting a file again does no harm: the
    same source and id are the same report. Fields to map: id, title, body, final, class, category, received,
    received_time, event_date, status, province, city, district, village, address, lat, lon, office, privacy, anonymous,
    secret, public, name, first_name, last_name, phone, email, subject, follows, attachments.

        alur submit laporan.xlsx --dry-run

        alur submit reports.jsonl

        alur submit export.csv --map title=judul --map body=isi --ignore updated_at --rejects rest.csv

        generate | alur submit - --source /channels/sms
    """
    settings = settings_of(ctx)
    name, tally = name_of(file), Tally()
    options = asked.entries(source_of(file) if name == file else None, settings.policy)
    reject_file.refuse_unless_writable(rejects, file)
    counts = partial(_counts_so_far, tally, dry_run=dry_run)
    with one_line(name), interruptible(counts), opened(file) as stream:
        imported = open_import(stream, asked.table(), options, datetime.now(UTC), used_options=_table_options(ctx))
        for line in imported.notes:
            say(safe(line))
        if dry_run:
            _show(imported, tally, rejects)
        else:
            _submit(settings, imported, tally, rejects, stream)


def _table_options(ctx: typer.Context) -> tuple[str, ...]:
    """Return the table options that the command line has."""
    of_any = {"file", "rejects", "dry_run", "form"}
    named = [parameter for parameter in ctx.command.params if parameter.name and parameter.name not in of_any]
    sources = {each.opts[0]: ctx.get_parameter_source(each.name or "") for each in named}
    return tuple(option for option, source in sources.items() if source is not None and source.name == "COMMANDLINE")


def _show(imported: Import, tally: Tally, rejects: Path | None) -> None:
    """Show what would be sent; raise a Failure if an entry would not be sent."""
    for part in preview(imported.items, tally):
        console().print(part)
    for line in report_lines(tally, imported.entry, None, all_written=rejects is not None, verb="would submit"):
        say(safe(line))
    if rejects is not None:
        reject_file.write(rejects, tally.skipped, imported)
    _fail_unless_whole(tally, "would not be submitted")


def _submit(settings: Settings, imported: Import, tally: Tally, rejects: Path | None, stream: BinaryIO) -> None:
    require_topics(settings, [TopicName.INTAKE])
    with Before(settings) as before:
        ended_by = _send(settings, imported, tally, stream)
        cut_short = isinstance(ended_by, KafkaFailure | KeyboardInterrupt)
        existing = before.of(tally.complaints) if tally.accepted and not cut_short else None
    _conclude(tally, rejects, imported, ended_by, existing)


def _send(settings: Settings, imported: Import, tally: Tally, stream: BinaryIO) -> _Ending | None:
    """Submit the reports; return the error or interruption that ended it early, if any."""
    unreadable = None
    try:
        with Publisher(settings, linger_ms=_LINGER_MS) as publisher, _progress(imported, tally, stream) as items:
            try:
                _hand_over(publisher, items, tally)
            except UnreadableFile as error:
                unreadable = error
            publisher.flush()  # the reports before that line too
    except (KafkaFailure, KeyboardInterrupt) as error:
        return error
    return unreadable


def _hand_over(publisher: Publisher, items: Iterable[Item], tally: Tally) -> None:
    for item in items:
        if not isinstance(item, Report):
            tally.leave(item)
            continue
        tally.handed_over += 1
        accepted, refused = partial(tally.accept, item), partial(tally.refuse, item)
        publisher.publish(TopicName.INTAKE, item.complaint, item.value, accepted=accepted, refused=refused)


def _conclude(
    tally: Tally, rejects: Path | None, imported: Import, ended_by: _Ending | None, existing: KnownBefore | None
) -> None:
    """Print the result of the entries read; raise the error that ended it early, if any."""
    if ended_by is None or not tally.empty:
        for line in report_lines(tally, imported.entry, existing, all_written=rejects is not None):
            say(safe(line))
        try:
            if rejects is not None:
                reject_file.write(rejects, tally.left_out, imported)
        except Failure as unwritten:
            if ended_by is None:
                raise
            say(str(unwritten))  # the last line is the failure that ended it
    if ended_by is not None:
        raise _failure(ended_by, _counts_so_far(tally), empty=not tally.handed_over) from ended_by
    _fail_unless_whole(tally, "was not submitted", "were not submitted")


def _failure(ended_by: _Ending, so_far: str, *, empty: bool) -> Exception:
    if isinstance(ended_by, KeyboardInterrupt):
        return Failure(f"interrupted: {so_far}", status_of(ended_by))
    reason = str(ended_by) if empty else f"{ended_by} (before that {so_far})"
    return UnreadableFile(reason) if isinstance(ended_by, UnreadableFile) else Failure(reason)


def _counts_so_far(tally: Tally, *, dry_run: bool = False) -> str:
    """Return how many entries of the file are in the log."""
    if dry_run or not tally.handed_over:
        return "nothing was submitted"
    unconfirmed = f", and {tally.unconfirmed} may or may not be in the log" if tally.unconfirmed else ""
    return f"{number_of(tally.accepted, 'was', 'were')} submitted{unconfirmed}; doing it again does no harm"


def _fail_unless_whole(tally: Tally, one: str, many: str = "") -> None:
    if tally.empty:
        raise UnreadableFile(NOTHING)
    if left_out := tally.left_out:
        what = one if len(left_out) == 1 else many or one
        raise Failure(f"{len(left_out)} of {number_of(tally.accepted + len(left_out), 'report')} {what}")


@contextmanager
def _progress(imported: Import, tally: Tally, stream: BinaryIO) -> Iterator[Iterator[Item]]:
    """Yield the items of a file; on a terminal show progress, confirmed reports and remaining time of reading it."""
    where = console(stderr=True)
    confirmed = TextColumn("{task.fields[tally].accepted:,} confirmed")
    columns = (TextColumn("submitting"), BarColumn(), confirmed, TimeRemainingColumn())
    with Progress(*columns, console=where, transient=True, disable=not where.is_terminal) as progress:
        # streamed entries: only the size in bytes is known beforehand
        task = progress.add_task("", total=imported.total or _size(stream), tally=tally)

        def items() -> Iterator[Item]:
            for done, item in enumerate(imported.items, start=1):
                yield item
                progress.update(task, completed=done if imported.total else _position(stream))

        yield items()


def _position(stream: BinaryIO) -> int:
    try:
        return stream.tell()
    except (OSError, ValueError):
        return 0


def _size(stream: BinaryIO) -> int | None:
    """Return the size of a regular file in bytes; None for a pipe."""
    try:
        return os.fstat(stream.fileno()).st_size or None
    except OSError:
        return None
