"""What the board keeps of a complaint: a few words and numbers, no text that anybody wrote, nobody's name."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict

from events.codec.partial_reads import read_part
from events.snapshot import Clock
from events.vocabulary import ClockName, Status
from workflow.deadlines.clock_rules import RULES, Passing
from workflow.machine.transitions import OPEN

OBLIGATIONS: Final = frozenset(name for name, rule in RULES.items() if rule.passing is Passing.BREACH) - {
    ClockName.ESCALATION
}
"""The clocks whose passing is a breach. Citizens' own end quietly, and a rung's is the ladder's affair."""
_HOUR_S: Final = 3_600


class RowShape(NamedTuple):
    """What many complaints have in common, so that it is kept once for all of them."""

    status: Status
    office: str | None
    disposed: bool
    """It has been with an office at least once."""
    exhausted: bool
    """It is open, and the ladder has no rung left."""
    secret: bool

    @property
    def open(self) -> bool:
        """Say whether it is not settled yet."""
        return self.status in OPEN


class Deadline(NamedTuple):
    """The due time of a clock, in seconds since 1970 (UTC)."""

    at: int
    clock: ClockName


class ComplaintRow(NamedTuple):
    """A complaint as the board knows it. Hours are whole hours since 1970 (UTC)."""

    shape: RowShape
    tracking_id: str
    version: int
    received: int
    closed: int | None
    due: Deadline | None
    """The first obligation that can still be met; it may have passed without notice of it yet."""
    missed: Deadline | None
    """The first deadline that was missed, as long as what it was for is still missing."""

    @property
    def at_rest(self) -> bool:
        """Say whether it is settled, with no deadline left."""
        return not self.shape.open and self.due is None and self.missed is None


class _Snapshot(BaseModel):
    """As much of a snapshot as the board needs; the rest is passed over."""

    model_config = ConfigDict(strict=True)

    tracking_id: str
    version: int
    status: Status
    office: str | None = None
    round: int = 0
    exhausted: bool = False
    secret: bool
    received_at: AwareDatetime
    closed_at: AwareDatetime | None = None
    clocks: dict[ClockName, Clock] = {}


def read_row(raw: bytes) -> ComplaintRow:
    """Read a record of `complaints.state`.

    Raises:
        Undecodable: it is none of ours.
    """
    found = read_part(_Snapshot, raw)
    is_open = found.status in OPEN
    shape = RowShape(found.status, found.office, found.round > 0, found.exhausted and is_open, found.secret)
    clocks = found.clocks.items()
    return ComplaintRow(
        shape=shape,
        tracking_id=found.tracking_id,
        version=found.version,
        received=hour_of(found.received_at),
        closed=None if found.closed_at is None else hour_of(found.closed_at),
        due=_first(_due(name, clock) for name, clock in clocks if name in OBLIGATIONS and clock.running),
        missed=_first(_due(name, clock) for name, clock in clocks if clock.pressing),
    )


def hour_of(moment: datetime) -> int:
    """Return the whole hour since 1970 (UTC) in which a moment lies."""
    return int(moment.timestamp()) // _HOUR_S


def _due(name: ClockName, clock: Clock) -> Deadline | None:
    return None if clock.due_at is None else Deadline(int(clock.due_at.timestamp()), name)


def _first(deadlines: Iterable[Deadline | None]) -> Deadline | None:
    found: Iterator[Deadline] = (each for each in deadlines if each is not None)
    return min(found, default=None)
