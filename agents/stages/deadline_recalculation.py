"""Deadline recalculation after an announcement: selects the complaints that are affected."""

from collections.abc import Iterator
from typing import Final

from events.announcements import Announcements
from events.codec.decode import decode_calendar
from workflow.deadlines.recalculation import may_move, moving_days
from workflow.deadlines.schedule import Schedule
from workflow.policy.announcements import all_with_announcements
from workflow.policy.model import PolicySet

EXAMINED_AT_ONCE: Final = 2_000
"""Number of complaints that a partition examines in one tick."""
SENT_AT_ONCE: Final = 500
"""Number of commands that a partition sends for them, so that other commands in the log do not wait for long."""


class DeadlineRecalculation:
    """Queue of complaints on an older calendar, processed in small batches.

    A complaint that gets a fact is up to date with it. One with a command in the log leaves the queue;
    should the command be refused, the next restore queues the complaint again.
    """

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._announcements = Announcements.of()
        self._behind: dict[bytes, int] = {}
        self._last_batch: list[tuple[bytes, int]] = []
        self._restoring = True

    def __bool__(self) -> bool:
        return bool(self._announcements.revision and self._behind)

    @property
    def revision(self) -> int:
        """Number of announcements so far."""
        return self._announcements.revision

    def update(self, complaint: bytes, known: int | None) -> None:
        """Record the calendar revision of a complaint's deadlines; None if it has none."""
        # announcements are restored after the complaints with an older calendar
        if known is not None and (self._restoring or known < self.revision):
            self._behind[complaint] = known
        else:
            self._behind.pop(complaint, None)

    def announced(self, value: bytes | None) -> None:
        """Add announcements: every complaint with a deadline now has an older calendar."""
        before = self.revision
        self._announcements = Announcements.of() if value is None else decode_calendar(value)
        if not self._restoring and before < self.revision:
            for complaint in self._schedule:
                self._behind.setdefault(complaint, before)

    def ready(self) -> None:
        """Start with the complaints that the restored state has on an older calendar."""
        self._restoring = False
        self._behind = {complaint: known for complaint, known in self._behind.items() if known < self.revision}

    def retry(self) -> None:
        """Retry the last complaints: their commands were not written."""
        for complaint, known in self._last_batch:
            self._behind.setdefault(complaint, known)
        self._last_batch.clear()

    def due(self, policies: PolicySet) -> Iterator[bytes]:
        """Yield the next complaints with a deadline that may move, up to a limit; each is yielded once."""
        if not self:
            return
        self._last_batch.clear()
        days = moving_days(all_with_announcements(policies, self._announcements))
        gone = self.revision - len(days)
        sent = 0
        for _ in range(min(EXAMINED_AT_ONCE, len(self._behind))):
            complaint, known = self._behind.popitem()
            self._last_batch.append((complaint, known))
            if may_move(self._schedule.deadlines(complaint), days[max(0, known - gone) :]):
                yield complaint
                sent += 1
            if sent == SENT_AT_ONCE:
                return
