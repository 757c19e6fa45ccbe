"""Deadlines in working hours: only office hours count, to the millisecond, in the clock's zone."""

import tomllib
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.vocabulary import ClockName, ComplaintClass
from tests.support.tables import Rows, every
from tests.support.worlds import (
    CITIZEN,
    DISPOSE,
    FOLLOW_UP,
    GRANT,
    LAPOR,
    PANRB,
    PUPR,
    REPLY,
    REQUEST,
    VERIFY,
    World,
    wib,
)
from workflow.deadlines.due_dates import due_at, remaining
from workflow.deadlines.durations import Duration, Unit
from workflow.deadlines.office_hours import OfficeHours
from workflow.deadlines.working_days import Calendar
from workflow.policy.document import parse_policies
from workflow.policy.model import Policy, PolicyError
from workflow.policy.terms import Clocks, Extension

CALENDAR = Calendar()
WIB, WITA, WIT = ZoneInfo("Asia/Jakarta"), ZoneInfo("Asia/Makassar"), ZoneInfo("Asia/Jayapura")
PLAIN = OfficeHours.parse("08:00-16:00")
BROKEN = OfficeHours.parse("08:00-12:00, 13:00-16:00", "08:00-11:30, 13:00-16:30")
MILLISECOND = timedelta(milliseconds=1)


def at(text: str, zone: ZoneInfo = WIB) -> datetime:
    """Read a local time."""
    return datetime.fromisoformat(text).replace(tzinfo=zone)


# 2026-03-06 is a Friday; 18-24 March are holidays and collective leave of 2026 with a weekend among them
VECTORS = [
    ("2026-03-06 15:30", "2 working hours", "2026-03-09 09:30"),
    ("2026-03-06 14:00", "2 working hours", "2026-03-06 16:00"),  # used up at closing: due then, not on Monday
    ("2026-03-06 16:00", "30 working minutes", "2026-03-09 08:30"),
    ("2026-03-06 07:00", "8 working hours", "2026-03-06 16:00"),  # before the office opens
    ("2026-03-06 23:30", "1 working hour", "2026-03-09 09:00"),
    ("2026-03-07 11:00", "9 working hours", "2026-03-10 09:00"),  # a Saturday
    ("2026-03-17 15:00", "3 working hours", "2026-03-25 10:00"),  # over Nyepi and Idul Fitri
    ("2026-12-31 15:59:59.999", "0.002 working seconds", "2027-01-04 08:00:00.001"),  # over New Year
    ("2026-03-02 08:00", "40 working hours", "2026-03-06 16:00"),
]


@every(Rows(VECTORS), [WIB, WITA, WIT])
def test_only_office_hours_of_working_days_count(start: str, duration: str, due: str, zone: ZoneInfo) -> None:
    found = due_at(at(start, zone), Duration.parse(duration), zone, CALENDAR, hours=PLAIN)
    assert found == at(due, zone)
    assert found.tzinfo is UTC
    assert remaining(at(start, zone), found, Unit.WORKING_SECONDS, zone, CALENDAR, hours=PLAIN) == Duration.parse(
        duration
    )


def test_one_instant_is_within_the_hours_of_one_zone_and_not_of_another() -> None:
    friday = at("2026-03-06 15:30", WIB)  # 16:30 in Makassar, 17:30 in Jayapura: closed
    two = Duration.parse("2 working hours")
    assert due_at(friday, two, WIB, CALENDAR, hours=PLAIN) == at("2026-03-09 09:30", WIB)
    assert due_at(friday, two, WITA, CALENDAR, hours=PLAIN) == at("2026-03-09 10:00", WITA)
    assert due_at(friday, two, WIT, CALENDAR, hours=PLAIN) == at("2026-03-09 10:00", WIT)


