"""The stage consumer during a rebalance: aiokafka swallows failures of callbacks, it must not."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import InvalidProducerIdMapping, KafkaError

from agents.config import policy_files
from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.deferred_commits import DeferredCommits
from agents.kafka.group_progress import mark
from agents.kafka.records import OutgoingRecord
from agents.runtime.output_writer import OutputWriter
from agents.runtime.stage import Partition, Stage
from agents.runtime.stage_consumer import StageConsumer
from agents.runtime.worker import Worker

SETTINGS = Settings()
ONE, TWO = (TopicPartition("complaints.intake", number) for number in (1, 2))


class Coordinator:
    """As much of a group as is asked for here; `answers` are those of the broker, one after the other."""

    group_id = "intake"
    generation = 0

    def __init__(self, *answers: tuple[int, int, int]) -> None:
        self.answers = iter(answers)
        self.found_anew = 0

    async def ensure_coordinator_known(self) -> None:
        pass

    def coordinator_dead(self) -> None:
        self.found_anew += 1

    async def _send_req(self, request: Any) -> Any:
        [(topic, partitions)] = request._partitions  # noqa: SLF001 -- it has no other way to say
        of_group, of_partition, offset = next(self.answers)
        # an error of the whole group comes alone
        found = [(partition, offset, mark(offset), of_partition) for partition in partitions]
        topics = [] if of_group else [(topic, found)]
        return SimpleNamespace(error_code=of_group, topics=topics)


class Member:
    """As much of a consumer as a rebalance needs."""

    def __init__(self, *answers: tuple[int, int, int]) -> None:
        self._coordinator = Coordinator(*(answers or [(0, 0, 7)] * 10))
        self.sought: list[tuple[TopicPartition, int]] = []
        self.calls: list[Any] = []
        self.read: set[TopicPartition] = set()

    def pause(self, source: TopicPartition) -> None:
        self.read.discard(source)

    def resume(self, source: TopicPartition) -> None:
        self.read.add(source)

    def seek(self, source: TopicPartition, offset: int) -> None:
        self.sought.append((source, offset))

    async def position(self, _source: TopicPartition) -> int:
        return 7

    async def beginning_offsets(self, sources: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(sources, 0)

    async def end_offsets(self, sources: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(sources, 9)

    async def commit(self, offsets: dict[TopicPartition, Any]) -> None:
        self.calls.append({source: found.offset for source, found in offsets.items()})

    async def stop(self) -> None:
        self.calls.append("stopped")


class Outbox(OutputWriter):
    """Keeps what is written outside of a batch."""

    def __init__(self) -> None:
        super().__init__(SETTINGS)
        self.written: list[OutgoingRecord] = []

    async def write(self, outputs: Sequence[OutgoingRecord]) -> None:
        self.written += outputs


class Watched(StageConsumer):
    """A consumer that records its failures, and goes on."""

    def __init__(self, handler: Callable[[Partition], Any]) -> None:
        super().__init__(Stage("intake", handler), SETTINGS, policy_files.load("demo"), NotImplemented)
        self.count = 4
        self.failures: list[Exception] = []
        consumer: Any = Member()
        self.consumer: Any = consumer
        self.outbox = Outbox()
        self.commits = DeferredCommits(consumer, self.fail)
        self.worker = Worker(
            self.stage, SETTINGS, consumer, self.outbox, self.commits, self.metrics, installation=self.installation
        )

    def fail(self, error: Exception) -> None:
        self.failures.append(error)

    async def share_out(self, generation: int, *sources: TopicPartition) -> dict[TopicPartition, Any]:
        """Go through a rebalance; return the leases, open."""
        await self.assignment.on_partitions_revoked(self.processors)
        self.consumer._coordinator.generation = generation  # noqa: SLF001 -- its own stand-in
        await self.assignment.on_partitions_assigned(sources)
        await asyncio.gather(*self.assignment.acquiring.values())
        return dict(self.processors)


def _broken(_partition: Partition) -> Any:
    raise ZeroDivisionError("no such partition")


def in_a_loop(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(test())  # type: ignore[arg-type]  # coroutine functions all

    run.__name__ = test.__name__
    return run


@in_a_loop
async def test_partitions_that_are_assigned_again_at_once_are_kept() -> None:
    stage_consumer = Watched(lambda _: object())
    first = await stage_consumer.share_out(1, ONE, TWO)
    second = await stage_consumer.share_out(2, TWO)
    assert second == {TWO: first[TWO]}
    assert stage_consumer.consumer.sought[-1] == (TWO, 7), "what was polled meanwhile has been dropped"
    assert not first[ONE].open
    assert {each.key for each in stage_consumer.outbox.written} == {b"begun/intake/1", b"begun/intake/2"}


@in_a_loop
async def test_partitions_that_may_have_had_another_owner_are_acquired_again() -> None:
    stage_consumer = Watched(lambda _: object())
    first = await stage_consumer.share_out(1, ONE)
    second = await stage_consumer.share_out(3, ONE)
    assert second[ONE] is not first[ONE]
    assert not first[ONE].open
    assert second[ONE].open


@in_a_loop
async def test_whatever_goes_wrong_while_partitions_are_shared_out_ends_the_process() -> None:
    stage_consumer = Watched(_broken)
    await stage_consumer.share_out(1, ONE)
    assert [type(error) for error in stage_consumer.failures] == [ZeroDivisionError]


@in_a_loop
async def test_nothing_is_taken_while_stopping() -> None:
    stage_consumer = Watched(lambda _: object())
    stage_consumer._stopped.set()  # noqa: SLF001 -- as `stop` does first
    assert await stage_consumer.share_out(1, ONE) == {}


@in_a_loop
async def test_offsets_are_committed_before_a_new_owner() -> None:
    stage_consumer = Watched(lambda _: object())
    await stage_consumer.share_out(1, ONE)
    stage_consumer.commits.stage(ONE, 8)
    await stage_consumer.assignment.on_partitions_revoked([ONE])
    assert stage_consumer.consumer.calls == [{ONE: 8}]


@in_a_loop
async def test_offsets_are_sent_before_the_group_is_left() -> None:
    stage_consumer = Watched(lambda _: object())
    stage_consumer.outbox.producer = Member()
    await stage_consumer.share_out(1, ONE)
    stage_consumer.commits.stage(ONE, 8)
    await stage_consumer.on_stop()
    assert stage_consumer.consumer.calls == [{ONE: 8}, "stopped"]


@in_a_loop
async def test_a_stage_whose_offsets_are_overdue_reads_nothing() -> None:
    stage_consumer = Watched(lambda _: object())
    await stage_consumer.share_out(1, ONE)
    committed = asyncio.Event()
    commits: Any = SimpleNamespace(overdue=True, flush=committed.wait)  # as much as is asked
    stage_consumer.worker = replace(stage_consumer.worker, commits=commits)
    reading = asyncio.create_task(stage_consumer._poll())  # noqa: SLF001 -- what the task does
    for _ in range(10):
        await asyncio.sleep(0)  # let it get as far as it can
    assert not reading.done()
    stage_consumer.consumer.getmany = _nothing
    committed.set()
    await reading


@in_a_loop
async def test_nothing_is_read_while_another_topic_is_waited_for_and_the_group_sees_us_poll() -> None:
    stage_consumer = Watched(lambda _: object())
    stage_consumer.wait_reason = lambda: "reading earlier reports"
    polls = []

    async def getmany(**_: object) -> dict[TopicPartition, list[Any]]:
        polls.append(set(stage_consumer.consumer.read))
        return {}

    stage_consumer.consumer.getmany = getmany
    await stage_consumer.share_out(1, ONE)
    await stage_consumer._poll()  # noqa: SLF001 -- what the task does
    stage_consumer.wait_reason = lambda: None
    await stage_consumer._poll()  # noqa: SLF001 -- as above
    assert polls == [set(), {ONE}]


@in_a_loop
async def test_a_quiet_partition_passes_markers_while_another_is_busy() -> None:
    stage_consumer = Watched(lambda _: object())
    processors = await stage_consumer.share_out(1, ONE, TWO)
    processors[ONE].next_offset = processors[TWO].next_offset = 5
    await stage_consumer._skip_control_records([(processors[ONE], [])])  # noqa: SLF001 -- what settling does beside its work
    await stage_consumer.commits.flush()
    assert stage_consumer.consumer.calls[-1] == {TWO: 7}
    processors[TWO].next_offset = 6
    await stage_consumer._skip_control_records([(processors[ONE], [])])  # noqa: SLF001 -- as above
    assert processors[TWO].next_offset == 6, "while others are busy, once a second"


@in_a_loop
async def test_a_forgotten_transactional_id_has_its_partition_taken_anew_and_fencing_does_not() -> None:
    stage_consumer = Watched(lambda _: object())
    processors = await stage_consumer.share_out(1, ONE, TWO)
    wrapped = KafkaError("Unexpected error during batch delivery")
    wrapped.__cause__ = InvalidProducerIdMapping()

    async def process(*_: object) -> None:
        raise wrapped

    processors[ONE].process = process
    await stage_consumer.process([(processors[ONE], [])])
    await asyncio.gather(*stage_consumer.assignment.acquiring.values())
    assert stage_consumer.processors[ONE] is not processors[ONE]
    assert stage_consumer.processors[ONE].open
    assert stage_consumer.processors[TWO] is processors[TWO]
    wrapped.__cause__ = None
    stage_consumer.processors[ONE].process = process  # type: ignore[assignment]  # as above
    await stage_consumer.process([(stage_consumer.processors[ONE], [])])
    assert stage_consumer.failures == [wrapped]


async def _nothing(**_: object) -> dict[TopicPartition, list[Any]]:
    return {}


@pytest.mark.parametrize("ends", [True, False])
def test_an_error_of_a_tick_counts_unless_the_stage_is_stopping(ends: bool) -> None:  # noqa: FBT001 -- a case
    async def test() -> None:
        stage_consumer = Watched(lambda _: SimpleNamespace(due=lambda _now: True))
        await stage_consumer.share_out(1, ONE)

        async def reached() -> None:
            if not ends:
                stage_consumer._stopped.set()  # noqa: SLF001 -- as `stop` does first
            raise ConnectionError("gone")

        stage_consumer.watermark = SimpleNamespace(advance=reached)  # type: ignore[assignment]  # as much of it as a tick needs
        await stage_consumer.tick()
        assert bool(stage_consumer.failures) is ends

    asyncio.run(test())


@pytest.mark.parametrize(
    ("stopping", "in_hand", "ends"), [(False, False, True), (True, False, False), (True, True, True)]
)
def test_an_error_of_a_poll_counts_unless_the_stage_is_stopping_and_has_nothing_in_hand(
    stopping: bool,  # noqa: FBT001 -- a case
    in_hand: bool,  # noqa: FBT001 -- as above
    ends: bool,  # noqa: FBT001 -- as above
) -> None:
    class Ended(Exception):
        pass

    async def test() -> None:
        stage_consumer = Watched(lambda _: None)

        async def getmany(**_: object) -> None:
            if in_hand:
                stage_consumer.idle.clear()  # as the reader itself does while it commits
            if stopping:
                stage_consumer._stopped.set()  # noqa: SLF001 -- as `stop` does first
            raise ConnectionError("gone")

        def fail(error: Exception) -> None:
            raise Ended from error

        stage_consumer.consumer.getmany = getmany
        stage_consumer.fail = fail  # type: ignore[method-assign]  # which never returns, as in a process
        with pytest.raises(Ended) if ends else nullcontext():
            await asyncio.wait_for(StageConsumer._read.fun(stage_consumer), 5)  # noqa: SLF001 -- the task itself

    asyncio.run(test())


LOADING, MOVED, FORBIDDEN = 14, 16, 30
"""Kafka's error codes COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR and GROUP_AUTHORIZATION_FAILED."""


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param([(0, 0, 7)], 7, id="there is one"),
        pytest.param([(0, 0, -1)], None, id="there is none"),
        pytest.param([(LOADING, 0, 0), (0, 0, 7)], 7, id="the broker is still loading its groups"),
        pytest.param([(0, LOADING, -1), (0, 0, 7)], 7, id="the same, said of the partition"),
        pytest.param([(MOVED, 0, 0), (0, 0, 7)], 7, id="another broker has the group"),
    ],
)
def test_what_a_group_has_committed(answers: list[tuple[int, int, int]], expected: int | None) -> None:
    member: Any = Member(*answers)
    found = asyncio.run(clients.committed(member, [ONE])).get(ONE)
    assert (found and found.offset) == expected
    assert member._coordinator.found_anew == sum(MOVED in answer for answer in answers)  # noqa: SLF001 -- its own


def test_the_committed_offsets_of_all_partitions_are_requested_at_once() -> None:
    member: Any = Member((0, 0, 7))
    found = asyncio.run(clients.committed(member, [ONE, TWO]))
    assert found == {ONE: clients.marked(7), TWO: clients.marked(7)}


def test_missing_rights_to_a_group_do_not_mean_that_it_has_committed_nothing() -> None:
    member: Any = Member((FORBIDDEN, 0, 0))
    with pytest.raises(KafkaError):
        asyncio.run(clients.committed(member, [ONE]))
