"""Topic reader of the mirror: committed records with aiokafka, which uses half of kafka-python's CPU time."""

import asyncio
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from typing import Any, Final, Self, TypeVar

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError

from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.protocols import KafkaRecord
from events.client import Record, extents
from events.client.errors import BrokerUnreachable, KafkaRefused
from events.provenance import MARKED, Origin
from events.topics import TopicName

Source = tuple[TopicName, int]
"""Topic and partition."""
_PARTITION_BYTES: Final = 4_000_000
_STALLED_S: Final = 30.0
T = TypeVar("T")

Part = tuple[TopicName, Sequence[KafkaRecord | Record]]
"""Records of one partition, in order."""


class TopicReader:
    """Reads all partitions of topics, without a group; a context manager. Foreign records are skipped.

    Raises BrokerUnreachable after 30 seconds without an answer, or KafkaRefused.
    """

    def __init__(self, settings: Settings, topics: Sequence[TopicName]) -> None:
        self._settings = settings
        self._names = {settings.topic(topic): topic for topic in topics}
        self._origins: dict[TopicPartition, Origin] = {}
        self._loop = asyncio.new_event_loop()
        try:
            self._partitions = self._wait(self._open())
        except BaseException:
            self._loop.close()
            raise

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._loop.run_until_complete(self._consumer.stop())
        self._loop.close()

    async def _open(self) -> list[TopicPartition]:
        sizes = extents(self._settings, self._names.values())
        self._consumer = clients.consumer(self._settings, partition_bytes=_PARTITION_BYTES)
        try:
            await self._consumer.start()
            partitions = [
                TopicPartition(name, number)
                for name, topic in self._names.items()
                for number in range(sizes[topic].partitions)
            ]
            self._consumer.assign(partitions)
        except BaseException:
            await self._consumer.stop()
            raise
        return partitions

    def starts(self) -> dict[Source, int]:
        """Return the log start of each partition."""
        return self._by_partition(self._wait(self._consumer.beginning_offsets(self._partitions)))

    def ends(self) -> dict[Source, int]:
        """Return the last stable offset of each partition."""
        return self._by_partition(self._wait(self._consumer.end_offsets(self._partitions)))

    def start_at(self, offsets: Mapping[Source, int]) -> None:
        """Continue from these offsets."""
        for partition in self._partitions:
            self._consumer.seek(partition, offsets[self._names[partition.topic], partition.partition])

    def poll(self, seconds: float) -> list[Part]:
        """Return the next records; none if none come within `seconds`."""
        fetched = self._wait(self._consumer.getmany(timeout_ms=int(seconds * 1000)))
        return [
            (self._names[partition.topic], self._without_foreign(partition, records))
            for partition, records in fetched.items()
        ]

    def _without_foreign(self, partition: TopicPartition, records: Sequence[KafkaRecord]) -> Sequence[KafkaRecord]:
        if self._names[partition.topic] not in MARKED:
            return records
        is_foreign = self._origins.setdefault(partition, Origin()).is_foreign
        return [each for each in records if not is_foreign(each.offset, each.headers)]

    def polls_to(self, ends: Mapping[Source, int]) -> Iterator[list[Part]]:
        """Yield batches until `ends`; the last batch may contain later records."""
        moved, before = time.monotonic(), self.positions()
        while any(before[partition] < end for partition, end in ends.items()):
            yield self.poll(clients.POLL_MS / 1000)
            if (offsets := self.positions()) != before:
                moved, before = time.monotonic(), offsets
            elif time.monotonic() - moved > _STALLED_S:
                raise BrokerUnreachable(self._settings.broker)

    def has_reached(self, ends: Mapping[Source, int]) -> bool:
        """Return whether all records before `ends` have been read."""
        positions = self.positions()
        return all(positions[partition] >= end for partition, end in ends.items())

    def positions(self) -> dict[Source, int]:
        """Return the offset of the next record of each partition."""
        return self._by_partition(self._wait(self._positions()))

    async def _positions(self) -> dict[TopicPartition, int]:
        return {each: await self._consumer.position(each) for each in self._partitions}

    def lag(self) -> int:
        """Return the number of offsets from the current position to the present end."""
        return sum(self.ends().values()) - sum(self.positions().values())

    def _by_partition(self, offsets: Mapping[TopicPartition, int]) -> dict[Source, int]:
        return {(self._names[each.topic], each.partition): offset for each, offset in offsets.items()}

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return self._loop.run_until_complete(work)
        except (KafkaConnectionError, KafkaTimeoutError) as error:
            raise BrokerUnreachable(self._settings.broker) from error
        except KafkaError as error:
            raise KafkaRefused(f"Kafka at {self._settings.broker} refused: {error}") from error
