"""The summary of a demonstration, from what was read back from the topics."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from rich.columns import Columns
from rich.console import Console
from rich.table import Table

from agents.demo.tally import OURS, Tally
from events.snapshot import Complaint
from events.vocabulary import Outcome, Status
from workflow.audit.invariants import Audit
from workflow.reports.redaction import redacted

_SLOWEST: Final = 5
_OFFICES: Final = 10
_VIOLATIONS: Final = 20


def last_line(tally: Tally, audit: Audit) -> str:
    """Return the line that says it all, for programs; `rejected` leaves out what only stages are told."""
    counts = audit.counts
    figures = {
        "reports": counts.reports,
        "complaints": counts.complaints,
        "settled": tally.settled,
        "open": tally.open,
        "breached": len(tally.breached),
        "escalated": len(tally.escalated),
        "rejected": tally.rejected,
        "dead": counts.dead,
        "lost": audit.lost,
        "doubled": audit.doubled,
    }
    return "demo: " + " ".join(f"{name}={number}" for name, number in figures.items())


def print_summary(console: Console, tally: Tally, audit: Audit, now: datetime) -> None:
    """Print the tables."""
    console.print(Columns([_outcomes(tally), _deadlines(tally), _refusals(tally)]))
    console.print(Columns([_slowest(tally, now), _offices(tally)]))
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


def _outcomes(tally: Tally) -> Table:
    table = _table("complaints by outcome", "outcome", "complaints")
    for outcome in Outcome:
        number = sum(each.outcome is outcome for each in tally.complaints.values())
        table.add_row(outcome.value, str(number))
    for status in Status:
        number = sum(each.status is status and each.outcome is None for each in tally.complaints.values())
        if number:
            table.add_row(f"open: {status}", str(number))
    table.add_section()
    table.add_row("were postponed", str(len(tally.postponed)))
    for field, names in sorted(tally.missing.items()):
        table.add_row(f"  missing: {field}", str(len(names)))
    return table


def _deadlines(tally: Tally) -> Table:
    table = _table("deadlines", "", "number")
    for clock, number in sorted(tally.breaches.items()):
        table.add_row(f"{clock} breached", str(number))
    table.add_section()
    for rung, number in sorted(tally.escalations.items()):
        table.add_row(f"escalated to rung {rung}", str(number))
    table.add_row("ladder exhausted", str(len(tally.exhausted)))
    return table


def _refusals(tally: Tally) -> Table:
    table = _table("commands rejected", "code", "number")
    for code, number in sorted(tally.rejections.items()):
        table.add_row(f"{code} (a stage, by design)" if code in OURS else code, str(number))
    return table


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


def _offices(tally: Tally) -> Table:
    table = _table(
        "followed up, by office", "office", "disposed", "followed up", "late", "returned", "passed on", "share"
    )
    busiest = sorted(tally.offices.items(), key=lambda pair: (-len(pair[1].disposed), pair[0]))
    for office, did in busiest[:_OFFICES]:
        numbers = (len(did.disposed), len(did.followed), len(did.late), did.returned, did.passed_on)
        table.add_row(office, *map(str, numbers), f"{did.share:.0%}")
    if len(busiest) > _OFFICES:
        table.caption = f"and {len(busiest) - _OFFICES} more offices"
    return table


def _reconciliation(audit: Audit) -> Table:
    counts = audit.counts
    table = _table("reconciliation, read back from the topics", "", "number")
    rows = {
        "reports delivered": counts.deliveries,
        "distinct reports": counts.reports,
        "complaints": counts.complaints,
        "facts, each checked against the one before": counts.facts,
        "commands, each with facts, a rejection or known as a repeat": counts.commands,
        "rejections": counts.rejections,
        "resolutions published": counts.resolutions,
        "dead letters": counts.dead,
        "sent on from another partition": counts.strayed,
        "still to be handled": counts.pending,
    }
    for name, number in rows.items():
        table.add_row(name, str(number))
    table.add_section()
    if not audit.violations:
        table.add_row("violations", "none")
    for code, number in sorted(audit.by_code().items()):
        table.add_row(f"violation: {code}", str(number))
    return table
