"""Calendar report: the days off of a year by month with their sources, and the announcements."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from events.announcements import Announcement
from workflow.deadlines.working_days import Calendar
from workflow.policy.model import Policy


class Kind(StrEnum):
    """Source of a day off."""

    HOLIDAY = "national holiday"
    COLLECTIVE_LEAVE = "collective leave"
    POLICY = "policy"
    """The policy file adds it."""
    ANNOUNCED = "announced"


@dataclass(frozen=True, slots=True)
class DayOff:
    """A named day off. On a weekend, it does not reduce the number of working days."""

    day: date
    name: str
    kind: Kind
    weekend: bool


@dataclass(frozen=True, slots=True)
class Month:
    """A month's working days and days off."""

    first: date
    working_days: int
    days_off: tuple[DayOff, ...]


@dataclass(frozen=True, slots=True)
class Year:
    """A year under one version of a policy."""

    policy: str
    calendar: str
    months: tuple[Month, ...]
    announced: tuple[Announcement, ...]
    """Announcements about its days, in order."""

    @property
    def working_days(self) -> int:
        """Number of working days in the year."""
        return sum(month.working_days for month in self.months)


def year_of(year: int, policy: Policy) -> Year:
    """Return a year under `policy`, with the policy's announcements."""
    days_off = tuple(_days_off(year, policy))
    return Year(
        policy=policy.version,
        calendar=policy.calendar.version,
        months=tuple(_month(date(year, number, 1), days_off, policy.calendar) for number in range(1, 13)),
        announced=tuple(each for each in policy.announcements if each.day.year == year),
    )


def _month(first: date, days_off: tuple[DayOff, ...], calendar: Calendar) -> Month:
    last = first.replace(day=monthrange(first.year, first.month)[1])
    working = calendar.working_days_between(first - timedelta(days=1), last)
    return Month(first, working, tuple(each for each in days_off if first <= each.day <= last))


def _days_off(year: int, policy: Policy) -> Iterator[DayOff]:
    decreed, with_leave = (Calendar(collective_leave=leave).named(year) for leave in (False, True))
    announced = {each.day: each.day_off for each in policy.announcements}
    for day, name in sorted(policy.calendar.named(year).items()):
        if announced.get(day):
            kind = Kind.ANNOUNCED
        elif decreed.get(day) == name:
            kind = Kind.HOLIDAY
        else:
            kind = Kind.COLLECTIVE_LEAVE if with_leave.get(day) == name else Kind.POLICY
        yield DayOff(day, name, kind, weekend=policy.calendar.is_weekend(day))
