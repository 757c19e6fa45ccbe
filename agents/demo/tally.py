"""Counts of facts and rejections: for the live view, and for the summary of what was read back."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from events import facts as f
from events.outcomes import Rejection
from events.snapshot import Complaint
from events.vocabulary import ClockName, Refusal, Status

OURS: Final = frozenset({Refusal.OVERTAKEN, Refusal.NOT_DUE})
"""Rejections that stages get by design: the next fact shows them the new state."""


@dataclass(slots=True)
class OfficeTally:
    """Results of an office, by disposition."""

    disposed: set[tuple[str, int]] = field(default_factory=set)
    followed: set[tuple[str, int]] = field(default_factory=set)
    late: set[tuple[str, int]] = field(default_factory=set)
    returned: int = 0
    passed_on: int = 0
    """Disposed to another office, mostly a unit of its own, which then has to follow up."""

    @property
    def share(self) -> float:
        """Share of dispositions that it followed up."""
        return len(self.followed) / len(self.disposed) if self.disposed else 0.0


class Tally:
    """The present complaints, and counts of what happened to them."""

    def __init__(self) -> None:
        self.complaints: dict[str, Complaint] = {}
        self.statuses: Counter[Status] = Counter()
        self.breaches: Counter[str] = Counter()
        self.breached: set[str] = set()
        self.escalations: Counter[int] = Counter()
        self.escalated: set[str] = set()
        self.exhausted: set[str] = set()
        self.missing: defaultdict[str, set[str]] = defaultdict(set)
        """Complaints that were postponed, by what they lacked."""
        self.postponed: set[str] = set()
        self.rejections: Counter[str] = Counter()
        self.offices: defaultdict[str, OfficeTally] = defaultdict(OfficeTally)
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
        self._count(recorded.fact, before, after)

    def rejection(self, rejection: Rejection) -> None:
        """Count a rejection."""
        self.rejections[rejection.code] += 1

    @property
    def rejected(self) -> int:
        """Number of rejections of people's commands."""
        return sum(number for code, number in self.rejections.items() if code not in OURS)

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

    def _count(self, fact: f.Fact, before: Complaint | None, after: Complaint) -> None:
        name = after.complaint_id
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
            case f.ComplaintDisposed():
                self._disposed(fact, before, after)
            case f.DispositionReturned():
                self.offices[fact.office].returned += 1
            case f.FollowUpRecorded() if before is not None:
                self._followed(fact, before)
            case _:
                pass

    def _disposed(self, fact: f.ComplaintDisposed, before: Complaint | None, after: Complaint) -> None:
        if before is not None and before.office is not None:
            former = self.offices[before.office]
            former.disposed.discard((before.complaint_id, before.round))
            former.passed_on += 1
        self.offices[fact.office].disposed.add((after.complaint_id, after.round))

    def _followed(self, fact: f.FollowUpRecorded, before: Complaint) -> None:
        office, which = self.offices[fact.office], (before.complaint_id, before.round)
        clock = before.clocks.get(ClockName.FOLLOW_UP)
        if which not in office.followed and clock is not None and clock.breached:
            office.late.add(which)
        office.followed.add(which)
