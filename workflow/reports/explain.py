"""Explanation of a deadline: one clock of a complaint, recomputed from the complaint's facts.

Each due time is recomputed from the facts, the policy version and the calendar of that time; differences from the
recorded one are reported.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from events import facts as f
from events.facts import Recorded
from events.snapshot import Clock, Complaint
from events.vocabulary import ClockName, Status
from events.wording import number_of
from workflow.deadlines.clock_rules import RULES, OnExpiry
from workflow.deadlines.due_dates import due_at, remaining
from workflow.deadlines.durations import Duration, Unit
from workflow.machine.clocks import ClockContext
from workflow.policy.model import Policy
from workflow.policy.offices import UnknownOffice
from workflow.reports.day_breakdown import ClockPeriod, Day, day_breakdown


class Happening(StrEnum):
    """Effect of a fact on a clock."""

    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    EXTENDED = "extended"
    RESCHEDULED = "rescheduled"
    WARNED = "warned"
    BREACHED = "breached"
    STOPPED = "stopped"
    PASSED = "passed"


@dataclass(frozen=True, slots=True)
class Step:
    """A fact with an effect on the clock."""

    what: Happening
    at: datetime
    fact: str
    version: int
    detail: str = ""
    """Detail of the step: the days of an extension, the reason, or the status that pauses."""
    due_at: datetime | None = None
    """Due time after the step, as in the fact; None while there is none."""
    left: str | None = None
    """Remaining time at a pause, as in the fact."""


@dataclass(frozen=True, slots=True)
class RuleSource:
    """A rule that a due time depends on, with its source."""

    rule: str
    value: str
    source: str | None
    """Source of the rule; None for a default."""
    override: str | None = None
    """Override that sets the rule: conditions and position."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a clock from start to end: each restart begins another run."""

    duration: str
    rule: RuleSource
    """Rule that sets the duration."""
    office: str | None
    """Office that held the complaint when the clock started."""
    zone: str
    calendar: str
    """Version of the calendar of the last recomputation."""
    announced: int
    """Number of announced changes in this calendar."""
    steps: tuple[Step, ...]
    days: tuple[Day, ...]
    """Days of the run; empty if elapsed time is counted."""
    due_at: datetime | None
    """Due time, of an ended run the last one; None while paused."""
    recomputed: datetime | None
    """Recomputed due time, continued from the recorded one after a difference; None while paused."""
    warn_at: datetime | None
    remaining: str | None
    """Remaining time, while paused."""
    breached: bool
    over: bool
    """Whether the run has ended: by the required action, by expiry, or by a restart."""
    differences: tuple[str, ...]
    """Differences between facts and recomputation."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """All runs of one clock of a complaint, and the rules behind them."""

    complaint_id: str
    tracking_id: str
    clock: ClockName
    policy: str
    """The version that the complaint is pinned to."""
    explained_with: str
    """Version used for the explanation: `policy`, unless that version is unknown now."""
    origins: tuple[RuleSource, ...]
    runs: tuple[Run, ...]

    @property
    def agrees(self) -> bool:
        """Whether all due times in the facts equal the recomputed ones."""
        return not any(run.differences for run in self.runs)


_HAPPENINGS: Final[tuple[tuple[type[f.Fact], Happening], ...]] = (
    (f.DeadlineWarned, Happening.WARNED),
    (f.DeadlineBreached, Happening.BREACHED),
    (f.DeadlineExtended, Happening.EXTENDED),
    (f.DeadlineRescheduled, Happening.RESCHEDULED),
)


def explain(history: Sequence[Recorded], clock: ClockName, policy: Policy) -> Explanation:
    """Return all runs of a clock from the facts of a complaint, with due times recomputed by its `policy`."""
    last = history[-1].complaint
    runs: list[_Run] = []
    before: Clock | None = None
    earlier = history[0].complaint
    for recorded in history:
        after, decided_by = _clock_of(recorded.complaint, clock), policy.as_of(recorded.complaint.calendar)
        anew = (
            before is None
            or isinstance(recorded.fact, RULES[clock].starts_with)
            or (after is not None and after.started_at != before.started_at)
        )
        if before is not None and (after is None or anew):
            runs[-1].stop(recorded, before)
        if after is not None:
            if anew:
                runs.append(_Run(clock, decided_by))
                runs[-1].start(recorded, after, earlier.closed_clock if clock is ClockName.SETTLEMENT else None)
            elif before is not None:
                runs[-1].follow(recorded, before, after, decided_by)
        before, earlier = after, recorded.complaint
    return Explanation(
        complaint_id=last.complaint_id,
        tracking_id=last.tracking_id,
        clock=clock,
        policy=last.policy,
        explained_with=policy.version,
        origins=origins(clock, policy, history, runs[-1] if runs else None),
        runs=tuple(run.result() for run in runs),
    )


def origins(
    clock: ClockName, policy: Policy, history: Sequence[Recorded], run: "_Run | None"
) -> tuple[RuleSource, ...]:
    """Return the rules, with sources, that the due times of a clock depend on, by its last `run`."""
    values: dict[str, str] = {}
    duration, rule = _rule_of(clock, policy, history[-1].complaint) if run is None else (run.duration, run.rule)
    unit = duration.unit
    if unit is not Unit.SECONDS:
        values["zones"] = "the holder's" if policy.zone_rule(clock) == "holder" else "the national one"
    if unit is Unit.WORKING_SECONDS:
        values["hours"] = str(policy.hours)
    if unit in {Unit.WORKING_DAYS, Unit.WORKING_SECONDS}:
        values["collective_leave"] = "days off" if policy.collective_leave else "working days"
    if clock is ClockName.SETTLEMENT:
        if policy.settlement_pause_cap is not None:
            values["settlement_pause_cap"] = str(policy.settlement_pause_cap)
        values["settlement_pauses_in"] = ", ".join(sorted(policy.settlement_pauses_in)) or "never"
    if any(isinstance(recorded.fact, f.DeadlineExtended) and recorded.fact.clock is clock for recorded in history):
        values["extension"] = f"each day of it {policy.extension.day}"
    return rule, *(RuleSource(name, value, policy.sources.get(name)) for name, value in values.items())


def _clock_of(complaint: Complaint, name: ClockName) -> Clock | None:
    """Return the present state of a clock; one stopped by an answer is paused while the answer can be rejected."""
    return complaint.clocks.get(name) or (complaint.answered_clock if name is ClockName.FOLLOW_UP else None)


def _rule_of(clock: ClockName, policy: Policy, complaint: Complaint) -> tuple[Duration, RuleSource]:
    """Return the duration of a clock that starts now, and the rule that sets it."""
    override = ClockContext.of(policy, complaint).override_of(clock)
    if override is None:
        duration = policy.duration_of(clock, complaint.class_)
        return duration, RuleSource(clock, str(duration), policy.sources.get(clock))
    duration = override.clocks[clock]
    place = f"{override} (overrides[{policy.overrides.index(override)}] of {policy.version})"
    return duration, RuleSource(clock, str(duration), override.source, place)


@dataclass(slots=True)
class _Run:
    clock: ClockName
    policy: Policy
    steps: list[Step] = field(default_factory=list)
    periods: list[ClockPeriod] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    zone: ZoneInfo = field(init=False)
    duration: Duration = field(init=False)
    rule: RuleSource = field(init=False)
    office: str | None = None
    last: Clock | None = None
    expected: datetime | None = None
    """Recomputed due time to continue from; None while paused."""
    recomputed: datetime | None = None
    left: Duration | None = None
    """Recomputed remaining time, while paused."""
    over: bool = False

    def start(self, recorded: Recorded, clock: Clock, kept: Clock | None = None) -> None:
        """Apply a fact that starts the clock, or resumes it as it was `kept` when the complaint was closed."""
        complaint = recorded.complaint
        self.office = complaint.office
        self.duration, self.rule = _rule_of(self.clock, self.policy, complaint)
        self.zone = self._zone(clock)
        left = f"with {kept.remaining}" if kept and kept.remaining else ""
        self._add(Happening.RESUMED if kept else Happening.STARTED, recorded, clock, left)
        if kept:
            due = ClockContext.of(self.policy, complaint).go_on(self.clock, kept, recorded.at).due_at
            self._add_stretch(recorded.at, due or recorded.at, Duration.parse(kept.remaining or "0 seconds"))
            self.expected = self.recomputed = due
        else:
            self._run(recorded.at, self.duration, resumed=False)
        (self._pause if clock.paused else self._compare)(recorded, clock)
        self.last = clock

    def follow(self, recorded: Recorded, before: Clock, after: Clock, policy: Policy) -> None:
        self.policy, self.last = policy, after
        what = next((each for kind, each in _HAPPENINGS if isinstance(recorded.fact, kind)), None)
        if what is not None and getattr(recorded.fact, "clock", None) is self.clock:
            self._add_with_detail(what, recorded, after)
        if after.paused_for is not None and (before.remaining is None) != (after.remaining is None):
            self._capped(recorded, before, after)
        elif after.paused and not before.paused:
            self._pause(recorded, after)
        elif before.paused and not after.paused:
            self._resume(recorded, after)

    def stop(self, recorded: Recorded, before: Clock) -> None:
        deadline = getattr(recorded.fact, "deadline", None)
        passed = (
            RULES[self.clock].on_expiry is not OnExpiry.BREACH and deadline is not None and deadline == before.due_at
        )
        self._add(Happening.PASSED if passed else Happening.STOPPED, recorded, None)
        self.over = True

    def result(self) -> Run:
        last = self.last or Clock(started_at=self.steps[0].at, due_at=None)
        return Run(
            duration=str(self.duration),
            rule=self.rule,
            office=self.office,
            zone=self.zone.key,
            calendar=self.policy.calendar.version,
            announced=self.policy.announced,
            steps=tuple(self.steps),
            days=day_breakdown(self.periods, self.zone, self.policy.hours),
            due_at=last.due_at,
            recomputed=self.recomputed,
            warn_at=last.warn_at,
            remaining=last.remaining,
            breached=last.breached,
            over=self.over,
            differences=tuple(self.differences),
        )

    def _zone(self, clock: Clock) -> ZoneInfo:
        try:
            by_policy = self.policy.zone_for(self.clock, self.office)
        except UnknownOffice:
            by_policy = self.policy.national_zone
        if clock.zone is None or clock.zone == by_policy.key:
            return by_policy
        self.differences.append(f"it was started in the zone {clock.zone}, the policy here has {by_policy.key}")
        return ZoneInfo(clock.zone)

    def _add_with_detail(self, what: Happening, recorded: Recorded, after: Clock) -> None:
        fact, detail, period = recorded.fact, "", self.periods[-1]
        if isinstance(fact, f.DeadlineExtended):
            detail = number_of(fact.working_days, "working day") + (f": {fact.reason}" if fact.reason else "")
            more = self.policy.extension.day * fact.working_days
            self._recompute(period, (*period.lengths, more))
        elif isinstance(fact, f.DeadlineRescheduled):
            detail = fact.reason
            if after.paused_for is None:
                self._recompute(period, period.lengths)
            else:
                self.expected = self.recomputed = after.due_at
                if period.paused is None and after.due_at is not None:
                    self.periods[-1] = replace(period, end=after.due_at, calendar=self.policy.calendar)
        self._add(what, recorded, after, detail)
        self._compare(recorded, after)

    def _pause(self, recorded: Recorded, after: Clock) -> None:
        status = recorded.complaint.status
        self._add(Happening.PAUSED, recorded, after, f"while {status}")
        if after.breached or self.expected is None:
            return
        calendar, hours = self.policy.calendar, self.policy.hours
        self.left = remaining(recorded.at, self.expected, self.duration.unit, self.zone, calendar, hours=hours)
        if after.remaining != str(self.left):
            self._differ(recorded, f"{after.remaining} left", f"{self.left} left")
            self.left = Duration.parse(after.remaining) if after.remaining else self.left
        self.expected = self.recomputed = None
        self._end(recorded.at, status)

    def _capped(self, recorded: Recorded, before: Clock, after: Clock) -> None:
        """Apply the begin or the end of a capped pause."""
        if self.policy.settlement_pause_cap is None:  # not the version that the complaint is pinned to
            self._differ(recorded, "a pause with a cap", "one without")
            self.expected = self.recomputed = after.due_at
            return
        complaint = recorded.complaint
        context = ClockContext.of(self.policy, complaint)
        begins, corrected = after.remaining is not None, before.model_copy(update={"due_at": self.expected})
        change = context.pause_capped if begins else context.resume_capped
        ours = change(self.clock, corrected, recorded.at)
        paused = Duration.parse(ours.paused_for or "0 seconds")
        earlier = f", {paused.rounded()} before" if paused.amount else ""
        detail = f"while {complaint.status}{earlier}" if begins else f"{paused.rounded()} in all"
        self._add(Happening.PAUSED if begins else Happening.RESUMED, recorded, after, detail)
        if after.breached:
            return
        if after.remaining != ours.remaining:
            self._differ(recorded, f"{after.remaining} left", f"{ours.remaining} left")
        if begins:
            self._end(recorded.at, complaint.status)
        else:
            left = Duration.parse(before.remaining or "0 seconds")
            self._add_stretch(recorded.at, ours.due_at or recorded.at, left)
        self.expected = self.recomputed = ours.due_at
        self._compare(recorded, after)

    def _add_stretch(self, start: datetime, end: datetime, left: Duration) -> None:
        self.periods.append(ClockPeriod(start, end, (left,), resumed=True, calendar=self.policy.calendar))

    def _resume(self, recorded: Recorded, after: Clock) -> None:
        if self.left is not None:
            self._run(recorded.at, self.left, resumed=True)
            self.left = None
        self._add(Happening.RESUMED, recorded, after)
        self._compare(recorded, after)

    def _run(self, at: datetime, length: Duration, *, resumed: bool) -> None:
        calendar = self.policy.calendar
        self.periods.append(ClockPeriod(start=at, end=at, lengths=(length,), resumed=resumed, calendar=calendar))
        self._recompute(self.periods[-1], (length,))

    def _recompute(self, period: ClockPeriod, lengths: tuple[Duration, ...]) -> None:
        """Compute the due time of the present period from its durations, one after the other."""
        due, calendar = period.start, self.policy.calendar
        for length in lengths:
            due = due_at(due, length, self.zone, calendar, hours=self.policy.hours)
        self.expected = self.recomputed = due
        self.periods[-1] = replace(period, end=due, lengths=lengths, calendar=calendar)

    def _end(self, at: datetime, status: Status) -> None:
        self.periods[-1] = replace(self.periods[-1], end=at, paused=status)

    def _compare(self, recorded: Recorded, clock: Clock) -> None:
        if clock.due_at is not None and self.expected is not None and clock.due_at != self.expected:
            self._differ(recorded, f"due {_local(clock.due_at, self.zone)}", f"due {_local(self.expected, self.zone)}")
            self.expected = clock.due_at  # reported once: later times continue from there

    def _differ(self, recorded: Recorded, recorded_value: str, ours: str) -> None:
        fact = f"{recorded.fact.NAME}, version {recorded.complaint.version}"
        # compacted announcements are unknown, except the last one of a day
        gone = self.policy.announced - recorded.complaint.calendar
        why = f" (the last {gone} announcements it was computed without are no longer kept one by one)"
        self.differences.append(f"the fact ({fact}) has {recorded_value}, recomputed {ours}{why if gone > 0 else ''}")

    def _add(self, what: Happening, recorded: Recorded, clock: Clock | None, detail: str = "") -> None:
        due_at, left = (clock.due_at, clock.remaining) if clock else (None, None)
        step = Step(what, recorded.at, recorded.fact.NAME, recorded.complaint.version, detail, due_at, left)
        self.steps.append(step)


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")
