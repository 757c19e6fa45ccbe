"""A follow-up without substance is rejected: the holder answers anew, in the time that was left at the answer."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import commands as c
from events import facts as f
from events.announcements import Announcements
from events.vocabulary import ClockName, Detail, Refusal, Status
from tests.support.worlds import (
    BADUNG,
    CITIZEN,
    CLOSE,
    CORRECTING,
    DENPASAR,
    FOLLOW_UP,
    LAPOR,
    MONDAY,
    PANRB,
    PUPR,
    REJECT,
    REPLY,
    REQUEST,
    VERIFICATION,
    World,
    announcement,
    days,
    to_status,
)
from workflow.policy.announcements import with_announcements
from workflow.policy.model import Policy
from workflow.reports.explain import explain

MOMENT = timedelta(milliseconds=1)


def wita(text: str) -> datetime:
    """Read a time in Denpasar."""
    return datetime.fromisoformat(f"{text}+08:00")


def answered(after: timedelta = timedelta(0), policy: Policy = CORRECTING) -> World:
    """Make a complaint, disposed on Monday 2 March 2026 with five working days, and answered `after` that."""
    world = to_status(Status.DISPOSED, policy)
    world.send(FOLLOW_UP, PUPR, after=after)
    return world


@pytest.mark.parametrize("by", [PANRB, DENPASAR])
@pytest.mark.parametrize(
    ("answer", "rejection", "due"),
    [
        # four working days left
        (days(1), days(1), "2026-03-10"),
        # the pause over a weekend takes nothing
        (days(3), days(4), "2026-03-11"),
        # answered on the last day: the day of the rejection is left, or the next working day
        (days(7), days(1), "2026-03-10"),
        (days(7), days(5), "2026-03-16"),
    ],
)
def test_the_working_time_that_was_left_goes_on(by: str, answer: timedelta, rejection: timedelta, due: str) -> None:
    world = answered(answer)
    began = world.history[2].at
    assert world.send(REJECT, by, after=rejection) == ["follow-up-rejected"]
    complaint, clock = world.complaint, world.complaint.clocks[ClockName.FOLLOW_UP]
    assert world.history[-1].fact == f.FollowUpRejected(by=by, office="denpasar-pupr", reason=REJECT.reason)
    assert (complaint.status, complaint.office, complaint.round) == (Status.DISPOSED, "denpasar-pupr", 1)
    assert (complaint.follow_up_rejections, complaint.breaches, complaint.answered_clock) == (1, 0, None)
    assert (clock.started_at, clock.resumed_at, clock.due_at) == (began, world.now, wita(f"{due}T23:59:59.999"))
    assert clock.running
    assert ClockName.CITIZEN_REPLY not in complaint.clocks
    assert complaint.clocks[ClockName.SETTLEMENT].running
    assert world.send(FOLLOW_UP, PUPR, at=clock.due_at) == ["followed-up"]


WITA = timedelta(hours=8)


def local_day(moment: datetime) -> date:
    return (moment + WITA).date()


@given(
    start=st.integers(0, 20 * 24),
    steps=st.lists(st.tuples(st.integers(0, 8 * 24), st.integers(0, 13 * 24)), min_size=1, max_size=4),
)
def test_due_times_are_those_of_days_counted_one_by_one(start: int, steps: list[tuple[int, int]]) -> None:
    policy = CORRECTING.model_copy(update={"follow_up_rejection_limit": 4})
    world = to_status(Status.DISPOSED, policy, at=MONDAY + timedelta(hours=start))
    works = policy.calendar.is_working_day
    for answer, rejection in steps:
        due = world.due("follow_up")
        world.send(FOLLOW_UP, PUPR, after=timedelta(hours=answer))
        left, day = 0, local_day(world.now)
        while (day := day + days(1)) <= local_day(due):
            left += works(day)
        world.ask(REJECT, DENPASAR, after=timedelta(hours=rejection))
        if world.complaint.status is not Status.DISPOSED:
            return  # closed, for want of a reply
        late = world.complaint.clocks[ClockName.FOLLOW_UP].breached
        assert late == (world.complaint.breaches > 0)
        if late:
            break
        day = local_day(world.now)
        while left or not works(day):
            day += days(1)
            left -= works(day) and left > 0
        assert local_day(world.due("follow_up")) == day
    explained = explain(world.history, ClockName.FOLLOW_UP, policy)
    assert explained.agrees, explained.runs[-1].differences
    assert len(explained.runs) == 1


def test_nothing_is_breached_after_the_fact() -> None:
    world = answered(days(1))
    assert world.send(REJECT, DENPASAR, at=world.due("citizen_reply")) == ["follow-up-rejected"]
    assert world.complaint.breaches == 0
    assert world.notice("follow_up", at=world.due("follow_up") + MOMENT) == ["breached"]


def test_a_missed_deadline_is_escalated_again_without_a_second_breach() -> None:
    world = to_status(Status.DISPOSED, CORRECTING)
    assert world.send(FOLLOW_UP, PUPR, at=world.due("follow_up") + days(1)) == ["breached", "followed-up"]
    assert not world.complaint.escalation_due
    world.send(REJECT, PANRB, after=days(1))
    assert world.complaint.clocks[ClockName.FOLLOW_UP].pressing
    assert (world.complaint.breaches, world.complaint.escalation_due) == (1, True)
    assert world.climb() == ("escalated", "denpasar")


def test_a_notified_rung_gets_its_time_again() -> None:
    world = to_status(Status.DISPOSED, CORRECTING)
    world.notice("follow_up", at=world.due("follow_up") + MOMENT)
    world.climb()
    world.send(FOLLOW_UP, PUPR)
    world.send(REJECT, DENPASAR, after=days(1))
    assert (world.complaint.rung, world.complaint.escalation_due) == (1, False)
    assert world.complaint.clocks[ClockName.ESCALATION].started_at == world.now
    world.notice("escalation", at=world.due("escalation") + MOMENT)
    assert world.climb() == ("escalated", "panrb")


def test_of_two_answers_the_first_stopped_the_clock() -> None:
    world = answered(days(1))
    kept = world.complaint.answered_clock
    assert kept is not None
    assert (kept.paused, kept.remaining, kept.due_at) == (True, "4 working days", None)
    world.send(FOLLOW_UP, PUPR, after=days(2))
    assert world.complaint.answered_clock == kept
    world.send(REJECT, DENPASAR)
    assert world.due("follow_up") == wita("2026-03-11T23:59:59.999")


def test_an_extension_counts() -> None:
    world = to_status(Status.DISPOSED, CORRECTING)
    world.send(REQUEST, PUPR)
    world.send(c.DecideExtension(approved=True), DENPASAR)
    world.send(FOLLOW_UP, PUPR, after=days(1))
    assert world.complaint.answered_clock is not None
    assert world.complaint.answered_clock.remaining == "6 working days"


def test_a_day_off_announced_meanwhile_takes_nothing() -> None:
    world = answered(days(1))
    day_off = announcement(date(2026, 3, 5), at=world.now)
    world.policy = with_announcements(CORRECTING, Announcements.of([day_off]))
    world.send(REJECT, DENPASAR, after=days(1))
    assert world.due("follow_up") == wita("2026-03-11T23:59:59.999")


def test_the_next_office_has_its_whole_time() -> None:
    world = answered(days(3))
    world.send(c.DisposeComplaint(office="denpasar"), PANRB)
    assert world.complaint.answered_clock is None
    world.send(REJECT, PANRB)
    clock = world.complaint.clocks[ClockName.FOLLOW_UP]
    assert (world.complaint.office, clock.started_at, clock.resumed_at) == ("denpasar", world.now, None)


@pytest.mark.parametrize(("command", "by"), [(REPLY, CITIZEN), (CLOSE, PANRB)])
def test_what_ends_the_wait_for_a_reply_forgets_the_clock(command: c.Command, by: str) -> None:
    world = answered()
    world.send(command, by)
    assert world.complaint.answered_clock is None


def test_it_is_limited() -> None:
    world = answered()
    for _ in range(2):
        world.send(REJECT, PANRB)
        world.send(FOLLOW_UP, PUPR)
    assert world.refusal(REJECT, PANRB) == (Refusal.NOT_PERMITTED, Detail.FOLLOW_UP_REJECTION_LIMIT)


def test_a_policy_without_it_has_none_and_keeps_no_clock() -> None:
    world = answered(policy=LAPOR)
    assert world.complaint.answered_clock is None
    assert world.refusal(REJECT, PANRB) == (Refusal.NOT_PERMITTED, Detail.NOT_IN_POLICY)


@pytest.mark.parametrize("by", [PUPR, CITIZEN, BADUNG, VERIFICATION, "/offices/ombudsman"])
def test_it_is_for_the_administrator_and_the_superior(by: str) -> None:
    assert answered().refuse(REJECT, by) is Refusal.NOT_PERMITTED
