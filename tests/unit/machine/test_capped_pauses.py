"""Capped pauses of the settlement clock, compared with working minutes counted one by one."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.config.policy_files import load
from events import commands as c
from events import facts as f
from events.announcements import Announcements
from events.vocabulary import ClockName, ComplaintClass, Refusal, Status
from tests.support.worlds import (
    CITIZEN,
    CLOSE,
    DENPASAR,
    FOLLOW_UP,
    LAPOR,
    MONDAY,
    PANRB,
    PUPR,
    REPLY,
    RETURN,
    SLA,
    World,
    announcement,
    days,
    to_status,
    wib,
)
from tests.unit.policy.test_policy import policies, version
from workflow.deadlines.working_days import Calendar
from workflow.machine.handlers import Rejected
from workflow.policy.announcements import with_announcements
from workflow.policy.model import Policy, PolicyError
from workflow.reports.explain import explain

pytestmark = pytest.mark.long

CAPPED = load("lapor").versions[-1].model_copy(update={"citizens": "open"})
MINUTE = timedelta(minutes=1)
OPENS, CLOSES = time(8), time(16)
JAKARTA = timedelta(hours=7)
CAP = 80 * 60


def works(moment: datetime, calendar: Calendar) -> bool:
    local = (moment + JAKARTA).replace(tzinfo=None)
    return OPENS <= local.time() < CLOSES and calendar.is_working_day(local.date())


def worked(start: datetime, end: datetime, calendar: Calendar) -> int:
    """Count the working minutes from `start` to `end`, one by one."""
    found, moment = 0, start
    while moment < end:
        found += works(moment, calendar)
        moment += MINUTE
    return found


def used_up(start: datetime, minutes: int, calendar: Calendar) -> datetime:
    """Find the end of the day, or the minute within it, at which so many working minutes have passed."""
    moment, left = start, minutes
    local = (start + JAKARTA).replace(tzinfo=None)
    if not minutes and not (calendar.is_working_day(local.date()) and local.time() >= CLOSES):
        while not works(moment, calendar):  # at once, or as soon as an office opens
            moment += MINUTE
        return moment
    while left:
        left -= works(moment, calendar)
        moment += MINUTE
    last = (moment - MINUTE if minutes else moment) + JAKARTA
    end = datetime.combine(last.date(), time(23, 59, 59, 999_000), UTC) - JAKARTA
    return moment if worked(moment, end, calendar) else end


def settlement(world: World) -> datetime:
    due = world.complaint.clocks[ClockName.SETTLEMENT].due_at
    assert due is not None
    return due


@given(
    steps=st.lists(st.integers(1, 3 * 24 * 60), min_size=1, max_size=6),
    start=st.integers(0, 7 * 24 * 60),
    kind=st.sampled_from([ComplaintClass.COMPLAINT, ComplaintClass.COMPLAINT_INSPECTION]),
)
def test_due_times_are_those_of_minutes_counted_one_by_one(steps: list[int], start: int, kind: ComplaintClass) -> None:
    world = to_status(Status.DISPOSED, CAPPED, class_=kind, at=MONDAY.replace(second=0) + start * MINUTE)
    calendar, due, paused = CAPPED.calendar, settlement(world), 0
    for number, minutes in enumerate(steps):
        at = (world.now + minutes * MINUTE).replace(second=0, microsecond=0)
        if at > due or world.complaint.outcome is not None:
            break
        pauses = number % 2 == 0
        if pauses:
            left = worked(at, due, calendar)
            begun = at
            expected = used_up(at, left + CAP - paused, calendar)
        else:
            passed = min(worked(begun, at, calendar), CAP - paused)
            paused += passed
            expected = due if paused == CAP else used_up(at, left, calendar)
        world.send(FOLLOW_UP if pauses else REPLY, PUPR if pauses else CITIZEN, at=at)
        clock = world.complaint.clocks[ClockName.SETTLEMENT]
        if clock.breached:
            break
        due = settlement(world)
        assert due == expected
        assert not clock.paused
    explained = explain(world.history, ClockName.SETTLEMENT, CAPPED)
    assert explained.agrees, explained.runs[-1].differences


@pytest.mark.parametrize(
    ("paused", "replied", "due"),
    [
        ("15:00", "15:00", "23:59:59.999"),
        ("16:00", "16:00", "23:59:59.999"),
        ("18:00", "18:05", "23:59:59.999"),
        ("23:00", "23:59", "23:59:59.999"),
    ],
)
def test_a_pause_without_working_time_moves_nothing(paused: str, replied: str, due: str) -> None:
    """Also after the closing time of the last day, when nothing of the time is left."""
    world = to_status(Status.DISPOSED, CAPPED)
    last = settlement(world) + JAKARTA
    assert last.time().isoformat(timespec="milliseconds") == due
    world.send(FOLLOW_UP, PUPR, at=wib(f"{last.date()}T{paused}"))
    world.send(REPLY, CITIZEN, at=wib(f"{last.date()}T{replied}"))
    assert settlement(world) + JAKARTA == last


def test_a_pause_over_one_night_gives_no_day() -> None:
    world = to_status(Status.DISPOSED, CAPPED)
    due = settlement(world)
    world.send(FOLLOW_UP, PUPR, at=wib("2026-03-02T15:59"))
    world.send(REPLY, CITIZEN, at=wib("2026-03-03T07:00"))
    after = settlement(world)
    assert due < after
    assert worked(due, after, CAPPED.calendar) == 1
    assert (world.complaint.clocks[ClockName.SETTLEMENT].paused_for, (after - due) > days(0)) == (
        "1 working minute",
        True,
    )


def test_a_reply_and_an_answer_each_day_use_settlement_up() -> None:
    def breached_after(policy: Policy) -> int | None:
        world = to_status(Status.DISPOSED, policy)
        world.send(FOLLOW_UP, PUPR, at=wib("2026-03-02T15:00"))
        for day in range(1, 90):
            world.send(REPLY, CITIZEN, at=wib("2026-03-02T09:00") + days(day))
            world.send(FOLLOW_UP, PUPR, after=timedelta(hours=6))
            if world.complaint.breaches:
                return day
        return None

    assert breached_after(LAPOR) is None
    found = breached_after(CAPPED)
    assert found is not None
    assert found <= 40


def test_placeholders_do_not_add_up_to_months() -> None:
    world = to_status(Status.DISPOSED, CAPPED)
    for _ in range(12):
        world.send(FOLLOW_UP, PUPR, after=days(7))
    first = next(each.fact for each in world.history if isinstance(each.fact, f.DeadlineBreached))
    # 14 working days to settle, and 10 of pauses
    assert CAPPED.calendar.working_days_between(MONDAY.date(), first.due_at.date()) == 24
    assert world.complaint.status is Status.FOLLOWED_UP
    assert world.complaint.escalation_due


def test_it_is_breached_by_itself_when_the_pause_has_no_end() -> None:
    world = to_status(Status.DISPOSED, CAPPED)
    world.send(FOLLOW_UP, PUPR)
    due = settlement(world)
    for _ in range(4):  # each gives the citizen ten days anew
        world.send(FOLLOW_UP, PUPR, after=days(9))
        assert settlement(world) == due
    assert world.notice("settlement", at=due + timedelta(milliseconds=1)) == ["breached"]
    clock = world.complaint.clocks[ClockName.SETTLEMENT]
    assert clock.pressing
    world.send(REPLY, CITIZEN)
    assert world.complaint.clocks[ClockName.SETTLEMENT].remaining is None
    assert world.send(FOLLOW_UP, PUPR)
    assert not world.complaint.clocks[ClockName.SETTLEMENT].pressing
    assert world.send(CLOSE, PANRB)


def test_an_announced_day_moves_it_by_its_working_time() -> None:
    world = to_status(Status.DISPOSED, CAPPED)
    world.send(FOLLOW_UP, PUPR, at=wib("2026-03-03T12:00"))
    world.send(REPLY, CITIZEN, at=wib("2026-03-04T10:00"))
    before = settlement(world)
    off = announcement(date(2026, 3, 6), at=world.now)
    world.policy = with_announcements(CAPPED, Announcements.of([off]))
    assert world.send(c.RescheduleDeadlines(calendar=1), SLA)
    left = worked(wib("2026-03-04T10:00"), before, CAPPED.calendar)
    assert settlement(world) == used_up(wib("2026-03-04T10:00"), left, world.policy.calendar) > before


@pytest.mark.parametrize("clock", ClockName)
def test_warnings_come_within_office_hours(clock: ClockName) -> None:
    for start in range(0, 7 * 24 * 60, 97):
        at = MONDAY + start * MINUTE
        world = to_status(Status.POSTPONED if clock is ClockName.COMPLETION else Status.REPLIED, CAPPED, at=at)
        if clock in {ClockName.VERIFICATION, ClockName.CITIZEN_REPLY}:
            status = Status.REGISTERED if clock is ClockName.VERIFICATION else Status.FOLLOWED_UP
            world = to_status(status, CAPPED, at=at)
        found = world.complaint.clocks.get(clock)
        if found is None or found.warn_at is None or found.due_at is None or found.warn_at >= found.due_at:
            continue
        zone = timedelta(hours=8) if found.zone == "Asia/Makassar" else JAKARTA
        local = (found.warn_at + zone).replace(tzinfo=None)
        assert OPENS <= local.time() <= CLOSES, local
        assert CAPPED.calendar.is_working_day(local.date())


def test_what_the_arbiter_disposed_is_not_returned_again() -> None:
    for policy, final in ((CAPPED, True), (LAPOR, False)):
        world = to_status(Status.DISPOSED, policy)
        world.send(RETURN, PUPR)
        world.send(c.DisposeComplaint(office="denpasar"), PANRB)
        world.send(RETURN, DENPASAR)
        world.send(c.DisposeComplaint(office="denpasar"), PANRB)
        if final:
            answer = world.ask(RETURN, DENPASAR)
            assert isinstance(answer, Rejected)
            assert (answer.code, answer.detail) == (Refusal.RETURN_LIMIT, None)
            assert world.send(FOLLOW_UP, DENPASAR)
        else:
            assert world.send(RETURN, DENPASAR) == ["returned"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"settlement_pause_cap": "80 working hours"}, "settlement_pause_cap counts working hours"),
        ({"settlement_pause_cap": "10 days"}, "write working hours"),
        ({"settlement_pause_cap": "10 seconds"}, "write working hours"),
        ({"warn_in": "working days"}, "warn_in is"),
        ({"warn_in": "minutes"}, "warn_in"),
    ],
)
def test_keys_that_cannot_be_counted_are_refused(changes: dict[str, str], named: str) -> None:
    with pytest.raises(PolicyError, match=named):
        policies(version(**changes))
