"""Clocks of a complaint: how facts start, pause, resume, extend, move and stop them.

`workflow.deadlines.clock_rules` defines when each runs, the policy for how long.
"""

from datetime import datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from events import facts as f
from events.snapshot import Clock, Complaint
from events.vocabulary import ClockName, ComplaintClass, Status
from workflow.deadlines.clock_rules import RULES
from workflow.deadlines.due_dates import due_after_work, due_at, remaining, warn_at, warn_in_working_days
from workflow.deadlines.durations import Duration
from workflow.machine.evolve import OPEN_AGAIN, Clocks, is_pressing, needs_rung
from workflow.policy.model import Policy
from workflow.policy.overrides import Override


class ClockContext(NamedTuple):
    """Inputs of a clock's times besides its start."""

    policy: Policy
    office: str | None
    complaint_class: ComplaintClass
    category: str | None = None

    @classmethod
    def of(cls, policy: Policy, complaint: Complaint) -> "ClockContext":
        """Return the present inputs of the clocks of `complaint`."""
        return cls(policy, complaint.office, complaint.class_, complaint.category)

    def start(self, name: ClockName, at: datetime) -> Clock:
        """Return the clock `name` started at `at` for its full time."""
        zone, override = self.policy.zone_for(name, self.office), self.override_of(name)
        if override is None:
            return self._running(name, at, self.policy.duration_of(name, self.complaint_class), zone)
        duration = override.clocks[name]
        return self._running(name, at, duration, zone).model_copy(update={"allotted": str(duration)})

    def override_of(self, name: ClockName) -> Override | None:
        """Return the policy override with which the clock `name` would start now; None without one."""
        return self.policy.override_of(name, self.category, self.complaint_class, self.office)

    def duration_of(self, name: ClockName, clock: Clock) -> Duration:
        """Return the duration that a clock was started with."""
        allotted = None if clock.allotted is None else Duration.parse(clock.allotted)
        return allotted or self.policy.duration_of(name, self.complaint_class)

    def zone_of(self, name: ClockName, clock: Clock) -> ZoneInfo:
        """Return the time zone of a clock's days: that of its start, whichever office holds the complaint now.

        Counting days in two zones could yield a difference of one. A clock without a recorded zone has the present one.
        """
        return self.policy.zone_for(name, self.office) if clock.zone is None else ZoneInfo(clock.zone)

    def resume(self, name: ClockName, clock: Clock, at: datetime) -> Clock:
        """Return a paused clock resumed with its remaining time."""
        if clock.breached or clock.remaining is None:
            return clock.model_copy(update={"paused": False, "remaining": None})
        again = self._running(name, at, Duration.parse(clock.remaining), self.zone_of(name, clock))
        kept = {"started_at": clock.started_at, "warned": clock.warned, "allotted": clock.allotted}
        return again.model_copy(update=kept | {"resumed_at": at})

    def pause(self, name: ClockName, clock: Clock, at: datetime) -> Clock:
        """Return a running clock paused with its remaining time."""
        if clock.breached or clock.due_at is None:
            return clock.model_copy(update={"paused": True})
        unit = self.duration_of(name, clock).unit
        zone = self.zone_of(name, clock)
        left = remaining(at, clock.due_at, unit, zone, self.policy.calendar, hours=self.policy.hours)
        still = {"paused": True, "due_at": None, "warn_at": None, "remaining": str(left), "zone": zone.key}
        return clock.model_copy(update=still)

    def pause_capped(self, name: ClockName, clock: Clock, at: datetime) -> Clock:
        """Return a clock with capped pauses when one begins: due as if the pause used up the cap.

        So the clock is due even if the pause never ends.
        """
        if clock.breached or clock.due_at is None:
            return clock.model_copy(update={"paused": True})
        left = self.worked(name, clock, at, clock.due_at)
        paused_for = clock.paused_for or f"0 {left.unit}"
        kept = {"remaining": str(left), "paused_for": paused_for}
        cap, used = self._cap.amount, Duration.parse(paused_for).amount
        if used >= cap:
            return self._due_after_work(name, clock, at, left, kept)
        # due_at includes the remaining time: add only the rest of the cap
        spare = Duration(cap - used, left.unit)
        return self._due(name, clock, at, self.after_work(name, clock, clock.due_at, spare), kept)

    def resume_capped(self, name: ClockName, clock: Clock, at: datetime) -> Clock:
        """Return a clock with capped pauses when one ends: moved by the length of the pause, up to the cap."""
        if clock.breached or clock.remaining is None or clock.resumed_at is None:
            return clock.model_copy(update={"paused": False, "remaining": None})
        passed = self.worked(name, clock, clock.resumed_at, at)
        cap, used = self._cap.amount, Duration.parse(clock.paused_for or f"0 {passed.unit}").amount
        total = Duration(min(used + passed.amount, cap), passed.unit)
        kept: dict[str, object] = {"remaining": None, "paused_for": str(total)}
        if total.amount == cap:
            return clock.model_copy(update=kept | {"resumed_at": at})
        return self._due_after_work(name, clock, at, Duration.parse(clock.remaining), kept)

    def stop(self, name: ClockName, clock: Clock, at: datetime) -> Clock:
        """Return a clock stopped by the end of its complaint, with its remaining time."""
        if self.policy.settlement_pause_cap is None or clock.breached:
            return clock if clock.paused else self.pause(name, clock, at)
        running = clock if clock.remaining is None else self.resume_capped(name, clock, at)
        left = self.worked(name, running, at, running.due_at or at)
        still = {"paused": True, "due_at": None, "warn_at": None, "remaining": str(left)}
        return running.model_copy(update=still)

    def go_on(self, name: ClockName, clock: Clock, at: datetime) -> Clock:
        """Return a clock resumed that `stop` has stopped."""
        if self.policy.settlement_pause_cap is None or clock.breached or clock.remaining is None:
            return self.resume(name, clock, at)
        left = Duration.parse(clock.remaining)
        return self._due_after_work(name, clock, at, left, {"paused": False, "remaining": None})

    @property
    def _cap(self) -> Duration:
        cap = self.policy.settlement_pause_cap
        if cap is None:
            raise ValueError("pauses have no cap")
        return cap

    def worked(self, name: ClockName, clock: Clock, after: datetime, through: datetime) -> Duration:
        """Return the working time between two instants, in the unit of the cap."""
        policy, zone = self.policy, self.zone_of(name, clock)
        return remaining(after, through, self._cap.unit, zone, policy.calendar, hours=policy.hours)

    def after_work(self, name: ClockName, clock: Clock, at: datetime, left: Duration) -> datetime:
        """Return when a clock is due that has `left` to run from `at`, in working time."""
        policy, zone = self.policy, self.zone_of(name, clock)
        in_days = self.duration_of(name, clock).unit.in_days
        return due_after_work(at, left, zone, policy.calendar, hours=policy.hours, in_days=in_days)

    def _due_after_work(
        self, name: ClockName, clock: Clock, at: datetime, left: Duration, kept: dict[str, Any]
    ) -> Clock:
        return self._due(name, clock, at, self.after_work(name, clock, at, left), kept)

    def _due(self, name: ClockName, clock: Clock, at: datetime, due: datetime, kept: dict[str, Any]) -> Clock:
        warn = self._warning(name, at, due, self.zone_of(name, clock))
        return clock.model_copy(update=kept | {"due_at": due, "warn_at": warn, "resumed_at": at})

    def extend(self, name: ClockName, clock: Clock, days: int) -> Clock:
        """Return a running clock extended by `days`, counted from its old due time."""
        if clock.due_at is None:
            raise ValueError(f"{name} is paused: there is no due time to extend")
        more = self.policy.extension.day * days
        zone = self.zone_of(name, clock)
        due = due_at(clock.due_at, more, zone, self.policy.calendar, hours=self.policy.hours)
        warn = self._warning(name, clock.started_at, due, zone)
        return clock.model_copy(update={"due_at": due, "warn_at": warn, "warned": False})

    def reschedule(self, name: ClockName, clock: Clock, due: datetime) -> Clock:
        """Return a running clock with another due time and warning; a recorded warning is not repeated."""
        start = clock.resumed_at or clock.started_at
        warn = self._warning(name, start, due, self.zone_of(name, clock))
        return clock.model_copy(update={"due_at": due, "warn_at": warn})

    def _running(self, name: ClockName, at: datetime, duration: Duration, zone: ZoneInfo) -> Clock:
        due = due_at(at, duration, zone, self.policy.calendar, hours=self.policy.hours)
        return Clock(started_at=at, due_at=due, warn_at=self._warning(name, at, due, zone), zone=zone.key)

    def _warning(self, name: ClockName, start: datetime, due: datetime, zone: ZoneInfo) -> datetime | None:
        policy = self.policy
        share = policy.warn.get(name)
        if share is None:
            return None
        if policy.warn_in == "elapsed time":
            return warn_at(start, due, share)
        return warn_in_working_days(start, due, share, zone, policy.calendar, hours=policy.hours)


