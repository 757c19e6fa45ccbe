"""Durations as policies write them: ``"3 working days"``, ``"8 working hours"``, ``"30 days"``, ``"20 seconds"``.

A duration keeps its unit until `workflow.deadlines.due_dates` applies it to a calendar, since the length of working
days depends on their start.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final


class Unit(StrEnum):
    """Unit of a duration."""

    WORKING_DAYS = "working days"
    DAYS = "days"
    WORKING_SECONDS = "working seconds"
    """Time within office hours; policies write it in hours or minutes."""
    SECONDS = "seconds"

    @property
    def in_days(self) -> bool:
        """Return whether the unit is days, which end with the day, unlike time."""
        return self in _IN_DAYS


_IN_DAYS: Final = frozenset({Unit.WORKING_DAYS, Unit.DAYS})
_WORDS: Final = {
    "working day": (Unit.WORKING_DAYS, 1),
    "day": (Unit.DAYS, 1),
    "working second": (Unit.WORKING_SECONDS, 1),
    "working minute": (Unit.WORKING_SECONDS, 60),
    "working hour": (Unit.WORKING_SECONDS, 3600),
    "second": (Unit.SECONDS, 1),
    "minute": (Unit.SECONDS, 60),
    "hour": (Unit.SECONDS, 3600),
}
_SPELLINGS: Final = _WORDS | {f"{word}s": unit for word, unit in _WORDS.items()}
# A century (of eight-hour days): more than any deadline, and little enough to add to a date without overflow. The
# policy checks how many days that takes with its office hours.
LONGEST_IN_DAYS: Final = 36_525
_LONGEST: Final = {
    Unit.WORKING_DAYS: LONGEST_IN_DAYS,
    Unit.DAYS: LONGEST_IN_DAYS,
    Unit.WORKING_SECONDS: LONGEST_IN_DAYS * 8 * 3_600,
    Unit.SECONDS: LONGEST_IN_DAYS * 86_400,
}
_WRITTEN: Final = re.compile(r"(?P<amount>[0-9]+(?:\.[0-9]+)?) (?P<unit>[a-z ]+)")


@dataclass(frozen=True, slots=True)
class Duration:
    """An amount of one unit: whole days, or seconds in whole milliseconds; from zero to a century, else ValueError."""

    amount: int | float
    unit: Unit

    def __post_init__(self) -> None:
        """Raise ValueError for an invalid amount, and normalize others (``20``, not ``20.0``)."""
        if not 0 <= self.amount <= _LONGEST[self.unit]:
            raise ValueError(f"{self.amount} {self.unit} is not between 0 and {_LONGEST[self.unit]}")
        if isinstance(self.amount, int):
            return
        amount = self.amount if self.unit.in_days else round(self.amount, 3)
        if amount == int(amount):
            amount = int(amount)
        elif self.unit.in_days:
            raise ValueError(f"{amount} {self.unit}: days are counted whole")
        object.__setattr__(self, "amount", amount)

    @classmethod
    @lru_cache(maxsize=1_024)  # cached: very many clocks share few durations
    def parse(cls, text: str) -> "Duration":
        """Read ``"3 working days"``, ``"8 working hours"`` or ``"20 seconds"``; minutes and hours become seconds.

        Raises ValueError with a line that shows how a duration is written.
        """
        match = _WRITTEN.fullmatch(" ".join(text.split()).lower())
        if match is None or match["unit"] not in _SPELLINGS:
            raise ValueError(f'"{text}" is not a duration (write "3 working days", "30 days" or "20 seconds")')
        unit, factor = _SPELLINGS[match["unit"]]
        written = match["amount"]
        return cls((float(written) if "." in written else int(written)) * factor, unit)

    def __str__(self) -> str:
        """Return the duration as a policy writes it; `parse` reads it back."""
        amount, unit = self.amount, self.unit.value
        if self.unit is Unit.WORKING_SECONDS and amount and not amount % 60:
            amount, unit = (amount // 60, "working minutes") if amount % 3600 else (amount // 3600, "working hours")
        return f"{amount} {unit.removesuffix('s') if amount == 1 else unit}"

    def rounded(self) -> str:
        """Return the duration for people: working time in hours and minutes, seconds without a fraction."""
        hours, minutes = divmod(round(self.amount / 60), 60)
        if self.unit is not Unit.WORKING_SECONDS or not hours + minutes:
            return str(Duration(round(self.amount), self.unit))
        if hours and minutes:
            return f"{hours} h {minutes} min of working time"
        return str(Duration((hours * 60 + minutes) * 60, self.unit))

    def __mul__(self, times: int) -> "Duration":
        """Multiply the duration, such as one day of extension by the number of days."""
        return Duration(self.amount * times, self.unit)
