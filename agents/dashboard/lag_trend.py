"""How far each stage is behind, and which way that goes."""

from collections import deque
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

from agents.ops.lag import GroupLag, LagReport, Severity, Status

EVERY_S: Final = 2.5
WINDOW_S: Final = 30.0
"""Over so long a stage is judged: who has not moved by then does not move."""
SHOWN_OF: Final = 2
"""One of so many looks is shown; all count for the verdict: of few, one might never see a stage caught up."""
SAMPLES: Final = 60
"""So many looks are shown: those of five minutes."""
_PART: Final = 3
_INSTANT_S: Final = 10.0
"""Who has read all that is older keeps up: under a steady stream something is always on its way, at each look."""
_FEW: Final = 10
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
        self._looks = 0
        self._last: dict[str, dict[str, Any]] = {}

    def add(self, report: LagReport) -> None:
        """Take in a look."""
        for group in report.groups:
            if group.stage is not None:
                series = self._series.setdefault(group.stage, deque(maxlen=SAMPLES))
                if self._looks % SHOWN_OF == 0:
                    series.append(group.lag)
                self._last[group.stage] = {
                    "behind": group.lag,
                    "age": round(group.age),
                    **_status_of(group),
                }
        self._looks += 1

    def rows(self) -> list[dict[str, Any]]:
        """Give a row for each stage."""
        return [
            {"stage": stage, **self._last[stage], "trend": trend(series), "series": list(series)}
            for stage, series in self._series.items()
        ]


def _status_of(group: GroupLag) -> dict[str, str]:
    on_its_way = group.status in {Status.BEHIND, Status.GROWING} and group.age < _INSTANT_S
    status, severity = (Status.OK, Severity.OK) if on_its_way else (group.status, group.severity)
    return {"status": status, "severity": severity}


def trend(series: Sequence[int]) -> Trend:
    """Say which way it goes: the mean of the last third of the looks against that of the first."""
    part = len(series) // _PART
    if not part:
        return Trend.LEVEL
    looks = list(series)
    first, last = sum(looks[:part]) / part, sum(looks[-part:]) / part
    if abs(last - first) <= _NOISE * max(first, last) or max(first, last) < _FEW:
        return Trend.LEVEL
    return Trend.RISING if last > first else Trend.FALLING
