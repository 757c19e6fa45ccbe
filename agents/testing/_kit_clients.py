"""Clients of the client kit on the in-memory log, with kafka-python's interface."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from kafka.admin import OffsetSpec
from kafka.errors import UnknownTopicOrPartitionError, for_code
from kafka.future import Future

from agents.testing.in_memory_log import Log, NotInMemory
from events.client.partitions import partition_of


class Stored(NamedTuple):
    """Position of a record."""

    topic: str
    partition: int
    offset: int


class _Sent(Future):  # type: ignore[misc]  # kafka-python ships no types
    def get(self, timeout: float | None = None) -> Stored:
        del timeout  # already done
        if self.exception is not None:
            raise self.exception
        stored: Stored = self.value
        return stored


class KitConsumer:
    """Reads committed records; if there are none, runs the engine first (`settle`)."""

    def __init__(self, log: Log, settle: Callable[[], None]) -> None:
        self._log = log
        self._settle = settle
        self._positions: dict[TopicPartition, int] = {}

    def close(self, **_: object) -> None:
        pass

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        count = self._log.topics.get(topic)
        return None if count is None else set(range(count))

    def assign(self, partitions: Collection[TopicPartition]) -> None:
        self._positions = {TopicPartition(*each): self._log.start(TopicPartition(*each)) for each in partitions}

    def assignment(self) -> set[TopicPartition]:
        return set(self._positions)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._positions[partition] = offset

    def seek_to_beginning(self, *partitions: TopicPartition) -> None:
        self._positions |= {each: self._log.start(each) for each in partitions or self._positions}

    def position(self, partition: TopicPartition) -> int:
        return self._positions[partition]

    def beginning_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return {each: self._log.start(each) for each in partitions}

    def end_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return {each: self._log.end_of(each, committed=True) for each in partitions}

    def offsets_for_times(self, timestamps: Mapping[TopicPartition, int]) -> dict[TopicPartition, Stored | None]:
        stored = {each: self._log.first_since(each, stamp, committed=True) for each, stamp in timestamps.items()}
        return {each: None if at is None else Stored(*each, at[0]) for each, at in stored.items()}

    def poll(self, timeout_ms: int = 0) -> dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]:
        batch = self._next()
        if not batch:
            self._settle()
            batch = self._next()
        if not batch:
            time.sleep(timeout_ms / 1000)
        return batch

    def _next(self) -> dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]:
        batch = {}
        for partition, at in self._positions.items():
            start = max(at, self._log.start(partition))
            records, self._positions[partition] = self._log.read(partition, start, 2_000, committed=True)
            if records:
                batch[partition] = records
        return batch


class KitProducer(AbstractContextManager["KitProducer"]):
    """Producer that appends each record at once."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._writer = log.writer(None)

    def __exit__(self, *_: object) -> None:
        pass

    def close(self, **_: object) -> None:
        pass

    def flush(self, **_: object) -> None:
        pass

    def send(
        self,
        topic: str,
        *,
        value: bytes | None = None,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int | None = None,
    ) -> Future:
        if topic not in self._log.topics:
            raise UnknownTopicOrPartitionError(topic)
        number = partition_of((key or b"").decode(), self._log.topics[topic]) if partition is None else partition
        size = len(key or b"") + len(value or b"")
        place = TopicPartition(topic, number)
        try:
            at = self._log.append(place, [(key, value, headers)], size, self._writer)
        except KafkaError as error:
            return _Sent().failure(for_code(vars(type(error))["errno"])(str(error)))
        return _Sent().success(Stored(topic, number, at))


class KitAdmin(AbstractContextManager["KitAdmin"]):
    """Administration client that describes topics and lists offsets; other calls raise NotInMemory."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def __exit__(self, *_: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- there is none
        raise NotInMemory(f"administration client: {name}")

    def list_topics(self) -> list[str]:
        return list(self._log.topics)

    def describe_topics(self, topics: Sequence[str]) -> list[dict[str, Any]]:
        unknown = UnknownTopicOrPartitionError.errno
        return [
            {
                "name": each,
                "topic_id": each,
                "error_code": 0 if each in self._log.topics else unknown,
                "partitions": [
                    {"partition_index": number, "replica_nodes": [0]} for number in range(self._log.topics.get(each, 0))
                ],
            }
            for each in topics
        ]

    def list_group_offsets(self, group: str) -> dict[str, dict[TopicPartition, OffsetAndMetadata]]:
        return {group: self._log.committed(group)}

    def list_partition_offsets(self, specs: Mapping[TopicPartition, Any], **options: object) -> dict[Any, Stored]:
        committed = options.get("isolation_level") == "read_committed"
        offsets = {}
        for each, spec in specs.items():
            if spec not in {OffsetSpec.EARLIEST, OffsetSpec.LATEST}:
                raise NotInMemory(f"offsets of {spec}")
            end = self._log.end_of(each, committed=committed)
            offsets[each] = Stored(*each, end if spec is OffsetSpec.LATEST else self._log.start(each))
        return offsets
