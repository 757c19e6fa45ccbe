"""Handover of a partition on a real broker: rights of a former owner, and what the new one waits for."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from kafka import TopicPartition as AdminPartition

from agents.config import policy_files
from agents.config.keys import Keys
from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.deferred_commits import DeferredCommits
from agents.kafka.records import FORWARDED
from agents.ops.topics import ensure_topics
from agents.runtime.backpressure import Backpressure
from agents.runtime.output_writer import OutputWriter
from agents.runtime.partition_processor import PartitionProcessor
from agents.runtime.rerouting import forwarded
from agents.runtime.stage import Partition, RefusedToStart, Stage
from agents.runtime.watermark import Watermark
from agents.runtime.worker import Worker
from agents.stages.lifecycle import Lifecycle
from events.client import read_all
from events.client.administration import admin_client
from events.client.partitions import partition_of
from events.cloudevents import log_moment, timestamp
from events.topics import TopicName
from tests.support.engines import CITIZEN, command_event

COMMAND = command_event("withdraw-complaint", "6c0f2a52-4b0f-5d0c-9d6b-4b0a3a5f1c11", CITIZEN, {"reason": "selesai"})


class Bench:
    """Commands of partition 0, clients of every kind, and leases that are taken by hand."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.source = TopicPartition(settings.topic(TopicName.COMMANDS), 0)
        self.closing: list[Callable[[], Awaitable[Any]]] = []

    async def producer(self, transactional_id: str | None = None) -> Any:
        producer = clients.producer(self.settings, transactional_id and f"{self.settings.prefix}{transactional_id}")
        await producer.start()
        self.closing.append(producer.stop)
        return producer

    async def consumer(self) -> Any:
        consumer = clients.consumer(self.settings, self.settings.group("lifecycle"))
        await consumer.start()
        self.closing.append(consumer.stop)
        consumer.assign([self.source])
        return consumer

    async def processor(self, consumer: Any) -> PartitionProcessor:
        stage = Stage("lifecycle", Lifecycle, transactional=True, state_topic=TopicName.STATE)
        policy_set = policy_files.load(self.settings.policy)
        partition = Partition(0, self.settings.partitions, policy_set, keys=self.settings.keys())
        commits = DeferredCommits(consumer, print)
        worker = Worker(stage, self.settings, consumer, OutputWriter(self.settings), commits)
        processor = PartitionProcessor(worker, self.source, partition)
        await processor.acquire()
        self.closing.append(processor.release)
        return processor

    async def write(self, producer: Any) -> None:
        value = json.dumps(COMMAND).encode()
        await producer.send_and_wait(self.source.topic, value, partition=self.source.partition)

    async def close(self) -> None:
        for close in reversed(self.closing):
            await close()


def on_the_bench(settings: Settings, test: Callable[[Bench], Awaitable[None]]) -> None:
    async def run() -> None:
        bench = Bench(settings)
        try:
            async with asyncio.timeout(60):
                await test(bench)
        finally:
            await bench.close()

    ensure_topics(settings)
    asyncio.run(run())


def test_the_watermark_waits_for_records_behind_an_open_transaction(settings: Settings) -> None:
    """A transaction hides from readers what comes after it; it has reached the log all the same."""

    async def test(bench: Bench) -> None:
        watermark = Watermark(settings, settings.partitions)
        await watermark.start()
        bench.closing.append(watermark.stop)
        assert await watermark.advance() is not None, "nothing has reached the log"
        forwarding = await bench.producer("forwarding")
        await forwarding.begin_transaction()
        await bench.write(forwarding)
        await bench.write(await bench.producer())
        assert await watermark.advance() is None
        await forwarding.abort_transaction()
        assert await watermark.advance() is None, "it can be read now, and has not been settled"
        lifecycle = await bench.consumer()
        await lifecycle.commit({bench.source: 2})
        assert await watermark.advance() is not None

    on_the_bench(settings, test)


def test_a_partition_that_was_emptied_unread_does_not_hold_the_watermark(settings: Settings) -> None:
    """Nothing is committed there, and nothing is left to read."""

    async def test(bench: Bench) -> None:
        await bench.write(await bench.producer())
        watermark = Watermark(settings, settings.partitions)
        backpressure = Backpressure(settings, "lifecycle", settings.partitions, settings.partitions)
        for client in (watermark, backpressure):
            await client.start()
            bench.closing.append(client.stop)
        assert await watermark.advance() is None
        assert await backpressure.capacity(1) == 0
        with admin_client(settings) as client:
            client.delete_records({AdminPartition(bench.source.topic, bench.source.partition): 1})
        await _until(watermark.advance)
        await _until(lambda: backpressure.capacity(1))

    on_the_bench(settings, test)


async def _until(ask: Callable[[], Awaitable[Any]]) -> None:
    """Poll until the result is true."""
    while not await ask():  # noqa: ASYNC110 -- another process answers
        await asyncio.sleep(0.1)


