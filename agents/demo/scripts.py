"""What the people around a complaint are going to do about it: drawn by lot, the same for the same seed."""

from dataclasses import dataclass
from enum import Enum, auto
from random import Random
from typing import Final, TypeVar

from events.vocabulary import ArchiveReason


class Completing(Enum):
    """What a citizen does who is asked to complete the report."""

    IN_TIME = auto()
    LATE = auto()
    """Answers after the report counts as withdrawn: refused."""
    NEVER = auto()


class Conduct(Enum):
    """What the office does that holds the complaint."""

    PROMPT = auto()
    LATE = auto()
    """Follows up after the deadline."""
    ASKS_TIME = auto()
    """Asks its superior for more time, and follows up then."""
    RETURNS = auto()
    """Says that it is not competent; the next office follows up."""
    RETURNS_AGAIN = auto()
    """So does the next one, until the arbiter decides."""
    NEVER = auto()
    """Answers only when it has been escalated to the second rung."""


class Answering(Enum):
    """What the citizen does after the office's follow-up."""

    SILENT = auto()
    REPLIES = auto()
    REPLIES_LATE = auto()
    """After the complaint has been closed: refused."""
    WITHDRAWS = auto()
    """Takes the complaint back, at some time."""


class OfficeConduct(Enum):
    """What the national administrator does with what no rule routes."""

    DISPOSES = auto()
    ARCHIVES = auto()
    WAITS = auto()
    """Nothing: it stays visible there until the deadlines pass."""


@dataclass(frozen=True, slots=True)
class Script:
    """What everybody will do about one complaint."""

    citizen: str | None = None
    """Subject of the reporter; None if the channel that reported it speaks."""
    completing: Completing = Completing.IN_TIME
    conduct: Conduct = Conduct.PROMPT
    answering: Answering = Answering.SILENT
    desk: OfficeConduct = OfficeConduct.DISPOSES
    reason: ArchiveReason = ArchiveReason.OUT_OF_SCOPE
    """Why the desk archives it, if it does."""
    duplicate_of: str | None = None
    """The complaint that it repeats."""
    granted: bool = True
    """What the superior says to a request for more time."""
    closes: bool = False
    """The administrator closes it after a follow-up, instead of waiting."""
    rating: int | None = None


_Choice = TypeVar("_Choice")
_COMPLETING: Final = {Completing.IN_TIME: 60, Completing.LATE: 8, Completing.NEVER: 32}
_CONDUCT: Final = {
    Conduct.PROMPT: 62,
    Conduct.LATE: 14,
    Conduct.ASKS_TIME: 9,
    Conduct.RETURNS: 5,
    Conduct.RETURNS_AGAIN: 2,
    Conduct.NEVER: 8,
}
_ANSWERING: Final = {Answering.SILENT: 66, Answering.REPLIES: 24, Answering.REPLIES_LATE: 3, Answering.WITHDRAWS: 7}
_DESK: Final = {OfficeConduct.DISPOSES: 75, OfficeConduct.ARCHIVES: 10, OfficeConduct.WAITS: 15}
_RATINGS: Final = {None: 55, 1: 5, 2: 6, 3: 10, 4: 14, 5: 10}


def pick(lots: Random, weights: dict[_Choice, int]) -> _Choice:
    """Draw one of the keys by its weight."""
    [found] = lots.choices(list(weights), list(weights.values()))
    return found


def drawn(lots: Random, citizen: str | None = None) -> Script:
    """Draw a script."""
    return Script(
        citizen=citizen,
        completing=pick(lots, _COMPLETING),
        conduct=pick(lots, _CONDUCT),
        answering=pick(lots, _ANSWERING),
        desk=pick(lots, _DESK),
        reason=lots.choice((ArchiveReason.TOO_GENERAL, ArchiveReason.UNCLEAR, ArchiveReason.OUT_OF_SCOPE)),
        granted=lots.random() < 0.7,  # noqa: PLR2004 -- most superiors agree
        closes=lots.random() < 0.15,  # noqa: PLR2004 -- few administrators close by hand
        rating=pick(lots, _RATINGS),
    )
