"""A complaint's dossier, laid out for people and for programs."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic_core import to_json
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agents.cli.wording import in_words, local, place, safe, span
from events.client import Dossier
from events.facts import ComplaintRegistered, ReportCompleted
from events.snapshot import Clock, Complaint
from events.vocabulary import ClockName
from workflow.policy.model import Policy
from workflow.policy.offices import UnknownOffice


def as_text(dossier: Dossier, policy: Policy, now: datetime) -> Iterator[RenderableType]:
    """Give the parts of the page, from the top."""
    complaint = dossier.history[-1].complaint
    zone = policy.national_zone
    yield Text(f"complaint {complaint.tracking_id}  {complaint.status}", style="bold")
    yield _facts_about(dossier, zone)
    yield from _report(dossier)
    yield Text("\ntimeline", style="bold")
    yield _timeline(dossier, zone)
    if complaint.clocks:
        yield Text("\nclocks", style="bold")
        yield _clocks(complaint, policy, now)
        ask = f"alur explain {complaint.tracking_id}"
        yield Text(f"  why then: {ask}; one with its past: {ask} {' or '.join(complaint.clocks)}", style="dim")
    if dossier.refusals:
        yield Text("\nrefused", style="bold")
        yield _refusals(dossier, zone)


def _grid() -> Table:
    return Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 2))


def _facts_about(dossier: Dossier, zone: ZoneInfo) -> Table:
    complaint = dossier.history[-1].complaint
    grid = _grid()
    flags = [name for name, is_set in (("anonymous", complaint.anonymous), ("secret", complaint.secret)) if is_set]
    asked = f"{dossier.asked_office} (not in the directory when it was asked for)" if dossier.asked_office else ""
    ended = f"{complaint.outcome}, {local(complaint.closed_at, zone)}" if complaint.closed_at else ""
    counts = (
        f"dispositions {complaint.round}, returns {complaint.returns}, breaches {complaint.breaches}, "
        f"rung {complaint.rung}" + (", ladder exhausted" if complaint.exhausted else "")
    )
    for name, value in (
        ("id", complaint.complaint_id),
        ("class", ", ".join([complaint.class_, *flags])),
        ("category", complaint.category or "none"),
        ("place", place(complaint.location)),
        ("office", complaint.office or "none"),
        ("chosen", complaint.chosen_office or asked),
        ("channel", f"{complaint.report.source}, report {complaint.report.id}"),
        ("received", local(complaint.received_at, zone)),
        ("policy", complaint.policy),
        ("so far", counts),
        ("ended", ended),
        ("rating", f"{complaint.rating} of 5" if complaint.rating else ""),
    ):
        if value:
            grid.add_row(Text(name, style="dim"), Text(safe(value)))
    return grid


def _report(dossier: Dossier) -> Iterator[RenderableType]:
    """Give title and body as the citizen has them now."""
    title, body = "", ""
    for recorded in dossier.history:
        fact = recorded.fact
        if isinstance(fact, ComplaintRegistered):
            title, body = fact.report.title, fact.report.body
        elif isinstance(fact, ReportCompleted):
            title = title if fact.title is None else fact.title
            body = body if fact.body is None else fact.body
    yield Text("\n" + safe(title or "(no title)"), style="bold")
    if body:
        yield Padding(Text(safe(body)), (0, 0, 0, 2), expand=False)


def _timeline(dossier: Dossier, zone: ZoneInfo) -> Table:
    grid = _grid()
    for recorded in dossier.history:
        grid.add_row(
            Text(str(recorded.complaint.version), style="dim", justify="right"),
            Text(local(recorded.at, zone)),
            Text(recorded.fact.NAME, style=_STYLES.get(recorded.fact.NAME, "")),
            Text(safe(recorded.fact.by), style="dim"),
            Text(in_words(recorded.fact, zone)),
        )
    return grid


_STYLES = {
    "breached": "red",
    "escalated": "red",
    "escalation-exhausted": "bold red",
    "warned": "yellow",
    "closed": "green",
    "rated": "green",
}


def _clocks(complaint: Complaint, policy: Policy, now: datetime) -> Table:
    grid = _grid()
    for name, clock in complaint.clocks.items():
        due = local(clock.due_at, _zone(name, clock, complaint, policy)) if clock.due_at else "no due time"
        grid.add_row(Text(name), Text(due), Text(standing(clock, now), style="red" if clock.breached else ""))
    return grid


def _zone(name: ClockName, clock: Clock, complaint: Complaint, policy: Policy) -> ZoneInfo:
    if clock.zone is not None:
        return ZoneInfo(clock.zone)
    try:
        return policy.zone_for(name, complaint.office)
    except UnknownOffice:
        return policy.national_zone


def standing(clock: Clock, now: datetime) -> str:
    """Say how a clock stands at `now`: what is left, or since when it is overdue."""
    if clock.paused:
        said = f"paused, {clock.remaining} left" if clock.remaining else "paused"
    elif clock.due_at is None:
        said = "stands"
    elif now > clock.due_at:
        said = f"{span(now - clock.due_at)} overdue"
    else:
        said = f"{span(clock.due_at - now)} left"
    marks = [mark for mark, is_set in (("warned", clock.warned), ("breached", clock.breached)) if is_set]
    return ", ".join([said, *marks])


def _refusals(dossier: Dossier, zone: ZoneInfo) -> Table:
    grid = _grid()
    for refused in dossier.refusals:
        rejection = refused.rejection
        grid.add_row(
            Text(local(refused.at, zone)),
            Text(rejection.command_type.removeprefix("lapor.command.").removesuffix(".v1")),
            Text(rejection.code, style="yellow"),
            Text(safe(rejection.command_source), style="dim"),
            Text(safe(rejection.message)),
        )
    return grid


def as_json(dossier: Dossier) -> str:
    """Write all of it as one JSON object: the snapshot, the facts and the refusals, in the log's order."""
    history: list[dict[str, Any]] = [
        {
            "version": recorded.complaint.version,
            "time": recorded.at,
            "fact": recorded.fact.NAME,
            "cause": {"source": recorded.cause.source, "id": recorded.cause.id},
            "data": recorded.fact,
        }
        for recorded in dossier.history
    ]
    refusals = [{"time": refused.at, **refused.rejection.model_dump(by_alias=True)} for refused in dossier.refusals]
    whole = {"complaint": dossier.history[-1].complaint, "history": history, "refusals": refusals}
    return to_json(whole, by_alias=True, indent=2).decode()