_RUNNING_IN: Final = {
    status: [
        (name, rule) for name, rule in RULES.items() if name is not ClockName.ESCALATION and status in rule.runs_in
    ]
    for status in Status
}
"""`RULES` by status, without the escalation clock; precomputed, since each fact needs it."""
_OF_ONE_CLOCK: Final = (f.DeadlineWarned, f.DeadlineBreached, f.DeadlineRescheduled)

_TAKEN_BACK: Final = (f.FollowUpRejected, f.ComplaintReopened)
"""Facts that may resume a stopped clock with its remaining time."""


def clocks_after(before: Complaint | None, fact: f.Fact, status: Status, at: datetime, context: ClockContext) -> Clocks:
    """Return the clocks after `fact` has led to `status` at log time `at`."""
    clocks: Clocks = {}
    old = before.clocks if before else {}
    for name, rule in _RUNNING_IN[status]:
        clock = old.get(name)
        clocks[name] = context.start(name, at) if clock is None or isinstance(fact, rule.starts_with) else clock
    _mark(clocks, fact, context)
    if isinstance(fact, _TAKEN_BACK) and before is not None:
        _go_on(clocks, before, at, context)
    if isinstance(fact, f.DeadlineExtended):
        clocks[fact.clock] = context.extend(fact.clock, clocks[fact.clock], fact.working_days)
    _pause_or_resume(clocks, before, status, at, context)
    return _escalation(clocks, before, fact, at, context)


