"""Handing a partition over, on a real broker: what a former owner may still do, and what is waited for."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from engines import command_event
from kafka import KafkaAdminClient, KafkaProducer
from kafka import TopicPartition as KafkaPartition

from agents import policies
from agents.admin import ensure_topics, lag
from agents.lifecycle import Lifecycle
from agents.settings import Settings
from agents.shell import Partition, Stage, forwarding, kafka
from agents.shell.commits import LateCommits
from agents.shell.forwarding import FirstStamps
from agents.shell.horizon import Horizon
from agents.shell.lease import Lease
from agents.shell.stage import RefusedToStart
from events.topics import TopicName
from events.writer import state_headers

COMMAND = command_event(
    "withdraw-complaint", "6c0f2a52-4b0f-5d0c-9d6b-4b0a3a5f1c11", "/citizens/anonymous", {"reason": "selesai"}
)


class Bench:
    """Commands of partition 0, clients of every kind, and leases that are taken by hand."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.source = TopicPartition(settings.topic(TopicName.COMMANDS), 0)
        self.closing: list[Callable[[], Awaitable[Any]]] = []

    async def producer(self, transactional_id: str | None = None) -> Any:
        producer = kafka.producer(self.settings, transactional_id and f"{self.settings.prefix}{transactional_id}")
        await producer.start()
        self.closing.append(producer.stop)
        return producer

    async def consumer(self) -> Any:
        consumer = kafka.consumer(self.settings, self.settings.group("lifecycle"))
        await consumer.start()
        self.closing.append(consumer.stop)
        consumer.assign([self.source])
        return consumer

    async def lease(self, consumer: Any) -> Lease:
        stage = Stage("lifecycle", Lifecycle, transactional=True, memory=TopicName.STATE)
        partition = Partition(0, self.settings.partitions, policies.load(self.settings.policy))
        lease = Lease(stage, self.settings, self.source, partition, FirstStamps(self.settings))
        await lease.take(consumer, None, LateCommits(consumer, print))
        self.closing.append(lease.give_up)
        return lease

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


def test_notice_waits_for_what_lies_behind_an_open_transaction(settings: Settings) -> None:
    """A transaction hides from readers what comes after it; it has reached the log all the same."""

    async def test(bench: Bench) -> None:
        horizon = Horizon(settings, settings.partitions)
        await horizon.start()
        bench.closing.append(horizon.stop)
        assert await horizon.reached() is not None, "nothing has reached the log"
        forwarding = await bench.producer("forwarding")
        await forwarding.begin_transaction()
        await bench.write(forwarding)
        await bench.write(await bench.producer())
        assert await horizon.reached() is None
        await forwarding.abort_transaction()
        assert await horizon.reached() is None, "it can be read now, and has not been settled"
        lifecycle = await bench.consumer()
        await lifecycle.commit({bench.source: 2})
        assert await horizon.reached() is not None

    on_the_bench(settings, test)


def test_a_former_owner_cannot_set_the_offset_back(settings: Settings) -> None:
    """Not even by passing over the mark of a transaction, where it writes nothing."""

    async def test(bench: Bench) -> None:
        forwarding = await bench.producer("forwarding")
        await forwarding.begin_transaction()
        await bench.write(forwarding)
        await forwarding.abort_transaction()
        consumer = await bench.consumer()
        former = await bench.lease(consumer)
        assert former.next_offset == 0
        await bench.write(await bench.producer())
        await (await bench.lease(consumer)).skip_to(3, LateCommits(consumer, print))
        # the broker confirms a commit before the offset can be read, which only who fences it waits for
        while await consumer.committed(bench.source) != 3:  # noqa: ASYNC110 -- the broker gives no sign
            await asyncio.sleep(0.05)
        with pytest.raises(KafkaError):
            await former.skip_to(2, LateCommits(consumer, print))
        assert await consumer.committed(bench.source) == 3

    on_the_bench(settings, test)


def test_a_new_owner_waits_for_the_transaction_of_the_last_one_to_be_over(settings: Settings) -> None:
    async def test(bench: Bench) -> None:
        consumer = await bench.consumer()
        await bench.write(await bench.producer())
        former = await bench.lease(consumer)
        in_hand: Any = former._producer  # noqa: SLF001 -- it is left in the middle of its work
        await in_hand.begin_transaction()
        await in_hand.send_and_wait(settings.topic(TopicName.STATE), b"half", key=b"a" * 36, partition=0)
        await in_hand.send_offsets_to_transaction({bench.source: 1}, settings.group("lifecycle"))
        successor = await bench.lease(consumer)
        assert (successor.next_offset, successor.restored) == (0, 0), "nothing of it has come to be"
        with pytest.raises(KafkaError):
            await in_hand.commit_transaction()

    on_the_bench(settings, test)


