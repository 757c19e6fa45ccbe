"""Outgoing records and dead letters."""

import traceback
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from agents.kafka.protocols import KafkaRecord
from events.cloudevents import timestamp
from events.codec.encode import HEADERS
from events.errors import Undecodable
from events.provenance import FOREIGN, header_number
from events.topics import INWARD_RECORD_BYTES, OUTWARD_RECORD_BYTES, TopicName

Headers = Sequence[tuple[str, bytes]]

_LONGEST_REASON: Final = 1_000
_LONGEST_TRACEBACK: Final = 8_000
_ROOM_FOR_HEADERS: Final = 65_536
_ROOM_FOR_KEY: Final = 65_536
FULL_VALUE: Final = OUTWARD_RECORD_BYTES - _ROOM_FOR_HEADERS - _ROOM_FOR_KEY
"""Bytes of a value that fit into a dead letter with any key and headers."""
NO_VALUE: Final = 0
_DIGITS: Final = 6  # digits of a count that others may have written
_MOST_HEADERS: Final = 65_536
"""Each takes at least two bytes in addition to name and content: up to this number a forwarded record fits."""
_OWN_HEADERS_BYTES: Final = 1_024
"""Maximum bytes of headers that forwarding and replaying add."""

BUG: Final = "bug"
"""Code of a record on which the handler raised an unexpected exception."""
REPLAYS: Final = "replays"
"""Header of a replayed dead letter: number of replays."""
FORWARDED: Final = "forwarded-from"
"""Header of a forwarded command: its original position and timestamp, with a signature."""
MIGRATED: Final = "migrated"
"""Header of a dead letter from before a migration: its origin is an offset of the former topic."""
TRUNCATED: Final = "truncated-from"
KEY_TRUNCATED: Final = "key-truncated-from"
"""Headers of a dead letter: original length of a truncated value or key."""

OUTPUT_REFUSED: Final = "output-refused"
OUTPUT_TOO_LARGE: Final = "output-too-large"
"""Codes of a record whose outputs the broker refused, or are too large for their topic."""


class Unwritable(Exception):
    """The output to `topic` cannot be written: its input record becomes a dead letter with `code`."""

    def __init__(self, code: str, topic: TopicName, why: str, *, transient: bool = False) -> None:
        self.code = code
        self.topic = topic
        self.reason = f"an output for {topic} {why}"
        super().__init__(f"{code}: {self.reason}")
        self.transient = transient

    @property
    def refused(self) -> bool:
        """Return True if the broker refused the output: the producer has to be replaced."""
        return self.code == OUTPUT_REFUSED


class OutgoingRecord(NamedTuple):
    """A record to be written."""

    topic: TopicName
    key: bytes | None
    value: bytes | None
    partition: int
    headers: Headers = HEADERS
    timestamp: int | None = None
    """Milliseconds since 1970; None: now. A topic with timestamps of the broker overrides it."""


def replays_of(headers: Iterable[tuple[str, bytes]]) -> int:
    """Return how often a record with these headers has been replayed from the dead letters."""
    return header_number(headers, REPLAYS, _DIGITS) or 0


def code_of(error: Exception) -> str:
    """Return the dead-letter code of `error`."""
    return error.code if isinstance(error, (Undecodable, Unwritable)) else BUG


def is_foreign(error: Exception) -> bool:
    """Return True if `error` is for a foreign record, which the engine did not write."""
    return isinstance(error, Undecodable) and error.code == FOREIGN


def coordinates(record: KafkaRecord) -> dict[str, object]:
    """Return topic, partition and offset of `record`, for a log line."""
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}


def accept(record: KafkaRecord) -> None:
    """Raise Undecodable for an inbound `record` above the size limit, which is below that of the topics."""
    size = len(record.key or b"") + len(record.value or b"")
    own = 0
    for name, value in record.headers:
        size += len(name) + len(value or b"")
        if name in {FORWARDED, REPLAYS}:
            own = _OWN_HEADERS_BYTES
    if size > INWARD_RECORD_BYTES + own:
        reason = f"{size:,} bytes with key and headers, {INWARD_RECORD_BYTES:,} are accepted"
        raise Undecodable("too-large", reason)
    if len(record.headers) > _MOST_HEADERS:
        raise Undecodable("too-large", f"{len(record.headers):,} headers, {_MOST_HEADERS:,} are accepted")


def dead_letter(stage: str, record: KafkaRecord, error: Exception, room: int = FULL_VALUE) -> OutgoingRecord:
    """Return the dead letter of `record`: raw key and value, origin and reason.

    A value above `room` bytes and a key that is too long are truncated, with the original length in a header.
    """
    code = code_of(error)
    reason = error.reason if isinstance(error, (Undecodable, Unwritable)) else f"{type(error).__name__}: {error}"
    headers = {
        "stage": stage,
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "code": code,
        "reason": reason[:_LONGEST_REASON],
        "failed-at": timestamp(datetime.now(UTC)),
    }
    if replays := replays_of(record.headers):
        headers[REPLAYS] = str(replays)
    if code == BUG:
        headers["traceback"] = "".join(traceback.format_exception(error))[-_LONGEST_TRACEBACK:]
    key, value = record.key, record.value
    if value is not None and len(value) > room:
        headers[TRUNCATED] = str(len(value))
        value = value[:room]
    if key is not None and len(key) > (key_room := min(room, _ROOM_FOR_KEY)):
        headers[KEY_TRUNCATED] = str(len(key))
        key = key[:key_room]
    encoded = [(name, text.encode(errors="replace")) for name, text in headers.items()]
    return OutgoingRecord(TopicName.DEAD_LETTERS, key, value, record.partition, encoded)