def test_a_former_owner_cannot_set_the_offset_back(settings: Settings) -> None:
    """Not even by passing over the mark of a transaction, where it writes nothing."""

    async def test(bench: Bench) -> None:
        forwarding = await bench.producer("forwarding")
        await forwarding.begin_transaction()
        await bench.write(forwarding)
        await forwarding.abort_transaction()
        consumer = await bench.consumer()
        former = await bench.processor(consumer)
        assert former.next_offset == 0
        await bench.write(await bench.producer())
        await (await bench.processor(consumer)).skip_to(3)
        # the broker confirms a commit before the offset can be read, which only who fences it waits for
        while await consumer.committed(bench.source) != 3:  # noqa: ASYNC110 -- the broker gives no sign
            await asyncio.sleep(0.05)
        with pytest.raises(KafkaError):
            await former.skip_to(2)
        assert await consumer.committed(bench.source) == 3

    on_the_bench(settings, test)


@pytest.mark.parametrize("begun", [True, False])
def test_a_former_owner_that_was_refused_an_output_does_not_go_on(settings: Settings, begun: bool) -> None:  # noqa: FBT001 -- a case
    """It starts another producer under the id that is the new owner's by now: nothing may come of that."""

    async def test(bench: Bench) -> None:
        consumer = await bench.consumer()
        former = await bench.processor(consumer)
        writer = former._writer  # noqa: SLF001 -- it is left in the middle of its work
        await writer.producer.begin_transaction()
        if begun:
            await writer.producer.send_and_wait(settings.topic(TopicName.STATE), b"half", key=b"a" * 36, partition=0)
        successor = await bench.processor(consumer)
        with pytest.raises(KafkaError):
            await writer.replace(writer.producer)
        assert successor.next_offset == 0
        again = await bench.processor(consumer)
        await again._writer.producer.begin_transaction()  # noqa: SLF001 -- as above
        await again._writer.replace(again._writer.producer)  # noqa: SLF001 -- as above

    on_the_bench(settings, test)


def test_a_new_owner_waits_for_the_transaction_of_the_last_one_to_be_over(settings: Settings) -> None:
    async def test(bench: Bench) -> None:
        consumer = await bench.consumer()
        await bench.write(await bench.producer())
        former = await bench.processor(consumer)
        in_hand: Any = former._writer.producer  # noqa: SLF001 -- it is left in the middle of its work
        await in_hand.begin_transaction()
        await in_hand.send_and_wait(settings.topic(TopicName.STATE), b"half", key=b"a" * 36, partition=0)
        await in_hand.send_offsets_to_transaction({bench.source: 1}, settings.group("lifecycle"))
        successor = await bench.processor(consumer)
        assert (successor.next_offset, successor.restored) == (0, 0), "nothing of it has come to be"
        with pytest.raises(KafkaError):
            await in_hand.commit_transaction()

    on_the_bench(settings, test)


def test_the_original_time_counts_only_where_lifecycle_has_signed_it(settings: Settings) -> None:
    """The same bytes in another partition, and a header that names them, beat no deadline."""

    async def test(bench: Bench) -> None:
        producer = await bench.producer()
        home = next(each for each in (str(UUID(int=number)) for number in range(99)) if partition_of(each, 4) == 0)
        value, elsewhere = json.dumps({**COMMAND, "subject": home}).encode(), bench.source.topic
        first = await producer.send_and_wait(elsewhere, value, partition=1)
        record = SimpleNamespace(
            topic=elsewhere, partition=1, offset=first.offset, timestamp=first.timestamp, value=value, headers=()
        )
        signed_by = (Keys.derived("forged"), settings.keys())
        signed = [forwarded(record, b"", 0, keys).headers[-1] for keys in signed_by]
        claims = [(FORWARDED, b"%d/%d" % (1, first.offset)), *signed]
        sent = [await producer.send_and_wait(elsewhere, value, partition=0, headers=[claim]) for claim in claims]
        consumer = await bench.consumer()
        processor = await bench.processor(consumer)
        found: list[Any] = []
        while len(found) < len(sent):
            found += (await consumer.getmany(timeout_ms=30_000))[bench.source]
        await processor.process(found)
        rejections = await asyncio.to_thread(lambda: list(read_all(settings, [TopicName.REJECTIONS])))
        times = [json.loads(rejection.value or b"")["time"] for rejection in rejections]
        stamps = [sent[0].timestamp, sent[1].timestamp, first.timestamp]
        assert times == [timestamp(log_moment(stamp)) for stamp in stamps]

    on_the_bench(settings, test)


def test_no_stage_restarts_beside_its_earlier_work(settings: Settings) -> None:
    """Kafka drops the offsets of a group without members for a week; the complaints are still there."""

    async def test(bench: Bench) -> None:
        producer = await bench.producer()
        erased = COMMAND["subject"].encode()
        await producer.send_and_wait(settings.topic(TopicName.STATE), None, key=erased, partition=0)
        with pytest.raises(RefusedToStart, match=r"the offset of group .*lifecycle in partition 0 of .* is gone"):
            await bench.processor(await bench.consumer())

    on_the_bench(settings, test)
