"""Overrides: other durations, or another ladder, by category, class or the level of the office that holds a complaint.

**Precedence.** For each rule, the most specific override that sets it and whose conditions hold applies: the longest
category, then one with a class, then one with a level. Two with the same conditions may not set the same rule, so that
their order in the file is irrelevant (docs/adr/0046).

**Time.** A clock keeps the override of its start, even if category or holder change; the next clock and the next rung
use the state of the complaint at that time.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo

from events.vocabulary import ClockName, ComplaintClass
from workflow.policy.offices import Level, Slug, Words, belongs, refer, slug_of
from workflow.policy.terms import Model, Term

SUPERIOR: Final = "superior"
"""Rung of a ladder: the office above the holder."""
NATIONAL: Final = "national"
"""Rung of a ladder: the national administrator."""
LADDER: Final = "ladder"
OverridableRule = ClockName | Literal["ladder"]
"""Name of a rule that an override can set."""
_BEFORE_AN_OFFICE: Final = (ClockName.VERIFICATION, ClockName.COMPLETION, ClockName.SETTLEMENT)
"""Clocks that start before an office holds the complaint, so without a level."""
CONDITIONS: Final = ("category", "class", "level")
RULES: Final = ("clocks", LADDER)
SOURCE: Final = "source"
"""Keys of an override that state its source."""


def _rung(name: str, info: ValidationInfo) -> str:
    return refer(name, info, SUPERIOR, NATIONAL)


Ladder = Annotated[tuple[Annotated[Slug, AfterValidator(_rung)], ...], Field(min_length=1)]
"""Rungs, lowest first: `superior`, `national` or the id of an office."""


class Override(Model):
    """Different rules for complaints that meet all of its conditions."""

    category: Slug | None = None
    """The category or a parent of it."""
    class_: Annotated[ComplaintClass | None, Field(alias="class")] = None
    level: Level | None = None
    """Level of the holder."""
    clocks: dict[ClockName, Term] = Field(default_factory=dict)
    """Durations of clocks, including `settlement`."""
    ladder: Ladder | None = None
    source: Words | None = None
    """Source, for people."""

    def __str__(self) -> str:
        written = {"category": self.category, "class": self.class_, "level": self.level}
        return ", ".join(f"{key}={value}" for key, value in written.items() if value is not None)

    @property
    def rules(self) -> tuple[OverridableRule, ...]:
        """Names of the rules that the override sets."""
        return (*self.clocks, *((LADDER,) if self.ladder else ()))

    @property
    def precedence(self) -> tuple[int, bool, bool]:
        """Sort key: a more specific override has a higher value."""
        words = 0 if self.category is None else self.category.count("-") + 1
        return words, self.class_ is not None, self.level is not None

    def holds_for(self, category: str | None, complaint_class: ComplaintClass, level: Level | None) -> bool:
        """Check whether all conditions hold; an unknown category or level meets none."""
        return (
            (self.category is None or (category is not None and belongs(slug_of(category), {self.category})))
            and self.class_ in {None, complaint_class}
            and self.level in {None, level}
        )


def most_specific(
    overrides: Sequence[Override],
    rule: OverridableRule,
    category: str | None,
    complaint_class: ComplaintClass,
    level: Level | None,
) -> Override | None:
    """Return the override that applies to a rule of a complaint; None without one."""
    applicable = (each for each in overrides if rule in each.rules and each.holds_for(category, complaint_class, level))
    return max(applicable, key=lambda each: each.precedence, default=None)


def meaningless(override: Override, misread: Collection[str] = ()) -> Iterator[str]:
    """Yield reasons why an override has no effect, except those that depend on unreadable keys."""
    if not str(override) and not set(misread) - {*RULES, SOURCE}:
        yield "one is for no category, class or level: change the rule itself"
    elif not override.rules and not set(misread) - {*CONDITIONS, SOURCE}:
        yield f"the one of {override} sets neither a clock nor the ladder"
    elif early := [name for name in _BEFORE_AN_OFFICE if override.level and name in override.clocks]:
        yield f"the one of {override} sets {early[0]}, which starts before an office holds it: leave out level"


def repeated(overrides: Sequence[Override]) -> Iterator[str]:
    """Yield overrides that set the same rule under the same conditions."""
    for one, other in combinations(overrides, 2):
        if str(one) and str(one) == str(other) and (both := [rule for rule in one.rules if rule in other.rules]):
            yield f"two of {one} set {', '.join(both)}: keep one"


def readable(written: object) -> tuple[Override, frozenset[str]] | None:
    """Return the readable part of an override, and its unreadable keys; None if it is not a table."""
    if not isinstance(written, Mapping):
        return None
    kept, misread = dict(written), set[str]()
    while True:
        try:
            return Override.model_validate(kept), frozenset(misread)
        except ValidationError as error:
            for key, *inner in {details["loc"] for details in error.errors()}:
                misread.add(str(key))
                table = kept.get(str(key))
                if inner and isinstance(table, Mapping):
                    kept[str(key)] = {name: value for name, value in table.items() if name != inner[0]}
                else:
                    kept.pop(str(key), None)


def shadowed(overrides: Sequence[Override]) -> Iterator[tuple[Override, OverridableRule]]:
    """Yield each override with a rule that is always overridden by more specific ones."""
    for override in overrides:
        cases = [
            (override.category, kind, level)
            for kind in ComplaintClass
            for level in Level
            if override.holds_for(override.category, kind, level)
        ]
        for rule in override.rules:
            if all(most_specific(overrides, rule, *case) is not override for case in cases):
                yield override, rule
