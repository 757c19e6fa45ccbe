"""Deadlines of three years in three zones, compared with a count over listed days off.

Nothing of the calendar under test is used to find what is expected: the days off of 2025 and 2026 are those of the
joint decrees, those of 2027 as they stood at the end of 2026, weekdays only.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from events import commands as c
from events.vocabulary import ClockName
from tests.support.tables import Rows, every
from tests.support.worlds import CITIZEN, FOLLOW_UP, PANRB, REPLY, VERIFY, World, wib
from workflow.deadlines.due_dates import due_at, remaining
from workflow.deadlines.durations import Duration, Unit
from workflow.deadlines.working_days import Calendar

WIB, WITA, WIT = ZoneInfo("Asia/Jakarta"), ZoneInfo("Asia/Makassar"), ZoneInfo("Asia/Jayapura")
ZONES = (WIB, WITA, WIT)
CALENDAR = Calendar()
MOMENT = timedelta(milliseconds=1)

OFF = {
    2025: "0101 0127 0128 0129 0328 0331 0401 0402 0403 0404 0407 0418 0501 0512 0513 0529 0530 0606 0609 0627 0818 "
    "0905 1225 1226",
    2026: "0101 0116 0216 0217 0318 0319 0320 0323 0324 0403 0501 0514 0515 0527 0528 0601 0616 0817 0825 1224 1225",
    2027: "0101 0105 0205 0308 0309 0310 0311 0312 0315 0325 0326 0506 0517 0518 0519 0520 0601 0817 1224",
}
DAYS_OFF = {date(year, int(day[:2]), int(day[2:])) for year, days in OFF.items() for day in days.split()}


def works(day: date) -> bool:
    return day.weekday() < 5 and day not in DAYS_OFF


def walked(day: date, count: int) -> date:
    """Find the count-th working day after a day, one step at a time."""
    while count:
        day += timedelta(days=1)
        count -= works(day)
    return day


def end_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, 23, 59, 59, 999_000, tzinfo=zone)


# each counted by hand on a wall calendar
VECTORS = [
    ("2025-03-17", 14, "2025-04-15"),  # over eleven days off at Nyepi and Idul Fitri
    ("2025-03-27", 1, "2025-04-08"),
    ("2025-03-24", 3, "2025-03-27"),  # due on the eve of them
    ("2025-08-14", 2, "2025-08-19"),  # over 18 August, collective leave
    ("2025-12-24", 3, "2025-12-31"),
    ("2025-12-30", 2, "2026-01-02"),
    ("2026-03-12", 3, "2026-03-17"),  # due on the eve of Nyepi
    ("2026-05-13", 1, "2026-05-18"),
    ("2026-12-23", 5, "2027-01-04"),
    ("2027-03-05", 5, "2027-03-22"),  # a week of nothing but days off
    ("2027-05-14", 1, "2027-05-21"),
    ("2027-12-23", 1, "2027-12-27"),
]


@every(Rows(VECTORS), ZONES)
def test_working_days_of_three_years(start: str, count: int, last: str, zone: ZoneInfo) -> None:
    day, expected = date.fromisoformat(start), date.fromisoformat(last)
    assert walked(day, count) == expected
    for at in (datetime(day.year, day.month, day.day, tzinfo=zone), end_of(day, zone)):
        assert due_at(at, Duration(count, Unit.WORKING_DAYS), zone, CALENDAR) == end_of(expected, zone)


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 8, 31), timezones=st.just(UTC)),  # noqa: DTZ001 hypothesis adds the zone
    st.integers(1, 60),
    st.sampled_from(ZONES),
)
def test_walking_day_by_day_comes_to_the_same(start: datetime, count: int, zone: ZoneInfo) -> None:
    expected = end_of(walked(start.astimezone(zone).date(), count), zone)
    assert due_at(start, Duration(count, Unit.WORKING_DAYS), zone, CALENDAR) == expected


@every(
    Rows(
        [
            ("2025-03-26", 7, "2025-04-03", "2025-04-16"),  # from before the holidays into the middle of them
            ("2025-03-26", 7, "2025-04-09", "2025-04-21"),  # beyond them, and Good Friday comes after
            ("2025-03-29", 6, "2025-04-06", "2025-04-15"),  # a Saturday to a Sunday within them: nothing is lost
            ("2025-04-15", 0, "2025-04-18", "2025-04-21"),  # nothing left, resumed on Good Friday
        ]
    ),
    ZONES,
)
def test_pauses_over_holidays(paused: str, left: int, resumed: str, last: str, zone: ZoneInfo) -> None:
    """Pause a deadline of 14 working days from 17 March 2025, which falls due on 15 April."""
    due = end_of(date(2025, 4, 15), zone)
    pause, resume = (datetime.fromisoformat(f"{day}T14:00").replace(tzinfo=zone) for day in (paused, resumed))
    kept = remaining(pause, due, Unit.WORKING_DAYS, zone, CALENDAR)
    assert (
        kept.amount
        == left
        == sum(works(pause.date() + timedelta(days=n)) for n in range(1, (due.date() - pause.date()).days + 1))
    )
    assert due_at(resume, kept, zone, CALENDAR) == end_of(date.fromisoformat(last), zone)


class TestComplaints:
    """Which day counts depends on whose clock it is."""

    JAYAPURA = "/offices/kota-jayapura"

    def disposed(self, at: datetime) -> World:
        """Let a report be received, verified and disposed to Jayapura at one instant."""
        world = World(at=at)
        world.send(VERIFY, PANRB)
        world.send(c.DisposeComplaint(office="kota-jayapura"), PANRB)
        return world

    def test_friday_evening_in_jayapura_is_friday_for_both(self) -> None:
        evening = datetime(2026, 3, 6, 23, 30, tzinfo=WIT)
        assert evening == wib("2026-03-06T21:30")
        assert World(at=evening).due("verification") == end_of(date(2026, 3, 11), WIB)
        world = self.disposed(evening)
        assert world.due("follow_up") == end_of(date(2026, 3, 13), WIT)
        assert world.due("settlement") == end_of(date(2026, 4, 2), WIB)

    def test_saturday_in_jayapura_is_still_friday_in_jakarta(self) -> None:
        night = datetime(2026, 3, 7, 0, 30, tzinfo=WIT)
        assert World(at=night).due("verification") == end_of(date(2026, 3, 11), WIB)
        # a Saturday does not count anyway: the same week as on Friday
        assert self.disposed(night).due("follow_up") == end_of(date(2026, 3, 13), WIT)

    def test_monday_in_jayapura_is_still_sunday_in_jakarta(self) -> None:
        night = datetime(2026, 3, 9, 0, 30, tzinfo=WIT)
        assert night == wib("2026-03-08T22:30")
        # for Jakarta it is received on a Sunday, so Monday counts; for Jayapura on Monday, which does not
        assert World(at=night).due("verification") == end_of(date(2026, 3, 11), WIB)
        assert self.disposed(night).due("follow_up") == end_of(date(2026, 3, 16), WIT)

    def test_the_eve_of_a_holiday_ends_with_its_last_moment(self) -> None:
        for moment, names in ((timedelta(0), ["followed-up"]), (MOMENT, ["breached", "followed-up"])):
            world = self.disposed(datetime(2026, 3, 10, 9, tzinfo=WIT))
            due = world.due("follow_up")
            assert due == end_of(date(2026, 3, 17), WIT)
            assert world.send(FOLLOW_UP, self.JAYAPURA, at=due + moment) == names

    def test_a_pause_over_the_holidays_keeps_what_is_left(self) -> None:
        world = self.disposed(datetime(2025, 3, 17, 9, tzinfo=WIB))
        assert world.due("settlement") == end_of(date(2025, 4, 15), WIB)
        # Wednesday 26 March in Jakarta, Thursday already in Jayapura: the clock is a national one
        world.send(FOLLOW_UP, self.JAYAPURA, at=wib("2025-03-26T23:30"))
        assert world.complaint.clocks[ClockName.SETTLEMENT].remaining == "7 working days"
        world.send(REPLY, CITIZEN, at=wib("2025-04-03T23:30"))
        assert world.due("settlement") == end_of(date(2025, 4, 16), WIB)
        # Friday 4 April in Jayapura, a day off as well; its five days are 8 to 11 and 14 April
        assert world.due("follow_up") == end_of(date(2025, 4, 14), WIT)
