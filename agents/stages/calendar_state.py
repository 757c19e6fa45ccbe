"""Calendar state of a partition: its announcements, and the policies with them applied."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Final

import structlog

from agents.kafka.records import OutgoingRecord
from agents.runtime.stage import Partition
from events.announcements import CALENDAR_KEY, AnnouncementEvent, Announcements
from events.codec.decode import decode_calendar
from events.codec.encode import encode_calendar
from events.provenance import state_headers
from events.topics import TopicName
from workflow.machine.announcements import announce
from workflow.machine.handlers import Rejected
from workflow.policy.announcements import all_with_announcements, folded

log = structlog.get_logger()

COMPACT_ABOVE: Final = 50
"""Announcements since compaction above which it is tried again, hourly at most: it reads all open complaints."""
_RETRY_AFTER: Final = timedelta(hours=1)
_NOTHING: Final = Announcements.of()

CalendarDependency = Callable[[], tuple[int, date]]
"""Returns the number of announcements that the oldest open calendar has, and the day of the oldest open complaint."""


class CalendarState:
    """The announcements of one partition, in the order of its log.

    Each one rewrites the record `calendar` of `complaints.state`. Announcements older than any open complaint's
    calendar are compacted, so that the record stays small.
    """

    def __init__(self, partition: Partition, dependency: CalendarDependency) -> None:
        self._partition = partition
        self._calendar_dependency = dependency
        self._committed = _NOTHING
        self._retry_at = datetime.min.replace(tzinfo=UTC)
        self.announcements = _NOTHING
        self.policies = partition.policies
        """Every version of the policy, with all that has been announced so far."""

    def restore(self, value: bytes | None) -> None:
        """Restore the calendar record."""
        self._replace(_NOTHING if value is None else decode_calendar(value))
        self.commit()

    def commit(self) -> None:
        """Apply the announcements since the last commit."""
        self._committed = self.announcements

    def rollback(self) -> None:
        """Discard the announcements since the last commit."""
        if self.announcements != self._committed:
            self._replace(self._committed)

    def announce(self, event: AnnouncementEvent, now: datetime, offset: int) -> list[OutgoingRecord] | Rejected:
        """Add an announcement; return its state record (none for a known repeat), or the refusal."""
        before = self._fold(now)
        announced = announce(event, before, now, self.policies.at(now))
        if announced is None:
            return []
        if isinstance(announced, Rejected):
            return announced
        update = {"revision": before.revision + 1, "announcements": (*before.announcements, announced)}
        self._replace(before.model_copy(update=update))
        log.info("calendar_announced", partition=self._partition.number, reason=announced.reason, by=announced.by)
        value = encode_calendar(self.announcements, partition=self._partition.number, time=now)
        return [OutgoingRecord(TopicName.STATE, CALENDAR_KEY, value, self._partition.number, state_headers(offset))]

    def _fold(self, now: datetime) -> Announcements:
        if len(self.announcements.announcements) - self.announcements.folded <= COMPACT_ABOVE or now < self._retry_at:
            return self.announcements
        self._retry_at = now + _RETRY_AFTER
        behind, first_day = self._calendar_dependency()
        return folded(self.announcements, behind, first_day, now)

    def _replace(self, announcements: Announcements) -> None:
        self.announcements = announcements
        self.policies = all_with_announcements(self._partition.policies, announcements)
