"""Dates as people and programs write them; day and month have one order per column."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from enum import StrEnum
from functools import cache
from typing import Final

from babel import Locale

from agents.integrations.entries import BadLayout
from agents.integrations.layouts import catalogue

_LOCALES: Final = ("id", "en")
_ZONES: Final = {"WIB": 7, "WITA": 8, "WIT": 9, "Z": 0, "UTC": 0, "GMT": 0}
_EARLIEST: Final = 1980
"""Earliest plausible date of a report."""
_EARLIEST_EVENT: Final = 1945
_SLACK: Final = timedelta(hours=1)
"""Tolerance for a source whose clock is ahead."""
_CLEAR_MAJORITY: Final = 19
"""Number of cells of one order beside which a single cell of another order is an error."""

_SEPARATED: Final = re.compile(r"(\d{1,2})([./\- ])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
_YEAR_FIRST: Final = re.compile(r"(\d{4})([./\- ])(\d{1,2})\2(\d{1,2})(?!\d)")
_DAY_MONTH: Final = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[\s.\-/]*([^\W\d_]+)\.?[\s,.\-/]*(\d{4}|\d{2})(?!\d)")
_MONTH_DAY: Final = re.compile(r"([^\W\d_]+)\.?[\s\-]+(\d{1,2})(?:st|nd|rd|th)?[\s,\-]+(\d{4})(?!\d)")
_NUMBER: Final = re.compile(r"\d{5,14}(?:\.\d+)?")
_WEEKDAY: Final = re.compile(r"([^\W\d_]+(?:['’][^\W\d_]+)?)[,.]?\s+")  # noqa: RUF001 -- as in the name of Friday
_TIME: Final = re.compile(
    r"(?:T|[\s,]*(?:\b(?:pukul|jam|pkl|at)\b\.?)?\s*)(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,]\d+)?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*\(?(?P<zone>WIB|WITA|WIT|UTC|GMT|Z|[+-]\d{2}(?::?\d{2})?)?\)?",
    re.IGNORECASE,
)


class Order(StrEnum):
    """The order of day, month and year in numbers."""

    DMY = "dmy"
    MDY = "mdy"
    YMD = "ymd"


class Implausible(ValueError):
    """A date is implausible; the message is the reason."""


@dataclass(frozen=True)
class Stamp:
    """A parsed date, with its time and zone if present."""

    day: date
    clock: time | None = None
    zone: tzinfo | None = None

    def moment(self, zone: tzinfo, clock: "Stamp | None" = None) -> datetime:
        """Return the moment in UTC; `clock` and `zone` replace a missing time or zone."""
        other = clock or self
        at = datetime.combine(self.day, self.clock or other.clock or time(), self.zone or other.zone or zone)
        return at.astimezone(UTC)


@dataclass
class DateColumn:
    """The dates of a column, to decide their order."""

    name: str
    requested: Order | None = None
    example: str = ""
    years: bool = False
    """Whether a year may come first."""
    counts: Counter[Order | None] = field(default_factory=Counter)
    """Number of cells that are valid in only one order; None: in several."""

    def see(self, cell: str) -> None:
        """Add a cell of the column."""
        orders = _possible(cell)
        if len(orders) == 1:
            self.counts[next(iter(orders))] += 1
        elif orders:
            self.counts[None] += 1
            self.years |= Order.YMD in orders
            self.example = self.example or cell

    def order(self) -> Order | None:
        """Return the order of the column, None if irrelevant; raise BadLayout if it is ambiguous."""
        if self.requested or not self.counts:
            return self.requested
        ranked = [each for each in self.counts.most_common() if each[0] is not None]
        most, least = (ranked[0][1] if ranked else 0), sum(count for _, count in ranked[1:])
        if ranked and most >= _CLEAR_MAJORITY * least:
            return ranked[0][0]
        what = f"its dates are written in more than one order, such as {self.example or 'day first and month first'}"
        if not ranked:
            what = f"{self.example} may be day first, month first or year first"
        orders = "dmy, --dates mdy or --dates ymd" if self.years else "dmy or --dates mdy"
        what = what if self.years else what.replace(", month first or year first", " or month first")
        raise BadLayout(f"column {self.name!r}: {what}: choose with --dates {orders}")


def _possible(cell: str) -> set[Order]:
    """Return the orders in which a numeric date is valid; none if it is not a date, or the same in all orders."""
    match = _SEPARATED.match(_without_weekday(cell))
    if not match:
        return set()
    days = {order: day for order in (Order.DMY, Order.MDY) if (day := _in_order(match, order))}
    # a year of two digits may come first with the separator of ISO 8601
    first = len(match[4]) == 2 and (not days or match[2] == "-")  # noqa: PLR2004
    if first and (day := _in_order(match, Order.YMD)):
        days[Order.YMD] = day
    return set(days) if len(days) == 1 or len(set(days.values())) > 1 else set()


def _in_order(match: re.Match[str], order: Order) -> date | None:
    parts = dict(zip(order, (match[1], match[3], match[4]), strict=True))
    try:
        return date(_year(parts["y"]), int(parts["m"]), int(parts["d"]))
    except ValueError:
        return None


def _year(digits: str) -> int:
    return int(digits) + (2000 if len(digits) == 2 else 0)  # noqa: PLR2004 -- 26 is 2026


def read_date(cell: str, order: Order | None, zone: tzinfo) -> Stamp | None:
    """Parse a date with optional time; None if it is not one. `zone`: for a number of seconds."""
    text = " ".join(cell.split())
    if _NUMBER.fullmatch(text):
        return _counted(text, zone)
    text = _without_weekday(text)
    try:
        return _date_in(text, order)
    except (ValueError, OverflowError):
        return None  # such as 31 February


def _date_in(text: str, order: Order | None) -> Stamp | None:
    if match := _SEPARATED.match(text):
        day = _in_order(match, order or Order.DMY)
    elif match := _YEAR_FIRST.match(text):
        day = date(int(match[1]), int(match[3]), int(match[4]))
    elif (match := _DAY_MONTH.match(text)) and (month := months().get(match[2].casefold())):
        day = date(_year(match[3]), month, int(match[1]))
    elif (match := _MONTH_DAY.match(text)) and (month := months().get(match[1].casefold())):
        day = date(int(match[3]), month, int(match[2]))
    else:
        return None
    rest = text[match.end() :].strip(" ,")
    if day is None:
        return None
    if not rest:
        return Stamp(day)
    clock = read_time(rest)
    return None if clock is None else Stamp(day, clock.clock, clock.zone)


def read_time(cell: str) -> Stamp | None:
    """Parse a time of day with optional zone; None if it is not one. The day of the result is arbitrary."""
    match = _TIME.fullmatch(cell.strip())
    if not match:
        return None
    hour = int(match[1])
    if half := match["half"]:
        if not 1 <= hour <= 12:  # noqa: PLR2004 -- hours of a half
            return None
        hour = hour % 12 + (12 if half[0] in "Pp" else 0)
    try:
        return Stamp(date.min, time(hour, int(match[2]), int(match[3] or 0)), _zone(match["zone"]))
    except ValueError:
        return None


def _zone(name: str | None) -> tzinfo | None:
    if not name:
        return None
    if (hours := _ZONES.get(name.upper())) is not None:
        return timezone(timedelta(hours=hours))
    digits = name[1:].replace(":", "").ljust(4, "0")
    return timezone((-1 if name[0] == "-" else 1) * timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))


def _counted(number: str, zone: tzinfo) -> Stamp | None:
    """Parse a number as a date: 20260316, days as Excel counts them, seconds or milliseconds since 1970."""
    digits = number.partition(".")[0]
    try:
        match len(digits):
            case 5:
                moment = datetime(1899, 12, 30) + timedelta(days=float(number))  # noqa: DTZ001 -- of no zone
                clock = moment.time().replace(microsecond=0)
                return Stamp(moment.date(), clock if "." in number else None)
            case 8:
                return Stamp(date(int(digits[:4]), int(digits[4:6]), int(digits[6:])))
            case 9 | 10:
                at = datetime.fromtimestamp(int(digits), zone)
            case 12 | 13:
                at = datetime.fromtimestamp(int(digits) / 1000, zone)
            case _:
                return None
    except (ValueError, OverflowError, OSError):
        return None
    return Stamp(at.date(), at.time().replace(microsecond=0), at.tzinfo)


def _without_weekday(cell: str) -> str:
    match = _WEEKDAY.match(cell)
    return cell[match.end() :] if match and match[1].casefold() in weekdays() else cell


@cache
def months() -> Mapping[str, int]:
    """Return the number of each month by its name, long and short, in Indonesian and English."""
    names = {
        name.casefold().rstrip("."): number
        for locale in _LOCALES
        for width in ("wide", "abbreviated")
        for number, name in Locale(locale).months["format"][width].items()
    }
    return names | catalogue().months


@cache
def weekdays() -> frozenset[str]:
    """Return the names of the days of the week, long and short, in Indonesian and English."""
    names = {
        name.casefold().rstrip(".")
        for locale in _LOCALES
        for width in ("wide", "abbreviated")
        for name in Locale(locale).days["format"][width].values()
    }
    return frozenset(names | {"jum'at", "jumaat", "ahad"})


def reported_at(stamp: Stamp, clock: Stamp | None, zone: tzinfo, now: datetime) -> datetime:
    """Return the time of a report in UTC, with `clock` of another column; raise Implausible for an implausible one."""
    if stamp.day.year < _EARLIEST:
        raise Implausible(f"is before {_EARLIEST}")
    if stamp.day.year > now.year + 1 or stamp.moment(zone, clock) > now + _SLACK:
        raise Implausible("is in the future")
    return stamp.moment(zone, clock)


def plausible_day(day: date, reported: date) -> date:
    """Return the day of an event; raise Implausible if it is too old or after the day of its report."""
    if day.year < _EARLIEST_EVENT:
        raise Implausible(f"is before {_EARLIEST_EVENT}")
    if day > reported:
        raise Implausible("is after the report, or in the future")
    return day
