"""`alur explain`: why a deadline is when it is."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer
from pydantic_core import to_json
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agents.cli.context import console, say, settings_of
from agents.cli.errors import Failure
from agents.cli.show import dossier_of, policy_of
from agents.cli.wording import local, safe, shortened
from events.client import calendar_for
from events.facts import Recorded
from events.vocabulary import ClockName
from workflow.policy.announcements import with_announcements
from workflow.policy.model import Policy
from workflow.reports.day_breakdown import Day
from workflow.reports.explain import Explanation, Origin, Run, Step, explain

_UNCONFIRMED: Final = "default, not confirmed"
_RULES: Final = {
    "zones": "zone",
    "hours": "office hours",
    "collective_leave": "collective leave",
    "settlement_pauses_in": "pauses while",
    "extension": "extension",
}
"""How a rule of the policy is called here; the length of a clock is called `time`."""
_STYLES: Final = {"breached": "red", "passed": "red", "warned": "yellow", "stopped": "green"}


def explain_deadlines(
    ctx: typer.Context,
    complaint: Annotated[str, typer.Argument(help="its complaint id, or its tracking id (digits)")],
    clock: Annotated[
        ClockName | None, typer.Argument(help="one of its clocks, with every run of it; without, those that stand now")
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object instead")] = False,
) -> None:
    """Explain a deadline day by day: what counted, what did not and why, and where the rules come from.

    Each due time is recomputed from the complaint's facts; where it is not what the fact says, that is said and the
    exit status is 1. Without a CLOCK the clocks that stand now are explained; if none does, all that ever ran.

        alur explain 1042007

        alur explain 1042007 follow_up --json
    """
    settings = settings_of(ctx)
    dossier = dossier_of(settings, complaint)
    policy = policy_of(settings, dossier)
    if dossier.history[-1].complaint.calendar:
        policy = with_announcements(policy, calendar_for(settings, dossier.complaint))
    found = explanations(dossier.history, clock, policy)
    if json:
        say(as_json(found))
    else:
        for part in as_text(found):
            console().print(part)
    if not all(each.agrees for each in found):
        raise Failure("a due time in the facts is not what comes out with the policy and the calendar known here")


def explanations(history: Sequence[Recorded], clock: ClockName | None, policy: Policy) -> list[Explanation]:
    """Explain a clock with all its runs; or those that stand, the present run of each; or, if none does, all.

    Raises:
        Failure: the clock that is asked for never ran.
    """
    standing = history[-1].complaint.clocks
    asked = [clock] if clock else [name for name in ClockName if name in standing] or list(ClockName)
    found = [explain(history, name, policy) for name in asked]
    if clock is None and standing:
        return [replace(each, runs=each.runs[-1:]) for each in found]
    if clock and not found[0].runs:
        ran = ", ".join(name for name in ClockName if explain(history, name, policy).runs)
        raise Failure(f"the clock {clock} never ran for this complaint; there are {ran}")
    return [each for each in found if each.runs]


def as_text(found: Sequence[Explanation]) -> Iterator[RenderableType]:
    """Give the parts of the page, from the top."""
    for each in found:
        for number, run in enumerate(each.runs, start=1):
            yield _title(each, run, number)
            yield _rules(each, run)
            yield Padding(_steps(run), (1, 0, 0, 0))
            yield Padding(_strip(run) if run.days else Text(f"  {_elapsed(run)}"), (1, 0, 0, 0))
            yield Text(f"  {_verdict(run)}\n", style="bold red" if run.differences else "")


def _title(each: Explanation, run: Run, number: int) -> Text:
    which = f", run {number} of {len(each.runs)}" if len(each.runs) > 1 else ""
    standing = "over" if run.over else "paused" if run.remaining else "running"
    missed = ", missed" if run.breached else ""
    return Text(f"{each.clock} of complaint {each.tracking_id}{which}: {standing}{missed}", style="bold")


def _grid() -> Table:
    return Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 2))


def _rules(each: Explanation, run: Run) -> Table:
    grid = _grid()
    for origin in each.origins:
        grid.add_row(
            Text(_RULES.get(origin.rule, "time"), style="dim"),
            Text(_value(origin, run)),
            Text(origin.source or _UNCONFIRMED, style="" if origin.source else "yellow"),
        )
    instead = "" if each.policy == each.explained_with else f", explained with {each.explained_with}"
    grid.add_row(Text("policy", style="dim"), Text(each.policy + instead), Text(""))
    if run.days:
        announced = f"with {run.announced} announced changes" if run.announced else ""
        grid.add_row(Text("calendar", style="dim"), Text(run.calendar), Text(announced))
    return grid


def _value(origin: Origin, run: Run) -> str:
    if origin.rule != "zones":
        return origin.value
    holder = f" ({run.office})" if run.office and origin.value == "the holder's" else ""
    return f"{run.zone}: {origin.value}{holder}"


def _steps(run: Run) -> Table:
    grid, zone = _grid(), ZoneInfo(run.zone)
    for step in run.steps:
        grid.add_row(
            Text(local(step.at, zone)),
            Text(step.what, style=_STYLES.get(step.what, "")),
            Text(f"{step.fact}, version {step.version}", style="dim"),
            Text(_said(step, zone)),
        )
    return grid


def _said(step: Step, zone: ZoneInfo) -> str:
    due = f"due {local(step.due_at, zone)}" if step.due_at else f"{step.left} left" if step.left else ""
    return shortened("; ".join(filter(None, (step.detail, due))))


def _strip(run: Run) -> Table:
    grid, zone = _grid(), ZoneInfo(run.zone)
    for day in run.days:
        marks = [
            f"{step.what} {step.at.astimezone(zone):%H:%M}"
            for step in run.steps
            if step.at.astimezone(zone).date() == day.date
        ]
        if run.warn_at and not run.over and run.warn_at.astimezone(zone).date() == day.date:
            marks.append(f"warning {run.warn_at.astimezone(zone):%H:%M}")
        if run.recomputed and run.recomputed.astimezone(zone).date() == day.date:
            marks.append(f"due {run.recomputed.astimezone(zone):%H:%M:%S}")
        grid.add_row(
            Text(f"{day.weekday[:3]} {day.date}"),
            Text(str(day.number or "-"), justify="right"),
            Text(safe(day.reason), style="" if day.counted and not _unreached(run, day) else "dim"),
            Text(", ".join(marks), style="cyan"),
        )
    return grid


def _unreached(run: Run, day: Day) -> bool:
    """Say whether the clock had ended before that day: it is there to show where the due time would have been."""
    return run.over and day.date > run.steps[-1].at.astimezone(ZoneInfo(run.zone)).date()


def _elapsed(run: Run) -> str:
    return f"{run.duration} of elapsed time: no day is counted or left out"


def _verdict(run: Run) -> str:
    if run.differences:
        return "; ".join(run.differences)
    if run.recomputed is None:
        return f"no due time while it is paused; {run.remaining} left, as the fact says"
    return f"due {local(run.recomputed, ZoneInfo(run.zone))}, as the facts say"


def as_json(found: Sequence[Explanation]) -> str:
    """Write the explanations as one JSON object."""
    return to_json({"explanations": [_plain(each) for each in found]}, indent=2).decode()


def _plain(each: Explanation) -> dict[str, Any]:
    runs = [asdict(run) | {"days": [_plain_day(day) for day in run.days]} for run in each.runs]
    origins = [asdict(origin) | {"source": origin.source or _UNCONFIRMED} for origin in each.origins]
    return asdict(each) | {"agrees": each.agrees, "origins": origins, "runs": runs}


def _plain_day(day: Day) -> dict[str, Any]:
    return asdict(day) | {"weekday": day.weekday, "worked": str(day.worked) if day.worked else None}