@pytest.mark.parametrize(
    ("start", "duration", "due"),
    [
        ("2026-03-05 11:30", "1 working hour", "2026-03-05 13:30"),
        ("2026-03-05 12:15", "1 working hour", "2026-03-05 14:00"),
        ("2026-03-05 11:00", "1 working hour", "2026-03-05 12:00"),
        ("2026-03-06 11:00", "1 working hour", "2026-03-06 13:30"),  # the Friday break is longer
        ("2026-03-06 08:00", "7 working hours", "2026-03-06 16:30"),
    ],
)
def test_breaks_and_fridays_differ(start: str, duration: str, due: str) -> None:
    assert due_at(at(start), Duration.parse(duration), WIB, CALENDAR, hours=BROKEN) == at(due)


def test_no_time_left_falls_due_at_once_or_when_an_office_opens() -> None:
    nothing = Duration(0, Unit.WORKING_SECONDS)
    for start, due in (
        ("2026-03-06 10:00", "2026-03-06 10:00"),
        ("2026-03-06 16:00", "2026-03-06 16:00"),
        ("2026-03-06 18:00", "2026-03-09 08:00"),
        ("2026-03-07 10:00", "2026-03-09 08:00"),
    ):
        assert due_at(at(start), nothing, WIB, CALENDAR, hours=PLAIN) == at(due)


def test_around_the_clock_is_office_hours_too() -> None:
    always = OfficeHours.parse("00:00-24:00")
    assert due_at(at("2026-03-06 23:00"), Duration.parse("2 working hours"), WIB, CALENDAR, hours=always) == at(
        "2026-03-09 01:00"
    )


INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 hypothesis adds the zone
    lambda instant: instant.replace(microsecond=instant.microsecond // 1000 * 1000)
)
LENGTHS = st.integers(0, 120 * 3_600_000).map(lambda ms: Duration(ms / 1000, Unit.WORKING_SECONDS))
ZONES = st.sampled_from([WIB, WITA, WIT])
HOURS = st.sampled_from([PLAIN, BROKEN, OfficeHours.parse("00:00-24:00")])


@given(INSTANTS, LENGTHS, ZONES, HOURS)
def test_counting_undoes_adding(start: datetime, length: Duration, zone: ZoneInfo, hours: OfficeHours) -> None:
    due = due_at(start, length, zone, CALENDAR, hours=hours)
    assert remaining(start, due, Unit.WORKING_SECONDS, zone, CALENDAR, hours=hours) == length


