"""Backpressure: intake pauses while lifecycle lags.

Intake can write commands many times faster than `lifecycle` decides on them. Written as fast as they come, a flood of
reports would lie before every command of an officer or a citizen, in the one order of `complaints.commands`. So intake
keeps that queue short: it reads no more reports than there is room for, and the others wait in `complaints.intake`.
"""

import time
from typing import Final

import structlog

from agents.config.settings import Settings
from agents.kafka.stage_progress import StageProgress

log = structlog.get_logger()

ASK_EVERY_SECONDS: Final = 0.25
"""How old an answer about the other stage may be while there is room."""
_TRICKLE_SECONDS: Final = 60.0
"""Held for so long, one record is let through: a member of the group that never polls is taken for dead."""
_WARN_SECONDS: Final = 10.0
_LATE_ANSWER_SECONDS: Final = 5.0
"""An answer that took longer tells that the broker was gone, and not for how long the other stage has been behind."""


class StallTimer:
    """Detector of a stall that has lasted long enough to be logged once."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._reported = False

    def is_overdue(self, asked: float, answered: float) -> bool:
        """Record that there was no capacity; return True when the stall is to be logged."""
        if self._since is None or answered - asked > _LATE_ANSWER_SECONDS:
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
        behind: the stage that must not fall behind.
        most: records that may wait for it, over all partitions and whoever wrote them.
        partitions: of each topic.
    """

    def __init__(self, settings: Settings, behind: str, most: int, partitions: int) -> None:
        self._progress = StageProgress(settings, behind, partitions)
        self._downstream = behind
        self._most = most
        self._partitions = partitions
        self._capacity = 0
        self._asked_at = float("-inf")
        self._had_capacity_at = time.monotonic()
        self._stall = StallTimer()

    async def start(self) -> None:
        """Connect."""
        await self._progress.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._progress.stop()

    async def capacity(self, owned: int) -> int:
        """Return how many records a worker may take now that owns so many partitions; 0 is none."""
        now = time.monotonic()
        if self._capacity <= 0 or now - self._asked_at > ASK_EVERY_SECONDS:
            waiting = sum((await self._progress.lag(await self._progress.ends())).values())
            # each worker has its share: together they must not take what there is room for once
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
