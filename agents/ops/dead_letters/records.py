"""What lies on `complaints.dead-letters`: letters, and the records that say what became of them.

A letter is never changed or taken away. That it was replayed or discarded is a record of its own behind it, in the same
partition and with the same key, whose header names the letter's place. A letter without such a record is open.
"""

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from agents.config.settings import Settings
from agents.kafka.records import KEY_TRUNCATED, TRUNCATED, replays_of
from events.client import Record, read_all, require_topics
from events.errors import AlurError
from events.topics import TopicName
from workflow.audit.evidence import Place

REPLAYED: Final = "replayed"
DISCARDS: Final = "discards"
_RESOLVING: Final = (REPLAYED, DISCARDS)
_DIGITS: Final = 12  # of a length that others may have written
_PLACE: Final = re.compile(r"(?P<topic>.+)-(?P<partition>[0-9]{1,9})@(?P<offset>[0-9]{1,18})")


class DeadLetterNotFound(AlurError):
    """There is no such letter, or it is not clear which is meant; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class DeadLetterDisposition:
    """What became of a letter: `how` is `replayed` or `discards`, as in the header."""

    how: str
    by: str
    at: datetime
    reason: str | None = None
    to: str | None = None
    """Where it lies now, if it was replayed."""

    def __str__(self) -> str:
        """Say it in a few words."""
        text = f"replayed to {self.to}" if self.how == REPLAYED else f"discarded ({self.reason})"
        return f"{text} by {self.by}"


@dataclass(frozen=True, slots=True)
class DeadLetterRecord:
    """A record that a stage has set aside."""

    place: Place
    """Where the letter lies."""
    origin: Place | None
    """Where what is in it was found; None if that is no topic of ours."""
    stage: str
    code: str
    reason: str
    at: datetime
    """When it was set aside."""
    key: bytes | None
    size: int
    """Bytes of what is in it."""
    replays: int = 0
    """How often it had been replayed before it was set aside (again)."""
    traceback: str | None = None
    truncated_from: int | None = None
    """The length it had, if it was too long to be kept whole."""
    key_truncated_from: int | None = None
    """The length that its key had, likewise."""
    value: bytes | None = None
    """The bytes as they came; read only when asked for."""
    disposition: DeadLetterDisposition | None = None

    @property
    def open(self) -> bool:
        """Say whether nobody has dealt with it yet."""
        return self.disposition is None


def resolved_letter(headers: Mapping[str, bytes]) -> str | None:
    """Return the place of the letter whose fate a record of the dead letters tells; None if it is a letter."""
    return next((_text(headers, name) for name in _RESOLVING if name in headers), None)


def origin_of(settings: Settings, headers: Mapping[str, bytes]) -> Place | None:
    """Return where what is in a letter was found, if its headers name a place on a topic of ours."""
    with suppress(DeadLetterNotFound):
        where = f"{_text(headers, 'topic')}-{_text(headers, 'partition')}@{_text(headers, 'offset')}"
        return parse_location(settings, where)
    return None


def parse_location(settings: Settings, text: str) -> Place:
    """Read `topic-partition@offset`; the topic with the prefix of this environment, or without.

    Raises:
        NoSuchLetter: it is none.
    """
    match = _PLACE.fullmatch(text.strip())
    topic = _topic(settings, match["topic"]) if match else None
    if match is None or topic is None:
        raise DeadLetterNotFound(f"{text!r} is no place; write it as in {TopicName.DEAD_LETTERS}-3@17")
    return Place(topic, int(match["partition"]), int(match["offset"]))


def read_dead_letters(settings: Settings, keep: Collection[Place] = ()) -> list[DeadLetterRecord]:
    """Read all letters, in the order in which they were set aside.

    Args:
        settings: which environment.
        keep: the places of letters, or of what is in them, whose bytes are wanted too.

    Raises:
        BrokerUnreachable, KafkaRefused, TopicsMissing: the topic could not be read.
    """
    require_topics(settings, [TopicName.DEAD_LETTERS])
    letters: list[DeadLetterRecord] = []
    dispositions: dict[str, DeadLetterDisposition] = {}
    for record in read_all(settings, [TopicName.DEAD_LETTERS]):
        resolved = resolved_letter(record.headers)
        if resolved is not None:
            dispositions[resolved] = _disposition(record)
        else:
            letter = _letter(settings, record)
            wanted = letter.place in keep or letter.origin in keep
            letters.append(replace(letter, value=record.value) if wanted else letter)
    found = [replace(each, disposition=dispositions.get(str(each.place))) for each in letters]
    return sorted(found, key=lambda each: (each.at, each.place.partition, each.place.offset))


def find_dead_letters(letters: Collection[DeadLetterRecord], place: Place) -> list[DeadLetterRecord]:
    """Return the letter that lies at `place`, or those in which is what was found there: a fact has several readers.

    Raises:
        NoSuchLetter: there is none.
    """
    found = [each for each in letters if place in (each.place, each.origin)]
    if not found:
        raise DeadLetterNotFound(f"no dead letter lies at {place}, and none was found there (it is kept for 90 days)")
    return found


def _letter(settings: Settings, record: Record) -> DeadLetterRecord:
    headers = record.headers
    at = record.at
    with suppress(ValueError):
        at = datetime.fromisoformat(_text(headers, "failed-at"))
    return DeadLetterRecord(
        place=Place(record.topic, record.partition, record.offset),
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
