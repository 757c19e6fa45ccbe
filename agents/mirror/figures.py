"""Figures of a period: definitions in one table, computed from the view `complaint_figures`.

A complaint counts in the period in which it was received, so a figure of a past period goes on changing while its
complaints are open. Archived and withdrawn complaints are never counted as settled. Secret complaints count in totals
and by time and class only.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from agents.mirror.stores import Reading
from events.errors import AlurError

FEW: Final = 10
"""Rows with fewer complaints are shown last and not compared: their shares are chance."""
_PERIOD: Final = re.compile(r"(?P<year>\d{4})(?:-Q(?P<quarter>[1-4])|-(?P<month>\d{2}))?")
_Z95: Final = 1.959964


class Report(StrEnum):
    """The reports."""

    SCORECARD = "scorecard"
    VOLUME = "volume"
    DEADLINES = "deadlines"
    OFFICES = "offices"
    CATEGORIES = "categories"
    DRIVERS = "drivers"
    """What drives a change: see `agents.mirror.drivers`."""


class Grouping(StrEnum):
    """What a report can have a line for."""

    TOTAL = "total"
    MONTH = "month"
    OFFICE = "office"
    AGENCY = "agency"
    LEVEL = "level"
    PROVINCE = "province"
    CITY = "city"
    CATEGORY = "category"
    CLASS = "class"
    CHANNEL = "channel"

    @property
    def sql(self) -> str:
        """The group of a complaint."""
        return {"total": "'all'", "month": "CAST(DATE_TRUNC('month', received_on) AS DATE)"}.get(self, str(self))


class FigureError(AlurError):
    """A report that cannot be made as asked; the message is one line."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `start` to before `end`, in the national zone."""

    start: date
    end: date
    name: str

    @classmethod
    def parse(cls, text: str) -> "Period":
        """Read `2026`, `2026-Q3` or `2026-09`.

        Raises:
            FigureError: it is none of these.
        """
        found = _PERIOD.fullmatch(text)
        if not found or not 1 <= int(found["month"] or 1) <= 12 or not 2 <= int(found["year"]) < date.max.year:  # noqa: PLR2004
            raise FigureError(f"{text!r} is no period: give a year, quarter or month, such as 2026, 2026-Q3 or 2026-09")
        if found["quarter"]:
            return _months(int(found["year"]), int(found["quarter"]) * 3 - 3, 3)
        return _months(int(found["year"]), int(found["month"]) - 1, 1) if found["month"] else _months(int(text), 0, 12)

    def before(self) -> "Period":
        """Return the period of the same kind before this one."""
        count = (self.end.year - self.start.year) * 12 + self.end.month - self.start.month
        return _months(self.start.year, self.start.month - 1 - count, count)


