"""The deadlines of a complaint as facts start, pause, resume, extend, move and end them.

When each runs stands in `workflow.deadlines.clock_rules`, and how long in the policy.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from events import facts as f
from events.snapshot import Clock, Complaint
from events.vocabulary import ClockName, ComplaintClass, Status
from workflow.deadlines.clock_rules import RULES
from workflow.deadlines.due_dates import due_at, remaining, warn_at
from workflow.deadlines.durations import Duration
from workflow.machine.evolve import Clocks, needs_rung
from workflow.policy.model import Policy


@dataclass(frozen=True, slots=True)
class ClockContext:
    """What a clock's times depend on besides its start."""

    policy: Policy
    office: str | None
    complaint_class: ComplaintClass

    def start(self, name: ClockName, at: datetime) -> Clock:
        """Return the clock `name` started at `at` for its full time, in the zone that counts for it now."""
        duration = self.policy.duration_of(name, self.complaint_class)
        return self._running(name, at, duration, self.policy.zone_for(name, self.office))

    def zone_of(self, name: ClockName, clock: Clock) -> ZoneInfo:
        """Return the zone in which a clock's days end: the one it was started in, whichever office holds it now.

        Days that are counted in one zone and laid out again in another would come out one more or one less. A clock
        of a time when this was not kept has the zone that counts now.
        """
        return self.policy.zone_for(name, self.office) if clock.zone is None else ZoneInfo(clock.zone)

    def resume(self, name: ClockName, clock: Clock, at: datetime) -> Clock:
        """Return a paused clock running again, with what was left of it."""
        if clock.breached or clock.remaining is None:
            return clock.model_copy(update={"paused": False, "remaining": None})
        again = self._running(name, at, Duration.parse(clock.remaining), self.zone_of(name, clock))
        return again.model_copy(update={"started_at": clock.started_at, "resumed_at": at, "warned": clock.warned})

    def pause(self, name: ClockName, clock: Clock, at: datetime) -> Clock:
        """Return a running clock stopped with what is left of it."""
        if clock.breached or clock.due_at is None:
            return clock.model_copy(update={"paused": True})
        unit = self.policy.duration_of(name, self.complaint_class).unit
        zone = self.zone_of(name, clock)
        left = remaining(at, clock.due_at, unit, zone, self.policy.calendar, hours=self.policy.hours)
        still = {"paused": True, "due_at": None, "warn_at": None, "remaining": str(left), "zone": zone.key}
        return clock.model_copy(update=still)

    def extend(self, name: ClockName, clock: Clock, days: int) -> Clock:
        """Return a running clock with `days` more, counted from its old due time."""
        if clock.due_at is None:
            raise ValueError(f"{name} is paused: there is no due time to extend")
        more = self.policy.extension.day * days
        due = due_at(clock.due_at, more, self.zone_of(name, clock), self.policy.calendar, hours=self.policy.hours)
        return clock.model_copy(
            update={"due_at": due, "warn_at": self._warning(name, clock.started_at, due), "warned": False}
        )

    def reschedule(self, name: ClockName, clock: Clock, due: datetime) -> Clock:
        """Return a running clock with another due time; its warning moves with it, and is not given twice."""
        start = clock.resumed_at or clock.started_at
        return clock.model_copy(update={"due_at": due, "warn_at": self._warning(name, start, due)})

    def _running(self, name: ClockName, at: datetime, duration: Duration, zone: ZoneInfo) -> Clock:
        due = due_at(at, duration, zone, self.policy.calendar, hours=self.policy.hours)
        return Clock(started_at=at, due_at=due, warn_at=self._warning(name, at, due), zone=zone.key)

    def _warning(self, name: ClockName, start: datetime, due: datetime) -> datetime | None:
        share = self.policy.warn.get(name)
        return None if share is None else warn_at(start, due, share)


_RUNNING_IN: Final = {
    status: [
        (name, rule) for name, rule in RULES.items() if name is not ClockName.ESCALATION and status in rule.runs_in
    ]
    for status in Status
}
"""`RULES` by status, without the clock that depends on the others: each fact asks."""
_OF_ONE_CLOCK: Final = (f.DeadlineWarned, f.DeadlineBreached, f.DeadlineRescheduled)


def clocks_after(before: Complaint | None, fact: f.Fact, status: Status, at: datetime, context: ClockContext) -> Clocks:
    """Return the deadlines that stand after `fact` has led to `status` at log time `at`."""
    clocks: Clocks = {}
    old = before.clocks if before else {}
    for name, rule in _RUNNING_IN[status]:
        clock = old.get(name)
        clocks[name] = context.start(name, at) if clock is None or isinstance(fact, rule.starts_with) else clock
    _mark(clocks, fact, context)
    if isinstance(fact, f.DeadlineExtended):
        clocks[fact.clock] = context.extend(fact.clock, clocks[fact.clock], fact.working_days)
    _pause_or_resume(clocks, status, at, context)
    return _escalation(clocks, before, fact, at, context)


def _mark(clocks: Clocks, fact: f.Fact, context: ClockContext) -> None:
    if not isinstance(fact, _OF_ONE_CLOCK):
        return
    clock = clocks.get(fact.clock)
    if clock is None:
        return
    if isinstance(fact, f.DeadlineWarned):
        clocks[fact.clock] = clock.model_copy(update={"warned": True})
    elif isinstance(fact, f.DeadlineBreached):
        clocks[fact.clock] = clock.model_copy(update={"breached": True})
    else:
        clocks[fact.clock] = context.reschedule(fact.clock, clock, fact.due_at)


def _pause_or_resume(clocks: Clocks, status: Status, at: datetime, context: ClockContext) -> None:
    name = ClockName.SETTLEMENT
    clock = clocks.get(name)
    if clock is None:
        return
    pauses = status in context.policy.settlement_pauses_in
    if pauses and not clock.paused:
        clocks[name] = context.pause(name, clock, at)
    elif clock.paused and not pauses:
        clocks[name] = context.resume(name, clock, at)


def _escalation(clocks: Clocks, before: Complaint | None, fact: f.Fact, at: datetime, context: ClockContext) -> Clocks:
    """Add the clock that gives each rung its time, while anything is pressing and the ladder is not used up.

    So a complaint that comes back to an office after a missed deadline is never without a clock.
    """
    exhausted = isinstance(fact, f.EscalationExhausted) or (before is not None and before.exhausted)
    if before is None or exhausted or not any(clock.pressing for clock in clocks.values()):
        return clocks
    name = ClockName.ESCALATION
    clock = before.clocks.get(name)
    if isinstance(fact, f.ComplaintEscalated) or (clock is None and not needs_rung(before, fact, clocks)):
        clock = context.start(name, at)
    if clock is not None:
        clocks[name] = clock
        _mark(clocks, fact, context)
    return clocks
