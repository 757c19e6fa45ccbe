"""Definitions of the figures, as text and as SQL over one view of `views.sql`; read from `figures.toml`."""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Final


class Report(StrEnum):
    """The reports."""

    SCORECARD = "scorecard"
    VOLUME = "volume"
    DEADLINES = "deadlines"
    OFFICES = "offices"
    CATEGORIES = "categories"
    DRIVERS = "drivers"
    """What drives a change: see `agents.mirror.change_drivers`."""


class Grouping(StrEnum):
    """Dimension by which a report can be grouped."""

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
        """SQL expression for the group of a complaint."""
        return {"total": "'all'", "month": "CAST(DATE_TRUNC('month', received_on) AS DATE)"}.get(self, str(self))


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure: its SQL over the view of its report, and its definition. A share has the SQL of both its counts."""

    sql: str
    definition: str
    of: str | None = None
    """Denominator of a share."""

    def formatted(self, value: int | float | None) -> str:  # noqa: PYI041 -- they are written in different ways
        """Return a formatted value: a share in percent, `-` for none."""
        if value is None:
            return "-"
        if self.of is not None:
            return f"{value:.1%}"
        return f"{value:.1f}" if isinstance(value, float) else f"{value:,}"


@dataclass(frozen=True, slots=True)
class Shape:
    """View, default dimension and figures of a report."""

    view: str
    grouping: Grouping
    """Default dimension."""
    figures: tuple[str, ...]
    """The first one is the size of a group."""


def _figure(*, definition: str, sql: str = "", counted: str = "", of: str | None = None) -> Figure:
    return Figure(sql or _count(counted), definition, of and _count(of))


def _count(condition: str) -> str:
    return f"COUNT(CASE WHEN {condition} THEN 1 END)"


_FILE: Final = tomllib.loads(files("agents.mirror").joinpath("figures.toml").read_text("utf-8"))
FIGURES: Final[dict[str, Figure]] = {name: _figure(**each) for name, each in _FILE["figures"].items()}
REPORTS: Final[dict[Report, Shape]] = {
    Report(name): Shape(each["view"], Grouping(each["grouping"]), tuple(each["figures"]))
    for name, each in _FILE["reports"].items()
}
