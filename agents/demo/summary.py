"""Summary of a demonstration, from the content of the topics."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from rich.columns import Columns
from rich.console import Console
from rich.table import Table

from agents.demo.tally import BENIGN, Tally
from agents.mirror.definitions import FIGURES
from agents.mirror.figures import Line
from events.snapshot import Complaint
from events.vocabulary import Outcome, Status
from workflow.audit.invariants import Audit
from workflow.redaction import redacted

_SLOWEST: Final = 5
_VIOLATIONS: Final = 20
_OFFICES: Final = 10
_OF_OFFICES: Final = ("received", "answered_share", "on_time_share", "returned", "rating", "open")
"""Figures that make sense where days are seconds."""


def last_line(tally: Tally, audit: Audit) -> str:
    """Return the summary line for programs; `rejected` is without rejections of stages."""
    figures = {
        "reports": audit.counts.reports,
        "complaints": audit.counts.complaints,
        "settled": tally.settled,
        "open": tally.open,
        "breached": len(tally.breached),
        "escalated": len(tally.escalated),
        "rejected": tally.rejected,
        "dead": audit.counts.dead,
        "lost": audit.lost,
        "doubled": audit.doubled,
    }
    return "demo: " + " ".join(f"{name}={number}" for name, number in figures.items())


def print_summary(console: Console, tally: Tally, audit: Audit, now: datetime) -> None:
    """Print the tables."""
    rejections = {f"{code} (a stage, by design)" if code in BENIGN else code: n for code, n in tally.rejections.items()}
    rejected = counted("commands rejected", dict(sorted(rejections.items())))
    console.print(Columns([_outcomes(tally), deadlines(tally), rejected]))
    console.print(_slowest(tally, now))
    console.print(_reconciliation(audit))
    for violation in audit.violations[:_VIOLATIONS]:
        console.print(str(violation), style="red", highlight=False, soft_wrap=True)
    if (more := len(audit.violations) - _VIOLATIONS) > 0:
        console.print(f"and {more} more")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table


def counted(title: str, *sections: Mapping[str, object]) -> Table:
    """Return a table of names and counts."""
    table = _table(title, "", "number")
    for section in sections:
        for name, number in section.items():
            table.add_row(name, str(number))
        table.add_section()
    return table


def _outcomes(tally: Tally) -> Table:
    outcomes = {each.value: sum(one.outcome is each for one in tally.complaints.values()) for each in Outcome}
    still = (each.status for each in tally.complaints.values() if each.outcome is None)
    statuses = list(still)
    waiting = {f"open: {each}": statuses.count(each) for each in Status if each in statuses}
    missing = {f"  missing: {field}": len(names) for field, names in sorted(tally.missing.items())}
    return counted("complaints by outcome", outcomes | waiting, {"were postponed": len(tally.postponed)} | missing)


def deadlines(tally: Tally) -> Table:
    """Return the table of breaches and escalations."""
    breaches = {f"{clock} breached": number for clock, number in sorted(tally.breaches.items())}
    rungs = {f"escalated to rung {rung}": number for rung, number in sorted(tally.escalations.items())}
    return counted("deadlines", breaches, rungs | {"escalation exhausted": len(tally.exhausted)})


def _slowest(tally: Tally, now: datetime) -> Table:
    table = _table("slowest", "tracking id", "took", "status", "office", "breaches", "rung")
    for took, complaint in tally.slowest(_SLOWEST, now):
        table.add_row(*_slow(took, complaint))
    return table


def _slow(took: timedelta, complaint: Complaint) -> Iterator[str]:
    yield complaint.tracking_id
    yield f"{took.total_seconds():.1f} s"
    yield complaint.status
    yield redacted(complaint.office or "none", secret=complaint.secret) or "-"
    yield str(complaint.breaches)
    yield str(complaint.rung)


def by_office(lines: Collection[Line]) -> Table:
    """Return the table of the offices with the most complaints."""
    table = _table("by office, without secret complaints", "office", *_OF_OFFICES)
    for line in sorted(lines, key=lambda each: each.size, reverse=True)[:_OFFICES]:
        table.add_row(line.group, *(FIGURES[name].formatted(line.values[name]) for name in _OF_OFFICES))
    if len(lines) > _OFFICES:
        table.caption = f"and {len(lines) - _OFFICES} more offices"
    return table


def _reconciliation(audit: Audit) -> Table:
    counts = audit.counts
    checked = {
        "reports delivered": counts.deliveries,
        "distinct reports": counts.reports,
        "complaints": counts.complaints,
        "facts, each checked against the one before": counts.facts,
        "commands, each with facts, a rejection or recognized as a repeat": counts.commands,
        "rejections": counts.rejections,
        "resolutions published": counts.resolutions,
        "dead letters": counts.dead,
        "forwarded from another partition": counts.strayed,
        "still to be processed": counts.pending,
    }
    violations = {f"violation: {code}": number for code, number in sorted(audit.by_code().items())}
    return counted("reconciliation, read back from the topics", checked, violations or {"violations": "none"})
