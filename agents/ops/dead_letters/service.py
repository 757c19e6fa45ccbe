"""The desk at which letters are dealt with, by one person at a time.

Its producer works in transactions under one id: what is sent back and the record that says so are there together or not
at all, and who sits down at the desk sends away whoever sat there. So no letter is replayed twice by accident.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from kafka import KafkaProducer

from agents.config.settings import Settings
from agents.kafka.protocols import WrittenRecord
from agents.kafka.records import REPLAYS
from agents.ops.dead_letters.records import DISCARDS, REPLAYED, DeadLetterRecord, find_dead_letters, read_dead_letters
from events.client.connection import confirmation, connection, kafka_errors, require_topics
from events.codec.messages import HEADERS
from events.errors import AlurError
from events.topics import INWARD, INWARD_RECORD_BYTES, OUTWARD_RECORD_BYTES, TopicName
from workflow.audit.evidence import Place

_ANSWER_S: Final = 30


class DeadLetterRefused(AlurError):
    """A letter cannot be dealt with in this way; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class ReplayedRecord:
    """A letter that was sent back, and where it lies now."""

    letter: DeadLetterRecord
    to: Place


class DeadLetterService:
    """Replays and discards letters; a context manager.

    Args:
        settings: which environment.
        by: who sits here, for the record.

    Raises:
        BrokerUnreachable, KafkaRefused, TopicsMissing: Kafka says no, or nothing.
    """

    def __init__(self, settings: Settings, by: str) -> None:
        self._settings = settings
        self._by = by
        require_topics(settings, [*INWARD, TopicName.DEAD_LETTERS])
        with kafka_errors(settings):
            self._producer: Any = KafkaProducer(
                **connection(settings, "dead-letters"),
                transactional_id=f"{settings.prefix}dead-letters",
                max_request_size=OUTWARD_RECORD_BYTES,
                max_block_ms=_ANSWER_S * 1000,
            )
            self._producer.init_transactions()

    def __enter__(self) -> Self:
        """Give the desk itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave."""
        self._producer.close(timeout=0 if kind else None)

    def records_at(self, places: Collection[Place]) -> list[DeadLetterRecord]:
        """Read the letters at `places` (theirs, or that of what is in them) with their bytes, one for each place.

        Raises:
            NoSuchLetter: there is none at one of the places.
            NotReturned: several stages have set aside what was found at one of the places.
        """
        letters = read_dead_letters(self._settings, keep=frozenset(places))
        chosen: dict[Place, DeadLetterRecord] = {}
        for place in places:
            found = find_dead_letters(letters, place)
            if len(found) > 1:
                theirs = ", ".join(f"{each.place} ({each.stage})" for each in found)
                raise DeadLetterRefused(f"{place} is in {len(found)} letters: say which one of {theirs}")
            chosen[found[0].place] = found[0]
        return list(chosen.values())

    def replay(self, letter: DeadLetterRecord, *, force: bool = False) -> ReplayedRecord:
        """Send what is in `letter` back to where it was found, with its key, to the same partition.

        It is a new record there, with headers that say which letter it was in and how often it has come back. A command
        is decided on at the time at which it comes back.

        Raises:
            NotReturned: it cannot be, or should not be; `force` overrules the latter.
        """
        origin = letter.origin
        if origin is None:
            raise DeadLetterRefused(f"{letter.place} does not say where it was found: it cannot be replayed")
        _refuse_if_impossible(letter, origin)
        if not force:
            _refuse_if_unwise(letter, origin)
        headers = [
            *HEADERS,
            ("replayed-from", str(letter.place).encode()),
            (REPLAYS, str(letter.replays + 1).encode()),
        ]
        with self._transaction():
            sent = self._send(origin.topic, origin.partition, letter.key, letter.value, headers)
            to = Place(origin.topic, origin.partition, sent.offset)
            self._resolve(letter, (REPLAYED, str(letter.place)), ("to", str(to)))
        return ReplayedRecord(letter, to)

    def discard(self, letter: DeadLetterRecord, reason: str) -> None:
        """Leave a record that nothing more will be done about `letter`, and why.

        Raises:
            NotReturned: somebody has dealt with it.
        """
        if not letter.open:
            raise DeadLetterRefused(f"{letter.place} was {letter.disposition}: nothing is left to discard")
        with self._transaction():
            self._resolve(letter, (DISCARDS, str(letter.place)), ("reason", reason))

    def _resolve(self, letter: DeadLetterRecord, *extra: tuple[str, str]) -> None:
        headers = [(name, text.encode()) for name, text in (*extra, ("by", self._by))]
        self._send(letter.place.topic, letter.place.partition, letter.key, None, headers)

    def _send(
        self,
        topic: TopicName,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
    ) -> WrittenRecord:
        future = self._producer.send(
            self._settings.topic(topic), key=key, value=value, partition=partition, headers=headers
        )
        written: WrittenRecord = future.get(timeout=_ANSWER_S)
        return written

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with kafka_errors(self._settings):
            self._producer.begin_transaction()
            try:
                yield
            except BaseException:
                self._producer.abort_transaction()
                raise
        with confirmation(self._settings, "look with `alur dead show` whether the letter is open still"):
            self._producer.commit_transaction()


def _refuse_if_impossible(letter: DeadLetterRecord, origin: Place) -> None:
    for what, length in (("it", letter.truncated_from), ("its key", letter.key_truncated_from)):
        if length is not None:
            cut = f"{what} was too long to be kept whole ({length:,} bytes)"
            raise DeadLetterRefused(f"{letter.place} cannot be replayed: {cut}; ask for it again")
    size = letter.size + len(letter.key or b"")
    if origin.topic in INWARD and size > INWARD_RECORD_BYTES:
        raise DeadLetterRefused(
            f"{letter.place} cannot be replayed: it has {size:,} bytes with its key, and {INWARD_RECORD_BYTES:,} are "
            "accepted; ask for a smaller one"
        )


def _refuse_if_unwise(letter: DeadLetterRecord, origin: Place) -> None:
    if not letter.open:
        raise DeadLetterRefused(f"{letter.place} was {letter.disposition}: --force replays it all the same")
    if origin.topic not in INWARD:
        raise DeadLetterRefused(
            f"{letter.place} is of {origin.topic}, where only a stage writes: all its readers would read it a second "
            "time. Start the stage again from an earlier offset, or insist with --force"
        )
