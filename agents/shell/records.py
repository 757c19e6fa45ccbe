"""What goes out, and what is set aside."""

import traceback
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from events.base import timestamp
from events.codec import HEADERS
from events.errors import Undecodable
from events.topics import OUTWARD_RECORD_BYTES, TopicName

Headers = Sequence[tuple[str, bytes]]

_LONGEST_REASON: Final = 1_000
_LONGEST_TRACEBACK: Final = 8_000
_ROOM_FOR_HEADERS: Final = 65_536
_DIGITS: Final = 6  # of a count that others may have written

BUG: Final = "bug"
"""Code of a record on which our own code failed."""
REPLAYS: Final = "replays"
"""Header of a record that was a dead letter before: how often it has been brought back."""


class Output(NamedTuple):
    """A record to be written."""

    topic: TopicName
    key: bytes | None
    value: bytes | None
    partition: int
    headers: Headers = HEADERS


def replays_of(headers: Iterable[tuple[str, bytes]]) -> int:
    """Return how often a record with these headers has been brought back from the dead letters."""
    count = next((value for name, value in headers if name == REPLAYS), b"")
    return int(count) if count and count.isdigit() and len(count) <= _DIGITS else 0


def dead_letter(stage: str, record: Any, error: Exception) -> Output:  # noqa: ANN401 -- aiokafka ships no types
    """Return the dead letter for `record`: its raw bytes and key, with where it was found and why it was set aside."""
    readable = isinstance(error, Undecodable)
    code = error.code if isinstance(error, Undecodable) else BUG
    reason = error.reason if isinstance(error, Undecodable) else f"{type(error).__name__}: {error}"
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
    if not readable:
        headers["traceback"] = "".join(traceback.format_exception(error))[-_LONGEST_TRACEBACK:]
    value: bytes | None = record.value
    room = OUTWARD_RECORD_BYTES - _ROOM_FOR_HEADERS
    if value is not None and len(value) > room:
        # only a batch that was compressed on its way in can be so large; its head says what it was
        headers["truncated-from"] = str(len(value))
        value = value[:room]
    encoded = [(name, text.encode(errors="replace")) for name, text in headers.items()]
    return Output(TopicName.DEAD_LETTERS, record.key, value, record.partition, encoded)
