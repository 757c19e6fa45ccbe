"""`alur migrate`: move an installation to another prefix, also with another number of partitions."""

import os
import time
from dataclasses import replace
from typing import Annotated, Final

import typer

from agents.cli.context import note, say, settings_of
from agents.cli.errors import MISUSED, Failure, interruptible
from agents.cli.privacy import Kept
from agents.cli.wording import rate_of
from agents.config.settings import Settings
from agents.ops import migration
from agents.ops.topics import with_recorded_layout
from agents.runtime import failpoints
from events.client.settings import valid_prefix
from events.wording import number_of

_EVERY_SECONDS: Final = 2.0
_RESUME: Final = "run it again to resume"


def migrate(  # noqa: PLR0913 -- the options of a command are its arguments
    ctx: typer.Context,
    to: Annotated[str, typer.Option(metavar="PREFIX", help="prefix of the new topics, such as v2.")],
    *,
    partitions: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=1_000, help="partitions of each new topic; default: as now")
    ] = None,
    replication: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="replicas of each new partition; default: as now")
    ] = None,
    texts: Annotated[Kept | None, typer.Option(help="location of free text; default: as now")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="check, and print what would be copied")] = False,
) -> None:
    """Move an installation to another prefix, also with another number of partitions.

    Stop the senders, let the stages finish, and stop them. Records are copied to new topics, compared and audited; the
    old topics stay unchanged. An interrupted run is resumed by the next one. It needs all rights on both prefixes.
    Afterwards set ALUR_PREFIX and start the stages.

        alur migrate --to v2. --partitions 24 --dry-run

        alur --prefix v1. migrate --to v2. --texts apart
    """
    source = _source(settings_of(ctx), to)
    target = replace(source, prefix=to, partitions=partitions or source.partitions)
    target = replace(target, replication=replication or source.replication)
    failpoints.arm("migrate", os.environ)
    progress = _Progress()
    with interruptible(lambda: _RESUME):
        planned = migration.plan(source, target, texts)
        if migration.completed(planned):
            say(f"the migration to {to!r} is complete: set ALUR_PREFIX={to} and start the stages")
            return
        if dry_run:
            _preview(planned)
            return
        done = migration.migrate(planned, progress.report, note)
    _report(done, planned, progress)


def _source(settings: Settings, to: str) -> Settings:
    """Return the settings of the installation with its layout, after checking that it can move to the prefix."""
    try:
        valid_prefix(to)
    except ValueError as error:
        raise Failure(f"--to: {error}", MISUSED) from None
    if to == settings.prefix:
        raise Failure(f"--to: {to!r} is the prefix of the installation itself: give another one", MISUSED)
    return with_recorded_layout(settings)


def _report(done: migration.MigrationReport, planned: migration.Plan, progress: "_Progress") -> None:
    for name, records in done.written.items():
        left_out = f", {done.left_out[name]:,} left out" if done.left_out[name] else ""
        say(f"{planned.target.topic(name)}: {number_of(records, 'record')}{left_out}")
    say(_where_texts_are(planned))
    facts, findings = number_of(done.facts, "fact"), number_of(done.findings, "finding")
    say(f"the audits agree: {number_of(done.complaints, 'complaint')}, {facts}, {findings} in both")
    say(f"{progress.summary}; set ALUR_PREFIX={planned.target.prefix} and start the stages")


def _preview(planned: migration.Plan) -> None:
    for topic in migration.COPIED:
        say(f"{planned.source.topic(topic)}: {sum(planned.ends[topic]):,} offsets")
    say(_where_texts_are(planned))
    target = planned.target
    say(f"would be copied to {target.prefix!r} with {target.partitions} partitions; nothing was written")


def _where_texts_are(planned: migration.Plan) -> str:
    if planned.splitter is None:
        return "free text stays in facts, which are kept for ever: it cannot be erased (--texts apart moves it)"
    erased = len(planned.splitter.erased)
    return f"free text is in complaints.texts, without what was erased of {number_of(erased, 'complaint')}"


class _Progress:
    """Prints the progress of the copy, every two seconds and at the end of each topic."""

    def __init__(self) -> None:
        self._copied: dict[str, int] = {}
        self._began = self._shown = time.monotonic()
        self._last = self._began

    @property
    def summary(self) -> str:
        records = sum(self._copied.values())
        return f"{number_of(records, 'record')} copied {rate_of(records, self._last - self._began)}"

    def report(self, topic: str, records: int, read: int, total: int) -> None:
        """Record progress of a topic: `records` copied, `read` of `total` offsets; print it if due."""
        self._copied[topic] = records
        self._last = time.monotonic()
        if self._last - self._shown >= _EVERY_SECONDS or read == total:
            self._shown = self._last
            note(f"{topic}: {read:,} of {total:,} offsets; {self.summary}")
