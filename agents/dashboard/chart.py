"""Geometry of the charts: of ninety days, and of the last samples of a stage's lag."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import count
from typing import Any, Final

_WIDTH: Final = 720
_HEIGHT: Final = 180
_LEFT: Final = 44
_TOP: Final = 8
_BOTTOM: Final = 22
_MARKS: Final = 4


def chart(days: Sequence[Sequence[int]], today: date) -> dict[str, Any]:
    """Return the chart of days for `chart.html`; `days` are counts of received, settled and overdue, today last."""
    most = _rounded(max((value for day in days for value in day), default=0))
    step = (_WIDTH - _LEFT) / max(1, len(days))
    xs = [round(_LEFT + (at + 0.5) * step, 1) for at in range(len(days))]

    def y(value: float) -> float:
        return round(_TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value / most), 1)

    received, settled = (
        " ".join(f"{x},{y(day[column])}" for x, day in zip(xs, days, strict=True)) for column in (0, 1)
    )
    every = max(1, len(days) // _MARKS)
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "left": _LEFT,
        "totals": [sum(day[column] for day in days) for column in range(3)],
        "received": received,
        "settled": settled,
        "bars": [
            (round(x - step * 0.4, 1), y(missed), round(y(0) - y(missed), 1))
            for x, (_, _, missed) in zip(xs, days, strict=True)
            if missed
        ],
        "bar": round(step * 0.8, 1),
        "levels": [(int(value), y(value)) for value in (0, most / 2, most)],
        "dates": [(today - timedelta(days=len(days) - 1 - at), xs[at]) for at in range(every // 2, len(days), every)],
    }


def _rounded(most: int) -> int:
    """Return the next even number with one leading digit: 2, 4, 10, 20, 40, 100."""
    steps: Iterator[int] = (step * 10**power for power in count() for step in (2, 4, 10))
    return next(step for step in steps if step >= most)


def sparkline(series: Sequence[int]) -> str:
    """Return the points of a line through the samples, 60 wide and 20 high."""
    most, step = max(1, *series, 1), 60 / max(1, len(series) - 1)
    return " ".join(f"{at * step:.1f},{19 - 18 * value / most:.1f}" for at, value in enumerate(series))
