"""Feeds for subscribers: first the current state, then each change exactly once.

Nothing is stored on the broker. A subscriber stores the positions of a batch in one transaction with the effect of the
batch, and continues from them: so each record has its effect exactly once, even after a crash.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Self, TypeVar
from uuid import UUID

from kafka import TopicPartition
from kafka.admin import OffsetSpec

from events.announcements import CALENDAR_KEY
from events.client.administration import admin_client, log_offsets
from events.client.connection import require_topics
from events.client.errors import KafkaFailure, KafkaRefused
from events.client.reader import CLOCK_SKEW, Reader, Record
from events.client.settings import ClientSettings
from events.client.texts import take_texts, text_ref
from events.codec.decode import decode_fact, decode_resolution, decode_snapshot
from events.errors import Undecodable
from events.facts import Recorded
from events.outcomes import Resolution, ResolutionEvent
from events.snapshot import Complaint
from events.texts import FactTexts, put_together
from events.topics import TopicName

_WAIT_S: Final = 0.5
# longer than the transaction timeout of a dead writer
_TRANSACTION_S: Final = 120.0

Positions = Mapping[int, int]
"""The offset of the next record in a topic, by partition."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A record of a foreign producer that violates the contract."""

    topic: TopicName
    partition: int
    offset: int
    reason: str


@dataclass(frozen=True, slots=True)
class PublishedResolution:
    """The public resolution of a complaint at its version `sequence`; the highest version is valid."""

    complaint_id: str
    sequence: int
    at: datetime
    resolution: Resolution


@dataclass(frozen=True, slots=True)
class ReopenedResolution:
    """Revokes the published resolution of a complaint at its version `sequence`; the highest version is valid."""

    complaint_id: str
    sequence: int
    at: datetime


@dataclass(frozen=True, slots=True)
class ResolutionBatch:
    """Resolutions, and the positions to store in the same transaction as their effect."""

    resolutions: tuple[PublishedResolution, ...]
    positions: Positions
    unread: tuple[Unread, ...] = ()
    reopened: tuple[ReopenedResolution, ...] = ()


@dataclass(frozen=True, slots=True)
class ComplaintBatch:
    """Current complaints or facts, and the positions to store in the same transaction as their effect."""

    present: tuple[Complaint, ...]
    """Complaints that replace the stored ones."""
    facts: tuple[Recorded, ...]
    """Facts, each of which follows on the stored version of its complaint."""
    positions: Positions
    unread: tuple[Unread, ...] = ()


class _Feed:
    """A topic that is followed from given positions; a context manager."""

    _reader: Reader | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._reader is not None:
            self._reader.__exit__()


def _follow(
    settings: ClientSettings, topic: TopicName, positions: Positions, partitions: Collection[int] | None
) -> Reader:
    """Return a reader of a topic at `positions`, and at the log start of partitions without one."""
    with ExitStack() as opening:
        reader = opening.enter_context(Reader(settings, [topic], partitions=partitions))
        starts, ends = reader.starts(), reader.ends()
        offsets = {source: positions.get(source[1], start) for source, start in starts.items()}
        for source, offset in offsets.items():
            if not starts[source] <= offset <= ends[source]:
                raise KafkaRefused(
                    f"position {offset} is not in {settings.topic(topic)}, partition {source[1]}, which goes from "
                    f"{starts[source]} to {ends[source]}: was the topic recreated? Then begin without positions"
                )
        reader.start_at(offsets)
        opening.pop_all()  # closed with the feed
    return reader


class ResolutionFeed(_Feed):
    """Follows `complaints.resolutions` from its first record, or from the positions of an earlier run.

    A context manager, for one thread. `partitions` divides the work among several subscribers.

    Raises:
        TopicsMissing: there is no such topic.
        KafkaRefused: the topic has no such positions, or the broker refuses.
        BrokerUnreachable: no broker answers.
    """

    _reader: Reader

    def __init__(
        self, settings: ClientSettings, positions: Positions, *, partitions: Collection[int] | None = None
    ) -> None:
        require_topics(settings, [TopicName.RESOLUTIONS])
        self._reader = _follow(settings, TopicName.RESOLUTIONS, positions, partitions)

    def poll(self, seconds: float = _WAIT_S) -> ResolutionBatch:
        """Return the next resolutions within `seconds`, if any. Raises the errors of the constructor."""
        return _resolutions(self._reader.poll(seconds))

    def to_end(self) -> Iterator[ResolutionBatch]:
        """Return all resolutions up to the present end of the log, for a subscriber that runs once per night."""
        return (_resolutions(records) for records in self._reader.polls_to(self._reader.ends()) if records)


