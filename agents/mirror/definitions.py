"""The figures: what each counts, in words and in SQL over one view of `views.sql`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


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
    CLOCK = "clock"
    """Of the report `deadlines` only."""

    @property
    def sql(self) -> str:
        """The group of a complaint."""
        return {"total": "'all'", "month": "CAST(DATE_TRUNC('month', received_on) AS DATE)"}.get(self, str(self))


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, its SQL over the view of its report and its definition. A share has the SQL of both its counts."""

    sql: str
    definition: str
    of: str | None = None
    """Denominator of a share."""

    def written(self, value: int | float | None) -> str:  # noqa: PYI041 -- they are written in different ways
        """Return a value for people: a share in percent, `-` for none."""
        if value is None:
            return "-"
        if self.of is not None:
            return f"{value:.1%}"
        return f"{value:.1f}" if isinstance(value, float) else f"{value:,}"


def _count(condition: str) -> str:
    return f"COUNT(CASE WHEN {condition} THEN 1 END)"


def _percentile(share: float) -> str:
    return f"PERCENTILE_CONT({share}) WITHIN GROUP (ORDER BY answer_days)"


_DISPOSED: Final = _count("disposed")
_RESOLVED: Final = _count("resolved")
_OVER: Final = "NOT pending"
_AGE: Final = "from receipt to the newest change in the mirror"
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
    "resolved": Figure(_RESOLVED, "closed (selesai); of what is settled, neither archived nor withdrawn"),
    "on_time_share": Figure(_count("on_time"), "resolved without a missed deadline, of those resolved", _RESOLVED),
    "archived": Figure(_count("archived"), "archived without handling (diarsipkan)"),
    "withdrawn": Figure(_count("withdrawn"), "withdrawn by the reporter, or not completed in time"),
    "reopened": Figure(_count("reopened"), "closed, and opened again"),
    "open": Figure(_count("open"), "not ended yet"),
    "open_to_14_days": Figure(_count("open_days <= 14"), f"open, for up to 14 days {_AGE}"),
    "open_to_60_days": Figure(_count("open_days > 14 AND open_days <= 60"), f"open, for 15 to 60 days {_AGE}"),
    "open_over_60_days": Figure(
        _count("open_days > 60"), f"open, for more than 60 days {_AGE}; the Ombudsman may take them over"
    ),
    "progress_unanswered": Figure(_count("progress_unanswered"), "a progress note, and no follow-up yet"),
    "breaches": Figure("COALESCE(SUM(breaches), 0)", "missed deadlines"),
    "escalations": Figure("COALESCE(SUM(escalations), 0)", "offices notified of missed deadlines"),
    "returned": Figure(_count("returns > 0"), "returned by an office at least once (bukan wewenang)"),
    "rated": Figure("COUNT(rating)", "rated by the reporter"),
    "rating": Figure("AVG(rating)", "mean rating, 1 to 5"),
    "deadlines": Figure(
        "COUNT(*)", "deadlines of complaints received in the period: verification, follow-up, settlement"
    ),
    "kept_share": Figure(
        _count(f"{_OVER} AND NOT missed"), "never missed, of the deadlines that are over", _count(_OVER)
    ),
    "missed": Figure(_count("missed"), "missed at least once"),
    "overdue": Figure(_count("overdue"), "missed, and what was due has not come yet"),
    "pending": Figure(_count("pending"), "running or paused, not missed"),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a report consists of."""

    view: str
    grouping: Grouping
    """Unless another is asked for."""
    figures: tuple[str, ...]
    """The first one counts all, and is the size of a group."""


_COMPLAINTS: Final = "complaint_figures"
_DEADLINES: Final = ("deadlines", "kept_share", "missed", "overdue", "pending")
REPORTS: Final[dict[Report, Shape]] = {
    Report.SCORECARD: Shape(
        _COMPLAINTS, Grouping.TOTAL, tuple(name for name in FIGURES if name not in _DEADLINES)
    ),
    Report.VOLUME: Shape(
        _COMPLAINTS,
        Grouping.MONTH,
        ("received", "verified", "disposed", "resolved", "archived", "withdrawn", "reopened", "open"),
    ),
    Report.DEADLINES: Shape("deadline_figures", Grouping.CLOCK, _DEADLINES),
    Report.OFFICES: Shape(
        _COMPLAINTS,
        Grouping.OFFICE,
        ("received", "answered_share", "in_5_days_share", "median_days", "p90_days", "resolved", "on_time_share",
         "returned", "rating", "open"),
    ),
    Report.CATEGORIES: Shape(
        _COMPLAINTS,
        Grouping.CATEGORY,
        ("received", "answered_share", "median_days", "resolved", "on_time_share", "open"),
    ),
}  # fmt: skip
