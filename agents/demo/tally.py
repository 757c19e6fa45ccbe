"""Counts of facts and rejections: for the live view, and for the summary of the topics."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Final

from events import facts as f
from events.outcomes import Rejection
from events.snapshot import Complaint
from events.vocabulary import Refusal, Status

BENIGN: Final = frozenset({Refusal.OVERTAKEN, Refusal.NOT_DUE})
"""Rejections that stages get by design: they react again to the next fact."""


class Tally:
    """Present complaints, and counts of their facts and rejections."""

    def __init__(self) -> None:
        self.complaints: dict[str, Complaint] = {}
        self.statuses: Counter[Status] = Counter()
        self.breaches: Counter[str] = Counter()
        self.breached: set[str] = set()
        self.escalations: Counter[int] = Counter()
        self.escalated: set[str] = set()
        self.exhausted: set[str] = set()
        self.missing: defaultdict[str, set[str]] = defaultdict(set)
        """Postponed complaints by missing field."""
        self.postponed: set[str] = set()
        self.rejections: Counter[str] = Counter()
        self.facts = 0

    def fact(self, recorded: f.Recorded) -> None:
        """Count a fact."""
        after = recorded.complaint
        before = self.complaints.get(after.complaint_id)
        if before is not None:
            self.statuses[before.status] -= 1
        self.statuses[after.status] += 1
        self.complaints[after.complaint_id] = after
        self.facts += 1
        self._count(recorded.fact, after.complaint_id)

    def rejection(self, rejection: Rejection) -> None:
        """Count a rejection."""
        self.rejections[rejection.code] += 1

    @property
    def rejected(self) -> int:
        """Number of rejections of people's commands."""
        return sum(number for code, number in self.rejections.items() if code not in BENIGN)

    @property
    def settled(self) -> int:
        """Number of settled complaints."""
        return sum(complaint.outcome is not None for complaint in self.complaints.values())

    @property
    def open(self) -> int:
        """Number of open complaints."""
        return len(self.complaints) - self.settled

    def slowest(self, count: int, now: datetime) -> list[tuple[timedelta, Complaint]]:
        """Return the complaints that took longest; an open one is counted until `now`."""
        took = [((each.closed_at or now) - each.received_at, each) for each in self.complaints.values()]
        return sorted(took, key=lambda pair: pair[0], reverse=True)[:count]

    def _count(self, fact: f.Fact, name: str) -> None:
        match fact:
            case f.DeadlineBreached():
                self.breaches[fact.clock] += 1
                self.breached.add(name)
            case f.ComplaintEscalated():
                self.escalations[fact.rung] += 1
                self.escalated.add(name)
            case f.EscalationExhausted():
                self.exhausted.add(name)
            case f.ComplaintPostponed():
                self.postponed.add(name)
                for missing in fact.missing:
                    self.missing[missing].add(name)
            case _:
                pass
