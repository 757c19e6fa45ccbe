"""Chart of ninety days: received and settled complaints as lines, overdue ones by day of the deadline as bars."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import count
from typing import Final

from agents.dashboard.html import Html, h
from agents.dashboard.words import Words

_WIDTH: Final = 720
_HEIGHT: Final = 180
_LEFT: Final = 44
_BOTTOM: Final = 22
_TOP: Final = 8
_MARKS: Final = 4


class _Scale:
    """Scale of days and counts in the drawing."""

    def __init__(self, days: int, most: int) -> None:
        self.step = (_WIDTH - _LEFT) / max(1, days)
        self._most = most

    def x(self, index: int) -> float:
        """Return the x coordinate of a day's middle."""
        return round(_LEFT + (index + 0.5) * self.step, 1)

    def y(self, value: float) -> float:
        """Return the y coordinate of a count."""
        return round(_TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value / self._most), 1)


def chart(words: Words, days: Sequence[Sequence[int]], today: date) -> Html:
    """Return the chart as SVG; `days` are counts of received, settled and overdue, today last."""
    most = _rounded(max((value for day in days for value in day), default=0))
    scale = _Scale(len(days), most)
    received, settled = (
        " ".join(f"{scale.x(at)},{scale.y(day[column])}" for at, day in enumerate(days)) for column in (0, 1)
    )
    totals = {name: sum(day[at] for day in days) for at, name in enumerate(("received", "settled", "missed"))}
    said = words.say("chart_text", **{name: words.count(total) for name, total in totals.items()})
    return h(
        "svg",
        h("title", said),
        h("g", _levels(words, scale, most), _dates(words, scale, len(days), today), class_="axis"),
        h("g", _bars(scale, [day[2] for day in days]), class_="missed"),
        h("polyline", points=received, class_="received"),
        h("polyline", points=settled, class_="settled"),
        class_="chart",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
    )


def _bars(scale: _Scale, counts: Sequence[int]) -> list[Html]:
    sizes = {"width": round(scale.step * 0.8, 1)}
    return [
        h("rect", x=round(scale.x(at) - scale.step * 0.4, 1), y=y, height=round(scale.y(0) - y, 1), **sizes)
        for at, number in enumerate(counts)
        if number
        for y in [scale.y(number)]
    ]


def _levels(words: Words, scale: _Scale, most: int) -> list[tuple[Html, Html]]:
    return [
        (
            h("line", x1=_LEFT, x2=_WIDTH, y1=scale.y(value), y2=scale.y(value)),
            h("text", words.count(int(value)), x=_LEFT - 6, y=scale.y(value) + 4, text_anchor="end"),
        )
        for value in (0, most / 2, most)
    ]


def _dates(words: Words, scale: _Scale, days: int, today: date) -> list[Html]:
    every = max(1, days // _MARKS)
    return [
        h("text", words.day(today - timedelta(days=days - 1 - at)), x=scale.x(at), y=_HEIGHT - 5, text_anchor="middle")
        for at in range(every // 2, days, every)
    ]


def legend(words: Words) -> Html:
    """Return the legend of the lines and bars."""
    keys = [
        h("li", h("span", class_=f"key {name}", aria_hidden="true"), words.say(f"chart_{name}"))
        for name in ("received", "settled", "missed")
    ]
    return h("ul", keys, class_="legend")


def _rounded(most: int) -> int:
    """Return the next even number with one leading digit: 2, 4, 10, 20, 40, 100."""
    steps: Iterator[int] = (step * 10**power for power in count() for step in (2, 4, 10))
    return next(step for step in steps if step >= most)
