"""Progress display of a demonstration: live tables on a terminal, a line every few seconds elsewhere."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agents.demo.summary import counted, deadlines
from agents.demo.tally import Tally
from events.topics import STAGES
from events.vocabulary import OPEN, Status

_LINE_EVERY: Final = 5.0
_FRAMES_PER_SECOND: Final = 4
_BAR: Final = 30


@dataclass(slots=True)
class Moment:
    """Progress at one time."""

    tally: Tally
    phase: str = "starting"
    elapsed: float = 0.0
    seconds: float = 60.0
    submitted: int = 0
    """Deliveries of reports."""
    commands: int = 0
    lag: Mapping[str, int] = field(default_factory=dict)
    """Lag of each stage in records."""


class View:
    """Context manager that displays progress, however often `show` is called."""

    def __init__(self, console: Console, moment: Moment) -> None:
        self._console = console
        self._moment = moment
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._shown = 0.0

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, line: str) -> None:
        """Print a line above the live display."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def show(self, *, now: bool = False) -> None:
        """Display the progress if the interval has passed, or `now`."""
        wait = 1 / _FRAMES_PER_SECOND if self._live is not None else _LINE_EVERY
        if not now and time.monotonic() - self._shown < wait:
            return
        self._shown = time.monotonic()
        if self._live is not None:
            self._live.update(picture(self._moment), refresh=True)
        else:
            self.say(line(self._moment))


def line(moment: Moment) -> str:
    """Return the progress as one line."""
    tally = moment.tally
    statuses = " ".join(f"{status}={tally.statuses[status]}" for status in Status if tally.statuses[status])
    behind = " ".join(f"{stage}={number}" for stage, number in moment.lag.items() if number)
    return (
        f"{moment.elapsed:5.1f} s {moment.phase}: {moment.submitted} reports, {len(tally.complaints)} complaints "
        f"[{statuses or 'none yet'}] breached={len(tally.breached)} escalated={len(tally.escalated)} "
        f"rejected={tally.rejected} behind: {behind or 'none'}"
    )


def picture(moment: Moment) -> RenderableType:
    """Return the progress as tables."""
    # the time to catch up is unknown
    planned = f" of {moment.seconds:.0f}" if moment.phase == "playing" else ""
    head = Text.assemble(
        ("alur demo ", "bold"),
        f"{moment.elapsed:.0f}{planned} s, {moment.phase}: {moment.submitted} reports delivered, ",
        f"{moment.commands} commands from people ({moment.tally.rejected} rejected), {moment.tally.facts} facts",
    )
    behind = counted("records behind", {stage: moment.lag.get(stage, "…") for stage in STAGES})
    return Group(head, Columns([_by_status(moment.tally), deadlines(moment.tally), behind]))


def _by_status(tally: Tally) -> Table:
    table = Table("status", title=f"{len(tally.complaints)} complaints", title_justify="left")
    table.add_column("", justify="right")
    table.add_column("", min_width=_BAR)
    most = max([*tally.statuses.values(), 1])
    for status in Status:
        number = tally.statuses[status]
        bar = Text("█" * round(_BAR * number / most), style="yellow" if status in OPEN else "green")
        table.add_row(status.value, str(number), bar)
    return table
