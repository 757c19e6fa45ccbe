"""In-memory log: topics, transactions and group offsets, by the rules of a broker.

As on Kafka, a transaction ends with a marker in each of its partitions, which takes an offset. What only a broker can
do, such as assigning partitions to group members, raises NotInMemory.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from itertools import count
from typing import Final

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalOperation, MessageSizeTooLargeError, ProducerFenced, UnknownTopicOrPartitionError
from aiokafka.structs import OffsetAndMetadata

from events.topics import TOPICS

_LOG_APPEND_TIME: Final = 1
Headers = Sequence[tuple[str, bytes]]
Content = tuple[bytes | None, bytes | None, Headers]
"""Key, value and headers of a record."""


class NotInMemory(NotImplementedError):
    """Raised for an operation that the in-memory log does not support; the message names it."""


class _State(Enum):
    OPEN = auto()
    """The record is in an open transaction."""
    COMMITTED = auto()
    ABORTED = auto()
    CONTROL = auto()
    """A transaction marker, or a record removed by compaction."""


@dataclass(slots=True)
class _Entry:
    record: ConsumerRecord[bytes, bytes]
    state: _State


@dataclass(slots=True)
class _Partition:
    largest: int
    entries: list[_Entry] = field(default_factory=list)
    start: int = 0

    def stable_end(self) -> int:
        return next((each.record.offset for each in self.entries if each.state is _State.OPEN), len(self.entries))


@dataclass(slots=True)
class Writer:
    """A producer and its open transaction, like an entry of Kafka's transaction coordinator."""

    producer_id: int
    producer_epoch: int = 0
    in_transaction: bool = False
    fenced: bool = False
    refused: bool = False
    """A batch of the open transaction was refused, so it can only be aborted."""
    entries: list[_Entry] = field(default_factory=list)
    offsets: dict[tuple[str, TopicPartition], OffsetAndMetadata] = field(default_factory=dict)


