"""The client kit: for channels, officers' and citizens' systems, subscribers, and our own command line.

It needs pydantic and kafka-python, and nothing of the engine. `Channel` submits reports, `CommandClient` sends commands
and awaits their results, `ResolutionFeed` and `ComplaintFeed` follow changes; docs/how-to/integrate.md shows each, and
how to do without the kit. They use `Publisher` and `Reader`. The stages have their own clients.
"""

import warnings
from typing import TYPE_CHECKING, Final

from events.client.channel import Channel
from events.client.command_client import CommandClient, CommandRequest, CommandResult
from events.client.connection import require_topics
from events.client.errors import (
    AccessRefused,
    AnswerUnreadable,
    BrokerUnreachable,
    KafkaFailure,
    KafkaRefused,
    NotAllowed,
    TopicsMissing,
    Unconfirmed,
)
from events.client.feeds import (
    ComplaintBatch,
    ComplaintFeed,
    Positions,
    PublishedResolution,
    ReopenedResolution,
    ResolutionBatch,
    ResolutionFeed,
    Unread,
)
from events.client.lookup import (
    ComplaintHistory,
    NoSuchComplaint,
    RefusedCommand,
    add_to,
    announcements_for,
    calendar_for,
    find_complaint,
    read_history,
    read_snapshot,
)
from events.client.publisher import Publisher
from events.client.reader import Extent, Reader, Record, extents, read_all
from events.client.settings import ClientSettings, SettingsError
from events.client.texts import texts_of_partition, with_texts
from events.topics import RecordPosition

__all__ = [
    "AccessRefused",
    "AnswerUnreadable",
    "BrokerUnreachable",
    "Channel",
    "ClientSettings",
    "CommandClient",
    "CommandRequest",
    "CommandResult",
    "ComplaintBatch",
    "ComplaintFeed",
    "ComplaintHistory",
    "Extent",
    "KafkaFailure",
    "KafkaRefused",
    "NoSuchComplaint",
    "NotAllowed",
    "Positions",
    "PublishedResolution",
    "Publisher",
    "Reader",
    "Record",
    "RecordPosition",
    "RefusedCommand",
    "ReopenedResolution",
    "ResolutionBatch",
    "ResolutionFeed",
    "SettingsError",
    "TopicsMissing",
    "Unconfirmed",
    "Unread",
    "add_to",
    "announcements_for",
    "calendar_for",
    "extents",
    "find_complaint",
    "read_all",
    "read_history",
    "read_snapshot",
    "require_topics",
    "texts_of_partition",
    "with_texts",
]

_RENAMED: Final = {
    "Gateway": CommandClient,
    "Order": CommandRequest,
    "Outcome": CommandResult,
    "Dossier": ComplaintHistory,
    "read_dossier": read_history,
    "Place": RecordPosition,
}
"""Names of release 0.1.0, deprecated."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Return the present meaning of a deprecated name, with a warning."""
        if name not in _RENAMED:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        warnings.warn(f"{name} is {_RENAMED[name].__name__} now", DeprecationWarning, stacklevel=2)
        return _RENAMED[name]
