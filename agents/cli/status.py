"""`alur status`: whether the engine does its work, in one line."""

from collections import Counter
from typing import Annotated

import typer

from agents.cli.context import proposed, say, settings_of
from agents.cli.errors import FAILED
from agents.dashboard.projection import read_model_now
from agents.ops.lag import LagReport, measure
from events.wording import number_of

_WINDOW_S = 3.0


def show_status(
    ctx: typer.Context,
    *,
    window: Annotated[float, typer.Option(metavar="SECONDS", min=2.0, help="maximum time to measure")] = _WINDOW_S,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="count open complaints by what they wait for: reads complaints.state")
    ] = False,
) -> None:
    """Show in one line whether each stage has workers and makes progress; exit with 1 if not.

    `alur lag` has the figures, `alur audit` checks what has been done.

    alur status || page-operator

    alur status --waiting
    """
    settings = settings_of(ctx)
    report = measure(settings, window=window)
    line, works = summary(report)
    say(f"{settings.prefix or '(no prefix)'} on {settings.broker}: {proposed(line, ctx)}")
    if waiting:
        say(in_words_of_waiting(read_model_now(settings).waiting))
    if not works:
        raise typer.Exit(FAILED)


def in_words_of_waiting(counts: Counter[str | None]) -> str:
    """Return the reasons why open complaints wait, the most frequent first."""
    reasons = ", ".join(f"{why or 'unknown'} {count:,}" for why, count in counts.most_common() if count)
    return f"waiting for {reasons or 'nothing'}"


def summary(report: LagReport) -> tuple[str, bool]:
    """Return the status line, and whether the engine works."""
    idle = [each.stage for each in report.groups if each.stage and not each.members]
    if len(idle) == len(report.groups):
        return "no stage runs: start them with alur run", False
    if report.findings:
        more = len(report.findings) - 1
        return f"{report.findings[0]}" + (f" (and {more} more: alur lag)" if more else ""), False
    if idle:
        return f"no worker of {', '.join(idle)}: alur run {' '.join(idle)}", False
    behind = sum(each.lag for each in report.groups)
    lag = f"lag of {number_of(behind, 'record')}" if behind else "no lag"
    return f"ok, {number_of(len(report.groups), 'stage works', 'stages work')}, {lag}", True
