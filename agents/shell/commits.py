"""Offsets of several partitions, committed together."""

import asyncio
from typing import Any

from aiokafka import TopicPartition


class GroupCommit:
    """Sends the offsets of all partitions that have got so far at the same time in one request.

    The partitions of a poll are settled side by side, and each asks for its offset to be committed once its own outputs
    are acknowledged. They mostly are at once; four requests in place of one would cost the broker four writes.
    """

    def __init__(self, consumer: Any) -> None:  # noqa: ANN401 -- aiokafka ships no types
        self._consumer = consumer
        self._offsets: dict[TopicPartition, int] = {}
        self._request: asyncio.Task[None] | None = None

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Return once `offsets` are committed. What the request fails with, all fail with that were in it."""
        self._offsets.update(offsets)
        if self._request is None:
            # begins in the next round of the event loop: whoever goes on in this one comes along
            self._request = asyncio.create_task(self._send())
        # whoever is cancelled while waiting must not take the others' request along
        await asyncio.shield(self._request)

    async def _send(self) -> None:
        offsets, self._offsets, self._request = self._offsets, {}, None
        await self._consumer.commit(offsets)
