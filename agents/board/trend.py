"""How far each stage is behind, and which way that goes."""

from collections import deque
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

from agents.lag import LagReport

EVERY_S: Final = 5.0
WINDOW_S: Final = 30.0
"""Over so long a stage is judged: who has not moved by then does not move."""
SAMPLES: Final = 60
"""So many looks are shown: those of five minutes."""
_PART: Final = 3
_NOISE: Final = 0.1
"""A change of less than a tenth is none."""


class Trend(StrEnum):
    """Which way a lag goes."""

    RISING = "rising"
    FALLING = "falling"
    LEVEL = "level"


class Trends:
    """The last looks at the lag of each stage."""

    def __init__(self) -> None:
        self._series: dict[str, deque[int]] = {}
        self._last: dict[str, dict[str, Any]] = {}

    def add(self, report: LagReport) -> None:
        """Take in a look."""
        for group in report.groups:
            if group.stage is not None:
                self._series.setdefault(group.stage, deque(maxlen=SAMPLES)).append(group.lag)
                self._last[group.stage] = {
                    "behind": group.lag,
                    "age": round(group.age),
                    "status": group.status,
                    "severity": group.severity,
                }

    def rows(self) -> list[dict[str, Any]]:
        """Give a row for each stage."""
        return [
            {"stage": stage, **self._last[stage], "trend": trend(series), "series": list(series)}
            for stage, series in self._series.items()
        ]


def trend(series: Sequence[int]) -> Trend:
    """Say which way it goes: the mean of the last third of the looks against that of the first."""
    part = len(series) // _PART
    if not part:
        return Trend.LEVEL
    looks = list(series)
    first, last = sum(looks[:part]) / part, sum(looks[-part:]) / part
    if abs(last - first) <= _NOISE * max(first, last) or max(first, last) < 1:
        return Trend.LEVEL
    return Trend.RISING if last > first else Trend.FALLING
