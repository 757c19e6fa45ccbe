"""Clock rules: which deadlines run in which status, and what starts, pauses and follows them.

The policy has the durations. It is checked against this table when it is loaded: a complaint that waits must have a
deadline.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Final

from events import facts as f
from events.vocabulary import OPEN, ClockName, Status


class OnExpiry(Enum):
    """Consequence of an expired deadline."""

    BREACH = "breached, escalates"
    WITHDRAWAL = "deemed withdrawn"
    CLOSURE = "closed by the system"


@dataclass(frozen=True, slots=True)
class Rule:
    """Rule of one clock: it starts on entering `runs_in` and restarts with each of `starts_with`."""

    runs_in: frozenset[Status]
    starts_with: tuple[type[f.Fact], ...]
    on_expiry: OnExpiry = OnExpiry.BREACH


RULES: Final[dict[ClockName, Rule]] = {
    ClockName.VERIFICATION: Rule(
        frozenset({Status.REGISTERED}), (f.ComplaintRegistered, f.ReportCompleted, f.ComplaintRestored)
    ),
    ClockName.COMPLETION: Rule(frozenset({Status.POSTPONED}), (f.ComplaintPostponed,), OnExpiry.WITHDRAWAL),
    ClockName.FOLLOW_UP: Rule(frozenset({Status.DISPOSED, Status.REPLIED}), (f.ComplaintDisposed,)),
    ClockName.CITIZEN_REPLY: Rule(frozenset({Status.FOLLOWED_UP}), (f.FollowUpRecorded,), OnExpiry.CLOSURE),
    ClockName.SETTLEMENT: Rule(OPEN, (f.ComplaintRegistered, f.ComplaintRestored, f.ComplaintReopened)),
    # starts with each rung; runs while a missed deadline lacks its action
    ClockName.ESCALATION: Rule(OPEN, (f.ComplaintEscalated,)),
}


def statuses_without_clock(settlement_pauses_in: Collection[Status]) -> list[Status]:
    """Return the statuses in which a complaint would wait without a deadline if the settlement clock pauses there.

    The escalation clock does not count, since it runs only after a missed deadline.
    """
    unguarded = []
    for status in Status:
        running = {name for name, rule in RULES.items() if status in rule.runs_in} - {ClockName.ESCALATION}
        if status in settlement_pauses_in:
            running.discard(ClockName.SETTLEMENT)
        if status in OPEN and not running:
            unguarded.append(status)
    return unguarded
