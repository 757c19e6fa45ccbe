"""Reader of topics: committed records, from any offset, to the end or continuously."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from events.announcements import CALENDAR
from events.client import unpacking
from events.client.connection import connection, kafka_errors
from events.client.errors import BrokerUnreachable, TopicsMissing
from events.client.partitions import partition_of
from events.client.settings import ClientSettings
from events.client.substitutes import SUBSTITUTES
from events.cloudevents import log_moment
from events.ids import canonical_id
from events.installation import InstallationLog
from events.provenance import MARKED, Origin
from events.topics import OUTWARD_RECORD_BYTES, RecordPosition, TopicName

CLOCK_SKEW: Final = timedelta(hours=1)
"""Maximum difference between the clocks of broker and lifecycle: the margin when skipping by time."""
_AT_ONCE: Final = 2_000
_WAIT_S: Final = 0.5
_STALLED_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Record:
    """A committed record; `topic` is the name of the contract, without the prefix."""

    topic: TopicName
    partition: int
    offset: int
    at: datetime
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]

    @property
    def position(self) -> RecordPosition:
        """Position of the record in the log."""
        return RecordPosition(self.topic, self.partition, self.offset)


@dataclass(frozen=True, slots=True)
class Extent:
    """Size of a topic. `offsets`: number from log start to end, with control records and gaps."""

    partitions: int
    offsets: int


def committed_consumer(settings: ClientSettings, client: str, at_once: int) -> KafkaConsumer:
    """Return a consumer of kafka-python for committed records, from the earliest offset; it joins no group.

    A poll returns at most `at_once` records.
    """
    if (substitute := SUBSTITUTES.get(settings.broker)) is not None:
        return substitute.consumer()
    unpacking.install()
    return KafkaConsumer(
        **connection(settings, client),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_poll_records=at_once,
        max_partition_fetch_bytes=OUTWARD_RECORD_BYTES,
    )


def record_of(topic: TopicName, raw: ConsumerRecord) -> Record:
    """Return a record of kafka-python's consumer as a `Record` of `topic`."""
    at = log_moment(raw.timestamp)
    return Record(topic, raw.partition, raw.offset, at, raw.key, raw.value, dict(raw.headers))


