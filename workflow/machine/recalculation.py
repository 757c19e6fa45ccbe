"""Deadline recalculation: the due time of a running clock after a day becomes a day off, or a working day again."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from events.snapshot import Clock
from events.vocabulary import ClockName
from workflow.deadlines.due_dates import due_at, remaining
from workflow.deadlines.durations import Duration, Unit
from workflow.deadlines.working_days import Calendar
from workflow.machine.clocks import ClockContext
from workflow.policy.model import Policy, PolicySet

_WORKING: Final = frozenset({Unit.WORKING_DAYS, Unit.WORKING_SECONDS})
_EAST: Final = ZoneInfo("Asia/Jayapura")


def recalculated(name: ClockName, clock: Clock, day: date, old: Calendar, context: ClockContext) -> datetime | None:
    """Return the recalculated due time of `clock` under the calendar of `context`, which differs from `old` in `day`.

    The working time from the start (or last resumption) to the due time, extensions included, is the same under both
    calendars. None if the due time does not move: the clock is paused, was missed, or does not count that day.
    """
    unit = context.duration_of(name, clock).unit
    new = context.policy.calendar
    if unit not in _WORKING or not clock.running or clock.due_at is None:
        return None
    if old.is_working_day(day) == new.is_working_day(day):
        return None  # already a weekend or a holiday
    zone = context.zone_of(name, clock)
    start = clock.resumed_at or clock.started_at
    first, last = (moment.astimezone(zone).date() for moment in (start, clock.due_at))
    if not first <= day <= last:
        return None
    if clock.paused_for is not None:
        before = remaining(start, clock.due_at, Unit.WORKING_SECONDS, zone, old, hours=context.policy.hours)
        due = context.after_work(name, clock, start, before)
        return None if due == clock.due_at else due
    allotted = remaining(start, clock.due_at, unit, zone, old, hours=context.policy.hours)
    if unit is Unit.WORKING_DAYS and not old.is_working_day(last):
        # the calendar differs for another reason, such as a newer holidays package
        allotted = Duration(allotted.amount + 1, unit)
    due = due_at(start, allotted, zone, new, hours=context.policy.hours)
    return None if due == clock.due_at else due


Days = Sequence[tuple[date, frozenset[ClockName]]]
"""Day of each announcement, with the clocks that it can move under any version of the policy."""


def moving_days(policies: PolicySet) -> Days:
    """Return each announced day since compaction with the clocks that it can move."""
    days = []
    for versions in zip(*(policy.since(0) for policy in policies.versions), strict=True):
        day = versions[0].announcements[-1].day
        moved = (_in_working_time(policy) for policy in versions if _counts_otherwise(policy, day))
        days.append((day, frozenset[ClockName]().union(*moved)))
    return days


def _counts_otherwise(policy: Policy, day: date) -> bool:
    before = policy.earlier or policy
    return before.calendar.is_working_day(day) != policy.calendar.is_working_day(day)


def may_move(deadlines: Iterable[tuple[ClockName, datetime]], days: Days) -> bool:
    """Check whether any running deadline of a complaint may move, by its due time; lifecycle checks its start."""
    return any(name in names and due >= _begin(day) for name, due in deadlines for day, names in days)


def _in_working_time(policy: Policy) -> Iterator[ClockName]:
    for name in ClockName:
        times = [policy.duration_of(name, each) for each in policy.settlement]
        times += [each.clocks[name] for each in policy.overrides if name in each.clocks]
        if any(time.unit in _WORKING for time in times):
            yield name


def _begin(day: date) -> datetime:
    # in the zone in which the day begins first
    return datetime.combine(day, time(), tzinfo=_EAST).astimezone(UTC)
