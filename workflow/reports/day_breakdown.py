"""Day breakdown of a deadline: which days counted, and why the others did not.

Each day is evaluated separately, without the code that computed the due time: the breakdown is an independent check.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from workflow.deadlines.durations import Duration, Unit
from workflow.deadlines.office_hours import OfficeHours, working_time
from workflow.deadlines.working_days import Calendar

_DAY: Final = timedelta(days=1)
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a breakdown, in the zone of the clock."""

    date: date
    counted: bool
    reason: str
    """Why the day does not count, or how it counts."""
    number: int | None = None
    """Number of the day among those that count."""
    worked: Duration | None = None
    """Counted working time of the day, if the clock counts that."""

    @property
    def weekday(self) -> str:
        """The day of the week, in English."""
        return _WEEKDAYS[self.date.weekday()]


@dataclass(frozen=True, slots=True)
class ClockPeriod:
    """Period in which a clock ran: from its start, or its resumption, to its due time or a pause."""

    start: datetime
    end: datetime
    lengths: tuple[Duration, ...]
    """Durations of the period: its time or remaining time, then extensions."""
    resumed: bool
    """Whether the period resumes after a pause, and is not the first one."""
    calendar: Calendar
    paused: str | None = None
    """Status that paused the clock; None if it ran up to its due time."""

    @property
    def unit(self) -> Unit:
        """Unit that the clock counts."""
        return self.lengths[0].unit


def day_breakdown(periods: Sequence[ClockPeriod], zone: ZoneInfo, hours: OfficeHours | None) -> tuple[Day, ...]:
    """Return the days of all periods of one run, with the pauses between them; empty if elapsed time is counted."""
    days: list[Day] = []
    counted = 0
    for index, period in enumerate(periods):
        if index and days:
            days += _pause(days[-1].date, period, periods[index - 1].paused or "", zone)
        for day in _days(period, zone, hours):
            one = _merged(days.pop(), day) if days and days[-1].date == day.date else day
            if one.counted and one.number is None:
                counted += 1
                one = replace(one, number=counted)
            days.append(one)
    return tuple(days)


def _days(period: ClockPeriod, zone: ZoneInfo, hours: OfficeHours | None) -> Iterator[Day]:
    if period.unit is Unit.SECONDS:
        return
    first, last = _local(period.start, zone), _local(period.end, zone)
    for day in _days_between(first, last):
        if period.unit is Unit.WORKING_SECONDS:
            yield _worked(day, period, zone, hours)
        else:
            yield _counted(day, first, period)


def _counted(day: date, first: date, period: ClockPeriod) -> Day:
    off = period.calendar.reason_off(day) if period.unit is Unit.WORKING_DAYS else None
    if day == first:
        reason = f"the day on which it {'resumes' if period.resumed else 'starts'} is not counted"
        return Day(day, counted=False, reason=f"{reason} ({off})" if off else reason)
    if off is not None:
        return Day(day, counted=False, reason=off)
    if not sum(length.amount for length in period.lengths):
        return Day(day, counted=False, reason="nothing was left: the first working day ends it")
    return Day(day, counted=True, reason="working day" if period.unit is Unit.WORKING_DAYS else "day")


def _worked(day: date, period: ClockPeriod, zone: ZoneInfo, hours: OfficeHours | None) -> Day:
    off = period.calendar.reason_off(day)
    if off is not None or hours is None:
        return Day(day, counted=False, reason=off or "no office hours are known")
    begins, ends = (datetime.combine(each, datetime.min.time(), tzinfo=zone) for each in (day, day + _DAY))
    time = working_time(max(begins, period.start), min(ends, period.end), zone, period.calendar, hours)
    if not time:
        return Day(day, counted=False, reason="outside office hours")
    worked = Duration(time.total_seconds(), Unit.WORKING_SECONDS)
    return Day(day, counted=True, reason=worked.rounded(), worked=worked)


def _pause(last: date, following: ClockPeriod, status: str, zone: ZoneInfo) -> Iterator[Day]:
    """Yield the days between the begin and the end of a pause."""
    for day in _days_between(last + _DAY, _local(following.start, zone) - _DAY):
        off = following.calendar.reason_off(day) if following.unit is not Unit.DAYS else None
        yield Day(day, counted=False, reason=f"paused ({status}); {off}" if off else f"paused ({status})")


def _merged(one: Day, other: Day) -> Day:
    """Merge a day on which a clock paused with the same day on which it resumed."""
    if one.worked is not None and other.worked is not None:
        worked = Duration(one.worked.amount + other.worked.amount, Unit.WORKING_SECONDS)
        return replace(one, worked=worked, reason=worked.rounded())
    return replace(other, number=one.number) if other.counted else one


def _local(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def _days_between(first: date, last: date) -> Iterator[date]:
    for day in range((last - first).days + 1):
        yield first + timedelta(days=day)
