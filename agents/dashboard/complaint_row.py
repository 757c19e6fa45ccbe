"""Row of a complaint in the read model: status and numbers, without texts and names."""

import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict

from events.codec.partial import read_part
from events.snapshot import Clock
from events.vocabulary import ClockName, Status
from workflow.deadlines.clock_rules import RULES, OnExpiry
from workflow.machine.transitions import OPEN
from workflow.reports.redaction import redacted

BREACHED: Final = tuple(name for name, rule in RULES.items() if rule.on_expiry is OnExpiry.BREACH)
"""Clocks that lists show as missed: the others are never breached."""
OBLIGATIONS: Final = frozenset(BREACHED) - {ClockName.ESCALATION}
"""Clocks whose expiry is a breach. Clocks of citizens expire without one, and a rung's belongs to the ladder."""
HOUR_S: Final = 3_600


class RowShape(NamedTuple):
    """The fields of a row that many complaints share; stored once for all of them."""

    status: Status
    office: str | None
    disposed: bool
    """Whether it has ever been with an office."""
    exhausted: bool
    """Whether it is open with an exhausted ladder."""
    secret: bool
    why: str | None = None
    """Why it waits, of `waiting_for` in its snapshot."""
    category: str | None = None
    """None also for a secret complaint."""
    rung: int = 0

    @property
    def open(self) -> bool:
        """Whether the complaint is not settled yet."""
        return self.status in OPEN

    @property
    def verified(self) -> bool:
        """Whether the complaint was verified, judging by its snapshot: a restored one may have been disposed."""
        return self.disposed or self.status is Status.VERIFIED


class Deadline(NamedTuple):
    """The due time of a clock, in seconds since 1970 (UTC)."""

    at: int
    clock: ClockName


class ComplaintRow(NamedTuple):
    """A complaint in the read model. Moments are whole seconds since 1970 (UTC)."""

    shape: RowShape
    tracking_id: str
    version: int
    received: int
    closed: int | None
    due: Deadline | None
    """First obligation that can still be met; it may have expired without a processed notice."""
    missed: Deadline | None
    """First missed deadline whose required action is still missing."""
    follows: str | None = None
    """The earlier complaint that its reporter named; None also of one at rest."""

    @property
    def deadline(self) -> Deadline | None:
        """The deadline to show: a missed one, else the next one."""
        return self.missed or self.due

    @property
    def at_rest(self) -> bool:
        """Whether the complaint is settled and has no deadline left."""
        return not self.shape.open and self.due is None and self.missed is None


class _Waiting(BaseModel):
    why: str


class _Snapshot(BaseModel):
    """The fields of a snapshot that a row needs."""

    model_config = ConfigDict(strict=True)

    tracking_id: str
    version: int
    status: Status
    office: str | None = None
    round: int = 0
    exhausted: bool = False
    rung: int = 0
    category: str | None = None
    secret: bool
    follows: str | None = None
    received_at: AwareDatetime
    closed_at: AwareDatetime | None = None
    clocks: dict[ClockName, Clock] = {}
    waiting_for: _Waiting | None = None


def read_row(raw: bytes) -> ComplaintRow:
    """Decode a record of `complaints.state`; raise Undecodable if it is not a snapshot of a complaint."""
    found = read_part(_Snapshot, raw)
    is_open = found.status in OPEN
    clocks = found.clocks.items()
    return ComplaintRow(
        shape=RowShape(
            found.status,
            found.office,
            found.round > 0,
            found.exhausted and is_open,
            found.secret,
            sys.intern(found.waiting_for.why) if found.waiting_for else None,
            redacted(found.category, secret=found.secret),
            found.rung,
        ),
        tracking_id=found.tracking_id,
        version=found.version,
        received=int(found.received_at.timestamp()),
        closed=None if found.closed_at is None else int(found.closed_at.timestamp()),
        due=_first((name, clock) for name, clock in clocks if name in OBLIGATIONS and clock.running),
        missed=_first((name, clock) for name, clock in clocks if clock.pressing),
        follows=found.follows,
    )


def hour_of(moment: datetime) -> int:
    """Return the whole hour since 1970 (UTC) of a moment."""
    return int(moment.timestamp()) // HOUR_S


def _first(clocks: Iterable[tuple[ClockName, Clock]]) -> Deadline | None:
    found = (Deadline(int(clock.due_at.timestamp()), name) for name, clock in clocks if clock.due_at is not None)
    return min(found, default=None)
