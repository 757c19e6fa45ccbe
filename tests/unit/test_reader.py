"""What the reader makes of a rebalance; the client would swallow whatever goes wrong in its callbacks."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from agents import policies
from agents.settings import Settings
from agents.shell import Partition, Stage
from agents.shell.reader import Reader

SETTINGS = Settings()
ONE, TWO = (TopicPartition("complaints.intake", number) for number in (1, 2))


class Member:
    """As much of a consumer as a rebalance needs."""

    def __init__(self) -> None:
        self._coordinator = SimpleNamespace(generation=0)
        self.sought: list[tuple[TopicPartition, int]] = []

    def pause(self, source: TopicPartition) -> None:
        pass

    def resume(self, source: TopicPartition) -> None:
        pass

    def seek(self, source: TopicPartition, offset: int) -> None:
        self.sought.append((source, offset))

    async def committed(self, source: TopicPartition) -> int:
        del source
        return 7


class Watched(Reader):
    """A reader that tells what it fails of, and goes on."""

    def __init__(self, handler: Callable[[Partition], Any]) -> None:
        super().__init__(Stage("intake", handler), SETTINGS, policies.load("demo"), None)
        self.failures: list[Exception] = []
        self.consumer = Member()
        self.producer = None

    def fail(self, error: Exception) -> None:
        self.failures.append(error)

    async def share_out(self, generation: int, *sources: TopicPartition) -> dict[TopicPartition, Any]:
        """Go through a rebalance; return the leases, open."""
        await self.on_partitions_revoked(self.leases)
        self.consumer._coordinator.generation = generation  # noqa: SLF001 -- its own stand-in
        await self.on_partitions_assigned(sources)
        await asyncio.gather(*self._opening.values())
        return dict(self.leases)


def _broken(_partition: Partition) -> Any:
    raise ZeroDivisionError("no such partition")


def in_a_loop(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(test())  # type: ignore[arg-type]  # coroutine functions all

    run.__name__ = test.__name__
    return run


@in_a_loop
async def test_leases_that_come_back_at_once_are_kept() -> None:
    reader = Watched(lambda _: object())
    first = await reader.share_out(1, ONE, TWO)
    second = await reader.share_out(2, TWO)
    assert second == {TWO: first[TWO]}
    assert reader.consumer.sought[-1] == (TWO, 7), "what was polled meanwhile has been dropped"
    assert not first[ONE].open


@in_a_loop
async def test_leases_that_may_have_been_somebody_elses_are_taken_anew() -> None:
    reader = Watched(lambda _: object())
    first = await reader.share_out(1, ONE)
    second = await reader.share_out(3, ONE)
    assert second[ONE] is not first[ONE]
    assert not first[ONE].open
    assert second[ONE].open


@in_a_loop
async def test_whatever_goes_wrong_while_partitions_are_shared_out_ends_the_process() -> None:
    reader = Watched(_broken)
    await reader.share_out(1, ONE)
    assert [type(error) for error in reader.failures] == [ZeroDivisionError]


@in_a_loop
async def test_nothing_is_taken_while_stopping() -> None:
    reader = Watched(lambda _: object())
    reader._stopped.set()  # noqa: SLF001 -- as `stop` does first
    assert await reader.share_out(1, ONE) == {}


@pytest.mark.parametrize("ends", [True, False])
def test_an_error_of_a_tick_counts_unless_the_stage_is_stopping(ends: bool) -> None:  # noqa: FBT001 -- a case
    async def test() -> None:
        reader = Watched(lambda _: SimpleNamespace(due=lambda _now: True))
        await reader.share_out(1, ONE)

        async def reached() -> None:
            if not ends:
                reader._stopped.set()  # noqa: SLF001 -- as `stop` does first
            raise ConnectionError("gone")

        reader.horizon = SimpleNamespace(reached=reached)  # type: ignore[assignment]  # as much of it as a tick needs
        await reader.tick()
        assert bool(reader.failures) is ends

    asyncio.run(test())
