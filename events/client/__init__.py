"""A small Kafka client for people's tools: publish by the contract, read what is committed, and know when it was all.

The stages do not use it: they have transactions, groups and a shell of their own.
"""

from events.client.connection import require_topics
from events.client.lookup import (
    Dossier,
    NoSuchComplaint,
    RefusedCommand,
    add_to,
    announcements_for,
    find_complaint,
    read_dossier,
)
from events.client.publishing import Place, Publisher
from events.client.reading import Extent, Reader, Record, extents, read_all

__all__ = [
    "Dossier",
    "Extent",
    "NoSuchComplaint",
    "Place",
    "Publisher",
    "Reader",
    "Record",
    "RefusedCommand",
    "add_to",
    "announcements_for",
    "extents",
    "find_complaint",
    "read_all",
    "read_dossier",
    "require_topics",
]
