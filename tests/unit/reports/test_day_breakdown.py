"""The days of a clock whose periods count in different units."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.support.worlds import LAPOR
from workflow.deadlines.durations import Duration, Unit
from workflow.deadlines.office_hours import OfficeHours
from workflow.reports.day_breakdown import ClockPeriod, day_breakdown

MONDAY = datetime(2026, 3, 2, 2, tzinfo=UTC)


def test_a_day_that_two_periods_count_has_one_number() -> None:
    hours = OfficeHours.parse("08:00-16:00")
    tuesday = MONDAY + timedelta(days=1)
    first = ClockPeriod(
        MONDAY, tuesday, (Duration(5, Unit.WORKING_DAYS),), resumed=False, calendar=LAPOR.calendar, paused="postponed"
    )
    left = Duration(39 * 3_600, Unit.WORKING_SECONDS)
    second = ClockPeriod(tuesday, MONDAY + timedelta(days=4), (left,), resumed=True, calendar=LAPOR.calendar)
    days = day_breakdown([first, second], ZoneInfo("Asia/Jakarta"), hours)
    assert [day.number for day in days] == [None, 1, 2, 3, 4]