@given(INSTANTS, LENGTHS, st.timedeltas(timedelta(0), timedelta(days=40)), ZONES, HOURS)
def test_a_pause_of_no_length_is_nothing_and_a_longer_one_keeps_the_rest(
    start: datetime, length: Duration, used: timedelta, zone: ZoneInfo, hours: OfficeHours
) -> None:
    due = due_at(start, length, zone, CALENDAR, hours=hours)
    pause = min(start + used // MILLISECOND * MILLISECOND, due)
    left = remaining(pause, due, Unit.WORKING_SECONDS, zone, CALENDAR, hours=hours)
    assert Duration.parse(str(left)) == left
    again = due_at(pause, left, zone, CALENDAR, hours=hours)
    # what was left at closing time is due at closing, and was due at the next opening only if nothing was left at all
    assert again == due or not left.amount
    later = due_at(pause + timedelta(days=9), left, zone, CALENDAR, hours=hours)
    assert remaining(pause + timedelta(days=9), later, Unit.WORKING_SECONDS, zone, CALENDAR, hours=hours) == left


@given(st.datetimes(datetime(2026, 2, 1), datetime(2026, 4, 15)), st.integers(0, 40 * 60), ZONES)  # noqa: DTZ001 naive on purpose: local times
def test_adding_agrees_with_a_walk_minute_by_minute(local: datetime, minutes: int, zone: ZoneInfo) -> None:
    start = local.replace(second=0, microsecond=0, tzinfo=zone)
    walked, left = start, minutes
    while left or not _works(walked, minutes):
        left -= _open(walked)
        walked += timedelta(minutes=1)
    due = due_at(start, Duration(minutes * 60, Unit.WORKING_SECONDS), zone, CALENDAR, hours=PLAIN)
    assert due == walked


def _open(minute: datetime) -> bool:
    """Return whether the minute that begins here is one of work, by nothing but a list of days off."""
    off = {date(2026, 2, 16), date(2026, 2, 17), date(2026, 4, 3), *(date(2026, 3, day) for day in range(18, 25))}
    return minute.weekday() < 5 and minute.date() not in off and 8 <= minute.hour < 16


def _works(moment: datetime, minutes: int) -> bool:
    """Return whether something can fall due at this moment: at work, or at the end of it."""
    return bool(minutes) or _open(moment) or _open(moment - timedelta(minutes=1))


class TestWriting:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("8-16", "are not office hours"),
            ("08:00-16:00, ", "are not office hours"),
            ("16:00-08:00", "go forward"),
            ("08:00-08:00", "go forward"),
            ("08:00-12:00, 11:00-16:00", "go forward"),
            ("08:00-12:00, 12:00-16:00", "go forward"),
            ("08:00-24:01", "go forward"),
            ("08:00-25:00", "are not office hours"),
            ("08:60-09:00", "are not office hours"),
        ],
    )
    def test_invalid_office_hours_are_refused(self, text: str, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            OfficeHours.parse(text)

    def test_hours_are_written_as_they_are_read(self) -> None:
        assert str(PLAIN) == "08:00-16:00"
        assert str(BROKEN) == "08:00-12:00, 13:00-16:00 (Friday 08:00-11:30, 13:00-16:30)"
        assert BROKEN.shortest_day == timedelta(hours=7)

    @pytest.mark.parametrize(
        ("text", "seconds", "written"),
        [
            ("8 working hours", 28_800, "8 working hours"),
            ("1.5 working hours", 5_400, "90 working minutes"),
            ("1 working hour", 3_600, "1 working hour"),
            ("60 working minutes", 3_600, "1 working hour"),
            ("0.25 working seconds", 0.25, "0.25 working seconds"),
            ("0 working hours", 0, "0 working seconds"),
        ],
    )
    def test_working_time_is_written_in_the_largest_unit(self, text: str, seconds: float, written: str) -> None:
        duration = Duration.parse(text)
        assert duration == Duration(seconds, Unit.WORKING_SECONDS)
        assert str(duration) == written
        assert Duration.parse(written) == duration


def test_without_hours_there_is_nothing_to_count() -> None:
    with pytest.raises(ValueError, match="without office hours"):
        due_at(at("2026-03-06 15:30"), Duration.parse("2 working hours"), WIB, CALENDAR)
    with pytest.raises(ValueError, match="without office hours"):
        remaining(at("2026-03-06 15:30"), at("2026-03-09 15:30"), Unit.WORKING_SECONDS, WIB, CALENDAR)


class TestComplaint:
    """A complaint under a policy in working hours."""

    def test_its_clocks_run_in_the_hours_of_their_zones(self) -> None:
        world = World(hourly(), wib("2026-03-06 15:30"))
        assert world.due("verification") == at("2026-03-09 09:30")
        assert world.due("settlement") == at("2026-03-13 15:30")
        world.send(VERIFY, PANRB, at=wib("2026-03-09 09:30"))
        world.send(DISPOSE, PANRB, at=wib("2026-03-09 15:30"))  # 16:30 in Bali: closed there
        assert world.due("follow_up") == at("2026-03-10 12:00", WITA)

    def test_a_pause_keeps_the_working_time_to_the_millisecond(self) -> None:
        world = World(hourly(), wib("2026-03-06 15:30"))
        world.send(VERIFY, PANRB, at=wib("2026-03-06 15:40"))
        world.send(DISPOSE, PANRB, at=wib("2026-03-06 15:45"))
        world.send(FOLLOW_UP, PUPR, at=wib("2026-03-06 15:59:59.999"))
        kept = world.complaint.clocks[ClockName.SETTLEMENT].remaining
        assert kept == "142200.001 working seconds"  # forty hours less half an hour, and the last millisecond of it
        world.send(REPLY, CITIZEN, at=wib("2026-03-17 20:00"))
        assert world.due("settlement") == at("2026-03-31 15:30:00.001")

    def test_an_extension_counts_from_the_old_due_time(self) -> None:
        world = World(hourly(), wib("2026-03-02 08:00"))
        world.send(VERIFY, PANRB)
        world.send(DISPOSE, PANRB, at=wib("2026-03-02 09:00"))
        assert world.due("follow_up") == at("2026-03-02 14:00", WITA)
        world.send(REQUEST, PUPR, at=wib("2026-03-02 10:00"))
        world.send(GRANT, "/offices/denpasar", at=wib("2026-03-02 11:00"))
        assert world.due("follow_up") == at("2026-03-04 14:00", WITA)


ONE_DAY = {"day": "1 working day", "max_days": 5, "max_times": 1}


class TestPolicy:
    """A policy that counts in working hours has to define them."""

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({}, "hours: missing, and follow_up counts working hours"),
            ({"hours": "8-16"}, 'hours: "8-16" are not office hours'),
            ({"hours": ["08:00-16:00"]}, "are not office hours"),
            ({"hours": {"usual": "08:00-16:00"}}, "are not office hours"),
            ({"hours": "08:00-08:01"}, "hours: too few for settlement.aspiration"),
            ({"hours": "08:00-16:00", "extension": ONE_DAY}, "extension.day, which extends it, both count working"),
        ],
    )
    def test_what_cannot_be_counted_is_refused(self, changes: dict[str, Any], message: str) -> None:
        with pytest.raises(PolicyError, match=message) as refused:
            read(**changes)
        assert str(refused.value).startswith("version 2025-01-01: hours: ")

    def test_a_time_to_settle_in_working_hours_needs_them_too(self) -> None:
        with pytest.raises(PolicyError, match=r"settlement\.aspiration counts working hours"):
            read(clocks=_lapor()["clocks"], extension=ONE_DAY)

    def test_a_policy_has_hours_for_usual_days_and_fridays(self) -> None:
        hours = {"usual": "08:00-12:00, 13:00-16:00", "friday": "08:00-11:30, 13:00-16:30"}
        assert read(hours=hours).hours == BROKEN
        assert read(hours="08:00-16:00").hours == PLAIN
        assert LAPOR.hours is None


