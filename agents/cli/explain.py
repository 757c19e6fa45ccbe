"""`alur explain`: why a deadline is when it is."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer
from pydantic_core import to_json
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from agents.cli.context import console, say, settings_of
from agents.cli.errors import Failure
from agents.cli.options import AsJson, Complaint
from agents.cli.show import history_of
from agents.cli.tables import grid
from agents.cli.wording import local, safe, shortened
from agents.ops.complaint_policy import policy_of
from events.client import calendar_for
from events.facts import Recorded
from events.vocabulary import ClockName
from workflow.deadlines.durations import Duration
from workflow.policy.announcements import with_announcements
from workflow.policy.model import Policy
from workflow.reports.day_breakdown import Day
from workflow.reports.explain import Explanation, Happening, RuleSource, Run, Step, explain

_UNCONFIRMED: Final = "default, not confirmed"
_MARK: Final = "*"
"""Mark of an unconfirmed value, explained in a line below."""
_RULES: Final = {
    "zones": "zone",
    "hours": "office hours",
    "collective_leave": "collective leave",
    "settlement_pause_cap": "pauses up to",
    "settlement_pauses_in": "pauses while",
    "extension": "extension",
}
"""Labels of the rules of a policy; the length of a clock is labelled `time`."""
_STYLES: Final = {"breached": "red", "passed": "red", "warned": "yellow", "stopped": "green"}


def explain_deadlines(
    ctx: typer.Context,
    complaint: Complaint,
    clock: Annotated[
        ClockName | None, typer.Argument(help="one of its clocks, with all its runs; default: the present clocks")
    ] = None,
    *,
    json: AsJson = False,
) -> None:
    """Explain a deadline day by day: what counted, what did not, and by which rule.

    Each due time is recomputed from the complaint's facts; if it differs from the recorded one, both are shown and the
    exit status is 1. Without a CLOCK the present clocks are explained, or all past ones if there are none.

        alur explain 1042007

        alur explain 1042007 follow_up --json
    """
    settings = settings_of(ctx)
    history = history_of(settings, complaint)
    policy = policy_of(settings, history)
    if history.history[-1].complaint.calendar:
        policy = with_announcements(policy, calendar_for(settings, history.complaint))
    explained = explanations(history.history, clock, policy)
    if json:
        say(as_json(explained))
    else:
        for part in as_text(explained):
            console().print(part)
    if not all(each.agrees for each in explained):
        raise Failure("a due time in the facts differs from the one by the policy and calendar of this installation")


def explanations(history: Sequence[Recorded], clock: ClockName | None, policy: Policy) -> list[Explanation]:
    """Explain all runs of a clock; without one, the last run of each present clock, else all clocks."""
    present = history[-1].complaint.clocks
    clocks = [clock] if clock else [name for name in ClockName if name in present] or list(ClockName)
    explained = [explain(history, name, policy) for name in clocks]
    if clock is None and present:
        return [replace(each, runs=each.runs[-1:]) for each in explained]
    if clock and not explained[0].runs:
        ran = ", ".join(name for name in ClockName if explain(history, name, policy).runs)
        raise Failure(f"the clock {clock} never ran for this complaint; these ran: {ran}")
    return [each for each in explained if each.runs]


def as_text(explained: Sequence[Explanation]) -> Iterator[RenderableType]:
    """Yield the parts of the page, from the top."""
    for each in explained:
        for number, run in enumerate(each.runs, start=1):
            yield _title(each, run, number)
            yield _rules(each, run)
            yield Text()
            yield _steps(run)
            yield Text()
            elapsed = Text(f"  {run.duration} of elapsed time: no day is counted or left out")
            # of a pause with a cap, working time counts in place of days
            capped = any(origin.rule == "settlement_pause_cap" for origin in each.origins)
            numbered = not capped or all(step.what is not Happening.PAUSED for step in run.steps)
            yield _days(run, numbered=numbered) if run.days else elapsed
            yield Text(f"  {_result(run)}\n", style="bold red" if run.differences else "")
    if any(not origin.source for each in explained for origin in each.origins):
        yield Text(f"{_MARK} {_UNCONFIRMED}", style="yellow")


def _title(each: Explanation, run: Run, number: int) -> Text:
    which = f", run {number} of {len(each.runs)}" if len(each.runs) > 1 else ""
    status = "ended" if run.over else "paused" if run.remaining else "running"
    missed = ", missed" if run.breached else ""
    return Text(f"{each.clock} of complaint {each.tracking_id}{which}: {status}{missed}", style="bold")


def _rules(each: Explanation, run: Run) -> Table:
    table = grid(3)
    for origin in (run.rule, *each.origins[1:]):
        table.add_row(
            Text(_RULES.get(origin.rule, "time"), style="dim"),
            Text(_value(origin, run)),
            Text(origin.source or _MARK, style="" if origin.source else "yellow"),
        )
    instead = "" if each.policy == each.explained_with else f", explained with {each.explained_with}"
    table.add_row(Text("policy", style="dim"), Text(each.policy + instead), Text(""))
    if run.days:
        announced = f"with {run.announced} announced changes" if run.announced else ""
        table.add_row(Text("calendar", style="dim"), Text(run.calendar), Text(announced))
    return table


def _value(origin: RuleSource, run: Run) -> str:
    if origin.override:
        return f"{origin.value}, override {origin.override}"
    if origin.rule != "zones":
        return origin.value
    holder = f" ({run.office})" if run.office and origin.value == "the holder's" else ""
    return f"{run.zone}: {origin.value}{holder}"


def _steps(run: Run) -> Table:
    table, zone = grid(4, time=0), ZoneInfo(run.zone)
    for step in run.steps:
        table.add_row(
            Text(local(step.at, zone)),
            Text(step.what, style=_STYLES.get(step.what, "")),
            Text(f"{step.fact}, version {step.version}", style="dim"),
            Text(_details(step, zone)),
        )
    return table


def _details(step: Step, zone: ZoneInfo) -> str:
    due = f"due {local(step.due_at, zone)}" if step.due_at else f"{_rounded(step.left)} left" if step.left else ""
    return shortened("; ".join(filter(None, (step.detail, due))))


def _rounded(left: str | None) -> str:
    return Duration.parse(left or "0 seconds").rounded()


def _days(run: Run, *, numbered: bool) -> Table:
    table, zone = grid(4, time=0), ZoneInfo(run.zone)
    moments = [(step.at.astimezone(zone), f"{step.what} %H:%M") for step in run.steps]
    if run.warn_at and not run.over:
        moments.append((run.warn_at.astimezone(zone), "warning %H:%M"))
    if run.recomputed:
        moments.append((run.recomputed.astimezone(zone), "due %H:%M:%S"))
    for day in run.days:
        table.add_row(
            Text(f"{day.weekday[:3]} {day.date}"),
            Text("-" if not day.number else str(day.number) if numbered else "+", justify="right"),
            Text(safe(day.reason), style="" if day.counted and not _after_end(run, day) else "dim"),
            Text(", ".join(f"{at:{form}}" for at, form in moments if at.date() == day.date), style="cyan"),
        )
    return table


def _after_end(run: Run, day: Day) -> bool:
    """Return whether the clock ended before that day, which is only shown up to the due time."""
    return run.over and day.date > run.steps[-1].at.astimezone(ZoneInfo(run.zone)).date()


def _result(run: Run) -> str:
    if run.differences:
        return "; ".join(run.differences)
    if run.recomputed is None:
        return f"no due time while it is paused; {_rounded(run.remaining)} left, as in the fact"
    return f"due {local(run.recomputed, ZoneInfo(run.zone))}, as in the facts"


def as_json(explained: Sequence[Explanation]) -> str:
    """Return the explanations as one JSON object."""
    return to_json({"explanations": [_plain(each) for each in explained]}, indent=2).decode()


def _plain(each: Explanation) -> dict[str, Any]:
    runs = [
        asdict(run) | {"rule": _plain_origin(run.rule), "days": [_plain_day(day) for day in run.days]}
        for run in each.runs
    ]
    return asdict(each) | {"agrees": each.agrees, "origins": list(map(_plain_origin, each.origins)), "runs": runs}


def _plain_origin(origin: RuleSource) -> dict[str, Any]:
    return asdict(origin) | {"source": origin.source or _UNCONFIRMED}


def _plain_day(day: Day) -> dict[str, Any]:
    return asdict(day) | {"weekday": day.weekday, "worked": str(day.worked) if day.worked else None}