class Reader:
    """Reads topics from their first record: all partitions, some, or only the one with a complaint's records.

    A context manager, without a consumer group. Call `require_topics` first; it raises the same, also after 30 seconds
    without an answer. Unless `with_foreign`, foreign records after one of the engine's own are skipped.
    """

    def __init__(
        self,
        settings: ClientSettings,
        topics: Collection[TopicName],
        *,
        complaint: str | None = None,
        partitions: Collection[int] | None = None,
        with_foreign: bool = False,
    ) -> None:
        self.foreign = 0
        """Number of foreign records that were skipped."""
        self._with_foreign = with_foreign
        self._origins: dict[tuple[TopicName, int], Origin] = {}
        self._settings = settings
        self._names = {settings.topic(topic): topic for topic in topics}
        numbers = None if partitions is None else set(partitions)
        with kafka_errors(settings), ExitStack() as opening:
            self._consumer = committed_consumer(settings, "reader", _AT_ONCE)
            opening.callback(self._consumer.close)
            self._assign(lambda existing: existing if numbers is None else existing & numbers)
            if complaint is not None:
                self.turn_to(complaint)
            opening.pop_all()  # closed with the reader

    def turn_to(self, complaint: str) -> None:
        """Read only the partition of this complaint, or those of the calendar, from the first record."""
        key = complaint if complaint == CALENDAR else canonical_id(complaint)
        with kafka_errors(self._settings):
            self._assign(lambda existing: {partition_of(key, len(existing))})
            self._consumer.seek_to_beginning()

    def turn_to_partition(self, topic: TopicName, number: int) -> None:
        """Read only this partition, from its first record."""
        partition = TopicPartition(self._settings.topic(topic), number)
        with kafka_errors(self._settings):
            self._consumer.assign([partition])
            self._consumer.seek_to_beginning(partition)

    def _assign(self, choose: Callable[[set[int]], Collection[int]]) -> None:
        chosen = []
        for topic in self._names:
            existing: set[int] | None = self._consumer.partitions_for_topic(topic)
            if not existing:
                raise TopicsMissing((topic,))
            chosen += [TopicPartition(topic, number) for number in sorted(choose(existing))]
        self._consumer.assign(chosen)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def skip_to_end(self, *topics: TopicName) -> None:
        """Skip to the present end of these topics, or of all topics."""
        self.start_at({source: end for source, end in self.ends().items() if not topics or source[0] in topics})

    def skip_to_moment_or_end(self, moment: datetime, *topics: TopicName) -> None:
        """Skip records of these topics older than `moment`, in a partition without newer ones to its end."""
        with kafka_errors(self._settings):
            chosen = [each for each in self._consumer.assignment() if self._names[each.topic] in topics]
            ends = self._consumer.end_offsets(chosen)
            for partition, at in self._first_since(chosen, moment).items():
                self._consumer.seek(partition, ends[partition] if at is None else at)

    def skip_to_moment_or_stay(self, moment: datetime) -> None:
        """Skip records that are older than `moment`; a partition without a newer one is read in full.

        Timestamps may be the writer's: allow for clock skew.
        """
        with kafka_errors(self._settings):
            for partition, at in self._first_since(self._consumer.assignment(), moment).items():
                if at is not None:
                    self._consumer.seek(partition, at)

    def _first_since(self, chosen: Collection[TopicPartition], moment: datetime) -> dict[TopicPartition, int | None]:
        first = self._consumer.offsets_for_times(dict.fromkeys(chosen, int(moment.timestamp() * 1000)))
        return {partition: None if first[partition] is None else first[partition].offset for partition in chosen}

    def ends(self) -> dict[tuple[TopicName, int], int]:
        """Return the last stable offset of each partition."""
        with kafka_errors(self._settings):
            ends = self._consumer.end_offsets(list(self._consumer.assignment()))
        return {(self._names[partition.topic], partition.partition): end for partition, end in ends.items()}

    def starts(self) -> dict[tuple[TopicName, int], int]:
        """Return the log start of each partition."""
        with kafka_errors(self._settings):
            starts = self._consumer.beginning_offsets(list(self._consumer.assignment()))
        return {(self._names[partition.topic], partition.partition): start for partition, start in starts.items()}

    def start_at(self, positions: Mapping[tuple[TopicName, int], int]) -> None:
        """Continue from these offsets."""
        with kafka_errors(self._settings):
            for (topic, number), offset in positions.items():
                self._consumer.seek(TopicPartition(self._settings.topic(topic), number), offset)

    def poll(self, seconds: float = _WAIT_S) -> list[Record]:
        """Return the next records within `seconds`, if any, in order within a partition."""
        with kafka_errors(self._settings):
            polled = self._consumer.poll(timeout_ms=int(seconds * 1000))
        read = [record_of(self._names[raw.topic], raw) for records in polled.values() for raw in records]
        return [record for record in read if not self._is_skipped(record)]

    def _is_skipped(self, record: Record) -> bool:
        if self._with_foreign or record.topic not in MARKED:
            return False
        origin = self._origins.setdefault((record.topic, record.partition), Origin())
        is_foreign = origin.is_foreign(record.offset, tuple(record.headers.items()))
        self.foreign += is_foreign
        return is_foreign

    def to_end(self) -> Iterator[Record]:
        """Return all records up to the present end."""
        return chain.from_iterable(self.polls_to(self.ends()))

    def polls_to(
        self, ends: Mapping[tuple[TopicName, int], int], *, patience: float = _STALLED_S
    ) -> Iterator[list[Record]]:
        """Yield batches until these offsets are reached; the last batch may contain later records.

        Raises:
            BrokerUnreachable: no progress for `patience` seconds.
        """
        wanted = {TopicPartition(self._settings.topic(topic), number): end for (topic, number), end in ends.items()}
        moved = time.monotonic()
        positions = self._positions(wanted)
        while any(positions[partition] < end for partition, end in wanted.items()):
            yield self.poll()
            before, positions = positions, self._positions(wanted)
            if positions != before:
                moved = time.monotonic()
            elif time.monotonic() - moved > patience:
                raise BrokerUnreachable(self._settings.broker)

    def lag(self) -> int:
        """Return the number of offsets from the current position to the present end."""
        ends = self.ends()
        positions = self._positions({TopicPartition(self._settings.topic(topic), number): 0 for topic, number in ends})
        return sum(ends.values()) - sum(positions.values())

    def extents(self) -> dict[TopicName, Extent]:
        """Return the extent of each topic."""
        starts, ends = self.starts(), self.ends()
        sizes: dict[TopicName, list[int]] = {topic: [] for topic in self._names.values()}
        for (topic, number), end in ends.items():
            sizes[topic].append(end - starts[topic, number])
        return {topic: Extent(len(offsets), sum(offsets)) for topic, offsets in sizes.items()}

    def _positions(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        with kafka_errors(self._settings):
            return {partition: self._consumer.position(partition) for partition in ends}


def read_all(
    settings: ClientSettings,
    topics: Collection[TopicName],
    *,
    complaint: str | None = None,
    partitions: Collection[int] | None = None,
) -> Iterator[Record]:
    """Yield all records of the topics, or of some partitions, up to the present end; raises the errors of `Reader`."""
    with Reader(settings, topics, complaint=complaint, partitions=partitions) as reader:
        yield from reader.to_end()


def installation_values(settings: ClientSettings) -> dict[str, Any]:
    """Return the installation record: a JSON value per key. Raises the errors of `Reader`."""
    log = InstallationLog()
    for record in read_all(settings, [TopicName.INSTALLATION]):
        log.add(record.offset, record.key, record.value, record.headers.items())
    return log.values


def extents(settings: ClientSettings, topics: Collection[TopicName]) -> dict[TopicName, Extent]:
    """Return the extent of topics without reading their records; raises the errors of `Reader`."""
    with Reader(settings, topics) as reader:
        return reader.extents()