def _go_on(clocks: Clocks, before: Complaint, at: datetime, context: ClockContext) -> None:
    if before.answered_clock is not None:
        clocks[ClockName.FOLLOW_UP] = context.resume(ClockName.FOLLOW_UP, before.answered_clock, at)
    if before.closed_clock is not None:
        clocks[ClockName.SETTLEMENT] = context.go_on(ClockName.SETTLEMENT, before.closed_clock, at)


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


def _pause_or_resume(
    clocks: Clocks, before: Complaint | None, status: Status, at: datetime, context: ClockContext
) -> None:
    name = ClockName.SETTLEMENT
    clock = clocks.get(name)
    if clock is None:
        return
    pausing = context.policy.settlement_pauses_in
    pauses = status in pausing
    if context.policy.settlement_pause_cap is not None:
        paused = before is not None and before.status in pausing
        if pauses and not paused:
            clocks[name] = context.pause_capped(name, clock, at)
        elif paused and not pauses:
            clocks[name] = context.resume_capped(name, clock, at)
        return
    if pauses and not clock.paused:
        clocks[name] = context.pause(name, clock, at)
    elif clock.paused and not pauses:
        clocks[name] = context.resume(name, clock, at)


def _escalation(clocks: Clocks, before: Complaint | None, fact: f.Fact, at: datetime, context: ClockContext) -> Clocks:
    """Add the clock for the time of each rung, while a deadline is missed and the ladder is not exhausted.

    So a complaint that returns to an office after a missed deadline has a clock.
    """
    if before is None or not is_pressing(clocks):
        return clocks
    if isinstance(fact, f.EscalationExhausted) or (before.exhausted and not isinstance(fact, OPEN_AGAIN)):
        return clocks
    name = ClockName.ESCALATION
    clock = before.clocks.get(name)
    if isinstance(fact, f.ComplaintEscalated) or (clock is None and not needs_rung(before, fact, clocks)):
        clock = context.start(name, at)
    if clock is not None:
        clocks[name] = clock
        _mark(clocks, fact, context)
    return clocks
