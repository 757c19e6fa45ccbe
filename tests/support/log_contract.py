"""Properties of a log that the stages rely on: the same tests for Kafka and for the in-memory log."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    IllegalOperation,
    KafkaError,
    MessageSizeTooLargeError,
    OffsetOutOfRangeError,
)

from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.group_progress import mark
from agents.kafka.protocols import KafkaConsumer, KafkaProducer, KafkaRecord
from agents.kafka.records import OutgoingRecord, Unwritable
from agents.runtime.output_writer import OutputWriter
from events.client import read_all
from events.client.publisher import Publisher
from events.topics import OUTWARD_RECORD_BYTES, TopicName

GROUP = "readers"


class Clients:
    """Clients of one log, stopped at the end of the test."""

    def __init__(self, settings: Settings, closing: AsyncExitStack) -> None:
        self.settings = settings
        self.place = TopicPartition(settings.topic(TopicName.STATE), 1)
        self._closing = closing

    async def producer(self, transactional_id: str | None = None) -> KafkaProducer:
        own = transactional_id and f"{self.settings.prefix}{transactional_id}"
        producer = clients.producer(self.settings, own)
        await producer.start()
        self._closing.push_async_callback(producer.stop)
        return producer

    async def consumer(self, **options: Any) -> KafkaConsumer:
        consumer = clients.consumer(self.settings, f"{self.settings.prefix}{GROUP}", **options)
        await consumer.start()
        self._closing.push_async_callback(consumer.stop)
        consumer.assign([self.place])
        return consumer

    async def write(self, producer: KafkaProducer, *values: bytes | None, key: bytes = b"key") -> list[int]:
        sent = [await producer.send_and_wait(self.place.topic, each, key, self.place.partition) for each in values]
        return [each.offset for each in sent]

    async def end_offsets(self) -> tuple[int, int]:
        """The last stable offset and the log end."""
        ends = []
        for isolation in ("read_committed", "read_uncommitted"):
            consumer = await self.consumer(isolation=isolation)
            ends.append((await consumer.end_offsets([self.place]))[self.place])
        return ends[0], ends[1]

    async def markers_written(self) -> None:
        """Wait for the end of all transactions: it is acknowledged before its marker is in the partition."""
        async with asyncio.timeout(20):
            stable, end = await self.end_offsets()
            while stable != end:
                await asyncio.sleep(0.02)
                stable, end = await self.end_offsets()

    async def committed(self) -> dict[TopicPartition, tuple[int, str]]:
        found = await clients.committed(await self.consumer(), [self.place])
        return {each: (at.offset, at.metadata) for each, at in found.items()}

    async def values(self) -> list[bytes | None]:
        found = clients.read_to_end(self.settings, self.place)
        return [record.value async for records in found for record in records]


async def records_of(consumer: KafkaConsumer, count: int, **options: Any) -> list[KafkaRecord]:
    """Poll until so many records have come; whatever comes with them comes too."""
    found: list[KafkaRecord] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            poll = await consumer.getmany(timeout_ms=200, **options)
            found += [record for records in poll.values() for record in records]
    return found


def on(settings: Settings, test: Callable[[Clients], Awaitable[None]]) -> None:
    async def run() -> None:
        async with AsyncExitStack() as closing:
            await test(Clients(settings, closing))

    asyncio.run(run())


class LogContract:
    """A subclass gives the fixture `log`: settings of a log with all topics and nothing in them."""

    def test_records_come_as_they_were_written_with_the_stamp_of_the_log(self, log: Settings) -> None:
        async def test(kafka: Clients) -> None:
            producer = await kafka.producer()
            headers = [("fact", b"warned"), ("fact", b""), ("other", b"\xff")]
            at = kafka.place
            await producer.send_and_wait(at.topic, b"value", b"key", at.partition, headers=headers)
            await kafka.write(producer, None)
            first, second = await records_of(await kafka.consumer(), 2)
            assert (first.topic, first.partition, first.offset) == (*at, 0)
            assert (first.key, first.value, list(first.headers)) == (b"key", b"value", headers)
            assert (second.offset, second.value, list(second.headers)) == (1, None, [])
            assert first.timestamp <= second.timestamp

        on(log, test)

    def test_a_transaction_is_visible_when_it_is_committed_and_its_marker_takes_an_offset(self, log: Settings) -> None:
        async def test(kafka: Clients) -> None:
            producer = await kafka.producer("writer")
            await producer.begin_transaction()
            assert await kafka.write(producer, b"a", b"b") == [0, 1]
            await kafka.write(await kafka.producer(), b"behind it")
            assert await kafka.end_offsets() == (0, 3)
            assert await kafka.values() == []
            await producer.commit_transaction()
            await kafka.markers_written()
            assert await kafka.end_offsets() == (4, 4)
            assert await kafka.values() == [b"a", b"b", b"behind it"]

        on(log, test)

    def test_an_aborted_transaction_is_skipped(self, log: Settings) -> None:
        async def test(kafka: Clients) -> None:
            producer = await kafka.producer("writer")
            await producer.begin_transaction()
            await kafka.write(producer, b"a")
            await producer.send_offsets_to_transaction({kafka.place: clients.marked(1)}, f"{log.prefix}{GROUP}")
            await producer.abort_transaction()
            await kafka.markers_written()
            await kafka.write(await kafka.producer(), b"b")
            assert await kafka.values() == [b"b"]
            assert await kafka.committed() == {}
            unfiltered = await records_of(await kafka.consumer(isolation="read_uncommitted"), 2)
            assert [each.value for each in unfiltered] == [b"a", b"b"]

        on(log, test)

    def test_offsets_are_committed_with_the_transaction_and_keep_their_metadata(self, log: Settings) -> None:
        async def test(kafka: Clients) -> None:
            assert await kafka.committed() == {}
            producer = await kafka.producer("writer")
            await producer.begin_transaction()
            await kafka.write(producer, b"a")
            await producer.send_offsets_to_transaction({kafka.place: clients.marked(7)}, f"{log.prefix}{GROUP}")
            await producer.commit_transaction()
            # the next owner waits for the end of the transaction, and so sees them
            await kafka.producer("writer")
            assert await kafka.committed() == {kafka.place: (7, mark(7))}
            await (await kafka.consumer()).commit({kafka.place: clients.marked(8)})
            assert await kafka.committed() == {kafka.place: (8, mark(8))}

        on(log, test)

    def test_a_second_producer_fences_the_first_and_aborts_its_transaction(self, log: Settings) -> None:
        async def test(kafka: Clients) -> None:
            former = await kafka.producer("writer")
            await former.begin_transaction()
            await kafka.write(former, b"half")
            successor = await kafka.producer("writer")
            assert await kafka.values() == []
            with pytest.raises(KafkaError):
                await former.commit_transaction()
            await successor.begin_transaction()
            await kafka.write(successor, b"whole")
            await successor.commit_transaction()
            await kafka.markers_written()
            assert await kafka.values() == [b"whole"]
            last, now = former._txn_manager, successor._txn_manager  # noqa: SLF001 -- as the output writer does
            assert now.producer_id == last.producer_id
            assert now.producer_epoch > last.producer_epoch

        on(log, test)

    def test_a_transactional_producer_sends_in_transactions_only(self, log: Settings) -> None:
        async def test(kafka: Clients) -> None:
            producer = await kafka.producer("writer")
            with pytest.raises(IllegalOperation):
                await kafka.write(producer, b"a")

        on(log, test)

    def test_a_record_too_large_for_its_topic_is_refused_and_its_producer_fails(self, log: Settings) -> None:
        async def test(kafka: Clients) -> None:
            producer = await kafka.producer()
            commands = TopicPartition(log.topic(TopicName.COMMANDS), 1)
            large = b"x" * (OUTWARD_RECORD_BYTES // 2)
            await producer.send_and_wait(*_swapped(commands, b"first"))
            with pytest.raises(MessageSizeTooLargeError):
                await producer.send_and_wait(*_swapped(commands, large))
            with pytest.raises(KafkaError):
                await producer.send_and_wait(*_swapped(commands, b"small"))
            assert await kafka.write(producer, b"elsewhere") == [0]
            writer = OutputWriter(log)
            await writer.start()
            await writer.write([OutgoingRecord(TopicName.COMMANDS, b"key", b"small", 1)])
            await writer.stop()

        on(log, test)

    def test_a_refusal_in_a_transaction_costs_the_producer_and_its_id_goes_on(self, log: Settings) -> None:
        async def test(kafka: Clients) -> None:
            writer = OutputWriter(log, f"{log.prefix}replaced")
            await writer.start()
            refused = writer.producer
            await refused.begin_transaction()
            batch = refused.create_batch()
            batch.append(timestamp=None, key=b"key", value=b"x" * (OUTWARD_RECORD_BYTES // 2), headers=[])
            with pytest.raises(Unwritable, match="output-refused"):
                await writer.send([(TopicName.COMMANDS, 1, [batch])])
            await writer.replace(refused)
            await writer.producer.begin_transaction()
            await writer.send(writer.batches([OutgoingRecord(TopicName.STATE, b"key", b"small", 1)]))
            await writer.producer.commit_transaction()
            await writer.stop()
            assert await kafka.values() == [b"small"]

        on(log, test)

    def test_a_batch_is_read_in_parts_and_a_paused_partition_not_at_all(self, log: Settings) -> None:
        async def test(kafka: Clients) -> None:
            await kafka.write(await kafka.producer(), *(b"%d" % number for number in range(5)))
            consumer = await kafka.consumer()
            assert [each.offset for each in await records_of(consumer, 1, max_records=2)] == [0, 1]
            assert await consumer.position(kafka.place) == 2
            consumer.pause(kafka.place)
            assert not await consumer.getmany(timeout_ms=50)
            consumer.seek(kafka.place, 4)
            consumer.resume(kafka.place)
            assert [each.offset for each in await records_of(consumer, 1)] == [4]
            await consumer.seek_to_beginning(kafka.place)
            assert len(await records_of(consumer, 5)) == 5

        on(log, test)

    def test_a_consumer_starts_at_the_committed_offset_never_beyond_the_log(self, log: Settings) -> None:
        async def test(kafka: Clients) -> None:
            await kafka.write(await kafka.producer(), b"a", b"b")
            await (await kafka.consumer()).commit({kafka.place: clients.marked(1)})
            assert [each.value for each in await records_of(await kafka.consumer(), 1)] == [b"b"]
            strict = await kafka.consumer(reset="none")
            strict.seek(kafka.place, 9)
            with pytest.raises(OffsetOutOfRangeError):
                await records_of(strict, 1)
            lenient = await kafka.consumer()
            lenient.seek(kafka.place, 9)
            assert [each.value for each in await records_of(lenient, 2)] == [b"a", b"b"]

        on(log, test)

    def test_offsets_are_found_by_time(self, log: Settings) -> None:
        async def test(kafka: Clients) -> None:
            await kafka.write(await kafka.producer(), b"a")
            consumer = await kafka.consumer()
            [record] = await records_of(consumer, 1)
            found = await consumer.offsets_for_times({kafka.place: record.timestamp})
            assert found[kafka.place].offset == 0
            later = datetime.fromtimestamp(record.timestamp / 1000, UTC) + timedelta(seconds=1)
            assert await consumer.offsets_for_times({kafka.place: int(later.timestamp() * 1000)}) == {kafka.place: None}

        on(log, test)

    def test_nothing_behind_an_open_transaction_is_found_by_time(self, log: Settings) -> None:
        async def test(kafka: Clients) -> None:
            producer, consumer = await kafka.producer("writer"), await kafka.consumer()
            await producer.begin_transaction()
            await kafka.write(producer, b"a")
            assert await consumer.offsets_for_times({kafka.place: 0}) == {kafka.place: None}
            await producer.commit_transaction()
            await kafka.markers_written()
            assert (await consumer.offsets_for_times({kafka.place: 0}))[kafka.place].offset == 0

        on(log, test)

    def test_a_poll_ends_when_something_comes(self, log: Settings) -> None:
        async def test(kafka: Clients) -> None:
            consumer, producer = await kafka.consumer(), await kafka.producer()
            waiting = asyncio.create_task(records_of(consumer, 1))
            await asyncio.sleep(0)
            await kafka.write(producer, b"a")
            assert [each.value for each in await waiting] == [b"a"]

        on(log, test)

    def test_the_client_kit_sees_the_same(self, log: Settings) -> None:
        async def write(kafka: Clients) -> None:
            producer = await kafka.producer("writer")
            await producer.begin_transaction()
            await kafka.write(producer, b"aborted")
            await producer.abort_transaction()
            await kafka.markers_written()
            await kafka.write(await kafka.producer(), b"value")

        on(log, write)
        with Publisher(log) as publisher:
            placed = publisher.publish_now(TopicName.STATE, "6c0f2a52-4b0f-5d0c-9d6b-4b0a3a5f1c11", b"sent")
        found = {(each.partition, each.offset): each.value for each in read_all(log, [TopicName.STATE])}
        assert found == {(1, 2): b"value", (placed.partition, placed.offset): b"sent"}


def _swapped(place: TopicPartition, value: bytes) -> tuple[str, bytes, bytes, int]:
    return place.topic, value, b"key", place.partition
