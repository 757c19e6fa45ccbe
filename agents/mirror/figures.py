"""Reports: figures of a period beside those of the period before.

A complaint counts in the period of its receipt, so figures of a past period change while its complaints are open.
Archived and withdrawn complaints do not count as resolved. Secret complaints count only in totals and by time and
class.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from agents.mirror.definitions import FIGURES, REPORTS, Grouping, Report, Shape
from agents.mirror.stores import Reading
from events.errors import AlurError

MIN_COMPARED: Final = 10
"""Rows with fewer complaints are shown last and not compared, since their shares are chance."""
_PERIOD: Final = re.compile(r"(?P<year>\d{4})(?:-Q(?P<quarter>[1-4])|-(?P<month>\d{2}))?")
_Z95: Final = 1.959964


class FigureError(AlurError):
    """The requested report is not possible; the message is one line."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `start` until before `end`, in the national zone."""

    start: date
    end: date
    name: str

    @classmethod
    def parse(cls, text: str) -> "Period":
        """Read `2026`, `2026-Q3` or `2026-09`; raise FigureError for anything else."""
        match = _PERIOD.fullmatch(text)
        if not match or not 1 <= int(match["month"] or 1) <= 12 or not 2 <= int(match["year"]) < date.max.year:  # noqa: PLR2004
            raise FigureError(
                f"{text!r} is not a period: give a year, quarter or month such as 2026, 2026-Q3 or 2026-09"
            )
        if match["quarter"]:
            return _months(int(match["year"]), int(match["quarter"]) * 3 - 3, 3)
        return _months(int(match["year"]), int(match["month"]) - 1, 1) if match["month"] else _months(int(text), 0, 12)

    def before(self) -> "Period":
        """Return the period of the same kind before this one."""
        count = (self.end.year - self.start.year) * 12 + self.end.month - self.start.month
        return _months(self.start.year, self.start.month - 1 - count, count)


def _months(year: int, first: int, count: int) -> Period:
    start, end = (date(year + month // 12, month % 12 + 1, 1) for month in (first, first + count))
    names = {1: f"{start:%Y-%m}", 3: f"{start:%Y}-Q{start.month // 3 + 1}", 12: f"{start:%Y}"}
    return Period(start, end, names[count])


_COARSE: Final = frozenset({Grouping.TOTAL, Grouping.MONTH, Grouping.CLASS, Grouping.CLOCK})


@dataclass(frozen=True, slots=True)
class Line:
    """The figures of one group, those of the period before, and the change of each share with its interval."""

    group: str
    size: int
    """Complaints, or deadlines."""
    values: dict[str, Any]
    before: dict[str, Any]
    changes: dict[str, tuple[float, float, float]]
    """By share: its change and the 95 % interval of that (Newcombe 1998, method 10)."""
    growth: dict[str, float]
    """By count that is large enough: its relative change."""

    @property
    def few(self) -> bool:
        """Whether there are too few complaints to compare."""
        return self.size < MIN_COMPARED


def report(
    reading: Reading, name: Report, period: Period, *, by: Grouping | None = None, office: str | None = None
) -> list[Line]:
    """Compute a report of the complaints received in `period`; raise FigureError for an unknown office or grouping.

    One line per value of `by`. With `office`, only complaints of it and its units count.
    """
    shape = REPORTS[name]
    by = by or shape.grouping
    if by is Grouping.CLOCK and name is not Report.DEADLINES:
        raise FigureError("only the report deadlines has a line for each clock")
    if office is not None and not reading.rows("SELECT 1 FROM offices WHERE office = %s", (office,)):
        raise FigureError(f"no office {office!r} is in the mirror: alur report offices lists those with complaints")
    now, earlier = _groups(reading, shape, period, by, office)
    lines = [_line(group, shape.figures, counts, earlier.get(group)) for group, counts in now.items()]
    if by is Grouping.MONTH:
        return lines
    return sorted(lines, key=lambda line: (line.few, 0 if line.few else -line.size, line.group))


NO_GROUP: Final = "none"
"""The group of complaints without an office, a place or a category."""
Counts = dict[str, Any]
"""Values of figures; of a share, both counts."""


def _groups(
    reading: Reading, shape: Shape, period: Period, by: Grouping, office: str | None
) -> tuple[dict[str, Counts], dict[str, Counts]]:
    """Return the groups of the period, each with its baseline: the same group, or month, of the period before."""
    figures = shape.figures
    selected = [FIGURES[name].sql for name in figures] + [FIGURES[name].of or "NULL" for name in figures]
    first = _months(period.start.year, period.start.month - 2, 1) if by is Grouping.MONTH else period.before()
    where = "received_on >= %s AND received_on < %s"
    parameters: list[object] = [period.start, first.start, period.end]
    if office is not None:
        where += " AND (office = %s OR agency = %s)"
        parameters += [office, office]
    if office is not None or by not in _COARSE:
        where += " AND NOT secret"
    query = (
        f"SELECT received_on >= %s, {by.sql}, {', '.join(selected)} FROM {shape.view} "  # noqa: S608 -- SQL of this module
        f"WHERE {where} GROUP BY 1, 2 ORDER BY 2"
    )
    now: dict[str, Counts] = {}
    earlier: dict[str, Counts] = {}
    for in_period, key, *values in reading.rows(query, parameters):
        counts = dict(zip(figures, zip(values[: len(figures)], values[len(figures) :], strict=True), strict=True))
        name = NO_GROUP if key is None else f"{key:%Y-%m}" if isinstance(key, date) else str(key)
        (now if in_period else earlier)[name] = counts
    if by is Grouping.MONTH:
        months = earlier | now
        earlier = {name: months[before] for name in now if (before := Period.parse(name).before().name) in months}
    return now, earlier


def _line(group: str, figures: Sequence[str], now: Counts, before: Counts | None) -> Line:
    values, values_before = _shown(now, figures), _shown(before, figures)
    changes, growth = {}, {}
    if before:
        for name in figures:
            (value, of), (value_before, of_before) = now[name], before[name]
            if of is not None and min(of, of_before) >= MIN_COMPARED:
                changes[name] = change_of_share(value, of, value_before, of_before)
            elif isinstance(value, int) and of is None and value_before >= MIN_COMPARED:
                growth[name] = value / value_before - 1
    return Line(group, values[figures[0]], values, values_before, changes, growth)


def _shown(counts: Counts | None, figures: Sequence[str]) -> dict[str, Any]:
    """Return the values for display; for a share the quotient."""
    if counts is None:
        return dict.fromkeys(figures)
    shown: dict[str, Any] = {}
    for name, (value, of) in counts.items():
        if FIGURES[name].of is not None:
            shown[name] = value / of if of else None
        else:
            shown[name] = value if value is None or isinstance(value, int) else float(value)
    return shown


def change_of_share(count: int, of: int, count_before: int, of_before: int) -> tuple[float, float, float]:
    """Return the change of a share and its 95 % interval, by Newcombe's hybrid score method (1998, method 10)."""
    now, before = count / of, count_before / of_before
    (low, high), (low_before, high_before) = _wilson(count, of), _wilson(count_before, of_before)
    change = now - before
    return (
        change,
        change - math.hypot(now - low, high_before - before),
        change + math.hypot(high - now, before - low_before),
    )


def _wilson(count: int, of: int) -> tuple[float, float]:
    share, z2 = count / of, _Z95**2
    middle = share + z2 / (2 * of)
    spread = _Z95 * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return (middle - spread) / (1 + z2 / of), (middle + spread) / (1 + z2 / of)
