"""How far each stage is behind, and which way that goes."""

from collections import deque
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

SAMPLES: Final = 60
"""So many looks are shown; at one in five seconds, those of five minutes."""
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

    def add(self, behind: Mapping[str, int]) -> None:
        """Take in a look: how many records each stage is behind."""
        for stage, records in behind.items():
            self._series.setdefault(stage, deque(maxlen=SAMPLES)).append(records)

    def rows(self) -> list[dict[str, Any]]:
        """Give a row for each stage."""
        return [
            {"stage": stage, "behind": series[-1], "trend": trend(series), "series": list(series)}
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
