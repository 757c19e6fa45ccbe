"""`alur lag`: lag of the stages or of any consumer group, its trend, and what to do about it."""

import time
from contextlib import suppress
from typing import Annotated, Final

import typer
from rich.live import Live

from agents.cli.context import console, note, proposed, say, settings_of
from agents.cli.errors import FAILED
from agents.cli.interrupts import raising
from agents.cli.lag_view import lines, view
from agents.config.settings import Settings
from agents.ops.lag import SAMPLE_INTERVAL_SECONDS, WINDOW_SECONDS, LagReport, LagWatcher, measure

_SHORTEST: Final = 2.0
_LONGEST: Final = 3_600.0


def lag(  # noqa: PLR0913 -- one for each option
    ctx: typer.Context,
    *,
    groups: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="NAME", help="any consumer group, by its full name, instead of the stages"),
    ] = None,
    window: Annotated[
        float, typer.Option(metavar="SECONDS", min=_SHORTEST, max=_LONGEST, help="period of samples for the status")
    ] = WINDOW_SECONDS,
    as_json: Annotated[bool, typer.Option("--json", help="print the report for programs")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="repeat until Ctrl-C; tables only on a terminal")] = False,
    partitions: Annotated[bool, typer.Option("--partitions", help="show partitions without a finding too")] = False,
) -> None:
    """Measure the lag of each stage in records and time, its trend, and its impact.

    Samples once per second; ends at once if every group has caught up. The status depends on how offsets move within
    the window, not on the size of the lag. Each finding is one line with what to do. Exits with 1 if there is any.

        alur lag

        alur lag --watch --partitions

        alur lag --group orders --group payments --window 60 --json
    """
    settings = settings_of(ctx)
    if watch and (as_json or console().is_terminal):
        with LagWatcher(settings, groups, window=window) as watcher:
            report = _watch(watcher, as_json=as_json, partitions=partitions)
    else:
        report = _measured(settings, groups, window, as_json=as_json)
    if report is not None and not as_json:
        console().print(view(report, partitions=partitions))
        for line in lines(report):
            say(proposed(line, ctx))  # not wrapped: programs read it too
    if report is not None and report.findings:
        raise typer.Exit(FAILED)


def _measured(settings: Settings, groups: list[str] | None, window: float, *, as_json: bool) -> LagReport:
    if console().is_terminal and not as_json:
        note(f"sampling for up to {window:.0f} s ...")
    report = measure(settings, groups, window=window)
    if as_json:
        say(report.model_dump_json(indent=2))
    return report


def _watch(watcher: LagWatcher, *, as_json: bool, partitions: bool) -> LagReport | None:
    """Sample until Ctrl-C; return the last report."""
    report = None
    screen = console()
    with (
        suppress(KeyboardInterrupt),
        raising(),
        Live(console=screen, auto_refresh=False, screen=screen.is_terminal) as live,
    ):
        while True:
            started = time.monotonic()
            report = watcher.sample()
            if as_json:
                say(report.model_dump_json())
            else:
                live.update(view(report, partitions=partitions, faults=True), refresh=True)
            time.sleep(max(0.0, started + SAMPLE_INTERVAL_SECONDS - time.monotonic()))
    return report
