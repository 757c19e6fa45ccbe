"""The chart of ninety days: received and settled as lines, what is overdue since a day as bars."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from agents.dashboard.html import Html, h
from agents.dashboard.words import Words

_WIDTH: Final = 720
_HEIGHT: Final = 180
_LEFT: Final = 44
_BOTTOM: Final = 22
_TOP: Final = 8
_MARKS: Final = 4


def chart(words: Words, days: Sequence[Sequence[int]], today: date) -> Html:
    """Return the chart as SVG; `days` are counts of received, settled and overdue, today last."""
    most = _rounded(max((value for day in days for value in day), default=0))
    step = (_WIDTH - _LEFT) / max(1, len(days))

    def x(index: int) -> float:
        return round(_LEFT + (index + 0.5) * step, 1)

    def y(value: float) -> float:
        return round(_TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value / most), 1)

    received, settled = (" ".join(f"{x(at)},{y(day[column])}" for at, day in enumerate(days)) for column in (0, 1))
    bars = [
        h(
            "rect",
            x=round(x(at) - step * 0.4, 1),
            y=y(day[2]),
            width=round(step * 0.8, 1),
            height=round(y(0) - y(day[2]), 1),
        )
        for at, day in enumerate(days)
        if day[2]
    ]
    levels = [
        (
            h("line", x1=_LEFT, x2=_WIDTH, y1=y(value), y2=y(value)),
            h("text", words.count(int(value)), x=_LEFT - 6, y=y(value) + 4, text_anchor="end"),
        )
        for value in (0, most / 2, most)
    ]
    every = max(1, len(days) // _MARKS)
    dates = [
        h("text", words.day(today - timedelta(days=len(days) - 1 - at)), x=x(at), y=_HEIGHT - 5, text_anchor="middle")
        for at in range(every // 2, len(days), every)
    ]
    totals = [sum(day[column] for day in days) for column in range(3)]
    said = words.say(
        "chart_text", **dict(zip(("received", "settled", "missed"), map(words.count, totals), strict=True))
    )
    return h(
        "svg",
        h("title", said),
        h("g", levels, dates, class_="axis"),
        h("g", bars, class_="missed"),
        h("polyline", points=received, class_="received"),
        h("polyline", points=settled, class_="settled"),
        class_="chart",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
    )


def legend(words: Words) -> Html:
    """Return what the lines and bars are."""
    keys = [
        h("li", h("span", class_=f"key {name}", aria_hidden="true"), words.say(f"chart_{name}"))
        for name in ("received", "settled", "missed")
    ]
    return h("ul", keys, class_="legend")


def _rounded(most: int) -> int:
    """Return the next even number with one leading digit: 2, 4, 10, 20, 40, 100."""
    top = 2
    while top < most:
        top *= 2 if str(top)[0] in "12" else 1
        top = top if str(top)[0] != "4" or top >= most else top * 5 // 2
    return top
