"""Lengths of time as a policy writes them: ``"3 working days"``, ``"30 days"``, ``"20 seconds"``.

The three units do not convert into each other: how long three working days last depends on where they begin, so a
duration stays what it was written as until `workflow.deadlines` lays it on a calendar.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Unit(StrEnum):
    """What a duration counts."""

    WORKING_DAYS = "working days"
    DAYS = "days"
    SECONDS = "seconds"


_SPELLINGS: Final = {
    "working day": (Unit.WORKING_DAYS, 1),
    "working days": (Unit.WORKING_DAYS, 1),
    "day": (Unit.DAYS, 1),
    "days": (Unit.DAYS, 1),
    "second": (Unit.SECONDS, 1),
    "seconds": (Unit.SECONDS, 1),
    "minute": (Unit.SECONDS, 60),
    "minutes": (Unit.SECONDS, 60),
    "hour": (Unit.SECONDS, 3600),
    "hours": (Unit.SECONDS, 3600),
}
# A century: far beyond any deadline, and near enough that adding it to a date cannot overflow.
_LONGEST: Final = {Unit.WORKING_DAYS: 36_525, Unit.DAYS: 36_525, Unit.SECONDS: 36_525 * 86_400}
_WRITTEN: Final = re.compile(r"(?P<amount>[0-9]+(?:\.[0-9]+)?) (?P<unit>[a-z ]+)")


@dataclass(frozen=True, slots=True)
class Duration:
    """An amount of one unit; never negative, whole when it counts days, in whole milliseconds when it counts seconds.

    Raises ValueError for any other amount, and for more than a century.
    """

    amount: int | float
    unit: Unit

    def __post_init__(self) -> None:
        """Refuse what could not be laid on a calendar, and keep one form of each amount (``20``, never ``20.0``)."""
        if not 0 <= self.amount <= _LONGEST[self.unit]:
            raise ValueError(f"{self.amount} {self.unit} is not between 0 and {_LONGEST[self.unit]}")
        amount = round(self.amount, 3) if self.unit is Unit.SECONDS else self.amount
        if amount == int(amount):
            amount = int(amount)
        elif self.unit is not Unit.SECONDS:
            raise ValueError(f"{amount} {self.unit}: days are counted whole")
        object.__setattr__(self, "amount", amount)

    @classmethod
    def parse(cls, text: str) -> "Duration":
        """Read ``"3 working days"``, ``"30 days"`` or ``"20 seconds"``; minutes and hours become seconds.

        Raises ValueError with a line that says how a duration is written.
        """
        match = _WRITTEN.fullmatch(" ".join(text.split()).lower())
        if match is None or match["unit"] not in _SPELLINGS:
            raise ValueError(f'"{text}" is not a duration (write "3 working days", "30 days" or "20 seconds")')
        unit, factor = _SPELLINGS[match["unit"]]
        written = match["amount"]
        return cls((float(written) if "." in written else int(written)) * factor, unit)

    def __str__(self) -> str:
        """Write it as a policy does; `parse` reads it back."""
        return f"{self.amount} {self.unit.removesuffix('s') if self.amount == 1 else self.unit}"

    def __mul__(self, times: int) -> "Duration":
        """Repeat it, as an extension of several days repeats the policy's one day."""
        return Duration(self.amount * times, self.unit)
