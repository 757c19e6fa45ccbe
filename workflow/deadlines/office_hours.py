"""Office hours: the working time of a day, and between two instants.

A policy that counts in working hours declares them: ``"08:00-16:00"``, or with a break
``"08:00-12:00, 13:00-16:00"``, and optionally others for Fridays. They are wall-clock times of the clock's zone;
computations are exact to the millisecond.
"""

import re
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from workflow.deadlines.working_days import Calendar

_WRITTEN: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
_FRIDAY: Final = 4
_WHOLE_DAY: Final = 24 * 60
_NOTHING: Final = timedelta(0)
_LEAST: Final = timedelta(microseconds=1)

Spans = tuple[tuple[int, int], ...]
"""Working time of one day, in minutes from midnight, in order and without overlap."""


def parse_spans(text: str) -> Spans:
    """Parse ``"08:00-16:00"``, or several such spans with commas between.

    Raises ValueError with a line on the format, or on spans that overlap or are out of order.
    """
    spans = []
    for part in text.split(","):
        match = _WRITTEN.fullmatch(part.strip())
        if match is None:
            raise ValueError(f'"{text}" are not office hours (write "08:00-16:00" or "08:00-12:00, 13:00-16:00")')
        opens_hour, opens_minute, closes_hour, closes_minute = map(int, match.groups())
        spans.append((opens_hour * 60 + opens_minute, closes_hour * 60 + closes_minute))
    edges = [edge for span in spans for edge in span]
    if edges[-1] > _WHOLE_DAY or any(later <= earlier for earlier, later in pairwise(edges)):
        raise ValueError(f'"{text}": office hours go forward, from opening to closing, within one day')
    return tuple(spans)


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """Office hours of the working days. Holidays and weekends are in the calendar."""

    usual: Spans
    friday: Spans

    @classmethod
    def parse(cls, usual: str, friday: str | None = None) -> "OfficeHours":
        """Parse the hours of a usual day and, if they differ, of a Friday; raises ValueError as `parse_spans`."""
        spans = parse_spans(usual)
        return cls(spans, spans if friday is None else parse_spans(friday))

    def __str__(self) -> str:
        """Return the hours as a policy writes them."""
        usual, friday = _written(self.usual), _written(self.friday)
        return usual if self.usual == self.friday else f"{usual} (Friday {friday})"

    @property
    def shortest_day(self) -> timedelta:
        """Working time of the shorter of a usual day and a Friday."""
        return min(_length(self.usual), _length(self.friday))

    def on(self, day: date, zone: ZoneInfo) -> tuple[tuple[datetime, datetime], ...]:
        """Return the spans of a working day in ``zone``, as instants in UTC."""
        return _on(self.friday if day.weekday() == _FRIDAY else self.usual, day, zone)


def into_day(day: date, share: float, zone: ZoneInfo, hours: OfficeHours) -> datetime:
    """Return the instant at which a share (below 1) of a day's working time has passed, in whole milliseconds."""
    spans = hours.on(day, zone)
    rest = sum(((closes - opens) for opens, closes in spans), _NOTHING) * share
    for opens, closes in spans:
        if rest < closes - opens:
            instant = opens + rest
            return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
        rest -= closes - opens
    return spans[-1][1]


def work_on(start: datetime, length: timedelta, zone: ZoneInfo, calendar: Calendar, hours: OfficeHours) -> datetime:
    """Return when ``length`` of working time from ``start`` has passed.

    Time that ends at closing time is due then, not when the next day opens. Zero time is due at once, outside office
    hours when they begin.
    """
    left, day = length, start.astimezone(zone).date()
    if calendar.is_working_day(day):
        for opens, closes in hours.on(day, zone):
            begins = max(opens, start)
            if closes - begins >= left:
                return begins + left
            left -= max(closes - begins, _NOTHING)
    return _on_later_day(day, left, zone, calendar, hours)


def _on_later_day(day: date, left: timedelta, zone: ZoneInfo, calendar: Calendar, hours: OfficeHours) -> datetime:
    """Return when ``left`` of working time has passed, starting after ``day``."""
    year, ordinal, microseconds = day.year, day.toordinal(), left // _LEAST
    while True:
        days, worked = _working_time_of(year, zone, calendar, hours)
        first = bisect_right(days, ordinal)
        index = max(bisect_left(worked, worked[first] + microseconds) - 1, first)
        if index < len(days):
            break
        microseconds -= worked[-1] - worked[first]
        year += 1
    left = _LEAST * (microseconds - worked[index] + worked[first])
    for opens, closes in hours.on(date.fromordinal(days[index]), zone):
        if closes - opens >= left:
            return opens + left
        left -= closes - opens
    raise AssertionError(f"{left} is left of a day that was to use it up")


def working_time(
    after: datetime, through: datetime, zone: ZoneInfo, calendar: Calendar, hours: OfficeHours
) -> timedelta:
    """Return the working time between two instants; zero unless the second is later."""
    if through <= after:
        return _NOTHING
    since, until = after.astimezone(zone).date(), through.astimezone(zone).date()
    total = _worked_in_year(through, until, zone, calendar, hours)
    total -= _worked_in_year(after, since, zone, calendar, hours)
    for year in range(since.year, until.year):
        total += _working_time_of(year, zone, calendar, hours)[1][-1]
    return _LEAST * total


def _worked_in_year(until: datetime, day: date, zone: ZoneInfo, calendar: Calendar, hours: OfficeHours) -> int:
    """Return the microseconds of working time from the start of the year to an instant on ``day``."""
    days, worked = _working_time_of(day.year, zone, calendar, hours)
    ordinal = day.toordinal()
    index = bisect_left(days, ordinal)
    total = worked[index]
    if index < len(days) and days[index] == ordinal:
        for opens, closes in hours.on(day, zone):
            if opens < until:
                total += (min(until, closes) - opens) // _LEAST
    return total


@lru_cache(maxsize=256)
def _working_time_of(
    year: int, zone: ZoneInfo, calendar: Calendar, hours: OfficeHours
) -> tuple["array[int]", "array[int]"]:
    """Return the ordinals of a year's working days, the microseconds worked before each, and those of the year."""
    days, worked = calendar.working_ordinals(year), array("q", [0])
    for ordinal in days:
        spans = hours.on(date.fromordinal(ordinal), zone)
        worked.append(worked[-1] + sum((closes - opens) // _LEAST for opens, closes in spans))
    return days, worked


@lru_cache(maxsize=64)
def _length(spans: Spans) -> timedelta:
    return timedelta(minutes=sum(closes - opens for opens, closes in spans))


@lru_cache(maxsize=4_096)  # cached: very many clocks share few days
def _on(spans: Spans, day: date, zone: ZoneInfo) -> tuple[tuple[datetime, datetime], ...]:
    return tuple((_instant(day, opens, zone), _instant(day, closes, zone)) for opens, closes in spans)


def _instant(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    days, minutes = divmod(minutes, _WHOLE_DAY)
    local = datetime.combine(day + timedelta(days=days), time(minutes // 60, minutes % 60), tzinfo=zone)
    return local.astimezone(UTC)


def _written(spans: Spans) -> str:
    return ", ".join(f"{_clock(opens)}-{_clock(closes)}" for opens, closes in spans)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