class ComplaintFeed(_Feed):
    """Returns the current state of each complaint, and from there on every fact, without a gap or a repeat.

    Partitions without a position begin with the current state. With `texts` and the right to read `complaints.texts`,
    facts have their free text, or `[erased]`; else text that is stored apart is `events.texts.PLACEHOLDER`.
    A context manager, for one thread; `partitions` divides the work among several subscribers. Raises as
    `ResolutionFeed`.
    """

    def __init__(
        self,
        settings: ClientSettings,
        positions: Positions,
        *,
        partitions: Collection[int] | None = None,
        texts: bool = False,
    ) -> None:
        require_topics(settings, [TopicName.EVENTS, TopicName.STATE, *([TopicName.TEXTS] if texts else [])])
        self._texts = texts
        self._undelivered: list[Record] = []
        """Facts that were read, but without their texts."""
        self._settings = settings
        self._positions = dict(positions)
        self._partitions = partitions
        self._present: Iterator[ComplaintBatch] | None = self._load()

    def poll(self, seconds: float = _WAIT_S) -> ComplaintBatch:
        """Return the next batch within `seconds`, else an empty one. Raises the errors of the constructor."""
        batch = self._next_present()
        return self._deliver(self._undelivered or self._facts_reader().poll(seconds)) if batch is None else batch

    def to_end(self) -> Iterator[ComplaintBatch]:
        """Yield batches up to the present end of the log: first the current state, later the facts since."""
        while (batch := self._next_present()) is not None:
            yield batch
        reader = self._facts_reader()
        if self._undelivered:
            yield self._deliver(self._undelivered)
        yield from (self._deliver(records) for records in reader.polls_to(reader.ends()) if records)

    def _deliver(self, records: list[Record]) -> ComplaintBatch:
        """Return facts with their texts, if requested; after a failure, the next call returns them."""
        batch = _facts(records)
        refs = {ref for recorded in batch.facts if (ref := text_ref(recorded)) is not None} if self._texts else set()
        if refs:
            self._undelivered = records
            since = min(recorded.at for recorded in batch.facts)
            words = self._words(refs, {record.partition for record in records}, since)
            facts = tuple(put_together(each, words.get(text_ref(each) or "")) for each in batch.facts)
            batch = replace(batch, facts=facts)
        self._undelivered = []
        return batch

    def _words(self, refs: set[str], numbers: set[int], since: datetime) -> dict[str, FactTexts | None]:
        """Return the existing texts for these keys, of transactions that are still open too."""
        written = _log_ends(self._settings, TopicName.TEXTS, numbers)
        texts: dict[str, FactTexts | None] = {}
        with Reader(self._settings, [TopicName.TEXTS], partitions=numbers) as reader:
            reader.skip_to_moment_or_stay(since - CLOCK_SKEW)
            ends = {(TopicName.TEXTS, number): end for number, end in written.items()}
            for records in reader.polls_to(ends, patience=_TRANSACTION_S):
                for record in records:
                    take_texts(texts, record, refs)
        return texts

    def _next_present(self) -> ComplaintBatch | None:
        """Return the next batch of the current state, None at its end; after a failure, continue from the last one."""
        if self._present is None:
            return None
        try:
            batch = next(self._present, None)
        except KafkaFailure:
            # a generator that has raised is exhausted, before the end of the current state
            self._present = self._load()
            raise
        if batch is None:
            self._present = None
        return batch

    def _facts_reader(self) -> Reader:
        if self._reader is None:
            self._reader = _follow(self._settings, TopicName.EVENTS, self._positions, self._partitions)
        return self._reader

    def _load(self) -> Iterator[ComplaintBatch]:
        with Reader(self._settings, [TopicName.EVENTS], partitions=self._partitions) as events:
            begins = {number: end for (_, number), end in events.ends().items() if number not in self._positions}
        # A transaction becomes visible partition by partition: snapshots of the facts that are visible above are before
        # these ends, which include open transactions.
        written = _log_ends(self._settings, TopicName.STATE, begins)
        for number, begin in begins.items():
            yield from self._load_partition(number, begin, written[number])

    def _load_partition(self, number: int, begin: int, written: int) -> Iterator[ComplaintBatch]:
        """Yield the snapshots of a partition, then the facts that were written while they were read.

        A transaction becomes visible partition by partition, so the fact of a snapshot may still be invisible: facts
        are read up to their end after the snapshots, and no position precedes a fact that the snapshots include.
        """
        known: dict[bytes, int] = {}
        with Reader(self._settings, [TopicName.STATE], partitions=[number]) as state:
            for records in state.polls_to({(TopicName.STATE, number): written}, patience=_TRANSACTION_S):
                batch = _snapshots(records)
                known |= {UUID(each.complaint_id).bytes: each.version for each in batch.present}
                yield batch
        source = (TopicName.EVENTS, number)
        written = _log_ends(self._settings, TopicName.EVENTS, [number])[number]
        with Reader(self._settings, [TopicName.EVENTS], partitions=[number]) as events:
            events.start_at({source: begin})
            reached = begin
            for records in events.polls_to({source: written}, patience=_TRANSACTION_S):
                batch = _facts(records)
                newer = [
                    recorded.complaint
                    for recorded in batch.facts
                    if recorded.complaint.version > known.get(UUID(recorded.complaint.complaint_id).bytes, 0)
                ]
                reached = batch.positions.get(number, reached)
                yield ComplaintBatch(tuple(newer), (), {}, batch.unread)
        self._positions[number] = reached
        yield ComplaintBatch((), (), {number: reached})