def _months(year: int, first: int, count: int) -> Period:
    start, end = (date(year + month // 12, month % 12 + 1, 1) for month in (first, first + count))
    names = {1: f"{start:%Y-%m}", 3: f"{start:%Y}-Q{start.month // 3 + 1}", 12: f"{start:%Y}"}
    return Period(start, end, names[count])


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, its SQL over `complaint_figures` and its definition. A share has the SQL of both its counts."""

    sql: str
    definition: str
    of: str | None = None
    """Denominator of a share."""


def _count(condition: str) -> str:
    return f"COUNT(CASE WHEN {condition} THEN 1 END)"


def _percentile(share: float) -> str:
    return f"PERCENTILE_CONT({share}) WITHIN GROUP (ORDER BY answer_days)"


_DISPOSED: Final = _count("disposed")
_SETTLED: Final = _count("settled")
FIGURES: Final[dict[str, Figure]] = {
    "received": Figure("COUNT(*)", "complaints received in the period"),
    "verified": Figure(_count("verified"), "of them, verified (terverifikasi)"),
    "disposed": Figure(_DISPOSED, "of them, disposed to an office (terdisposisi)"),
    "answered": Figure(_count("answered"), "of them, with a follow-up of an office (ditindaklanjuti)"),
    "answered_share": Figure(
        _count("disposed AND answered"), "answered, of those disposed; the ministry calls at least 50 % good", _DISPOSED
    ),
    "in_5_days_share": Figure(
        _count("disposed AND answered_working_days <= 5"),
        "first follow-up within 5 working days of receipt, of those disposed",
        _DISPOSED,
    ),
    "median_days": Figure(_percentile(0.5), "median days from receipt to the first follow-up, each of 24 hours"),
    "p90_days": Figure(_percentile(0.9), "nine of ten first follow-ups came within so many days"),
    "settled": Figure(_SETTLED, "closed as resolved (selesai); never archived or withdrawn ones"),
    "on_time_share": Figure(_count("on_time"), "settled without a missed deadline, of those settled", _SETTLED),
    "archived": Figure(_count("archived"), "archived without handling (diarsipkan)"),
    "withdrawn": Figure(_count("withdrawn"), "withdrawn by the reporter, or not completed in time"),
    "open": Figure(_count("open"), "not ended yet"),
    "breaches": Figure("COALESCE(SUM(breaches), 0)", "missed deadlines"),
    "escalations": Figure("COALESCE(SUM(escalations), 0)", "offices notified of missed deadlines"),
    "returned": Figure(_count("returns > 0"), "returned by an office at least once (bukan wewenang)"),
    "rated": Figure("COUNT(rating)", "rated by the reporter"),
    "rating": Figure("AVG(rating)", "mean rating, 1 to 5"),
}

REPORTS: Final[dict[Report, tuple[Grouping, tuple[str, ...]]]] = {
    Report.SCORECARD: (Grouping.TOTAL, tuple(FIGURES)),
    Report.VOLUME: (Grouping.MONTH, ("received", "verified", "disposed", "settled", "archived", "withdrawn", "open")),
    Report.DEADLINES: (Grouping.MONTH, ("received", "settled", "on_time_share", "breaches", "escalations", "open")),
    Report.OFFICES: (Grouping.OFFICE,
        ("received", "answered_share", "in_5_days_share", "median_days", "p90_days", "settled", "on_time_share",
         "returned", "rating", "open"),
    ),
    Report.CATEGORIES: (Grouping.CATEGORY,
        ("received", "answered_share", "median_days", "settled", "on_time_share", "open")),
}  # fmt: skip
"""By name: the grouping unless another is asked for, and the figures."""

_COARSE: Final = frozenset({Grouping.TOTAL, Grouping.MONTH, Grouping.CLASS})


@dataclass(frozen=True, slots=True)
class Line:
    """The figures of one group, those of the period before, and the change of each share with its interval."""

    group: str
    values: dict[str, Any]
    before: dict[str, Any]
    changes: dict[str, tuple[float, float, float]]
    """Of each share: change, and the 95 % interval of the change (Newcombe 1998, method 10)."""

    @property
    def few(self) -> bool:
        """Whether there are too few complaints to compare."""
        return bool(self.values["received"] < FEW)


def report(
    reading: Reading, name: Report, period: Period, *, by: Grouping | None = None, office: str | None = None
) -> list[Line]:
    """Compute a report.

    Args:
        reading: a mirror.
        name: which report.
        period: when the complaints were received.
        by: what has a line each.
        office: only complaints that this office or one of its units holds.

    Raises:
        FigureError: there is no such office.
    """
    grouping, figures = REPORTS[name]
    by = by or grouping
    if office is not None and not reading.rows("SELECT 1 FROM offices WHERE office = %s", (office,)):
        raise FigureError(f"there is no office {office!r} (alur policy show lists them)")
    now = _groups(reading, figures, period, by, office)
    earlier = {} if by is Grouping.MONTH else _groups(reading, figures, period.before(), by, office)
    lines = [
        Line(group, _shown(counts, figures), _shown(earlier.get(group), figures), _changes(counts, earlier.get(group)))
        for group, counts in now.items()
    ]
    return (
        lines
        if by is Grouping.MONTH
        else sorted(lines, key=lambda line: (line.few, -line.values["received"], line.group))
    )


Counts = dict[str, Any]
"""Values of figures; of a share its two counts."""


def _groups(
    reading: Reading, figures: Sequence[str], period: Period, by: Grouping, office: str | None
) -> dict[str, Counts]:
    selected = [FIGURES[name].sql for name in figures] + [FIGURES[name].of or "NULL" for name in figures]
    where = "received_on >= %s AND received_on < %s"
    parameters: list[object] = [period.start, period.end]
    if office is not None:
        where += " AND (office = %s OR agency = %s)"
        parameters += [office, office]
    if office is not None or by not in _COARSE:
        where += " AND NOT secret"
    query = (
        f"SELECT {by.sql}, {', '.join(selected)} FROM complaint_figures "  # noqa: S608 -- SQL of this module
        f"WHERE {where} GROUP BY 1 ORDER BY 1"
    )
    found = {}
    for key, *values in reading.rows(query, parameters):
        counts = dict(zip(figures, zip(values[: len(figures)], values[len(figures) :], strict=True), strict=True))
        found["-" if key is None else f"{key:%Y-%m}" if isinstance(key, date) else str(key)] = counts
    return found


def _shown(counts: Counts | None, figures: Sequence[str]) -> dict[str, Any]:
    """Return values; of a share the quotient."""
    if counts is None:
        return dict.fromkeys(figures)
    shown: dict[str, Any] = {}
    for name, (value, of) in counts.items():
        if FIGURES[name].of is not None:
            shown[name] = value / of if of else None
        else:
            shown[name] = value if value is None or isinstance(value, int) else float(value)
    return shown


def _changes(now: Counts, before: Counts | None) -> dict[str, tuple[float, float, float]]:
    if before is None:
        return {}
    shares = [name for name in now if FIGURES[name].of and min(now[name][1], before[name][1]) >= FEW]
    return {name: change_of_share(*now[name], *before[name]) for name in shares}


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
