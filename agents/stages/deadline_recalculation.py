"""Deadline recalculation after an announcement: selects the complaints that are affected."""

from collections.abc import Iterator
from typing import Final

from events.announcements import Announcements
from events.codec.decode import decode_calendar
from workflow.deadlines.schedule import Schedule
from workflow.machine.recalculation import may_move, moving_days
from workflow.policy.announcements import all_with_announcements
from workflow.policy.model import PolicySet

EXAMINED_AT_ONCE: Final = 2_000
"""Number of complaints that a partition examines in one tick."""
SENT_AT_ONCE: Final = 500
"""Number of commands that a partition sends in one tick, so that other commands do not queue for long."""


class DeadlineRecalculation:
    """Queue of complaints on an older calendar, processed in small batches.

    A complaint leaves the queue when its command is sent, or when a fact updates it. After a rejected command, the
    next restore queues it again.
    """

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._announcements = Announcements.of()
        self._outdated: dict[bytes, int] = {}
        self._last_batch: list[tuple[bytes, int]] = []
        self._restoring = True

    def __bool__(self) -> bool:
        return bool(self._announcements.revision and self._outdated)

    @property
    def revision(self) -> int:
        """Number of announcements so far."""
        return self._announcements.revision

    def update(self, complaint: bytes, calendar: int | None) -> None:
        """Record the calendar revision of a complaint's deadlines; None if it has none."""
        # a restore may read the announcements after complaints with an older calendar
        if calendar is not None and (self._restoring or calendar < self.revision):
            self._outdated[complaint] = calendar
        else:
            self._outdated.pop(complaint, None)

    def announced(self, value: bytes | None) -> None:
        """Add announcements: every complaint with a deadline now has an older calendar."""
        before = self.revision
        self._announcements = Announcements.of() if value is None else decode_calendar(value)
        if not self._restoring and before < self.revision:
            for complaint in self._schedule:
                self._outdated.setdefault(complaint, before)

    def ready(self) -> None:
        """End the restore: keep only complaints on an older calendar."""
        self._restoring = False
        self._outdated = {
            complaint: calendar for complaint, calendar in self._outdated.items() if calendar < self.revision
        }

    def retry(self) -> None:
        """Queue the last batch again: its commands were not written."""
        for complaint, calendar in self._last_batch:
            self._outdated.setdefault(complaint, calendar)
        self._last_batch.clear()

    def due(self, policies: PolicySet) -> Iterator[bytes]:
        """Yield the next complaints with a deadline that may move, up to a limit; each is yielded once."""
        if not self:
            return
        self._last_batch.clear()
        days = moving_days(all_with_announcements(policies, self._announcements))
        gone = self.revision - len(days)
        sent = 0
        for _ in range(min(EXAMINED_AT_ONCE, len(self._outdated))):
            complaint, calendar = self._outdated.popitem()
            self._last_batch.append((complaint, calendar))
            if may_move(self._schedule.deadlines(complaint), days[max(0, calendar - gone) :]):
                yield complaint
                sent += 1
            if sent == SENT_AT_ONCE:
                return
