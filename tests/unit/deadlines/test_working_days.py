"""The working-day calendar of Indonesia."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.deadlines.working_days import Calendar

CALENDAR = Calendar()
WITHOUT_COLLECTIVE_LEAVE = Calendar(collective_leave=False)
ORDINARY_TUESDAY = date(2026, 9, 8)
DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))
CALENDARS = st.sampled_from([CALENDAR, WITHOUT_COLLECTIVE_LEAVE, Calendar(extra={ORDINARY_TUESDAY: "Local election"})])


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        (date(2026, 3, 16), 3, date(2026, 3, 26)),
        (date(2026, 3, 16), 5, date(2026, 3, 30)),
        (date(2026, 3, 17), 10, date(2026, 4, 8)),
        (date(2026, 3, 2), 14, date(2026, 3, 27)),
        (date(2026, 3, 2), 60, date(2026, 6, 10)),
        (date(2026, 12, 23), 2, date(2026, 12, 29)),
        (date(2026, 12, 31), 1, date(2027, 1, 4)),
    ],
)
def test_working_days_are_added_past_weekends_and_holidays(day: date, count: int, expected: date) -> None:
    assert CALENDAR.add_working_days(day, count) == expected
    assert CALENDAR.working_days_between(day, expected) == count


@pytest.mark.parametrize(("year", "count"), [(2026, 240), (2027, 242)])
def test_a_year_has_the_working_days_of_the_joint_decree(year: int, count: int) -> None:
    assert CALENDAR.working_days_between(date(year - 1, 12, 31), date(year, 12, 31)) == count


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        (date(2026, 3, 16), None),
        (date(2026, 3, 14), "Saturday"),
        (date(2026, 3, 15), "Sunday"),
        (date(2026, 3, 19), "Day of Silence"),
        (date(2026, 3, 18), "Day of Silence Joint Holiday"),
        (date(2026, 3, 21), "Eid al-Fitr"),
    ],
)
def test_a_day_off_has_a_reason(day: date, reason: str | None) -> None:
    assert CALENDAR.reason_off(day) == reason
    assert CALENDAR.is_working_day(day) is (reason is None)


def test_the_reason_does_not_depend_on_the_language_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "th")
    assert Calendar().reason_off(date(2026, 8, 17)) == "Independence Day"


def test_collective_leave_is_a_switch() -> None:
    eve = date(2026, 3, 18)
    assert WITHOUT_COLLECTIVE_LEAVE.is_working_day(eve)
    assert not CALENDAR.is_working_day(eve)
    assert WITHOUT_COLLECTIVE_LEAVE.version != CALENDAR.version


def test_a_decree_in_the_middle_of_a_year_adds_and_removes_days() -> None:
    independence_day = date(2026, 8, 17)
    changed = Calendar(extra={ORDINARY_TUESDAY: "Local election"}, removed=[independence_day])
    assert changed.reason_off(ORDINARY_TUESDAY) == "Local election"
    assert changed.is_working_day(independence_day)
    assert changed.add_working_days(ORDINARY_TUESDAY - timedelta(1), 1) == ORDINARY_TUESDAY + timedelta(1)


def test_removing_a_holiday_does_not_make_a_weekend_work() -> None:
    eid_on_a_saturday = date(2026, 3, 21)
    assert Calendar(removed=[eid_on_a_saturday]).reason_off(eid_on_a_saturday) == "Saturday"


def test_a_day_cannot_be_both_added_and_removed() -> None:
    with pytest.raises(ValueError, match="2026-09-08 is both added"):
        Calendar(extra={ORDINARY_TUESDAY: "Local election"}, removed=[ORDINARY_TUESDAY])


def test_calendars_of_one_version_are_equal() -> None:
    changed = Calendar(extra={ORDINARY_TUESDAY: "Local election"})
    assert changed == Calendar(extra={ORDINARY_TUESDAY: "Local election"})
    assert len({changed, Calendar(extra={ORDINARY_TUESDAY: "Local election"}), CALENDAR}) == len((changed, CALENDAR))
    assert changed.version.startswith(CALENDAR.version)
    assert changed.version in repr(changed)


def test_zero_days_later_is_the_same_day_or_the_next_that_works() -> None:
    assert CALENDAR.add_working_days(date(2026, 3, 16), 0) == date(2026, 3, 16)
    assert CALENDAR.add_working_days(date(2026, 3, 14), 0) == date(2026, 3, 16)


def test_working_days_are_not_subtracted() -> None:
    with pytest.raises(ValueError, match="cannot add -1 working days"):
        CALENDAR.add_working_days(ORDINARY_TUESDAY, -1)
    assert CALENDAR.working_days_between(ORDINARY_TUESDAY, date(2026, 9, 1)) == 0


def test_the_calendar_ends_with_the_last_date_there_is() -> None:
    with pytest.raises(OverflowError, match="last year"):
        CALENDAR.add_working_days(date(9999, 12, 1), 60)


@given(CALENDARS, DAYS, st.integers(1, 300))
def test_counting_undoes_adding(calendar: Calendar, day: date, count: int) -> None:
    assert calendar.working_days_between(day, calendar.add_working_days(day, count)) == count


@given(CALENDARS, DAYS, st.integers(0, 300))
def test_the_last_day_always_works(calendar: Calendar, day: date, count: int) -> None:
    assert calendar.is_working_day(calendar.add_working_days(day, count))


@given(CALENDARS, DAYS, st.integers(0, 40), st.integers(0, 100))
def test_starting_later_or_adding_more_never_ends_earlier(
    calendar: Calendar, day: date, later: int, count: int
) -> None:
    end = calendar.add_working_days(day, count)
    assert calendar.add_working_days(day + timedelta(later), count) >= end
    assert calendar.add_working_days(day, count + 1) >= end


@given(CALENDARS, DAYS, st.integers(-10, 800))
def test_counting_agrees_with_looking_at_each_day(calendar: Calendar, day: date, length: int) -> None:
    counted = sum(calendar.is_working_day(day + timedelta(n)) for n in range(1, length + 1))
    assert calendar.working_days_between(day, day + timedelta(length)) == counted
