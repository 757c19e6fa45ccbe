"""Due times, pauses and warnings."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tables import Rows, every
from workflow.deadlines.due_dates import due_after_work, due_at, remaining, warn_at
from workflow.deadlines.durations import Duration, Unit
from workflow.deadlines.office_hours import OfficeHours
from workflow.deadlines.working_days import Calendar

CALENDAR = Calendar()
WIB, WITA, WIT = ZoneInfo("Asia/Jakarta"), ZoneInfo("Asia/Makassar"), ZoneInfo("Asia/Jayapura")
HOURS = OfficeHours.parse("08:00-12:00, 13:00-16:00", "08:00-11:30, 13:00-16:30")
ZONES = st.sampled_from([WIB, WITA, WIT])
INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 hypothesis adds the zone
    lambda instant: instant.replace(microsecond=instant.microsecond // 1000 * 1000)
)
MONDAY_MORNING = datetime(2026, 3, 16, 2, 11, tzinfo=UTC)


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the last millisecond of a local day."""
    return datetime(day.year, day.month, day.day, 23, 59, 59, 999_000, tzinfo=zone)


@every(
    Rows(
        [
            (date(2026, 3, 16), "3 working days", date(2026, 3, 26)),
            (date(2026, 3, 16), "5 working days", date(2026, 3, 30)),
            (date(2026, 3, 17), "10 working days", date(2026, 4, 8)),
            (date(2026, 3, 2), "14 working days", date(2026, 3, 27)),
            (date(2026, 3, 2), "60 working days", date(2026, 6, 10)),
            (date(2026, 3, 2), "30 days", date(2026, 4, 1)),
            (date(2026, 3, 14), "0 working days", date(2026, 3, 16)),
        ]
    ),
    [WIB, WITA, WIT],
)
def test_days_end_with_the_last_local_day(day: date, duration: str, last: date, zone: ZoneInfo) -> None:
    for hour in (0, 12, 23):
        start = datetime(day.year, day.month, day.day, hour, 59, tzinfo=zone)
        due = due_at(start, Duration.parse(duration), zone, CALENDAR)
        assert due == end_of(last, zone)
        assert due.tzinfo is UTC


def test_one_instant_is_another_day_further_east() -> None:
    late_on_monday = datetime(2026, 3, 16, 16, 30, tzinfo=UTC)  # 23:30 in Jakarta, 00:30 on Tuesday in Makassar
    three_days = Duration.parse("3 working days")
    assert due_at(late_on_monday, three_days, WIB, CALENDAR) == datetime(2026, 3, 26, 16, 59, 59, 999_000, tzinfo=UTC)
    assert due_at(late_on_monday, three_days, WITA, CALENDAR) == datetime(2026, 3, 27, 15, 59, 59, 999_000, tzinfo=UTC)
    assert due_at(late_on_monday, three_days, WIT, CALENDAR) == datetime(2026, 3, 27, 14, 59, 59, 999_000, tzinfo=UTC)


def test_seconds_simply_pass() -> None:
    assert due_at(MONDAY_MORNING, Duration.parse("20 seconds"), WIB, CALENDAR) == MONDAY_MORNING + timedelta(seconds=20)
    local = MONDAY_MORNING.astimezone(WIT)
    assert due_at(local, Duration.parse("0.25 seconds"), WIB, CALENDAR).tzinfo is UTC


@pytest.mark.parametrize(
    ("paused", "left", "resumed", "last"),
    [
        ((2026, 3, 2), 14, (2026, 3, 2), (2026, 3, 27)),  # resumed the same day: nothing was lost
        ((2026, 3, 6), 10, (2026, 3, 12), (2026, 4, 2)),
        ((2026, 3, 17), 3, (2026, 4, 1), (2026, 4, 7)),  # the holidays spent in the pause cost nothing
        ((2026, 3, 27), 0, (2026, 3, 28), (2026, 3, 30)),  # the last day, resumed on a Saturday
        ((2026, 4, 10), 0, (2026, 4, 13), (2026, 4, 13)),  # already late
    ],
)
def test_a_pause_keeps_the_working_days_left(
    paused: tuple[int, int, int], left: int, resumed: tuple[int, int, int], last: tuple[int, int, int]
) -> None:
    due = due_at(datetime(2026, 3, 2, 3, tzinfo=UTC), Duration.parse("14 working days"), WIB, CALENDAR)
    kept = remaining(datetime(*paused, 3, tzinfo=UTC), due, Unit.WORKING_DAYS, WIB, CALENDAR)
    assert kept == Duration(left, Unit.WORKING_DAYS)
    assert due_at(datetime(*resumed, 3, tzinfo=UTC), kept, WIB, CALENDAR) == end_of(date(*last), WIB)


