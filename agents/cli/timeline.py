"""The history of a complaint on a terminal and as JSON."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from pydantic_core import to_json
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agents.cli.tables import grid
from agents.cli.wording import in_words, local, place, safe, span
from events.client import ComplaintHistory
from events.snapshot import Clock, Complaint
from events.vocabulary import ClockName
from workflow.machine.waiting import in_words as in_words_of_waiting
from workflow.machine.waiting import waiting_for, waits_until
from workflow.policy.model import Policy
from workflow.policy.offices import UnknownOffice

_STYLES: Final = {
    "breached": "red",
    "escalated": "red",
    "escalation-exhausted": "bold red",
    "warned": "yellow",
    "closed": "green",
    "rated": "green",
}


def as_text(history: ComplaintHistory, policy: Policy, now: datetime) -> Iterator[RenderableType]:
    """Yield the parts of the page, from the top."""
    complaint = history.history[-1].complaint
    zone = policy.national_zone
    held = f", held by {complaint.office}" if complaint.office and complaint.clocks else ""
    yield Text(f"complaint {complaint.tracking_id}: {complaint.status}{held}", style="bold")
    yield _summary(history, policy, now)
    title, body = history.texts
    yield Text("\n" + safe(title or "(no title)"), style="bold")
    if body:
        yield Padding(Text(safe(body)), (0, 0, 0, 2), expand=False)
    yield Text("\ntimeline", style="bold")
    yield _timeline(history, zone)
    if complaint.clocks:
        yield Text("\nclocks", style="bold")
        yield _clocks(complaint, policy, now)
        ask = f"alur explain {complaint.tracking_id}"
        yield Text(f"  why then: {ask}; one with its past: {ask} {' or '.join(complaint.clocks)}", style="dim")
    if history.refusals:
        yield Text("\nrefused", style="bold")
        yield _refusals(history, zone)


def _waits(complaint: Complaint, policy: Policy, now: datetime) -> str:
    waiting = waiting_for(complaint, policy, now)
    if waiting is None:
        return ""
    until = waits_until(complaint, waiting)
    return in_words_of_waiting(complaint, waiting, local(until, policy.national_zone) if until else "")


def _next(complaint: Complaint, policy: Policy, now: datetime) -> str:
    """Return the next due time, else the last missed one."""
    running = [(clock.due_at, name) for name, clock in complaint.clocks.items() if clock.due_at and not clock.paused]
    if not running:
        return ""
    due, name = min(((at, name) for at, name in running if at > now), default=max(running))
    clock = complaint.clocks[name]
    return f"{name} {local(due, _zone(name, clock, complaint, policy))}, {clock_status(clock, now)}"


def _summary(history: ComplaintHistory, policy: Policy, now: datetime) -> Table:
    complaint, zone = history.history[-1].complaint, policy.national_zone
    table = grid(2)
    flags = [name for name in ("anonymous", "secret") if getattr(complaint, name)]
    asked = f"{history.asked_office} (not in the directory when it was asked for)" if history.asked_office else ""
    counts = (
        f"dispositions {complaint.round}, returns {complaint.returns}, breaches {complaint.breaches}, "
        f"rung {complaint.rung}" + (", escalation exhausted" if complaint.exhausted else "")
    )
    rows = {
        "waits for": _waits(complaint, policy, now),
        "next": _next(complaint, policy, now),
        "id": complaint.complaint_id,
        "class": ", ".join([complaint.class_, *flags]),
        "category": complaint.category or "none",
        "place": place(complaint.location),
        "office": complaint.office or "none",
        "chosen": complaint.chosen_office or asked,
        "follows": complaint.follows or "",
        "channel": f"{complaint.report.source}, report {complaint.report.id}",
        "received": local(complaint.received_at, zone),
        "policy": complaint.policy,
        "so far": counts,
        "ended": f"{complaint.outcome}, {local(complaint.closed_at, zone)}" if complaint.closed_at else "",
        "rating": f"{complaint.rating} of 5" if complaint.rating else "",
    }
    for name, value in rows.items():
        if value:
            table.add_row(Text(name, style="dim"), Text(safe(value)))
    return table


def _timeline(history: ComplaintHistory, zone: ZoneInfo) -> Table:
    table = grid(5, time=1)
    for recorded in history.history:
        table.add_row(
            Text(str(recorded.complaint.version), style="dim", justify="right"),
            Text(local(recorded.at, zone)),
            Text(recorded.fact.NAME, style=_STYLES.get(recorded.fact.NAME, "")),
            Text(safe(recorded.fact.by), style="dim"),
            Text(in_words(recorded.fact, zone)),
        )
    return table


def _clocks(complaint: Complaint, policy: Policy, now: datetime) -> Table:
    table = grid(3, time=1)
    for name, clock in complaint.clocks.items():
        due = local(clock.due_at, _zone(name, clock, complaint, policy)) if clock.due_at else "no due time"
        table.add_row(Text(name), Text(due), Text(clock_status(clock, now), style="red" if clock.breached else ""))
    return table


def _zone(name: ClockName, clock: Clock, complaint: Complaint, policy: Policy) -> ZoneInfo:
    if clock.zone is not None:
        return ZoneInfo(clock.zone)
    try:
        return policy.zone_for(name, complaint.office)
    except UnknownOffice:
        return policy.national_zone


def clock_status(clock: Clock, now: datetime) -> str:
    """Return the status of a clock at `now`: the time left, or the time overdue."""
    if clock.paused:
        status = f"paused, {clock.remaining} left" if clock.remaining else "paused"
    elif clock.due_at is None:
        status = "stands"
    elif now > clock.due_at:
        status = f"{span(now - clock.due_at)} overdue"
    else:
        status = f"{span(clock.due_at - now)} left"
    return ", ".join([status, *(mark for mark in ("warned", "breached") if getattr(clock, mark))])


def _refusals(history: ComplaintHistory, zone: ZoneInfo) -> Table:
    table = grid(5, time=0)
    for refused in history.refusals:
        rejection = refused.rejection
        table.add_row(
            Text(local(refused.at, zone)),
            Text(rejection.command_type.removeprefix("lapor.command.").removesuffix(".v1")),
            Text(rejection.code, style="yellow"),
            Text(safe(rejection.command_source), style="dim"),
            Text(safe(rejection.message)),
        )
    return table


def as_json(history: ComplaintHistory) -> str:
    """Return the snapshot, the facts and the refusals, in log order, as one JSON object."""
    facts = [
        {
            "version": recorded.complaint.version,
            "time": recorded.at,
            "fact": recorded.fact.NAME,
            "cause": {"source": recorded.cause.source, "id": recorded.cause.id},
            "data": recorded.fact,
        }
        for recorded in history.history
    ]
    refusals = [{"time": refused.at, **refused.rejection.model_dump(by_alias=True)} for refused in history.refusals]
    whole = {"complaint": history.history[-1].complaint, "history": facts, "refusals": refusals}
    return to_json(whole, by_alias=True, indent=2).decode()
