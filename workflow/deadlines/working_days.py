"""Working days in Indonesia.

A working day is a day from Monday to Friday that is no national holiday and, unless the policy counts it, no collective
leave (*cuti bersama*). A joint decree of three ministers sets both for each year; the ``holidays`` package has them for
country ``ID`` in the categories ``public`` and ``government``. A decree can change before a new release of the package:
a calendar therefore has dates to add and to remove.

Collective leave is known only for decreed years, and movable feasts of later years are estimates of the package. The
calendar's version shows what a deadline was computed with.
"""

import hashlib
from array import array
from bisect import bisect_right
from collections.abc import Collection, Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

import holidays
from holidays.version import __version__ as holidays_version

_COUNTRY: Final = "ID"
_WEEKEND: Final = {5: "Saturday", 6: "Sunday"}
# The default of the package is the machine's language, which would change reasons.
_LANGUAGE: Final = "en_US"


class Calendar:
    """Calendar of working days. Immutable, except for a cache of years.

    ``collective_leave``: whether those are days off. ``extra``: added holidays with their names. ``removed``: revoked
    holidays. ``base``: holidays of years in place of the package's. Raises ValueError if a day is both added and
    removed.
    """

    __slots__ = ("_base", "_categories", "_extra", "_named", "_removed", "_working", "version")

    version: str
    """Release of the package, categories of days off, and a digest of added and removed days, if any: calendars of one
    version are equal."""

    def __init__(
        self,
        *,
        collective_leave: bool = True,
        extra: Mapping[date, str] | None = None,
        removed: Collection[date] = (),
        base: Mapping[int, Mapping[date, str]] | None = None,
    ) -> None:
        self._categories = ("public", "government") if collective_leave else ("public",)
        self._extra = dict(extra or {})
        self._removed = frozenset(removed)
        if both := sorted(self._removed & self._extra.keys()):
            raise ValueError(f"{both[0]} is both added to the calendar and removed from it")
        self._base = base or {}
        self._named: dict[int, dict[date, str]] = {}
        self._working: dict[int, array[int]] = {}
        self.version = self._describe()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Calendar) and other.version == self.version

    def __hash__(self) -> int:
        return hash(self.version)

    def __repr__(self) -> str:
        return f"<Calendar {self.version}>"

    def changed(self, day: date, name: str | None) -> "Calendar":
        """Return this calendar with a holiday of that name on ``day``, or, for None, with none."""
        extra = {each: named for each, named in self._extra.items() if each != day}
        return Calendar(
            collective_leave="government" in self._categories,
            extra=extra if name is None else extra | {day: name},
            removed=self._removed | {day} if name is None else self._removed - {day},
            base=self._base,
        )

    def pinned(self, years: Mapping[int, Mapping[date, str]]) -> "Calendar":
        """Return a calendar with exactly these days off in these years, in place of the package's and its own."""
        return Calendar(
            collective_leave="government" in self._categories,
            extra={day: name for day, name in self._extra.items() if day.year not in years},
            removed={day for day in self._removed if day.year not in years},
            base=years,
        )

    def is_working_day(self, day: date) -> bool:
        """Return whether the day is a working day."""
        return day.weekday() not in _WEEKEND and day not in self._holidays(day.year)

    def reason_off(self, day: date) -> str | None:
        """Return why the day is off: a holiday's name, "Saturday" or "Sunday"; None for a working day."""
        return self._holidays(day.year).get(day) or _WEEKEND.get(day.weekday())

    def is_weekend(self, day: date) -> bool:
        """Return whether the day is a Saturday or Sunday."""
        return day.weekday() in _WEEKEND

    def named(self, year: int) -> Mapping[date, str]:
        """Return the named days off of a year, including holidays on a weekend."""
        return MappingProxyType(self._holidays(year))

    def add_working_days(self, day: date, count: int) -> date:
        """Return the ``count``-th working day after ``day``; ``day`` itself is not counted.

        Zero gives ``day`` itself, or the next working day if it is a day off. Raises ValueError for a negative count
        and OverflowError beyond the year 9999.
        """
        if count < 0:
            raise ValueError(f"cannot add {count} working days")
        if count == 0:
            if self.is_working_day(day):
                return day
            count = 1
        year = day.year
        working = self.working_ordinals(year)
        index = bisect_right(working, day.toordinal()) + count - 1
        while index >= len(working):
            index -= len(working)
            year += 1
            working = self.working_ordinals(year)
        return date.fromordinal(working[index])

    def working_days_between(self, after: date, through: date) -> int:
        """Count the working days later than ``after`` and not later than ``through``; 0 when there are none."""
        if through <= after:
            return 0
        until = bisect_right(self.working_ordinals(through.year), through.toordinal())
        since = bisect_right(self.working_ordinals(after.year), after.toordinal())
        return until - since + sum(len(self.working_ordinals(year)) for year in range(after.year, through.year))

    def _holidays(self, year: int) -> dict[date, str]:
        named = self._named.get(year)
        if named is None:
            decreed = self._base.get(year)
            if decreed is None:
                decreed = holidays.country_holidays(
                    _COUNTRY, years=year, categories=self._categories, language=_LANGUAGE, expand=False
                )
            named = {day: name for day, name in decreed.items() if day not in self._removed}
            named |= {day: name for day, name in self._extra.items() if day.year == year}
            self._named[year] = named
        return named

    def working_ordinals(self, year: int) -> "array[int]":
        """Return the ordinals of the year's working days, sorted for binary search."""
        working = self._working.get(year)
        if working is None:
            if year > date.max.year:
                raise OverflowError("the working days go beyond the last year a date can have")
            named = self._holidays(year)
            ordinals = range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1)
            days = map(date.fromordinal, ordinals)
            working = array(
                "l", (day.toordinal() for day in days if day.weekday() not in _WEEKEND and day not in named)
            )
            self._working[year] = working
        return working

    def _describe(self) -> str:
        version = f"{_COUNTRY}/{holidays_version}/{'+'.join(self._categories)}"
        if not (self._extra or self._removed or self._base):
            return version
        changes = f"{sorted(self._extra.items())} {sorted(self._removed)}"
        if self._base:
            changes += f" {[(year, sorted(days.items())) for year, days in sorted(self._base.items())]}"
        return f"{version}/{hashlib.sha256(changes.encode()).hexdigest()[:8]}"
