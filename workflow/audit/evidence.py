"""Evidence of an audit: log positions, progress of the stages, commands, counts and violations."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from events.announcements import AnnouncementEvent
from events.commands import CommandEvent
from events.errors import InvalidCommand
from events.ids import digest
from events.topics import RecordPosition, TopicName
from workflow.audit.complaint_history import Code


@dataclass(frozen=True, slots=True)
class Violation:
    """A violation of an invariant."""

    code: Code
    position: RecordPosition
    complaint: str | None
    message: str

    def __str__(self) -> str:
        return f"{self.position} {self.code}: {self.message}" + (
            f" (complaint {self.complaint})" if self.complaint else ""
        )


@dataclass(frozen=True, slots=True)
class Handled:
    """Progress of the stages: the next offset to read in each partition."""

    offsets: dict[tuple[TopicName, int], int]

    def includes(self, position: RecordPosition) -> bool:
        """Check whether the record at `position` was processed; unlisted topics were processed entirely."""
        until = self.offsets.get((position.topic, position.partition))
        return until is None or position.offset < until


EVERYTHING: Final = Handled({})
"""The stages have processed every topic to its end."""


class Retained(StrEnum):
    """Offsets of a topic that the log still has."""

    ALL = "all"
    SOME = "some"
    NOTHING = "nothing"
    UNREAD = "unread"
    """The topic was not read, for lack of a right."""


Command = CommandEvent[Any] | AnnouncementEvent | InvalidCommand
"""A command whose sender and subject are readable."""


@dataclass(frozen=True, slots=True)
class AuditedCommand:
    """The fields of a command that an audit compares."""

    subject: str
    mark: str
    """Digest of its source and id."""
    type: str
    id: str

    @classmethod
    def of(cls, command: Command) -> "AuditedCommand":
        """Return the compared fields of `command`."""
        if isinstance(command, InvalidCommand):
            sender = command.sender
            return cls(sender.subject, digest(sender.source, sender.command_id), sender.command_type, sender.command_id)
        return cls(str(command.subject), digest(command.source, command.id), command.type, command.id)


@dataclass(slots=True)
class Counts:
    """Counts of records by kind."""

    reports: int = 0
    """Distinct reports, by source and id."""
    deliveries: int = 0
    """Deliveries of reports."""
    complaints: int = 0
    facts: int = 0
    commands: int = 0
    rejections: int = 0
    differing: int = 0
    """Redeliveries of a report with other content: rejected, not lost."""
    resolutions: int = 0
    dead: int = 0
    """Dead letters."""
    resolved_letters: int = 0
    """Dead letters that were replayed or discarded."""
    strayed: int = 0
    """Commands in another partition than that of their complaint."""
    foreign: int = 0
    """Foreign records on the engine's own topics."""
    pending: int = 0
    """Reports and commands that the stages have not processed yet."""
