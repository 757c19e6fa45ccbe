"""Calendar changes that are announced while the engine runs: a day off that was decreed late, or revoked.

An announcement applies to all complaints, so it is published in every partition of `complaints.commands`, with the
subject and key `calendar` in place of a complaint id. Each partition applies it in the order of its own log.
"""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import AwareDatetime, Field

from events.cloudevents import Attribute, Envelope, Frozen, Line
from events.commands import Command, command_type

CALENDAR: Final = "calendar"
"""Subject and key of records about the calendar."""
CALENDAR_KEY: Final = CALENDAR.encode()
CALENDAR_TYPE: Final = "lapor.calendar.snapshot.v1"
"""Type of the record `calendar` of `complaints.state`."""


class AnnounceHoliday(Command):
    """Announce a day off, or a working day (national administrator)."""

    NAME = "announce-holiday"
    day: Annotated[date, Field(description="the day, YYYY-MM-DD")]
    day_off: Annotated[bool, Field(description="true: a day off; false: a working day instead of a holiday")] = True
    name: Annotated[Line, Field(description="name of the day, such as Cuti bersama")]
    decree: Annotated[Line, Field(description="the decree")]


class AnnouncementEvent(Envelope):
    """An announcement as sent, equal in every partition."""

    TYPE: ClassVar[str] = command_type(AnnounceHoliday.NAME)

    subject: Literal["calendar"]
    data: AnnounceHoliday


class Announcement(Frozen):
    """An announcement that is in force in a partition."""

    day: date
    day_off: bool
    name: Line
    decree: Line
    announced_at: AwareDatetime
    """Log time in this partition, from which on it is in force."""
    by: Attribute
    command_id: Attribute

    @property
    def reason(self) -> str:
        """Return the reason for facts that follow from the announcement."""
        kind = "a day off" if self.day_off else "a working day"
        return f"{self.day} is {kind}: {self.name} ({self.decree})"


REMEMBERED_ANNOUNCEMENTS: Final = 500
"""Number of compacted announcements whose repeats are still recognized."""


class Announcements(Frozen):
    """Announcements of a partition, in log order.

    Those older than the calendar of any open complaint are compacted to the last one of each day, at the front.
    """

    revision: int
    """Number of announcements: the version of the calendar in a snapshot's `calendar`."""
    announcements: tuple[Announcement, ...]
    folded: int = 0
    """Number of compacted announcements at the front."""
    known: tuple[str, ...] = ()
    """Digests of compacted announcements, to recognize repeats."""

    @classmethod
    def of(cls, announcements: Iterable[Announcement] = ()) -> Self:
        """Return a record of these announcements, none of them compacted."""
        kept = tuple(announcements)
        return cls(revision=len(kept), announcements=kept)

    @property
    def dropped(self) -> int:
        """Number of announcements that are no longer kept."""
        return self.revision - len(self.announcements)