def _log_ends(settings: ClientSettings, topic: TopicName, numbers: Collection[int]) -> dict[int, int]:
    """Return the log ends of partitions, open transactions included."""
    partitions = [TopicPartition(settings.topic(topic), each) for each in numbers]
    if not partitions:
        return {}
    with admin_client(settings) as client:
        return {each.partition: end for each, end in log_offsets(client, partitions, OffsetSpec.LATEST).items()}


_Message = TypeVar("_Message")


def _decoded(
    records: Collection[Record], decode: Callable[[Record], _Message | None]
) -> tuple[tuple[_Message, ...], dict[int, int], tuple[Unread, ...]]:
    """Return the decoded messages of records, the positions after them, and the undecodable records."""
    messages, unread = [], []
    for record in records:
        try:
            if (message := decode(record)) is not None:
                messages.append(message)
        except Undecodable as error:
            unread.append(Unread(record.topic, record.partition, record.offset, error.reason))
    return tuple(messages), {record.partition: record.offset + 1 for record in records}, tuple(unread)


def _resolutions(records: Collection[Record]) -> ResolutionBatch:
    messages, positions, unread = _decoded(records, _resolution)
    published = tuple(each for each in messages if isinstance(each, PublishedResolution))
    reopened = tuple(each for each in messages if isinstance(each, ReopenedResolution))
    return ResolutionBatch(published, positions, unread, reopened)


def _resolution(record: Record) -> PublishedResolution | ReopenedResolution | None:
    event = _of_known_type(decode_resolution, record.value)
    if event is None:
        return None
    name, sequence, at = str(event.subject), int(event.sequence), event.time or record.at
    if isinstance(event, ResolutionEvent):
        return PublishedResolution(name, sequence, at, event.data)
    return ReopenedResolution(name, sequence, at)


def _facts(records: Collection[Record]) -> ComplaintBatch:
    return ComplaintBatch((), *_decoded(records, lambda record: _of_known_type(decode_fact, record.value)))


def _of_known_type(decode: Callable[[bytes | None], _Message], value: bytes | None) -> _Message | None:
    """Decode a message; None for a type that was added to the contract later."""
    try:
        return decode(value)
    except Undecodable as error:
        if error.code == "unknown-type":
            return None
        raise


def _snapshots(records: Collection[Record]) -> ComplaintBatch:
    present, _, unread = _decoded(records, _snapshot)
    return ComplaintBatch(present, (), {}, unread)


def _snapshot(record: Record) -> Complaint | None:
    return None if record.key == CALENDAR_KEY or record.value is None else decode_snapshot(record.value)
