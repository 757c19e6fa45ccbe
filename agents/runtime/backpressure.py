"""Backpressure: intake pauses while lifecycle lags.

Intake writes commands faster than `lifecycle` decides them. So that a flood of reports does not delay the commands of
officers and citizens, intake pauses at a limit, and the backlog stays in `complaints.intake`.
"""

import time
from typing import Final

import structlog

from agents.config.settings import Settings
from agents.runtime.lag_reader import LagReader

log = structlog.get_logger()

ASK_EVERY_SECONDS: Final = 0.25
"""Maximum age of a measured lag, while there is capacity."""
_TRICKLE_SECONDS: Final = 60.0
"""Time without capacity after which one record is read: the group removes a member that never polls."""
_WARN_SECONDS: Final = 10.0
_LATE_ANSWER_SECONDS: Final = 5.0
"""A slower answer means that the broker was unreachable, not that the other stage lags."""


class StallTimer:
    """Detects a lack of capacity that has lasted long enough to be logged once."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._reported = False

    def is_overdue(self, requested: float, answered: float) -> bool:
        """Record that there was no capacity; return True when the stall is to be logged."""
        if self._since is None or answered - requested > _LATE_ANSWER_SECONDS:
            self._since = answered
        report = answered - self._since > _WARN_SECONDS and not self._reported
        self._reported = self._reported or report
        return report

    def reset(self) -> None:
        """Record that there was capacity."""
        self._since, self._reported = None, False


class Backpressure:
    """Number of records that a stage may still read, given the lag of the next stage.

    Args:
        settings: which environment.
        downstream: the next stage.
        most: its maximum lag, over all partitions.
        partitions: of each topic.
    """

    def __init__(self, settings: Settings, downstream: str, most: int, partitions: int) -> None:
        self._lag_reader = LagReader(settings, downstream, partitions)
        self._downstream = downstream
        self._most = most
        self._partitions = partitions
        self._capacity = 0
        self._asked_at = float("-inf")
        self._had_capacity_at = time.monotonic()
        self._stall = StallTimer()

    async def start(self) -> None:
        """Connect."""
        await self._lag_reader.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._lag_reader.stop()

    async def capacity(self, owned: int) -> int:
        """Return the number of records that a worker with this number of partitions may read now."""
        now = time.monotonic()
        if self._capacity <= 0 or now - self._asked_at > ASK_EVERY_SECONDS:
            waiting = sum((await self._lag_reader.lag(await self._lag_reader.ends())).values())
            # each worker gets a share: together they must not exceed the capacity
            self._capacity = max(0, self._most - waiting) * owned // self._partitions
            self._asked_at = now
            if not self._capacity:
                return self._report_stall(now, waiting)
        self._had_capacity_at = now
        self._stall.reset()
        return self._capacity

    def consume(self, records: int) -> None:
        """Subtract the records of a batch."""
        self._capacity -= records

    def _report_stall(self, now: float, waiting: int) -> int:
        if self._stall.is_overdue(now, time.monotonic()):
            log.warning("backpressure_active", reason=f"{self._downstream} is behind", waiting=waiting, most=self._most)
        if now - self._had_capacity_at < _TRICKLE_SECONDS:
            return 0
        self._had_capacity_at = now
        return 1
