"""Low watermark: every command with an earlier timestamp has been processed.

A breach is noticed once every earlier command is processed, not at the wall-clock time. Otherwise a timely follow-up
that is still being forwarded to its partition would count as late.
"""

from datetime import UTC, datetime
from typing import Final

import structlog
from aiokafka import TopicPartition

from agents.config.settings import Settings
from agents.runtime.lag_reader import LagReader

log = structlog.get_logger()

_WARN_SECONDS: Final = 10.0


class Watermark:
    """Low watermark of `lifecycle` over the commands of all partitions."""

    def __init__(self, settings: Settings, partitions: int) -> None:
        self._lifecycle = LagReader(settings, "lifecycle", partitions)
        self._candidate: datetime | None = None
        self._ends: dict[TopicPartition, int] = {}
        self._warned = False

    async def start(self) -> None:
        """Connect."""
        await self._lifecycle.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._lifecycle.stop()

    @property
    def pending_since(self) -> datetime | None:
        """The time that the watermark reaches next; None if there is none."""
        return self._candidate

    async def advance(self) -> datetime | None:
        """Return the next low watermark, once; None until it is reached."""
        if self._candidate is None:
            # the time before the log ends, so that records between them are included
            self._candidate = datetime.now(UTC)
            self._ends = await self._lifecycle.ends()
        behind = list(await self._lifecycle.lag(self._ends))
        if behind:
            self._warn(behind)
            return None
        reached, self._candidate, self._warned = self._candidate, None, False
        return reached

    def _warn(self, behind: list[TopicPartition]) -> None:
        waited = (datetime.now(UTC) - (self._candidate or datetime.now(UTC))).total_seconds()
        if waited > _WARN_SECONDS and not self._warned:
            self._warned = True
            log.warning(
                "deadlines_waiting",
                reason="lifecycle has not processed all earlier commands",
                seconds=round(waited),
                partitions=[source.partition for source in behind],
            )
