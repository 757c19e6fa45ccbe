"""What has been announced of the calendar in a partition, and the policies with it: a part of the lifecycle stage."""

from datetime import datetime

import structlog

from agents.shell import Output, Partition
from events.announcements import CALENDAR_KEY, Announcement, AnnouncementEvent, Announcements
from events.codec import decode_calendar, encode_calendar
from events.topics import TopicName
from events.writer import state_headers
from workflow.announcing import all_with_announcements, announce
from workflow.handlers import Rejected

log = structlog.get_logger()


class Almanac:
    """The announcements of one partition, in the order of its log.

    They are kept in the record of `complaints.state` that has the key `calendar`, written anew with each.
    """

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self.announcements: tuple[Announcement, ...] = ()
        self._committed: tuple[Announcement, ...] = ()
        self.policies = partition.policies
        """Every version of the policy, with all that has been announced so far."""

    def restore(self, value: bytes | None) -> None:
        """Take in the record as it was written last."""
        self._stand(() if value is None else decode_calendar(value).announcements)
        self.commit()

    def commit(self) -> None:
        """Keep what was announced since the last commit."""
        self._committed = self.announcements

    def rollback(self) -> None:
        """Drop what was announced since the last commit."""
        if self.announcements != self._committed:
            self._stand(self._committed)

    def announce(self, event: AnnouncementEvent, now: datetime, offset: int) -> list[Output] | Rejected:
        """Take an announcement in; return the record that keeps it (none for a known repeat), or why it is refused.

        Args:
            event: the announcement.
            now: the log's time of it.
            offset: its offset in `complaints.commands`.
        """
        found = announce(event, self.announcements, now, self.policies.at(now))
        if found is None:
            return []
        if isinstance(found, Rejected):
            return found
        self._stand((*self.announcements, found))
        log.info("announced", partition=self._partition.number, reason=found.reason, by=found.by)
        whole = Announcements(revision=len(self.announcements), announcements=self.announcements)
        value = encode_calendar(whole, partition=self._partition.number, time=now)
        return [Output(TopicName.STATE, CALENDAR_KEY, value, self._partition.number, state_headers(offset))]

    def _stand(self, announcements: tuple[Announcement, ...]) -> None:
        self.announcements = announcements
        self.policies = all_with_announcements(self._partition.policies, announcements)
