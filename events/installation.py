"""Installation record: settings that all workers share, and incidents that no other topic shows.

It is in `complaints.installation`, one JSON value per key. Only the engine and its tools use it: it is not part of the
contract.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter

from events.provenance import header_value
from events.topics import TopicName

AFTER_HEADER: Final = "after"
LAYOUT_KEY: Final = "layout"
MARKS: Final = "marks/"
"""Prefix of the keys of stages with marked offsets: since their first start, or an acceptance."""
INCIDENTS: Final = "incident/"
"""Prefix of the keys of incidents."""

EXPIRED_UNREAD: Final = "expired-unread"
LAYOUT_CHANGED: Final = "layout-changed"
OFFSET_LOST: Final = "offset-lost"
OFFSETS_ACCEPTED: Final = "offsets-accepted"
TOPIC_REPLACED: Final = "topic-replaced"
KINDS: Final = (EXPIRED_UNREAD, LAYOUT_CHANGED, OFFSET_LOST, OFFSETS_ACCEPTED, TOPIC_REPLACED)
"""The kinds of incidents; docs/how-to/runbook.md has the steps for each."""

MIGRATION_KEY: Final = "migration"
"""Key of the migration that filled the topics: its source prefix, and whether it is complete (`alur migrate`)."""
FIRST_POSITIONS: Final = "first-positions"
"""Key of the first positions in the inbound topics, which continue those before a migration."""
KEY_PREFIX: Final = "key-prefix"
"""Key of the prefix for derived keys if there is no key file; without it, the installation's own."""

_OF_ONE_STAGE: Final = frozenset({OFFSET_LOST, OFFSETS_ACCEPTED})
"""Kinds that each stage reports for itself, even about the same position."""
_WRITER_KEY: Final = "writer/"
TEXTS_KEY: Final = "texts"
TEXTS_APART: Final = "apart"
TEXTS_IN_FACTS: Final = "facts"
"""Location of new free text: apart, as in a new installation, or in facts, the default."""
ERASE_AFTER_KEY: Final = "erase-after"
"""Key of the retention: days from the end of a complaint to its erasure; none if 0 or absent."""


def writer_key(topic: TopicName, partition: int) -> str:
    """Return the key of a partition's first offset with a writer number."""
    return f"{_WRITER_KEY}{topic}/{partition}"


def writer_since(values: Mapping[str, Any], topic: TopicName, partition: int) -> int | None:
    """Return the first offset of a partition from which records have a writer number; None if unknown."""
    offset = values.get(writer_key(topic, partition))
    return offset if isinstance(offset, int) else None


def texts_apart(values: Mapping[str, Any]) -> bool:
    """Check whether the installation writes free text to `complaints.texts`, where it can be erased."""
    return values.get(TEXTS_KEY) == TEXTS_APART


def begun_key(stage: str, partition: int) -> str:
    """Return the key that marks a stage's first commit in a partition, after which a missing offset is a loss."""
    return f"begun/{stage}/{partition}"


def unfinished_migration(values: Mapping[str, Any]) -> str | None:
    """Return the source prefix of a migration that ended early; None if there is no such migration."""
    migration = values.get(MIGRATION_KEY)
    return None if migration is None or migration["complete"] else str(migration["from"])


@dataclass(frozen=True, slots=True)
class Layout:
    """Topics and partitions of an installation."""

    partitions: int
    """Number of partitions of each topic about complaints."""
    topics: dict[str, str]
    """Kafka's id of each topic, by its name without the prefix: a recreated topic has another id."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Layout | None":
        """Return the layout in an installation record; None if the record has none yet."""
        layout = values.get(LAYOUT_KEY)
        return None if layout is None else _LAYOUT.validate_python(layout)

    def to_value(self) -> dict[str, Any]:
        """Return the JSON value that the installation record keeps."""
        value: dict[str, Any] = _LAYOUT.dump_python(self, mode="json")
        return value


@dataclass(frozen=True, slots=True)
class Incident:
    """An event that operators must still see after a restart, such as records that expired unread."""

    kind: str
    stage: str
    """The reporting stage or command, such as `alur topics create`."""
    topic: str
    """The topic's name without the prefix."""
    partition: int | None
    first_offset: int | None
    last_offset: int | None
    """Offset of the last record concerned, inclusive; None if no records are concerned."""
    reason: str
    """One line: what happened, to what, what to do next."""
    at: datetime | None = None
    """Time of the first report."""
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None

    @property
    def id(self) -> str:
        """Deterministic id from kind, partition and first record, the same for the same incident."""
        stage = f"{self.stage}/" if self.kind in _OF_ONE_STAGE else ""
        partition = "" if self.partition is None else f"-{self.partition}"
        offset = "" if self.first_offset is None else f"/{self.first_offset}"
        return f"{self.kind}/{stage}{self.topic}{partition}{offset}"

    @property
    def key(self) -> str:
        """Key of the incident in the installation record."""
        return f"{INCIDENTS}{self.id}"

    def acknowledged(self, at: datetime, by: str) -> "Incident":
        """Return the incident as acknowledged by an operator."""
        return replace(self, acknowledged_at=at, acknowledged_by=by)

    def to_value(self) -> dict[str, Any]:
        """Return the JSON value that the installation record keeps."""
        value: dict[str, Any] = _INCIDENT.dump_python(self, mode="json")
        return value


_LAYOUT: Final = TypeAdapter(Layout)
_INCIDENT: Final = TypeAdapter(Incident)


def incidents_in(values: Mapping[str, Any]) -> list[Incident]:
    """Return the incidents of an installation record in the order of their report."""
    incidents = [
        _INCIDENT.validate_python(value) for key, value in values.items() if value and key.startswith(INCIDENTS)
    ]
    return sorted(incidents, key=lambda each: (str(each.at), each.id))


class InstallationLog:
    """The installation record, folded from its topic.

    An entry has a header with the offset of the previous entry for its key that its writer had read. It is valid only
    if that is still the last valid one: of concurrent writers, the first wins.
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.offsets: dict[str, int] = {}
        """Offset of the valid entry by key."""

    def add(
        self, offset: int, key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes | None]]
    ) -> dict[str, Any]:
        """Apply a record of the topic; return the entries that change: none if the record is not valid."""
        try:
            name, entry = (key or b"").decode(), json.loads(value or b"null")
            after = header_value(headers, AFTER_HEADER)
            read = None if after is None else int(after)
        except ValueError:
            return {}
        # without the header: the key has one writer only; else compaction may have removed the previous entry
        if read is not None and read < self.offsets.get(name, -1):
            return {}
        self.values[name], self.offsets[name] = entry, offset
        return {name: entry}

    def after(self, key: str) -> tuple[str, bytes]:
        """Return the header of an entry for `key` that is valid unless another one is written before it."""
        return AFTER_HEADER, str(self.offsets.get(key, -1)).encode()