class Log:
    """Topics in memory, with a clock for the timestamps of their records.

    Args:
        now: the time of the log, which stamps all records; it changes only when it is set.
        partitions: number of partitions of the engine.
    """

    def __init__(self, now: datetime, partitions: int = 4) -> None:
        self.topics = {str(each.name): each.partitions_in(partitions) for each in TOPICS}
        """The number of partitions by topic."""
        self._partitions = {
            TopicPartition(each.name, number): _Partition(int(each.config["max.message.bytes"]))
            for each in TOPICS
            for number in range(each.partitions_in(partitions))
        }
        self._now = now
        self._writers: dict[str, Writer] = {}
        self._ids = count(1)
        self._offsets: dict[tuple[str, TopicPartition], OffsetAndMetadata] = {}
        self.on_append: list[Callable[[], None]] = []
        """Called after each change of the log."""

    @property
    def now(self) -> datetime:
        """Present time of the log, timezone-aware."""
        return self._now

    @now.setter
    def now(self, moment: datetime) -> None:
        if moment < self._now:
            raise ValueError(f"the log is at {self._now}: its time does not go back to {moment}")
        self._now = moment

    def writer(self, transactional_id: str | None) -> Writer:
        """Return a new producer; with a transactional id, fence the previous one and abort its open transaction."""
        former = None if transactional_id is None else self._writers.get(transactional_id)
        if former is None:
            writer = Writer(next(self._ids))
        else:
            if former.in_transaction:
                self.end(former, commit=False)
            former.fenced = True
            writer = Writer(former.producer_id, former.producer_epoch + 1)
        if transactional_id is not None:
            self._writers[transactional_id] = writer
        return writer

    def append(self, partition: TopicPartition, records: Iterable[Content], size: int, writer: Writer) -> int:
        """Append a batch of `size` bytes and return the offset of its first record; raise the errors of a broker."""
        _check(writer)
        log = self._partition(partition)
        if size > log.largest:
            writer.refused = True
            raise MessageSizeTooLargeError(f"{size} bytes, {partition.topic} takes {log.largest}")
        first = len(log.entries)
        for key, value, headers in records:
            entry = _Entry(self._record(partition, key, value, headers), _State.COMMITTED)
            if writer.in_transaction:
                entry.state = _State.OPEN
                writer.entries.append(entry)
            log.entries.append(entry)
        self._changed()
        return first

    def begin(self, writer: Writer) -> None:
        """Begin a transaction."""
        _check(writer)
        if writer.in_transaction:
            raise IllegalOperation("the transaction before it is not over")
        writer.in_transaction = True

    def end(self, writer: Writer, *, commit: bool) -> None:
        """Commit the open transaction with its offsets, or abort it."""
        _check(writer)
        if not writer.in_transaction:
            raise IllegalOperation("there is no transaction")
        if commit and writer.refused:
            raise IllegalOperation("a batch of the transaction was refused")
        for entry in writer.entries:
            entry.state = _State.COMMITTED if commit else _State.ABORTED
        for partition in dict.fromkeys(
            TopicPartition(each.record.topic, each.record.partition) for each in writer.entries
        ):
            marker = _Entry(self._record(partition, None, None, ()), _State.CONTROL)
            self._partition(partition).entries.append(marker)
        if commit:
            self._offsets |= writer.offsets
        writer.in_transaction, writer.refused, writer.entries, writer.offsets = False, False, [], {}
        self._changed()

    def add_offsets(self, writer: Writer, group: str, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Commit offsets of a group with the open transaction."""
        _check(writer)
        if not writer.in_transaction:
            raise IllegalOperation("there is no transaction")
        writer.offsets |= {(group, partition): at for partition, at in offsets.items()}

    def commit_offsets(self, group: str, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Commit offsets of a group."""
        self._offsets |= {(group, partition): at for partition, at in offsets.items()}

    def committed(self, group: str) -> dict[TopicPartition, OffsetAndMetadata]:
        """Return the committed offsets of a group."""
        return {partition: at for (each, partition), at in self._offsets.items() if each == group}

    def forget_offsets(self, group: str) -> None:
        """Delete the committed offsets of a group, as Kafka does after their retention."""
        self._offsets = {key: at for key, at in self._offsets.items() if key[0] != group}

    def start(self, partition: TopicPartition) -> int:
        """Return the offset of the first record that still exists."""
        return self._partition(partition).start

    def end_of(self, partition: TopicPartition, *, committed: bool) -> int:
        """Return the log end; with `committed` the last stable offset, before the oldest open transaction."""
        log = self._partition(partition)
        return log.stable_end() if committed else len(log.entries)

    def read(
        self, partition: TopicPartition, offset: int, most: int, *, committed: bool
    ) -> tuple[list[ConsumerRecord[bytes, bytes]], int]:
        """Return up to `most` records from `offset`, and the position after them."""
        log = self._partition(partition)
        hidden = {_State.CONTROL, _State.ABORTED} if committed else {_State.CONTROL}
        end = self.end_of(partition, committed=committed)
        records: list[ConsumerRecord[bytes, bytes]] = []
        while offset < end and len(records) < most:
            entry = log.entries[offset]
            if entry.state not in hidden:
                records.append(entry.record)
            offset += 1
        return records, offset

    def records(self, topic: str) -> Iterator[ConsumerRecord[bytes, bytes]]:
        """Yield the committed records of a topic, partition by partition."""
        for partition, log in self._partitions.items():
            if partition.topic == topic:
                yield from self.read(partition, log.start, len(log.entries), committed=True)[0]

    def first_since(self, partition: TopicPartition, timestamp: int, *, committed: bool) -> tuple[int, int] | None:
        """Return offset and timestamp of the first record at or after `timestamp`, in milliseconds; None if none.

        With `committed`, None too if it is beyond the last stable offset.
        """
        log, end = self._partition(partition), self.end_of(partition, committed=committed)
        candidates = (each.record for each in log.entries[log.start : end] if each.record.timestamp >= timestamp)
        return next(((record.offset, record.timestamp) for record in candidates), None)

    def delete_before(self, partition: TopicPartition, offset: int) -> None:
        """Delete the records before `offset`, as retention does."""
        log = self._partition(partition)
        log.start = min(max(log.start, offset), len(log.entries))

    def compact(self, topic: str) -> None:
        """Keep only the last committed record of each key of a topic, tombstones included."""
        for partition, log in self._partitions.items():
            kept: set[bytes | None] = set()
            entries = log.entries[: log.stable_end()] if partition.topic == topic else []
            for entry in reversed(entries):
                if entry.state is _State.COMMITTED and entry.record.key in kept:
                    entry.state = _State.CONTROL
                kept |= {entry.record.key} if entry.state is _State.COMMITTED else set()

    def _record(
        self, partition: TopicPartition, key: bytes | None, value: bytes | None, headers: Headers
    ) -> ConsumerRecord[bytes, bytes]:
        offset, stamp = len(self._partition(partition).entries), int(self._now.timestamp() * 1000)
        sizes = len(key or b""), len(value or b"")
        return ConsumerRecord(*partition, offset, stamp, _LOG_APPEND_TIME, key, value, None, *sizes, tuple(headers))

    def _partition(self, partition: TopicPartition) -> _Partition:
        try:
            return self._partitions[partition]
        except KeyError:
            raise UnknownTopicOrPartitionError(f"{partition.topic}-{partition.partition}") from None

    def _changed(self) -> None:
        for callback in tuple(self.on_append):
            callback()


def _check(writer: Writer) -> None:
    if writer.fenced:
        raise ProducerFenced
