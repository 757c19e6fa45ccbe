"""Due times: when a clock is due, how much time a pause leaves, and when to warn.

All instants are timezone-aware; results are in UTC with whole milliseconds, as in the log. A deadline in days is due at
the last millisecond of its last day in the clock's zone, inclusive; the day of the start does not count. A deadline in
working time is due when that much time within office hours has passed.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from workflow.deadlines.durations import Duration, Unit
from workflow.deadlines.office_hours import OfficeHours, into_day, work_on, working_time
from workflow.deadlines.working_days import Calendar

_END_OF_DAY: Final = time(23, 59, 59, 999_000)
_NOTHING: Final = timedelta(0)
_MILLISECOND: Final = timedelta(milliseconds=1)


def due_at(
    start: datetime, duration: Duration, zone: ZoneInfo, calendar: Calendar, *, hours: OfficeHours | None = None
) -> datetime:
    """Return when a clock that starts at an instant is due.

    Zero working days, as may remain after a pause, end today, or on a day off with the next working day. Raises
    ValueError for a naive ``start`` and for working time without office ``hours``.
    """
    if duration.unit is Unit.SECONDS:
        return _whole_milliseconds(_aware(start).astimezone(UTC) + timedelta(seconds=duration.amount))
    if duration.unit is Unit.WORKING_SECONDS:
        length = timedelta(seconds=duration.amount)
        return _whole_milliseconds(work_on(_aware(start).astimezone(UTC), length, zone, calendar, _required(hours)))
    today = _day(start, zone)
    count = int(duration.amount)
    if duration.unit is Unit.WORKING_DAYS:
        last = calendar.add_working_days(today, count)
    else:
        last = today + timedelta(days=count)
    return _end_of(last, zone)


@lru_cache(maxsize=4_096)
def due_after_work(  # noqa: PLR0913 -- as `remaining`
    start: datetime, left: Duration, zone: ZoneInfo, calendar: Calendar, *, hours: OfficeHours | None, in_days: bool
) -> datetime:
    """Return when a clock is due after a capped pause; one `in_days` ends with its last day. Raises as `due_at`."""
    due = due_at(start, left, zone, calendar, hours=hours)
    if not in_days:
        return due
    # office hours until midnight belong to the day that ends
    day, today = _day(due - _MILLISECOND if left.amount else due, zone), _day(start, zone)
    if not left.amount and day != today and calendar.is_working_day(today):
        return _end_of(today, zone)  # not when the next day opens
    end = _end_of(day, zone)
    if due >= end or not calendar.is_working_day(day):
        return end
    _, closes = _required(hours).on(day, zone)[-1]
    return due if due < closes else end


def remaining(  # noqa: PLR0913 -- two instants, and what the time between them depends on
    now: datetime, due: datetime, unit: Unit, zone: ZoneInfo, calendar: Calendar, *, hours: OfficeHours | None = None
) -> Duration:
    """Return the time left at a pause, for `due_at` from the resumption.

    Days count from tomorrow up to the due day; working time is exact. At least zero. Raises ValueError for naive
    instants and for working time without office ``hours``.
    """
    if unit is Unit.WORKING_SECONDS:
        left = working_time(_aware(now), _aware(due), zone, calendar, _required(hours))
        return Duration(left.total_seconds(), unit)
    if unit is Unit.SECONDS:
        left = max(_aware(due) - _aware(now), _NOTHING)
        return Duration(left.total_seconds(), unit)
    today, last = _day(now, zone), _day(due, zone)
    if unit is Unit.WORKING_DAYS:
        return Duration(calendar.working_days_between(today, last), unit)
    return Duration(max((last - today).days, 0), unit)


def warn_at(start: datetime, due: datetime, share: float) -> datetime:
    """Return the instant at which a share (0 to 1) of the time from ``start`` to ``due`` has passed.

    Elapsed time includes weekends. Raises ValueError for another share and for naive instants.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a warning comes after a share between 0 and 1 of the time, not after {share}")
    start = _aware(start).astimezone(UTC)
    return _whole_milliseconds(start + (_aware(due) - start) * share)


def warn_in_working_days(  # noqa: PLR0913 -- as `remaining`
    start: datetime, due: datetime, share: float, zone: ZoneInfo, calendar: Calendar, *, hours: OfficeHours | None
) -> datetime:
    """Return the instant in office hours at which a share of the working days up to ``due`` has passed.

    The day of ``start`` does not count. Without a working day it is ``due``, so that there is no warning.
    """
    return _warning_between(_day(start, zone), _day(due, zone), share, zone, calendar, _required(hours)) or due


@lru_cache(maxsize=4_096)  # cached: very many clocks share few days
def _warning_between(  # noqa: PLR0913, PLR0917 -- as `remaining`; the cache wants them by position
    first: date, last: date, share: float, zone: ZoneInfo, calendar: Calendar, hours: OfficeHours
) -> datetime | None:
    days = share * calendar.working_days_between(first, last)
    return into_day(calendar.add_working_days(first, int(days) + 1), days % 1, zone, hours) if days else None


def _aware(instant: datetime) -> datetime:
    """Raise ValueError for a naive instant, which Python would interpret in the machine's zone."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone")
    return instant


def _required(hours: OfficeHours | None) -> OfficeHours:
    if hours is None:
        raise ValueError("working hours cannot be counted without office hours")
    return hours


@lru_cache(maxsize=4_096)
def _end_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the last instant of a day; cached, since many deadlines share few days."""
    return datetime.combine(day, _END_OF_DAY, tzinfo=zone).astimezone(UTC)


def _day(instant: datetime, zone: ZoneInfo) -> date:
    return (_aware(instant) if instant.tzinfo is None else instant).astimezone(zone).date()


def _whole_milliseconds(instant: datetime) -> datetime:
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