def test_a_pause_keeps_days_and_seconds() -> None:
    due = due_at(MONDAY_MORNING, Duration.parse("30 days"), WIB, CALENDAR)
    after_ten_days = MONDAY_MORNING + timedelta(days=10)
    assert remaining(after_ten_days, due, Unit.DAYS, WIB, CALENDAR) == Duration(20, Unit.DAYS)
    assert remaining(due + timedelta(days=2), due, Unit.DAYS, WIB, CALENDAR) == Duration(0, Unit.DAYS)
    soon = MONDAY_MORNING + timedelta(seconds=2.5)
    assert remaining(MONDAY_MORNING, soon, Unit.SECONDS, WIB, CALENDAR) == Duration(2.5, Unit.SECONDS)
    assert remaining(soon, MONDAY_MORNING, Unit.SECONDS, WIB, CALENDAR) == Duration(0, Unit.SECONDS)


def test_a_warning_comes_after_its_share_of_the_time() -> None:
    due = MONDAY_MORNING + timedelta(seconds=10)
    assert warn_at(MONDAY_MORNING, due, 0.8) == MONDAY_MORNING + timedelta(seconds=8)
    assert warn_at(MONDAY_MORNING, due, 0) == MONDAY_MORNING
    assert warn_at(MONDAY_MORNING.astimezone(WIT), due, 1 / 3) == MONDAY_MORNING + timedelta(milliseconds=3333)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_is_between_nothing_and_all(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        warn_at(MONDAY_MORNING, MONDAY_MORNING, share)


def test_a_naive_instant_is_refused() -> None:
    naive = MONDAY_MORNING.replace(tzinfo=None)
    for duration in ("1 day", "1 second", "1 working day", "1 working hour"):
        with pytest.raises(ValueError, match="has no time zone"):
            due_at(naive, Duration.parse(duration), WIB, CALENDAR, hours=HOURS)
    for unit in Unit:
        with pytest.raises(ValueError, match="has no time zone"):
            remaining(MONDAY_MORNING, naive, unit, WIB, CALENDAR, hours=HOURS)
    with pytest.raises(ValueError, match="has no time zone"):
        warn_at(MONDAY_MORNING, naive, 0.5)


@given(INSTANTS, st.integers(0, 80), ZONES)
def test_nothing_falls_due_on_a_day_off(start: datetime, days: int, zone: ZoneInfo) -> None:
    due = due_at(start, Duration(days, Unit.WORKING_DAYS), zone, CALENDAR)
    assert CALENDAR.is_working_day(due.astimezone(zone).date())
    assert due == end_of(due.astimezone(zone).date(), zone)


@given(INSTANTS, st.timedeltas(timedelta(0), timedelta(days=30)), st.integers(0, 80), st.sampled_from(Unit), ZONES)
def test_starting_later_never_falls_due_earlier(
    start: datetime, later: timedelta, amount: int, unit: Unit, zone: ZoneInfo
) -> None:
    duration = Duration(amount, unit)
    due = due_at(start, duration, zone, CALENDAR, hours=HOURS)
    assert due >= start
    assert due_at(start + later, duration, zone, CALENDAR, hours=HOURS) >= due


@given(INSTANTS, st.integers(1, 80), st.sampled_from(Unit), ZONES)
def test_a_pause_of_no_length_changes_nothing(start: datetime, amount: int, unit: Unit, zone: ZoneInfo) -> None:
    duration = Duration(amount, unit)
    due = due_at(start, duration, zone, CALENDAR, hours=HOURS)
    assert remaining(start, due, unit, zone, CALENDAR, hours=HOURS) == duration


@given(INSTANTS, st.integers(1, 60), st.timedeltas(timedelta(0), timedelta(days=60)), ZONES)
def test_resuming_at_once_never_falls_due_earlier(start: datetime, days: int, used: timedelta, zone: ZoneInfo) -> None:
    duration = Duration(days, Unit.WORKING_DAYS)
    due = due_at(start, duration, zone, CALENDAR)
    paused = min(start + used, due)
    left = remaining(paused, due, Unit.WORKING_DAYS, zone, CALENDAR)
    assert left.amount <= days
    assert due_at(paused, left, zone, CALENDAR) == due


@given(INSTANTS, st.timedeltas(timedelta(0), timedelta(days=90)), st.floats(0, 1))
def test_a_warning_lies_between_start_and_due(start: datetime, length: timedelta, share: float) -> None:
    due = start + length
    warning = warn_at(start, due, share)
    assert start <= warning <= due
    assert warning.microsecond % 1000 == 0


@pytest.mark.parametrize(("hours", "due"), [("14", date(2026, 3, 6)), ("38", date(2026, 3, 9)), ("39", None)])
def test_a_day_of_work_until_midnight_ends_with_itself(hours: str, due: date | None) -> None:
    always = OfficeHours.parse("00:00-24:00")
    friday = datetime(2026, 3, 6, 10, tzinfo=WIB)
    left = Duration.parse(f"{hours} working hours")
    found = due_after_work(friday, left, WIB, CALENDAR, hours=always, in_days=True)
    assert found == (end_of(due, WIB) if due else datetime(2026, 3, 10, 1, tzinfo=WIB))
