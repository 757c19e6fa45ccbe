"""`alur watch`: the read model of the dashboard on a terminal."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from rich.columns import Columns
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agents.cli.context import console, note, policy_now, settings_of
from agents.cli.interrupts import raising
from agents.cli.tables import new_table
from agents.cli.wording import left_until, local, safe
from agents.config.settings import Settings
from agents.dashboard.figures import DisplayContext
from agents.dashboard.projection import Projection
from agents.ops.progress import lag
from events.client import Reader, Record, require_topics
from events.topics import STAGES, TopicName
from events.vocabulary import Status

_READS: Final = (TopicName.STATE, TopicName.REJECTIONS, TopicName.DEAD_LETTERS)
_REFRESH_S: Final = 0.5
_LAG_S: Final = 3.0
_DEADLINES: Final = 10


class Overview(Projection):
    """The read model of the dashboard, and the number of rejections."""

    def __init__(self) -> None:
        super().__init__()
        self.rejections = 0

    def add(self, records: Iterable[Record]) -> None:
        """Apply records of the topics that are read."""
        for record in records:
            if record.topic is TopicName.REJECTIONS:
                self.rejections += 1
            else:
                self.apply(record)


def watch(
    ctx: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="print the overview once, as it is now")] = False,
) -> None:
    """Watch complaints by status, the lag of each stage, deadlines and failures.

    Ends with Ctrl-C. If stdout is not a terminal, prints once.

        alur watch

        alur watch --once
    """
    settings = settings_of(ctx)
    context = DisplayContext.of(policy_now(settings), settings)
    require_topics(settings, [*_READS, *STAGES.values()])
    overview = Overview()
    with Reader(settings, _READS) as reader:
        live = console().is_terminal and not once
        if live:
            note("reading complaints.state ...")
        overview.add(reader.to_end())
        if live:
            with suppress(KeyboardInterrupt), raising():
                _live(settings, reader, overview, context)
        console().print(view(overview, lag(settings), datetime.now(UTC), context))


def _live(settings: Settings, reader: Reader, overview: Overview, context: DisplayContext) -> None:
    """Draw the overview twice a second, until Ctrl-C."""
    behind, measured = lag(settings), time.monotonic()
    screen = console()
    with Live(console=screen, auto_refresh=False, screen=screen.is_terminal) as live:
        while True:
            live.update(view(overview, behind, datetime.now(UTC), context), refresh=True)
            deadline = time.monotonic() + _REFRESH_S
            while (left := deadline - time.monotonic()) > 0:
                overview.add(reader.poll(left))
            if time.monotonic() - measured > _LAG_S:
                behind, measured = lag(settings), time.monotonic()


def view(overview: Overview, behind: Mapping[str, Mapping[int, int]], now: datetime, context: DisplayContext) -> Group:
    """Render the overview at `now`; `behind` is the lag in records by stage and partition."""
    model = overview.read_model
    model.advance_to(int(now.timestamp()))
    statuses = {str(status): (model.by_status[status], "") for status in Status} | {"all": (len(model), "bold")}
    stages = {stage: (sum(partitions.values()), "yellow") for stage, partitions in behind.items()}
    letters = Counter[str]()
    for reason, count in overview.letters.by_reason.items():
        letters[reason.stage] += count
    troubles = {
        "overdue": (model.overdue, "red"),
        "escalation exhausted": (model.exhausted, "bold red"),
        "rejections": (overview.rejections, "yellow"),
        "dead letters": (letters.total(), "red"),
        **{f"  of {safe(stage)}": (count, "red") for stage, count in sorted(letters.items())},
    }
    tables = (
        _counts("status", "complaints", statuses),
        _counts("stage", "behind", stages),
        _counts("", "count", troubles),
    )
    where = ", ".join(f"{name} {value or '(none)'}" for name, value in context.environment.items())
    moment = Text(f"{local(now, context.zone)}; {safe(where)}", style="dim")
    return Group(Columns(tables, padding=(0, 6)), Text(), _deadlines(overview, now, context), moment)


def _counts(name: str, unit: str, rows: Mapping[str, tuple[int, str]]) -> Table:
    table = new_table(name, unit, right=[unit])
    for each, (count, style) in rows.items():
        table.add_row(each, f"{count:,}", style=style if count else "dim")
    return table


def _deadlines(overview: Overview, now: datetime, context: DisplayContext) -> Table:
    """List missed deadlines, the oldest first, and the next ones."""
    model = overview.read_model
    table = new_table("due", "clock", "complaint", "status", "office (or why none)", "left", unwrapped=["complaint"])
    overdue = [(row.deadline, row) for row in model.longest_overdue(_DEADLINES)]
    for deadline, row in overdue + [(row.due, row) for row in model.next_due(_DEADLINES)]:
        if deadline is None:
            continue
        at = datetime.fromtimestamp(deadline.at, UTC)
        due, left = local(at, context.zone), left_until(at, now)
        cells = (due, deadline.clock, row.tracking_id, row.shape.status, safe(row.shape.office_or_reason), left)
        table.add_row(*cells, style="red" if now > at else "")
    return table