def test_the_first_stamp_counts_whatever_lies_behind_it(settings: Settings) -> None:
    """What nobody can read, right behind a command that was sent on, does not take its first stamp from it."""

    async def test(bench: Bench) -> None:
        producer = await bench.producer()
        value = json.dumps(COMMAND).encode()
        first = await producer.send_and_wait(bench.source.topic, value, partition=1)
        _send_unreadable(settings, bench.source.topic, 1)
        header = [("forwarded-from", f"1/{first.offset}".encode())]
        await producer.send_and_wait(bench.source.topic, value, partition=0, headers=header)
        consumer = await bench.consumer()
        [record] = (await consumer.getmany(timeout_ms=30_000))[bench.source]
        stamps = FirstStamps(settings)
        bench.closing.append(stamps.stop)
        [restored] = await stamps.restore([record], settings.partitions)
        assert restored.timestamp == first.timestamp

    on_the_bench(settings, test)


def test_nothing_is_decided_while_a_first_stamp_cannot_be_read(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "_PATIENCE_SECONDS", 0.0)

    async def test(bench: Bench) -> None:
        producer = await bench.producer()
        value = json.dumps(COMMAND).encode()
        await producer.send_and_wait(bench.source.topic, value, partition=1)
        await producer.send_and_wait(bench.source.topic, value, partition=0, headers=[("forwarded-from", b"1/0")])
        consumer = await bench.consumer()
        lease = await bench.lease(consumer)
        [record] = (await consumer.getmany(timeout_ms=30_000))[bench.source]
        with pytest.raises(KafkaError):
            await lease.settle([record], LateCommits(consumer, print))
        assert lease.next_offset == record.offset

    on_the_bench(settings, test)


def test_nobody_begins_anew_beside_what_was_done_before(settings: Settings) -> None:
    """Kafka forgets the offsets of a group that nobody was in for a week; the complaints are still there."""

    async def test(bench: Bench) -> None:
        producer = await bench.producer()
        erased = COMMAND["subject"].encode()
        await producer.send_and_wait(settings.topic(TopicName.STATE), None, key=erased, partition=0)
        with pytest.raises(RefusedToStart, match=r"the offset of group .*lifecycle in partition 0 of .* is gone"):
            await bench.lease(await bench.consumer())

    on_the_bench(settings, test)


def test_an_offset_before_what_the_state_already_contains_is_refused(settings: Settings) -> None:
    async def test(bench: Bench) -> None:
        producer = await bench.producer()
        for _ in range(6):
            await bench.write(producer)
        state, erased = settings.topic(TopicName.STATE), COMMAND["subject"].encode()
        await producer.send_and_wait(state, None, key=erased, partition=0, headers=list(state_headers(4)))
        consumer = await bench.consumer()
        await consumer.commit({bench.source: kafka.marked(4)})
        with pytest.raises(RefusedToStart, match=r"is 4, but the effect of the command at 4 is already there.* to 5 "):
            await bench.lease(consumer)
        await consumer.commit({bench.source: kafka.marked(7)})
        with pytest.raises(RefusedToStart, match="is 7, behind the log end 6"):
            await bench.lease(consumer)
        await consumer.commit({bench.source: kafka.marked(5)})
        assert (await bench.lease(consumer)).next_offset == 5

    on_the_bench(settings, test)


def test_a_partition_that_was_emptied_unread_does_not_hold_deadlines(settings: Settings) -> None:
    async def test(bench: Bench) -> None:
        await bench.write(await bench.producer())
        horizon = Horizon(settings, settings.partitions)
        await horizon.start()
        bench.closing.append(horizon.stop)
        assert await horizon.reached() is None
        await asyncio.to_thread(_delete_all, settings, bench.source)
        assert await horizon.reached() is not None
        assert lag(settings)["lifecycle"][0] == 0
        consumer = await bench.consumer()
        lease = await bench.lease(consumer)
        assert lease.next_offset == 1
        while await consumer.committed(bench.source) != 1:  # noqa: ASYNC110 -- as above
            await asyncio.sleep(0.05)
        assert (await kafka.committed(consumer, [bench.source]))[bench.source] == kafka.marked(1)

    on_the_bench(settings, test)


def _delete_all(settings: Settings, source: TopicPartition) -> None:
    with KafkaAdminClient(bootstrap_servers=settings.broker) as admin:
        admin.delete_records({KafkaPartition(*source): -1})


class _NoText(str):
    """The name of a header as only a client that does not look could send it."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


def _send_unreadable(settings: Settings, topic: str, partition: int) -> None:
    producer = KafkaProducer(bootstrap_servers=settings.broker)
    producer.send(topic, value=b"1", partition=partition, headers=[(_NoText("x"), b"y")]).get(30)
    producer.close()
