"""Reading topics: committed records only, from the start or from now, up to the end or on and on."""

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

from kafka import KafkaConsumer, TopicPartition

from events.client.connection import connection, kafka_errors
from events.client.errors import BrokerUnreachable, TopicsMissing
from events.client.partitions import partition_of
from events.client.settings import ClientSettings
from events.topics import OUTWARD_RECORD_BYTES, TopicName

_AT_ONCE: Final = 2_000
_WAIT_S: Final = 0.5
_STALLED_S: Final = 30.0
_READ_COMMITTED: Final = "read_committed"


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


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a topic is. `offsets` are those between its first record and its end, markers and gaps included."""

    partitions: int
    offsets: int


class Reader:
    """Reads topics from their first record on: all of them, or just where one complaint's records lie.

    A context manager. It belongs to no group and leaves no trace on the broker. Ask `require_topics` first.

    Raises:
        BrokerUnreachable: no broker answers, now or for 30 seconds while reading.
        KafkaRefused: the broker says no.
        TopicsMissing: one of the topics does not exist.
    """

    def __init__(
        self, settings: ClientSettings, topics: Collection[TopicName], *, complaint: str | None = None
    ) -> None:
        self._settings = settings
        self._names = {settings.topic(topic): topic for topic in topics}
        with kafka_errors(settings):
            self._consumer: Any = KafkaConsumer(
                **connection(settings, "reader"),
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level=_READ_COMMITTED,
                max_poll_records=_AT_ONCE,
                max_partition_fetch_bytes=OUTWARD_RECORD_BYTES,
            )
            self._consumer.assign([each for topic in self._names for each in self._chosen(topic, complaint)])

    def __enter__(self) -> Self:
        """Give the reader itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the broker."""
        self._consumer.close()

    def skip_to_end(self, *topics: TopicName) -> None:
        """Pass over what is there by now in these topics, or in all."""
        with kafka_errors(self._settings):
            chosen = [each for each in self._consumer.assignment() if not topics or self._names[each.topic] in topics]
            for partition, offset in self._consumer.end_offsets(chosen).items():
                self._consumer.seek(partition, offset)

    def poll(self, seconds: float = _WAIT_S) -> list[Record]:
        """Return the next records, of a partition in order; none if none come within `seconds`."""
        with kafka_errors(self._settings):
            found = self._consumer.poll(timeout_ms=int(seconds * 1000))
        return [self._record(raw) for records in found.values() for raw in records]

    def to_end(self) -> Iterator[Record]:
        """Give all records up to the end as it is now: what is committed later may follow with the next call."""
        with kafka_errors(self._settings):
            # of a topic that is written in transactions this is where the oldest open one begins
            ends = self._consumer.end_offsets(list(self._consumer.assignment()))
        moved = time.monotonic()
        places = self._places(ends)
        while any(places[partition] < end for partition, end in ends.items()):
            yield from self.poll()
            before, places = places, self._places(ends)
            if places != before:
                moved = time.monotonic()
            elif time.monotonic() - moved > _STALLED_S:
                raise BrokerUnreachable(self._settings.broker)

    def extents(self) -> dict[TopicName, Extent]:
        """Measure the topics."""
        with kafka_errors(self._settings):
            assigned = list(self._consumer.assignment())
            starts, ends = self._consumer.beginning_offsets(assigned), self._consumer.end_offsets(assigned)
        sizes: dict[TopicName, list[int]] = {topic: [] for topic in self._names.values()}
        for partition in assigned:
            sizes[self._names[partition.topic]].append(ends[partition] - starts[partition])
        return {topic: Extent(len(offsets), sum(offsets)) for topic, offsets in sizes.items()}

    def _chosen(self, topic: str, complaint: str | None) -> list[TopicPartition]:
        numbers: set[int] | None = self._consumer.partitions_for_topic(topic)
        if not numbers:
            raise TopicsMissing((topic,))
        chosen = numbers if complaint is None else {partition_of(complaint, len(numbers))}
        return [TopicPartition(topic, number) for number in sorted(chosen)]

    def _places(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        with kafka_errors(self._settings):
            return {partition: self._consumer.position(partition) for partition in ends}

    def _record(self, raw: Any) -> Record:  # noqa: ANN401 -- kafka-python ships no types
        at = datetime.fromtimestamp(raw.timestamp / 1000, UTC)
        topic = self._names[raw.topic]
        return Record(topic, raw.partition, raw.offset, at, raw.key, raw.value, dict(raw.headers))


def read_all(settings: ClientSettings, topics: Collection[TopicName]) -> Iterator[Record]:
    """Give all records of the topics up to their end as it is now; raises as `Reader` does."""
    with Reader(settings, topics) as reader:
        yield from reader.to_end()


def extents(settings: ClientSettings, topics: Collection[TopicName]) -> dict[TopicName, Extent]:
    """Measure topics without reading them; raises as `Reader` does."""
    with Reader(settings, topics) as reader:
        return reader.extents()
