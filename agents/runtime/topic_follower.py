"""Topic follower: a consumer without a group that reads all partitions of a topic.

For a decision that depends on partitions of other workers. It passes on the relevant records and commits nothing;
`wait_until` waits until a position has been read. Each process of the stage reads the topic completely. There is no
order between partitions.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from aiokafka import TopicPartition

from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.protocols import KafkaConsumer, KafkaRecord
from agents.runtime.process import exit_with_error
from events.provenance import header_value
from events.topics import TopicName

log = structlog.get_logger()

_AT_ONCE: Final = 500


class TopicFollower:
    """Passes on the records of a topic that are newer than `since` and have one of `wanted` in their header.

    Args:
        settings: which environment.
        stage: for log lines.
        topic: to follow.
        since: how far back to begin.
        header: name and values of the header of relevant records; a record without it is relevant too.
        on_record: called with each record, in the order of its partition.
        batch_fetches: latency-tolerant: one poll reads the records of a fifth of a second.
    """

    def __init__(  # noqa: PLR0913 -- all required
        self,
        settings: Settings,
        stage: str,
        topic: TopicName,
        *,
        since: timedelta,
        header: tuple[str, frozenset[bytes]],
        on_record: Callable[[KafkaRecord], None],
        batch_fetches: bool = False,
    ) -> None:
        self._settings = settings
        self._stage = stage
        self._topic = settings.topic(topic)
        self._since = since
        self._header, self._header_values = header
        self._take = on_record
        self._batch_fetches = batch_fetches
        self._positions: dict[int, int] = {}
        self._behind: dict[int, int] | None = None
        self._moved = asyncio.Condition()
        self._waiting = 0

    async def run(self) -> None:
        """Follow the topic until cancelled. Kafka errors end the process, as everywhere in a stage."""
        consumer = clients.consumer(
            self._settings, fetching=clients.BATCHED if self._batch_fetches else clients.IMMEDIATE
        )
        try:
            await consumer.start()
            await self._begin(consumer)
            while self._positions:  # empty without the topic: then the stage refuses to start
                await self._poll(consumer)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 -- any failure ends the process
            exit_with_error(self._stage, error)
        finally:
            await consumer.stop()

    @property
    def unread(self) -> int:
        """Number of records in the topic at the start that have not been passed on yet; 1 before the start."""
        if self._behind is None:
            return 1
        return sum(max(0, end - self._positions[number]) for number, end in self._behind.items())

    @property
    def has_waiters(self) -> bool:
        """Return True while a batch waits in `wait_until`."""
        return self._waiting > 0

    async def wait_until(self, offsets: Mapping[int, int]) -> None:
        """Wait until all records from before the start have been passed on, and those up to and including `offsets`."""
        await self.wait_for(lambda: self._has(offsets))

    async def wait_for(self, reached: Callable[[], bool]) -> None:
        """Wait until `reached` returns True; checked whenever records have been passed on."""
        self._waiting += 1
        try:
            async with self._moved:
                await self._moved.wait_for(reached)
        finally:
            self._waiting -= 1

    def _has(self, offsets: Mapping[int, int]) -> bool:
        return not self.unread and all(self._positions.get(number, 0) > offset for number, offset in offsets.items())

    async def _begin(self, consumer: KafkaConsumer) -> None:
        cluster = await consumer._client.fetch_all_metadata()  # noqa: SLF001 -- a consumer without topics has no metadata
        partitions = [TopicPartition(self._topic, number) for number in cluster.partitions_for_topic(self._topic) or ()]
        consumer.assign(partitions)
        since = max(0, int((datetime.now(UTC) - self._since).timestamp() * 1000))
        first = await consumer.offsets_for_times(dict.fromkeys(partitions, since))
        ends = await consumer.end_offsets(partitions)
        for partition, end in ends.items():
            offset = first[partition].offset if first.get(partition) else end
            consumer.seek(partition, offset)
            self._positions[partition.partition] = offset
        self._behind = {partition.partition: end for partition, end in ends.items()}
        to_read = sum(end - self._positions[number] for number, end in self._behind.items())
        log.info("topic_followed", stage=self._stage, topic=self._topic, behind=to_read)

    async def _poll(self, consumer: KafkaConsumer) -> None:
        fetched = await consumer.getmany(timeout_ms=clients.POLL_MS, max_records=_AT_ONCE)
        started = time.monotonic()
        for records in fetched.values():
            for record in records:
                self.hand_over(record)
        # transaction markers and compaction move the position without a record
        async with self._moved:
            for partition in consumer.assignment():
                self._positions[partition.partition] = await consumer.position(partition)
            self._moved.notify_all()
        if not self._waiting and (self._batch_fetches or not self.unread):
            # no batch waits: yield to the stage's own work
            await asyncio.sleep(time.monotonic() - started)

    def hand_over(self, record: KafkaRecord) -> None:
        """Pass on a relevant record; log and skip an unreadable one."""
        value = header_value(record.headers, self._header)
        if value is not None and value not in self._header_values:
            return
        try:
            self._take(record)
        except Exception as error:  # noqa: BLE001 -- the stage itself makes it a dead letter
            log.warning(
                "record_skipped", stage=self._stage, partition=record.partition, offset=record.offset, reason=str(error)
            )
