"""`alur list`: complaints by status, office, deadline and more, as on the dashboard."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from agents.cli.context import console, note, policy_now, say, settings_of
from agents.cli.options import FromMirrorIfAny
from agents.cli.tables import new_table
from agents.cli.wording import left_until, local, safe, span
from agents.config.settings import Settings
from agents.dashboard.complaint_row import BREACHED, ComplaintRow
from agents.dashboard.figures import DisplayContext
from agents.dashboard.listing import DUE, ORDERS, STATES, Lists, MemoryLists, Query, as_csv, values_of
from agents.dashboard.mirror_list import MirrorLists
from agents.dashboard.projection import read_model_now
from agents.dashboard.read_model import LATEST
from events.vocabulary import Status


class Form(StrEnum):
    """Output formats of a list."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


_LIMIT: Final = 50
_Text = str | None


def list_complaints(  # noqa: PLR0913 -- one for each option
    ctx: typer.Context,
    *,
    state: Annotated[_Text, typer.Option(help=f"{', '.join(STATES)}; default: open, or by other options")] = None,
    status: Annotated[list[Status] | None, typer.Option(help="may be repeated")] = None,
    office: Annotated[_Text, typer.Option(metavar="ID", help="with its units; `none`: no office holds it")] = None,
    units: Annotated[bool, typer.Option(help="with the units of the office")] = True,
    clock: Annotated[
        _Text, typer.Option(help=f"the deadline that was missed or is next: {', '.join(BREACHED)}")
    ] = None,
    due: Annotated[_Text, typer.Option(help=", ".join(DUE))] = None,
    category: Annotated[_Text, typer.Option(metavar="NAME")] = None,
    rung: Annotated[_Text, typer.Option(metavar="NUMBER|exhausted", help="of the ladder of escalation")] = None,
    why: Annotated[list[str] | None, typer.Option(help="what it waits for; `by-hand`: a person disposes it")] = None,
    received: Annotated[_Text, typer.Option(metavar="DAY|24h", help="such as 2026-11-30")] = None,
    ended: Annotated[_Text, typer.Option(metavar="DAY|24h")] = None,
    sort: Annotated[str, typer.Option(metavar="COLUMN", help=f"{', '.join(ORDERS)}; -due: descending")] = "due",
    limit: Annotated[int, typer.Option(min=0, help="maximum number; 0: all")] = _LIMIT,
    form: Annotated[Form, typer.Option("--format", help="output format")] = Form.TABLE,
    mirror: FromMirrorIfAny = None,
) -> None:
    """List complaints by status, office, deadline, category, rung or what they wait for.

    Without a mirror, only the 10,000 settled complaints that ended last are listed.

        alur list --due overdue --office denpasar

        alur list --status disposed --sort -received --format csv --limit 0
    """
    single = {"state": state, "office": office, "units": None if units else "no", "clock": clock, "due": due} | {
        "category": category,
        "rung": rung,
        "received": received,
        "ended": ended,
        "sort": sort,
    }
    several = [("status", each) for each in status or ()] + [("why", each) for each in why or ()]
    query = Query.parse([*((name, value) for name, value in single.items() if value), *several])
    _list(settings_of(ctx), query, limit, form, mirror)


def _list(settings: Settings, query: Query, limit: int, form: Form, mirror: str | None) -> None:
    context, now = DisplayContext.of(policy_now(settings), settings), datetime.now(UTC)
    if mirror:
        lists: Lists = MirrorLists(mirror, settings.prefix)
    else:
        model = read_model_now(settings)
        lists = MemoryLists(lambda: model)
    listed = lists.select(query, now, context, most=limit or None)
    _write(listed.rows, form, now, context)
    if not listed.total and form is Form.TABLE:
        note("no complaints: with other filters, or --state all, there may be some")
    elif limit and limit < listed.total:
        note(f"{listed.total:,} complaints, {limit:,} shown: --limit 0 shows all")
    if listed.mirrored:
        current = listed.current_at
        note(f"from the mirror, {'copied in part' if current is None else f'{span(now - current)} behind'}")
    elif query.state != "open" and listed.older:
        note(
            f"{listed.older:,} complaints that ended before the last {LATEST:,} are not looked at: alur mirror has them"
        )


def _write(rows: Iterable[ComplaintRow], form: Form, now: datetime, context: DisplayContext) -> None:
    if form is Form.CSV:
        for part in as_csv(rows, now):
            say(part.rstrip("\n"))
    elif form is Form.JSON:
        say(json.dumps([values_of(row, now) for row in rows], default=datetime.isoformat, indent=2, ensure_ascii=False))
    else:
        console().print(table(rows, now, context))


def table(rows: Iterable[ComplaintRow], now: datetime, context: DisplayContext) -> Table:
    """Render a list at `now` as a table."""
    headings = ("complaint", "status", "office (or why none)", "deadline", "due", "left", "rung")
    laid_out = new_table(*headings, unwrapped=["complaint"])
    for row in rows:
        shape, deadline = row.shape, row.deadline
        at = None if deadline is None else datetime.fromtimestamp(deadline.at, UTC)
        left = "-" if at is None else left_until(at, now)
        cells = (safe(row.tracking_id), shape.status, safe(shape.office_or_reason), deadline.clock if deadline else "-")
        rung = "exhausted" if shape.exhausted else str(shape.rung)
        due = "-" if at is None else local(at, context.zone)
        laid_out.add_row(*map(Text, (*cells, due, left, rung)), style="red" if at is not None and at < now else "")
    return laid_out
