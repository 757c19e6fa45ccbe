"""Drivers of a change: its parts by channel, area, category and class, in points of the period before.

A part is the group's change divided by all complaints of the period before, so that the parts of a dimension add up to
the total change. Secret complaints are one group, `-`, in every dimension except class.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from agents.mirror.figures import MIN_COMPARED, NO_GROUP, FigureError, Period
from agents.mirror.stores import Reading

DIMENSIONS: Final = ("channel", "city", "category", "class")
DEFINITION: Final = "points: change of the group, in percent of all complaints received in the period before"
_Cell = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Share of a change that one group has."""

    dimension: str
    group: str
    now: int
    before: int
    points: float
    """Percentage points of the total change."""


@dataclass(frozen=True, slots=True)
class Change:
    """Change of the number of complaints received between two periods, and its parts, the largest first."""

    now: int
    before: int
    parts: tuple[Part, ...]
    sentence: str


def change(reading: Reading, period: Period) -> Change:
    """Split the change from the period before into parts; raise FigureError if that period had no complaint."""
    earlier = period.before()
    now, before = _cells(reading, period), _cells(reading, earlier)
    total = before.total()
    if not total:
        raise FigureError(f"no complaint was received in {earlier.name}, so nothing can be compared with it")

    def parts(dimension: str, name_of: Callable[[_Cell], str]) -> list[Part]:
        groups, groups_before = _grouped(now, name_of), _grouped(before, name_of)
        return [
            Part(dimension, name, groups[name], groups_before[name], 100 * (groups[name] - groups_before[name]) / total)
            for name in sorted(groups | groups_before)
        ]

    single = [part for index, dimension in enumerate(DIMENSIONS) for part in parts(dimension, itemgetter(index))]
    single.sort(key=lambda part: -abs(part.points))
    return Change(now.total(), total, tuple(single), _sentence(now.total(), total, earlier, parts("all", _in_words)))


def _cells(reading: Reading, period: Period) -> Counter[_Cell]:
    hidden = ", ".join(f"CASE WHEN secret THEN NULL ELSE {name} END AS {name}" for name in DIMENSIONS[:-1])
    query = (
        f"SELECT {', '.join(DIMENSIONS)}, COUNT(*) FROM (SELECT {hidden}, class FROM complaint_figures "  # noqa: S608
        "WHERE received_on >= %s AND received_on < %s) AS received GROUP BY 1, 2, 3, 4"
    )
    rows = reading.rows(query, [period.start, period.end])
    return Counter({tuple(NO_GROUP if each is None else str(each) for each in cell): count for *cell, count in rows})


def _grouped(cells: Counter[_Cell], name_of: Callable[[_Cell], str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for cell, count in cells.items():
        counts[name_of(cell)] += count
    return counts


def _in_words(cell: _Cell) -> str:
    channel, city, category, _ = cell
    return f"channel {channel} in {city}, category {category}"


def _sentence(now: int, before: int, earlier: Period, combined: list[Part]) -> str:
    """Return the change as a sentence, with the group that contributes most if it is large enough."""
    total = f"{now / before - 1:+.0%} over {earlier.name}"
    direction = 1 if now >= before else -1
    large = [part for part in combined if max(part.now, part.before) >= MIN_COMPARED and part.points * direction > 0]
    if not large:
        return total
    most = max(large, key=lambda part: abs(part.points))
    return f"{total}: {most.points:+.0f} points from {most.group}"
