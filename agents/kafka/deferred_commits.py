"""Deferred commits of stages without transactions: staged, then flushed.

A restarted stage repeats the records after the last committed offset. Repeated outputs have the same ids, and so no
second effect. Committing after each poll would cost a request, and a write at the broker, for a few records.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from aiokafka import TopicPartition

from agents.kafka import clients
from agents.kafka.protocols import KafkaConsumer

COMMIT_SECONDS: Final = 0.1
"""Seconds from staging an offset to its commit request; it is committed when the broker has answered."""
OVERDUE_SECONDS: Final = 5.0
"""Seconds without a successful commit after which a stage pauses: it would have to repeat ever more records."""
_NO_GENERATION: Final = -1


class DeferredCommits:
    """Deferred offset commits of all partitions, in one request; `fail` is called if a commit fails."""

    def __init__(self, consumer: KafkaConsumer, fail: Callable[[Exception], None]) -> None:
        self._consumer = consumer
        self._fail = fail
        self._offsets: dict[TopicPartition, int] = {}
        self._since: float | None = None
        """When the oldest uncommitted offset was staged, by the monotonic clock."""
        self._timer: asyncio.TimerHandle | None = None
        self._sending = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def stage(self, source: TopicPartition, after: int) -> None:
        """Stage the commit of offset `after`: the outputs of all records before it are written."""
        self._offsets[source] = after
        if self._since is None:
            self._since = time.monotonic()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(COMMIT_SECONDS, self._on_timer)

    @property
    def overdue(self) -> bool:
        """Return True if a commit is overdue: the client retries without raising an error."""
        return self._since is not None and time.monotonic() - self._since > OVERDUE_SECONDS

    async def flush(self) -> None:
        """Commit the staged offsets before a rebalance, unless the group has already removed this member."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # sequentially: an older offset must not overwrite a newer one
        async with self._sending:
            offsets, self._offsets, taken = self._offsets, {}, time.monotonic()
            if offsets and clients.generation(self._consumer) != _NO_GENERATION:
                await self._consumer.commit({source: clients.marked(offset) for source, offset in offsets.items()})
            self._since = taken if self._offsets else None

    def _on_timer(self) -> None:
        self._timer = None
        self._task = asyncio.create_task(self._flush_in_background())

    async def _flush_in_background(self) -> None:
        try:
            await self.flush()
        except Exception as error:  # noqa: BLE001 -- no caller awaits this task
            self._fail(error)
