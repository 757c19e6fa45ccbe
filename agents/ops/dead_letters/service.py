"""Dead-letter service: replays and discards dead letters, one operator at a time.

A transaction commits the replayed record with the disposition of its letter. All operators share one transactional id:
a second one fences the first, so that no letter is replayed twice by accident.
"""

from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Final

from agents.config.settings import Settings
from agents.kafka.records import REPLAYS
from agents.ops.dead_letters.records import DISCARDS, REPLAYED, DeadLetterRecord, find_dead_letters, read_dead_letters
from agents.ops.transactional_writer import TransactionalWriter
from events.client.connection import require_topics
from events.codec.encode import HEADERS
from events.errors import AlurError
from events.topics import INWARD, INWARD_RECORD_BYTES, RecordPosition, TopicName

_NEXT_STEP: Final = "check with `alur dead show` whether the letter is still open"


class DeadLetterRefused(AlurError):
    """A letter cannot be replayed or discarded; the message is one line for a person."""


class DeadLetterService(AbstractContextManager["DeadLetterService"]):
    """Replays and discards letters, recording `by`; a context manager. Raises `KafkaFailure`."""

    def __init__(self, settings: Settings, by: str) -> None:
        self._settings = settings
        self._by = by
        require_topics(settings, [*INWARD, TopicName.DEAD_LETTERS])
        self._writer = TransactionalWriter(settings, "dead-letters", f"{settings.prefix}dead-letters")

    def __exit__(self, *failure: object) -> None:
        self._writer.__exit__(*failure)

    def records_at(self, positions: Collection[RecordPosition]) -> list[DeadLetterRecord]:
        """Return the letter at each position (of the letter or its record), with the content.

        Raises DeadLetterNotFound, and DeadLetterRefused for a record in letters of several stages.
        """
        letters = read_dead_letters(self._settings, keep=frozenset(positions))
        chosen: dict[RecordPosition, DeadLetterRecord] = {}
        for position in positions:
            matching = find_dead_letters(letters, position)
            if len(matching) > 1:
                theirs = ", ".join(f"{each.position} ({each.stage})" for each in matching)
                raise DeadLetterRefused(f"{position} is in {len(matching)} letters: choose one of {theirs}")
            chosen[matching[0].position] = matching[0]
        return list(chosen.values())

    def replay(self, letter: DeadLetterRecord, *, force: bool = False) -> RecordPosition:
        """Write the record in `letter` to its original partition again, with its key; return the new position.

        Headers of the new record name the letter and count its replays. A command is decided at the time of its
        replay. `force` replays what would better be discarded. Raises DeadLetterRefused.
        """
        origin = letter.origin
        if origin is None:
            raise DeadLetterRefused(f"{letter.position} has no original position: it cannot be replayed")
        _refuse_if_impossible(letter, origin)
        if not force:
            _refuse_if_unwise(letter, origin)
        replays = (("replayed-from", str(letter.position).encode()), (REPLAYS, str(letter.replays + 1).encode()))
        with self._writer.transaction(_NEXT_STEP):
            to = self._writer.send(origin.topic, origin.partition, letter.key, letter.value, (*HEADERS, *replays))
            self._resolve(letter, (REPLAYED, str(letter.position)), ("to", str(to)))
        return to

    def discard(self, letter: DeadLetterRecord, reason: str) -> None:
        """Record that `letter` is discarded, with the reason; raise DeadLetterRefused if it is already closed."""
        if not letter.open:
            raise DeadLetterRefused(f"{letter.position} was {letter.disposition}: nothing is left to discard")
        with self._writer.transaction(_NEXT_STEP):
            self._resolve(letter, (DISCARDS, str(letter.position)), ("reason", reason))

    def _resolve(self, letter: DeadLetterRecord, *extra: tuple[str, str]) -> None:
        headers = [(name, text.encode()) for name, text in (*extra, ("by", self._by))]
        self._writer.send(letter.position.topic, letter.position.partition, letter.key, None, headers)


def _refuse_if_impossible(letter: DeadLetterRecord, origin: RecordPosition) -> None:
    for what, length in (("it", letter.truncated_from), ("its key", letter.key_truncated_from)):
        if length is not None:
            cut = f"{what} was too long, and truncated ({length:,} bytes)"
            raise DeadLetterRefused(f"{letter.position} cannot be replayed: {cut}; ask for it again")
    size = letter.size + len(letter.key or b"")
    if origin.topic in INWARD and size > INWARD_RECORD_BYTES:
        raise DeadLetterRefused(
            f"{letter.position} cannot be replayed: it has {size:,} bytes with its key, and {INWARD_RECORD_BYTES:,} "
            "are accepted; ask for a smaller one"
        )


def _refuse_if_unwise(letter: DeadLetterRecord, origin: RecordPosition) -> None:
    if not letter.open:
        raise DeadLetterRefused(f"{letter.position} was {letter.disposition}: --force replays it all the same")
    if origin.topic not in INWARD:
        raise DeadLetterRefused(
            f"{letter.position} is of {origin.topic}, where only a stage writes: all its readers would read it a "
            "second time. Start the stage again from an earlier offset, or insist with --force"
        )
