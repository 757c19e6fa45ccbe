"""Which deadlines run in which status, what starts them, what pauses them, and what happens when they expire.

How long each runs is the policy's; the reasons and sources of the numbers stand there. Policies are held against this
table when they are read: a complaint that waits has to have a deadline.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Final

from events import facts as f
from events.vocabulary import ClockName, Status
from workflow.machine.transitions import OPEN


class OnExpiry(Enum):
    """What follows when a deadline expires."""

    BREACH = "breached, escalates"
    WITHDRAWAL = "deemed withdrawn"
    CLOSURE = "closed by the system"


@dataclass(frozen=True, slots=True)
class Rule:
    """When a clock runs. It starts on entering `runs_in` and starts anew with each of `starts_with`."""

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
    # started by each rung that is climbed; runs while a missed deadline is still pressing
    ClockName.ESCALATION: Rule(OPEN, (f.ComplaintEscalated,)),
}


def statuses_without_clock(settlement_pauses_in: Collection[Status]) -> list[Status]:
    """Return the statuses in which a complaint would wait without any deadline if settlement stands still in those.

    The time of a rung does not count: it runs only once another deadline has been missed.
    """
    found = []
    for status in Status:
        running = {name for name, rule in RULES.items() if status in rule.runs_in} - {ClockName.ESCALATION}
        if status in settlement_pauses_in:
            running.discard(ClockName.SETTLEMENT)
        if status in OPEN and not running:
            found.append(status)
    return found