def _lapor() -> dict[str, Any]:
    """Write the packaged policy's only version."""
    text = (resources.files("workflow") / "policy" / "lapor.toml").read_text(encoding="utf-8")
    version: dict[str, Any] = tomllib.loads(text)["versions"][0]
    return version


def read(**changes: Any) -> Policy:
    """Read a policy in working hours from a document."""
    version = _lapor()
    hourly = {
        "clocks": version["clocks"] | {"follow_up": "4 working hours"},
        "settlement": version["settlement"] | {"aspiration": "40000 working hours"},
        "extension": {"day": "8 working hours", "max_days": 5, "max_times": 1},
    }
    document = {"name": "test", "versions": [version | hourly | changes]}
    offices = (resources.files("workflow") / "policy" / "offices.toml").read_text(encoding="utf-8")
    return parse_policies(document, tomllib.loads(offices)).versions[0]


def hourly(**changes: Any) -> Policy:
    """Return a policy in working hours."""
    hours = Duration.parse
    clocks = Clocks(
        verification=hours("2 working hours"),
        completion=hours("30 days"),
        follow_up=hours("4 working hours"),
        citizen_reply=hours("10 working days"),
        escalation=hours("2 working hours"),
    )
    rules = {
        "clocks": clocks,
        "settlement": dict.fromkeys(ComplaintClass, hours("40 working hours")),
        "extension": Extension(day=hours("8 working hours"), max_days=5, max_times=1),
        "hours": PLAIN,
    }
    return LAPOR.model_copy(update=rules | changes)
