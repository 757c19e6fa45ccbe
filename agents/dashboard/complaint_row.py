"""Row of a complaint in the read model: status and numbers, without texts and names."""

import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict

from events.codec.partial import read_part
from events.snapshot import Clock
from events.vocabulary import OPEN, ClockName, Status
from workflow.deadlines.clock_rules import RULES, OnExpiry
from workflow.redaction import redacted

BREACHED: Final = tuple(name for name, rule in RULES.items() if rule.on_expiry is OnExpiry.BREACH)
"""Clocks that lists show as missed; others have no breach."""
OBLIGATIONS: Final = frozenset(BREACHED) - {ClockName.ESCALATION}
"""Clocks whose expiry is a breach, unlike those of citizens and of rungs."""
HOUR_S: Final = 3_600


class RowShape(NamedTuple):
    """Fields of a row that many complaints share, stored once."""

    status: Status
    office: str | None
    disposed: bool
    """Whether it has ever been with an office."""
    exhausted: bool
    """Whether it is open with an exhausted ladder."""
    secret: bool
    why: str | None = None
    """`waiting_for.why` of its snapshot."""
    category: str | None = None
    """None also for a secret complaint."""
    rung: int = 0

    @property
    def open(self) -> bool:
        """Whether the complaint is not settled yet."""
        return self.status in OPEN

    @property
    def office_or_reason(self) -> str:
        """Office, or in parentheses why there is none; of a secret complaint neither."""
        shown = self.office or (None if self.why is None else f"({self.why})")
        return redacted(shown, secret=self.secret) or "-"

    @property
    def verified(self) -> bool:
        """Whether the complaint was verified, by its snapshot; a restored one may have been disposed."""
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
    """First obligation that is not recorded as missed; it may have expired by now."""
    missed: Deadline | None
    """First missed deadline whose required action is still missing."""
    follows: str | None = None
    """The earlier complaint that its reporter named; None too for one at rest."""

    @property
    def deadline(self) -> Deadline | None:
        """The deadline to show: a missed one, else the next one."""
        return self.missed or self.due

    @property
    def at_rest(self) -> bool:
        """Whether the complaint is settled without a running deadline."""
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
    snapshot = read_part(_Snapshot, raw)
    is_open = snapshot.status in OPEN
    clocks = snapshot.clocks.items()
    return ComplaintRow(
        shape=RowShape(
            snapshot.status,
            snapshot.office,
            snapshot.round > 0,
            snapshot.exhausted and is_open,
            snapshot.secret,
            sys.intern(snapshot.waiting_for.why) if snapshot.waiting_for else None,
            redacted(snapshot.category, secret=snapshot.secret),
            snapshot.rung,
        ),
        tracking_id=snapshot.tracking_id,
        version=snapshot.version,
        received=int(snapshot.received_at.timestamp()),
        closed=None if snapshot.closed_at is None else int(snapshot.closed_at.timestamp()),
        due=_first((name, clock) for name, clock in clocks if name in OBLIGATIONS and clock.running),
        missed=_first((name, clock) for name, clock in clocks if clock.pressing),
        follows=snapshot.follows,
    )


def hour_of(moment: datetime) -> int:
    """Return the whole hour since 1970 (UTC) of a moment."""
    return int(moment.timestamp()) // HOUR_S


def _first(clocks: Iterable[tuple[ClockName, Clock]]) -> Deadline | None:
    deadlines = (Deadline(int(clock.due_at.timestamp()), name) for name, clock in clocks if clock.due_at is not None)
    return min(deadlines, default=None)
