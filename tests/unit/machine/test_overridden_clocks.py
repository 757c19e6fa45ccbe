"""Clocks under overrides: random histories compared with times computed here, and the effect of a change."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events import commands as c
from events import facts as f
from events.announcements import Announcements
from events.snapshot import Clock, Complaint
from events.vocabulary import ClockName, ComplaintClass, Status
from tests.support.worlds import (
    CITIZEN,
    DENPASAR,
    FOLLOW_UP,
    GRANT,
    LAPOR,
    MONDAY,
    OVERRIDDEN,
    PANRB,
    POSTPONE,
    PUPR,
    REPLY,
    REQUEST,
    World,
    announcement,
    days,
    to_status,
    wib,
)
from tests.unit.machine.test_histories import OFFICES, STEPS, Step, take
from workflow.deadlines.clock_rules import RULES
from workflow.deadlines.durations import Duration, Unit
from workflow.policy.announcements import with_announcements
from workflow.policy.offices import Level
from workflow.reports.explain import explain
from workflow.stages.escalation import next_office

FOLLOW = ClockName.FOLLOW_UP
HEALTH = c.VerifyComplaint(category="kesehatan")


def time_of(name: ClockName, complaint: Complaint) -> str | None:
    """Choose by hand which override of `OVERRIDDEN` counts."""
    category, kind, office = complaint.category or "", complaint.class_, complaint.office
    level = OVERRIDDEN.directory.get(office).level if office else None
    health = category == "kesehatan" or category.startswith("kesehatan-")
    asks = kind is ComplaintClass.INFORMATION_REQUEST
    of_level = {Level.UNIT: "4 working days", Level.CITY: "6 days"}.get(level or Level.NATIONAL)
    settled = "9 working days" if health and kind is ComplaintClass.COMPLAINT else None
    return {
        ClockName.VERIFICATION: "1 working day" if health else None,
        ClockName.FOLLOW_UP: "3 working days" if health else "108000 seconds" if asks else of_level,
        ClockName.CITIZEN_REPLY: settled and "4 working days",
        ClockName.SETTLEMENT: settled or ("259200 seconds" if asks else None),
        ClockName.ESCALATION: "1 working day" if level is Level.UNIT else None,
    }.get(name)


def counted(start: datetime, duration: Duration, zone: ZoneInfo) -> datetime:
    """Count day by day."""
    if duration.unit is Unit.SECONDS:
        return start + timedelta(seconds=duration.amount)
    day, left = start.astimezone(zone).date(), duration.amount
    while left:
        day += timedelta(days=1)
        left -= duration.unit is Unit.DAYS or LAPOR.calendar.is_working_day(day)
    return datetime.combine(day, time(23, 59, 59, 999_000), zone).astimezone(UTC)


def begins(name: ClockName, before: Complaint | None, recorded: f.Recorded) -> bool:
    old = before.clocks.get(name) if before else None
    new = recorded.complaint.clocks[name]
    return old is None or old.started_at != new.started_at or isinstance(recorded.fact, RULES[name].starts_with)


@pytest.mark.long
@settings(max_examples=settings().max_examples * 3)
@given(
    steps=STEPS,
    pick=st.integers(0, 41),
    category=st.sampled_from(["kesehatan", "kesehatan-ibu", "kesehatanan", "infrastruktur-jalan", None]),
    kind=st.sampled_from(ComplaintClass),
)
def test_each_clock_starts_with_the_time_of_the_most_specific_override(
    steps: list[Step], pick: int, category: str | None, kind: ComplaintClass
) -> None:
    world = World(OVERRIDDEN, class_=kind, category=category, office=OFFICES[pick % 7] if pick % 2 else None)
    take(world, steps, timedelta(days=1))
    before: Complaint | None = None
    allotted: dict[ClockName, str | None] = {}
    for recorded in world.history:
        after = recorded.complaint
        for name, clock in after.clocks.items():
            if not begins(name, before, recorded):
                assert clock.allotted == allotted[name], "a clock keeps what it was started with"
                continue
            allotted[name] = clock.allotted
            assert clock.allotted == time_of(name, after), name
            if clock.due_at is not None and not clock.paused:
                duration = Duration.parse(clock.allotted or str(LAPOR.duration_of(name, kind)))
                assert duration is not None
                assert clock.due_at == counted(recorded.at, duration, ZoneInfo(clock.zone or "")), name
        before = after
    for name in ClockName:
        explained = explain(world.history, name, OVERRIDDEN)
        assert explained.agrees, explained


def follow_up(world: World) -> Clock:
    return world.complaint.clocks[FOLLOW]


def disposed(office: str = "denpasar-pupr", **changes: Any) -> World:
    world = World(OVERRIDDEN, **changes)
    world.send(c.VerifyComplaint(), PANRB)
    world.send(c.DisposeComplaint(office=office), PANRB)
    return world


def test_another_category_counts_from_the_next_start_on() -> None:
    world = World(OVERRIDDEN, at=MONDAY)
    world.send(POSTPONE, PANRB)
    before = world.complaint.clocks[ClockName.SETTLEMENT]
    world.send(c.CompleteReport(category="kesehatan"), CITIZEN)
    assert world.complaint.clocks[ClockName.VERIFICATION].allotted == "1 working day"
    assert (before.allotted, world.complaint.clocks[ClockName.SETTLEMENT].allotted) == (None, None)
    world.send(c.VerifyComplaint(), PANRB)
    world.send(c.DisposeComplaint(office="denpasar-pupr"), PANRB)
    assert follow_up(world).allotted == "3 working days"


def test_an_office_of_another_level_starts_with_its_own_time() -> None:
    world = disposed()
    assert follow_up(world).allotted == "4 working days"
    world.send(c.DisposeComplaint(office="denpasar"), PANRB, after=days(1))
    assert (follow_up(world).allotted, follow_up(world).due_at) == (
        "6 days",
        datetime(2026, 3, 9, 15, 59, 59, 999_000, UTC),
    )
    world.send(c.DisposeComplaint(office="bali"), PANRB)
    assert follow_up(world).allotted is None


def test_a_clock_that_runs_on_keeps_its_time_at_another_office() -> None:
    world = disposed(category="kesehatan")
    world.send(FOLLOW_UP, PUPR)
    reply = world.complaint.clocks[ClockName.CITIZEN_REPLY]
    world.send(c.DisposeComplaint(office="bali"), PANRB)
    assert world.complaint.clocks[ClockName.CITIZEN_REPLY] == reply
    assert reply.allotted == "4 working days"


def test_the_ladder_is_that_of_the_complaint_as_it_stands() -> None:
    world = disposed()
    assert next_office(world.complaint, OVERRIDDEN) == "denpasar"
    world.send(c.DisposeComplaint(office="denpasar"), PANRB)
    assert next_office(world.complaint, OVERRIDDEN) == "ombudsman"
    assert next_office(disposed("denpasar", category="kesehatan-ibu").complaint, OVERRIDDEN) == "panrb"


@pytest.mark.parametrize(
    ("kind", "moves"), [(ComplaintClass.COMPLAINT, True), (ComplaintClass.INFORMATION_REQUEST, False)]
)
def test_an_announced_holiday_moves_what_counts_working_days(kind: ComplaintClass, *, moves: bool) -> None:
    world = disposed(class_=kind)
    due = world.due("follow_up")
    world.policy = with_announcements(OVERRIDDEN, Announcements.of([announcement(due.date(), at=world.now)]))
    world.ask(c.RescheduleDeadlines(calendar=1), "/stages/sla")
    assert (world.due("follow_up") != due) is moves


def test_a_pause_counts_in_the_unit_of_the_override() -> None:
    world = disposed(class_=ComplaintClass.INFORMATION_REQUEST)
    world.send(FOLLOW_UP, PUPR, after=timedelta(hours=20))
    assert world.complaint.clocks[ClockName.SETTLEMENT].remaining == "187200 seconds"
    world.send(REPLY, CITIZEN, after=days(3))
    assert world.due("settlement") == world.now + timedelta(hours=52)
    assert world.complaint.clocks[ClockName.SETTLEMENT].allotted == "259200 seconds"


def test_an_extension_counts_from_the_due_time_of_the_override() -> None:
    world = disposed(category="kesehatan")
    world.send(REQUEST, PUPR)
    world.send(GRANT, DENPASAR)
    assert world.due("follow_up") == wib("2026-03-09T22:59:59.999")


def test_without_an_override_the_snapshot_is_as_before() -> None:
    clock = to_status(Status.DISPOSED).complaint.clocks[FOLLOW]
    assert "allotted" not in clock.model_dump(mode="json")
