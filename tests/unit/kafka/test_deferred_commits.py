"""Offsets are committed together and late, never backwards, and before the partitions have a new owner."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.kafka import clients
from agents.kafka import deferred_commits as late
from agents.kafka.deferred_commits import DeferredCommits

FIRST, SECOND = (TopicPartition("events", number) for number in range(2))


class Broker:
    """Processes requests one after the other, each on request."""

    def __init__(self) -> None:
        self._coordinator = SimpleNamespace(generation=1)
        self.requests: list[dict[TopicPartition, int]] = []
        self.came: asyncio.Queue[None] = asyncio.Queue()
        self.answers: asyncio.Queue[Exception | None] = asyncio.Queue()
        self.failures: list[str] = []
        self.failed = asyncio.Event()

    async def commit(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
        assert all(clients.marked(found.offset) == found for found in offsets.values())
        self.requests.append({source: found.offset for source, found in offsets.items()})
        self.came.put_nowait(None)
        answer = await self.answers.get()
        if answer is not None:
            raise answer

    def fail(self, error: Exception) -> None:
        self.failures.append(str(error))
        self.failed.set()


def attempt(test: Callable[[Broker, DeferredCommits], Awaitable[None]]) -> None:
    async def run() -> None:
        broker = Broker()
        await test(broker, DeferredCommits(cast(Any, broker), broker.fail))

    asyncio.run(asyncio.wait_for(run(), 10))


def test_what_is_noted_goes_by_itself_in_one_request() -> None:
    async def test(broker: Broker, commits: DeferredCommits) -> None:
        for source, after in ((FIRST, 5), (SECOND, 7), (FIRST, 6)):
            commits.stage(source, after)
        await broker.came.get()
        assert broker.requests == [{FIRST: 6, SECOND: 7}]

    attempt(test)


def test_staged_offsets_are_committed_before_a_new_owner() -> None:
    async def test(broker: Broker, commits: DeferredCommits) -> None:
        commits.stage(FIRST, 5)
        broker.answers.put_nowait(None)
        await commits.flush()
        assert broker.requests == [{FIRST: 5}]
        await commits.flush()
        assert broker.requests == [{FIRST: 5}], "nothing is left to be sent"

    attempt(test)


def test_a_request_waits_for_the_one_before_it() -> None:
    async def test(broker: Broker, commits: DeferredCommits) -> None:
        commits.stage(FIRST, 5)
        await broker.came.get()
        commits.stage(FIRST, 9)
        last = asyncio.create_task(commits.flush())
        for _ in range(10):
            await asyncio.sleep(0)  # let it get as far as it can
        assert broker.requests == [{FIRST: 5}]
        for _ in range(2):
            broker.answers.put_nowait(None)
        await last
        assert broker.requests == [{FIRST: 5}, {FIRST: 9}]

    attempt(test)


def test_a_failure_is_raised_to_the_waiter_or_to_the_stage() -> None:
    async def test(broker: Broker, commits: DeferredCommits) -> None:
        broker.answers.put_nowait(ConnectionError("gone"))
        commits.stage(FIRST, 5)
        await broker.failed.wait()
        assert broker.failures == ["gone"]
        broker.answers.put_nowait(ConnectionError("gone again"))
        commits.stage(FIRST, 6)
        with pytest.raises(ConnectionError, match="gone again"):
            await commits.flush()
        assert broker.failures == ["gone"]

    attempt(test)


def test_what_cannot_be_committed_is_overdue_until_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late, "OVERDUE_SECONDS", -1.0)

    async def test(broker: Broker, commits: DeferredCommits) -> None:
        seen = [commits.overdue]
        commits.stage(FIRST, 5)
        waiting = asyncio.create_task(commits.flush())
        await broker.came.get()
        commits.stage(FIRST, 6)
        seen.append(commits.overdue)
        broker.answers.put_nowait(None)
        await waiting
        seen.append(commits.overdue)  # there is more
        broker.answers.put_nowait(None)
        await commits.flush()
        assert [*seen, commits.overdue] == [False, True, True, False]

    attempt(test)


def test_a_removed_member_commits_nothing_for_the_group() -> None:
    async def test(broker: Broker, commits: DeferredCommits) -> None:
        commits.stage(FIRST, 5)
        broker._coordinator.generation = -1  # noqa: SLF001 -- as the client has it then
        await commits.flush()
        broker._coordinator.generation = 2  # noqa: SLF001 -- as above
        await commits.flush()
        assert broker.requests == []

    attempt(test)
