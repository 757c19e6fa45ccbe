"""Scripts: the random but reproducible behaviour of the people around a complaint."""

from dataclasses import dataclass
from enum import Enum, auto
from random import Random
from typing import Final, TypeVar

from events.vocabulary import ArchiveReason


class Completing(Enum):
    """Behaviour of a citizen who is asked to complete the report."""

    IN_TIME = auto()
    LATE = auto()
    """Answers after the report counts as withdrawn, and is refused."""
    NEVER = auto()


class Conduct(Enum):
    """Behaviour of the office that holds the complaint."""

    PROMPT = auto()
    LATE = auto()
    ASKS_TIME = auto()
    """Asks its superior for more time, and follows up then."""
    RETURNS = auto()
    """The first office returns it as not competent, the next one follows up."""
    RETURNS_AGAIN = auto()
    """Every office returns it, until the arbiter decides."""
    EMPTY = auto()
    """Answers without substance, until its superior rejects that."""
    NEVER = auto()
    """Answers only after the escalation to the second rung."""


class Answering(Enum):
    """Behaviour of the citizen after the office's follow-up."""

    SILENT = auto()
    REPLIES = auto()
    REPLIES_LATE = auto()
    """After the closing, which the reply does not change."""
    WITHDRAWS = auto()


class OfficeConduct(Enum):
    """Behaviour of the national administrator with a complaint without a route."""

    DISPOSES = auto()
    ARCHIVES = auto()
    WAITS = auto()
    """Disposes only after the escalation of the missed deadline."""
    FORGETS = auto()
    """Does nothing until the ladder is exhausted."""


@dataclass(frozen=True, slots=True)
class Script:
    """Behaviour of all people about one complaint."""

    citizen: str | None = None
    """Subject of the reporter; None if the channel replies."""
    completing: Completing = Completing.IN_TIME
    conduct: Conduct = Conduct.PROMPT
    answering: Answering = Answering.SILENT
    desk: OfficeConduct = OfficeConduct.DISPOSES
    reason: ArchiveReason = ArchiveReason.OUT_OF_SCOPE
    """Reason for which the desk archives it, if any."""
    duplicate_of: str | None = None
    """The complaint that it repeats."""
    granted: bool = True
    """Decision of the superior about an extension."""
    closes: bool = False
    """The administrator closes it after a follow-up."""
    rating: int | None = None


_Choice = TypeVar("_Choice")
_COMPLETING: Final = {Completing.IN_TIME: 60, Completing.LATE: 8, Completing.NEVER: 32}
_CONDUCT: Final = {
    Conduct.PROMPT: 56,
    Conduct.LATE: 14,
    Conduct.ASKS_TIME: 9,
    Conduct.RETURNS: 5,
    Conduct.RETURNS_AGAIN: 2,
    Conduct.EMPTY: 6,
    Conduct.NEVER: 8,
}
_ANSWERING: Final = {Answering.SILENT: 66, Answering.REPLIES: 24, Answering.REPLIES_LATE: 3, Answering.WITHDRAWS: 7}
_DESK: Final = {
    OfficeConduct.DISPOSES: 75,
    OfficeConduct.ARCHIVES: 10,
    OfficeConduct.WAITS: 13,
    OfficeConduct.FORGETS: 2,
}
_RATINGS: Final = {None: 55, 1: 5, 2: 6, 3: 10, 4: 14, 5: 10}


def pick(lots: Random, weights: dict[_Choice, int]) -> _Choice:
    """Return a random key, by weight."""
    [key] = lots.choices(list(weights), list(weights.values()))
    return key


def drawn(lots: Random, citizen: str | None = None) -> Script:
    """Return a random script."""
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
