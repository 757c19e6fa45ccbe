"""The lag of each stage and its trend."""

from collections import deque
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

from agents.ops.lag import GroupLag, LagReport, LagStatus, Severity

EVERY_S: Final = 2.5
WINDOW_S: Final = 30.0
"""Seconds over which the status of a stage is determined."""
SHOWN_OF: Final = 2
"""Every second sample is shown; all count for the status."""
SAMPLES: Final = 60
"""Samples that are shown: those of five minutes."""
_PART: Final = 3
_INSTANT_S: Final = 10.0
"""Age of the oldest unread record up to which a stage keeps up, since some records are always in flight."""
_IN_FLIGHT: Final = 10
_LEVEL: Final = 0.1
"""Relative change below which the trend is level."""


class Trend(StrEnum):
    """Trend of a lag."""

    RISING = "rising"
    FALLING = "falling"
    LEVEL = "level"


class Trends:
    """The last samples of the lag of each stage."""

    def __init__(self) -> None:
        self._series: dict[str, deque[int]] = {}
        self._samples = 0
        self._last: dict[str, dict[str, Any]] = {}

    def add(self, report: LagReport) -> None:
        """Add a sample."""
        for group in report.groups:
            if group.stage is not None:
                series = self._series.setdefault(group.stage, deque(maxlen=SAMPLES))
                if self._samples % SHOWN_OF == 0:
                    series.append(group.lag)
                self._last[group.stage] = {
                    "behind": group.lag,
                    "age": round(group.age),
                    "members": group.members,
                    "seen_at": None if group.members or group.seen_at is None else group.seen_at.isoformat(),
                    **_status_of(group),
                }
        self._samples += 1

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each stage."""
        return [
            {"stage": stage, **self._last[stage], "trend": trend(series), "series": list(series)}
            for stage, series in self._series.items()
        ]


def _status_of(group: GroupLag) -> dict[str, str]:
    in_flight = group.status in {LagStatus.BEHIND, LagStatus.GROWING} and group.age < _INSTANT_S
    status, severity = (LagStatus.OK, Severity.OK) if in_flight else (group.status, group.severity)
    if group.members == 0 and severity is Severity.OK:
        status, severity = LagStatus.IDLE, Severity.WARNING  # before the window is full, or with records in flight only
    return {"status": status, "severity": severity}


def trend(series: Sequence[int]) -> Trend:
    """Compare the mean of the last third of the samples with that of the first."""
    part = len(series) // _PART
    if not part:
        return Trend.LEVEL
    samples = list(series)
    first, last = sum(samples[:part]) / part, sum(samples[-part:]) / part
    if abs(last - first) <= _LEVEL * max(first, last) or max(first, last) < _IN_FLIGHT:
        return Trend.LEVEL
    return Trend.RISING if last > first else Trend.FALLING
