"""A client kit for those around us: channels, officers' and citizens' systems, subscribers, and our own command line.

It needs pydantic and kafka-python, and nothing of the engine. `Channel` submits reports, `Gateway` sends commands and
waits for what comes of them, `ResolutionFeed` and `ComplaintFeed` follow what happens; docs/how-to/integrate.md shows
each, and how to do without. Under these stand `Publisher` and `Reader`: publish by the contract, read what is
committed, and know when it was all.

The stages do not use it: they have transactions, groups and a shell of their own.
"""

from events.client.channel import Channel
from events.client.command_client import Gateway, Order, Outcome
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
    ResolutionBatch,
    ResolutionFeed,
    Unread,
)
from events.client.lookup import (
    Dossier,
    NoSuchComplaint,
    RefusedCommand,
    add_to,
    announcements_for,
    calendar_for,
    find_complaint,
    read_dossier,
    read_snapshot,
)
from events.client.publisher import Place, Publisher
from events.client.reader import Extent, Reader, Record, extents, read_all
from events.client.settings import ClientSettings, SettingsError
from events.client.texts import texts_of_partition, with_texts

__all__ = [
    "AccessRefused",
    "AnswerUnreadable",
    "BrokerUnreachable",
    "Channel",
    "ClientSettings",
    "ComplaintBatch",
    "ComplaintFeed",
    "Dossier",
    "Extent",
    "Gateway",
    "KafkaFailure",
    "KafkaRefused",
    "NoSuchComplaint",
    "NotAllowed",
    "Order",
    "Outcome",
    "Place",
    "Positions",
    "PublishedResolution",
    "Publisher",
    "Reader",
    "Record",
    "RefusedCommand",
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
    "read_dossier",
    "read_snapshot",
    "require_topics",
    "texts_of_partition",
    "with_texts",
]
