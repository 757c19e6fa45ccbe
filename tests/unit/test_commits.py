"""Offsets of several partitions go in one request, and whoever waits for it learns what came of it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiokafka import TopicPartition

from agents.shell.commits import GroupCommit

FIRST, SECOND, THIRD = (TopicPartition("events", number) for number in range(3))


class Broker:
    """Takes requests one after the other, each when it is told to."""

    def __init__(self) -> None:
        self.requests: list[dict[TopicPartition, int]] = []
        self.came: asyncio.Queue[None] = asyncio.Queue()
        self.answers: asyncio.Queue[Exception | None] = asyncio.Queue()

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self.requests.append(offsets)
        self.came.put_nowait(None)
        answer = await self.answers.get()
        if answer is not None:
            raise answer


def attempt(test: Callable[[Broker, GroupCommit], Awaitable[None]]) -> None:
    async def run() -> None:
        broker = Broker()
        await test(broker, GroupCommit(broker))

    asyncio.run(asyncio.wait_for(run(), 10))


def test_those_of_one_moment_go_together() -> None:
    async def test(broker: Broker, commits: GroupCommit) -> None:
        broker.answers.put_nowait(None)
        await asyncio.gather(*(commits.commit({place: offset}) for place, offset in ((FIRST, 5), (SECOND, 7))))
        assert broker.requests == [{FIRST: 5, SECOND: 7}]

    attempt(test)


def test_one_that_comes_while_a_request_is_out_goes_with_the_next() -> None:
    async def test(broker: Broker, commits: GroupCommit) -> None:
        early = asyncio.create_task(commits.commit({FIRST: 5}))
        await broker.came.get()
        late = asyncio.create_task(commits.commit({THIRD: 9}))
        await broker.came.get()
        assert broker.requests == [{FIRST: 5}, {THIRD: 9}]
        assert not early.done()
        assert not late.done()
        broker.answers.put_nowait(None)
        broker.answers.put_nowait(None)
        await asyncio.gather(early, late)

    attempt(test)


def test_nobody_takes_for_committed_what_was_not() -> None:
    async def test(broker: Broker, commits: GroupCommit) -> None:
        broker.answers.put_nowait(ConnectionError("gone"))
        both = await asyncio.gather(commits.commit({FIRST: 5}), commits.commit({SECOND: 7}), return_exceptions=True)
        assert [str(each) for each in both] == ["gone", "gone"]

    attempt(test)


def test_who_is_cancelled_does_not_take_the_others_along() -> None:
    async def test(broker: Broker, commits: GroupCommit) -> None:
        leaving = asyncio.create_task(commits.commit({FIRST: 5}))
        staying = asyncio.create_task(commits.commit({SECOND: 7}))
        await broker.came.get()
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        broker.answers.put_nowait(None)
        await staying
        assert broker.requests == [{FIRST: 5, SECOND: 7}]

    attempt(test)
