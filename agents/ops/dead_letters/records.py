"""Records of `complaints.dead-letters`: letters and their dispositions.

A letter is never changed or deleted. Its disposition (replayed, discarded) is a later record in the same partition and
with the same key, with the letter's position in a header. A letter without disposition is open.
"""

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from agents.config.settings import Settings
from agents.kafka.records import KEY_TRUNCATED, MIGRATED, TRUNCATED, replays_of
from events.client import Record, read_all, require_topics
from events.errors import AlurError
from events.topics import RecordPosition, TopicName

REPLAYED: Final = "replayed"
DISCARDS: Final = "discards"
_RESOLVING: Final = (REPLAYED, DISCARDS)
_DIGITS: Final = 12  # digits of a length that others may have written
_POSITION: Final = re.compile(r"(?P<topic>.+)-(?P<partition>[0-9]{1,9})@(?P<offset>[0-9]{1,18})")


class DeadLetterNotFound(AlurError):
    """There is no such letter, or several match; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class DeadLetterDisposition:
    """How a letter was resolved: `how` is `replayed` or `discards`, as in the header."""

    how: str
    by: str
    at: datetime
    reason: str | None = None
    to: str | None = None
    """Position of the replayed record, if it was replayed."""

    def __str__(self) -> str:
        text = f"replayed to {self.to}" if self.how == REPLAYED else f"discarded ({self.reason})"
        return f"{text} by {self.by}"


@dataclass(frozen=True, slots=True)
class DeadLetterRecord:
    """A dead letter: a record that a stage could not process."""

    position: RecordPosition
    """Position of the letter."""
    origin: RecordPosition | None
    """Position of the original record; None outside the topics of the contract."""
    stage: str
    code: str
    reason: str
    at: datetime
    """When the stage failed on the record."""
    key: bytes | None
    size: int
    """Size of the record's value in bytes."""
    replays: int = 0
    """How often the record had been replayed before."""
    traceback: str | None = None
    truncated_from: int | None = None
    """Original length of its value, if truncated."""
    key_truncated_from: int | None = None
    """Original length of its key, if truncated."""
    value: bytes | None = None
    """The record's value; only on request."""
    disposition: DeadLetterDisposition | None = None
    migrated: bool = False
    """Its origin is an offset from before a migration, which may be another record's now."""

    @property
    def found_at(self) -> str:
        """Position of the original record, for people."""
        return f"{self.origin or 'unknown'}{' before the migration' if self.migrated else ''}"

    @property
    def open(self) -> bool:
        """Whether the letter was neither replayed nor discarded."""
        return self.disposition is None


def resolved_letter(headers: Mapping[str, bytes]) -> str | None:
    """Return the position of the letter that a disposition closes; None if the record is a letter."""
    return next((_text(headers, name) for name in _RESOLVING if name in headers), None)


def origin_of(settings: Settings, headers: Mapping[str, bytes]) -> RecordPosition | None:
    """Return the original position of the record in a letter, if its headers name one on a topic of the contract."""
    with suppress(DeadLetterNotFound):
        where = f"{_text(headers, 'topic')}-{_text(headers, 'partition')}@{_text(headers, 'offset')}"
        return parse_position(settings, where)
    return None


def parse_position(settings: Settings, text: str) -> RecordPosition:
    """Parse `topic-partition@offset`, with or without the prefix of this environment; raise DeadLetterNotFound."""
    match = _POSITION.fullmatch(text.strip())
    topic = _topic(settings, match["topic"]) if match else None
    if match is None or topic is None:
        raise DeadLetterNotFound(f"{text!r} is not a position; write it as in {TopicName.DEAD_LETTERS}-3@17")
    return RecordPosition(topic, int(match["partition"]), int(match["offset"]))


def read_dead_letters(settings: Settings, keep: Collection[RecordPosition] = ()) -> list[DeadLetterRecord]:
    """Return all letters, oldest first, with content only for positions in `keep`, of letter or original record."""
    require_topics(settings, [TopicName.DEAD_LETTERS])
    letters: list[DeadLetterRecord] = []
    dispositions: dict[str, DeadLetterDisposition] = {}
    for record in read_all(settings, [TopicName.DEAD_LETTERS]):
        resolved = resolved_letter(record.headers)
        if resolved is not None:
            dispositions[resolved] = _disposition(record)
        else:
            letter = _letter(settings, record)
            wanted = letter.position in keep or letter.origin in keep
            letters.append(replace(letter, value=record.value) if wanted else letter)
    resolved_letters = [replace(each, disposition=dispositions.get(str(each.position))) for each in letters]
    return sorted(resolved_letters, key=lambda each: (each.at, each.position.partition, each.position.offset))


def find_dead_letters(letters: Collection[DeadLetterRecord], position: RecordPosition) -> list[DeadLetterRecord]:
    """Return the letter at `position`, or those of the record there (one per stage); raise DeadLetterNotFound."""
    matching = [
        each for each in letters if position == each.position or (position == each.origin and not each.migrated)
    ]
    if not matching:
        raise DeadLetterNotFound(f"there is no dead letter at {position}, nor of a record there: see `alur dead list`")
    return matching


def _letter(settings: Settings, record: Record) -> DeadLetterRecord:
    headers = record.headers
    at = record.at
    with suppress(ValueError):
        at = datetime.fromisoformat(_text(headers, "failed-at"))
    return DeadLetterRecord(
        position=record.position,
        origin=origin_of(settings, headers),
        stage=_text(headers, "stage") or "unknown",
        code=_text(headers, "code") or "unknown",
        reason=_text(headers, "reason"),
        at=at if at.tzinfo else record.at,
        key=record.key,
        size=len(record.value or b""),
        replays=replays_of(headers.items()),
        traceback=_text(headers, "traceback") or None,
        truncated_from=_length(headers, TRUNCATED),
        key_truncated_from=_length(headers, KEY_TRUNCATED),
        migrated=MIGRATED in headers,
    )


def _length(headers: Mapping[str, bytes], name: str) -> int | None:
    text = _text(headers, name)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None


def _disposition(record: Record) -> DeadLetterDisposition:
    headers = record.headers
    how = REPLAYED if REPLAYED in headers else DISCARDS
    reason, to = _text(headers, "reason") or None, _text(headers, "to") or None
    return DeadLetterDisposition(how, _text(headers, "by") or "unknown", record.at, reason, to)


def _topic(settings: Settings, name: str) -> TopicName | None:
    return next((topic for topic in TopicName if name in (settings.topic(topic), topic)), None)


def _text(headers: Mapping[str, bytes], name: str) -> str:
    return (headers.get(name) or b"").decode(errors="replace")
