"""Deadlines by the log: kept up to the last millisecond, breached after it, whatever notices first."""

from datetime import UTC, timedelta

import pytest

from events import commands as c
from events import facts as f
from events.vocabulary import ClockName, ComplaintClass, Outcome, Refusal, Status
from tests.support.worlds import (
    CITIZEN,
    CLOSE,
    COMPLETE,
    DEMO,
    FOLLOW_UP,
    LAPOR,
    MONDAY,
    PANRB,
    POSTPONE,
    PUPR,
    RATE,
    REPLY,
    REQUEST,
    RETURN,
    SLA,
    VERIFY,
    WITHDRAW,
    World,
    days,
    seconds,
    to_status,
    wib,
)

MOMENT = timedelta(milliseconds=1)


def test_a_follow_up_at_the_last_moment_is_in_time() -> None:
    world = to_status(Status.DISPOSED)
    # five working days after Monday the second, where the office is: WITA is an hour ahead of Jakarta
    assert world.due("follow_up") == wib("2026-03-09T22:59:59.999")
    assert world.send(FOLLOW_UP, PUPR, at=world.due("follow_up")) == ["followed-up"]
    assert world.complaint.breaches == 0


def test_a_late_follow_up_comes_after_its_breach() -> None:
    world = to_status(Status.DISPOSED)
    due = world.due("follow_up")
    assert world.send(FOLLOW_UP, PUPR, at=due + MOMENT) == ["breached", "followed-up"]
    breach, follow_up = world.history[-2:]
    assert breach.fact == f.DeadlineBreached(by=f.SYSTEM, clock=ClockName.FOLLOW_UP, due_at=due)
    assert breach.at == follow_up.at == due + MOMENT
    assert breach.cause == follow_up.cause
    assert breach.complaint.escalation_due
    # the office has answered: nothing presses any more, but that it was late stays
    assert not world.complaint.escalation_due
    assert (world.complaint.breaches, world.complaint.status) == (1, "followed_up")


def test_a_breach_is_recorded_once() -> None:
    world = to_status(Status.DISPOSED)
    assert world.notice("follow_up", at=world.due("follow_up") + MOMENT) == ["breached"]
    assert world.refuse(world.notice_of("follow_up"), SLA, after=days(1)) is Refusal.OVERTAKEN
    assert world.send(FOLLOW_UP, PUPR, after=days(1)) == ["followed-up"]
    assert world.complaint.breaches == 1


def test_expired_deadlines_are_recorded_in_their_order() -> None:
    world = to_status(Status.DISPOSED)
    assert world.send(WITHDRAW, CITIZEN, at=world.due("settlement") + MOMENT) == ["breached", "breached", "withdrawn"]
    first, second, _ = (recorded.fact for recorded in world.history[-3:])
    assert isinstance(first, f.DeadlineBreached)
    assert isinstance(second, f.DeadlineBreached)
    assert (first.clock, second.clock) == ("follow_up", "settlement")
    assert first.due_at < second.due_at


def test_a_refused_command_records_no_deadline_either() -> None:
    world = to_status(Status.DISPOSED)
    late = world.due("settlement") + days(100)
    assert world.refuse(RATE, CITIZEN, at=late) is Refusal.NOT_ALLOWED_IN_STATUS
    assert world.refuse(FOLLOW_UP, "/offices/badung", at=late) is Refusal.NOT_PERMITTED
    assert world.refuse(FOLLOW_UP, PUPR, at=late, expected=1) is Refusal.VERSION_MISMATCH
    assert world.complaint.breaches == 0


class TestCitizenReply:
    def test_a_reply_at_the_last_moment_is_accepted(self) -> None:
        world = to_status(Status.FOLLOWED_UP)
        assert world.send(REPLY, CITIZEN, at=world.due("citizen_reply")) == ["replied"]

    def test_the_system_closes_when_it_has_passed(self) -> None:
        world = to_status(Status.FOLLOWED_UP)
        due = world.due("citizen_reply")
        assert world.notice("citizen_reply", at=due + days(3)) == ["closed"]
        complaint, fact = world.complaint, world.history[-1].fact
        assert (complaint.status, complaint.outcome, complaint.closed_at) == (Status.CLOSED, Outcome.RESOLVED, due)
        assert complaint.updated_at == due + days(3)
        assert isinstance(fact, f.ComplaintClosed)
        assert (fact.by, fact.deadline) == (f.SYSTEM, due)
        assert complaint.clocks == {}
        assert complaint.breaches == 0

    def test_a_late_command_gets_deadline_passed(self) -> None:
        world = to_status(Status.FOLLOWED_UP)
        late = world.due("citizen_reply") + MOMENT
        assert world.refuse(FOLLOW_UP, PUPR, at=late) is Refusal.DEADLINE_PASSED
        assert world.refuse(CLOSE, PANRB, at=late) is Refusal.DEADLINE_PASSED
        assert world.refuse(WITHDRAW, CITIZEN, at=late) is Refusal.DEADLINE_PASSED

    def test_a_rating_after_it_finds_the_complaint_closed(self) -> None:
        world = to_status(Status.FOLLOWED_UP)
        due = world.due("citizen_reply")
        assert world.send(RATE, CITIZEN, at=due + days(1)) == ["closed", "rated"]
        assert (world.complaint.closed_at, world.complaint.rating) == (due, 4)

    def test_each_follow_up_starts_it_anew(self) -> None:
        world = to_status(Status.FOLLOWED_UP)
        first = world.due("citizen_reply")
        world.send(FOLLOW_UP, PUPR, after=days(3))
        assert world.due("citizen_reply") > first
        assert world.refuse(c.NoticeDeadline(clock=ClockName.CITIZEN_REPLY, due_at=first), SLA) is Refusal.OVERTAKEN


class TestCompletion:
    def test_a_report_completed_at_the_last_moment_is_back(self) -> None:
        world = to_status(Status.POSTPONED)
        assert world.due("completion") == wib("2026-04-01T23:59:59.999")
        assert world.send(COMPLETE, CITIZEN, at=world.due("completion")) == ["report-completed"]
        assert world.complaint.report.revision == 2
        assert set(world.complaint.clocks) == {"verification", "settlement"}
        assert world.complaint.clocks[ClockName.VERIFICATION].started_at == world.now

    def test_it_is_deemed_withdrawn_when_it_has_passed(self) -> None:
        world = to_status(Status.POSTPONED)
        due = world.due("completion")
        assert world.refuse(COMPLETE, CITIZEN, at=due + MOMENT) is Refusal.DEADLINE_PASSED
        assert world.notice("completion", at=due + MOMENT) == ["withdrawn"]
        assert (world.complaint.status, world.complaint.outcome) == (Status.WITHDRAWN, Outcome.WITHDRAWN)
        assert world.complaint.closed_at == due
        assert world.complaint.breaches == 0


class TestNotices:
    def test_a_timer_that_is_early_is_refused(self) -> None:
        world = to_status(Status.DISPOSED)
        notice = world.notice_of("follow_up")
        assert world.refuse(notice, SLA) is Refusal.NOT_DUE
        warn_at = world.complaint.clocks[ClockName.FOLLOW_UP].warn_at
        assert warn_at is not None
        assert world.refuse(notice, SLA, at=warn_at - MOMENT) is Refusal.NOT_DUE

    def test_a_warning_is_given_once(self) -> None:
        world = to_status(Status.DISPOSED)
        clock = world.complaint.clocks[ClockName.FOLLOW_UP]
        assert clock.warn_at is not None
        assert world.notice("follow_up", at=clock.warn_at) == ["warned"]
        assert world.history[-1].fact == f.DeadlineWarned(
            by=f.SYSTEM, clock=ClockName.FOLLOW_UP, due_at=world.due("follow_up")
        )
        assert world.complaint.clocks[ClockName.FOLLOW_UP] == clock.model_copy(update={"warned": True})
        assert world.refuse(world.notice_of("follow_up"), SLA, after=days(1)) is Refusal.NOT_DUE
        # exactly at the due time it is still kept
        assert world.refuse(world.notice_of("follow_up"), SLA, at=world.due("follow_up")) is Refusal.NOT_DUE
        assert world.notice("follow_up", at=world.due("follow_up") + MOMENT) == ["breached"]

    def test_a_warning_that_comes_too_late_is_the_breach(self) -> None:
        world = to_status(Status.DISPOSED)
        assert world.notice("follow_up", at=world.due("follow_up") + days(9)) == ["breached"]

    def test_a_clock_that_is_not_there_or_stands_still_cannot_be_noticed(self) -> None:
        world = to_status(Status.FOLLOWED_UP)
        due = world.due("citizen_reply")
        for clock in (ClockName.VERIFICATION, ClockName.FOLLOW_UP, ClockName.SETTLEMENT, ClockName.ESCALATION):
            assert world.refuse(c.NoticeDeadline(clock=clock, due_at=due), SLA) is Refusal.OVERTAKEN

    def test_a_due_time_in_another_zone_is_the_same_due_time(self) -> None:
        world = to_status(Status.DISPOSED)
        due = world.due("follow_up").astimezone(LAPOR.national_zone)
        notice = c.NoticeDeadline(clock=ClockName.FOLLOW_UP, due_at=due)
        assert world.send(notice, SLA, at=due.astimezone(UTC) + MOMENT) == ["breached"]

    def test_notice_of_one_brings_all_that_have_passed(self) -> None:
        world = to_status(Status.DISPOSED)
        assert world.notice("settlement", at=world.due("settlement") + MOMENT) == ["breached", "breached"]
        assert world.complaint.breaches == 2

    def test_the_warning_of_a_clock_that_another_ended_is_overtaken(self) -> None:
        never_paused = LAPOR.model_copy(update={"settlement_pauses_in": frozenset()})
        world = to_status(Status.FOLLOWED_UP, never_paused, class_=ComplaintClass.COMPLAINT)
        notice = world.notice_of("settlement")
        assert world.due("citizen_reply") < world.due("settlement")
        assert world.refuse(notice, SLA, at=world.due("settlement") - MOMENT) is Refusal.OVERTAKEN
        assert world.send(notice, SLA, at=world.due("settlement") + MOMENT) == ["closed"]


class TestSettlement:
    """Received on 2 March, 14 working days end on 27 March; Nyepi and Idul Fitri lie between 18 and 24 March."""

    def test_what_is_left_is_kept_over_a_pause_and_a_holiday(self) -> None:
        world = to_status(Status.DISPOSED)
        assert world.due("settlement") == wib("2026-03-27T23:59:59.999")
        world.send(FOLLOW_UP, PUPR, at=wib("2026-03-16T10:00"))
        clock = world.complaint.clocks[ClockName.SETTLEMENT]
        # 17, 25, 26, 27 March
        assert (clock.paused, clock.due_at, clock.warn_at, clock.remaining) == (True, None, None, "4 working days")
        world.send(REPLY, CITIZEN, at=wib("2026-03-25T10:00"))
        clock = world.complaint.clocks[ClockName.SETTLEMENT]
        # 26, 27, 30, 31 March
        assert (clock.paused, clock.due_at, clock.remaining) == (False, wib("2026-03-31T23:59:59.999"), None)
        assert clock.started_at == MONDAY

    def test_a_pause_that_ends_on_a_holiday(self) -> None:
        world = to_status(Status.DISPOSED)
        world.send(FOLLOW_UP, PUPR, at=wib("2026-03-16T10:00"))
        world.send(REPLY, CITIZEN, at=wib("2026-03-20T10:00"))
        # 25, 26, 27, 30 March
        assert world.due("settlement") == wib("2026-03-30T23:59:59.999")

    def test_a_pause_within_a_day_changes_nothing(self) -> None:
        world = to_status(Status.DISPOSED)
        before = world.due("settlement")
        world.send(FOLLOW_UP, PUPR, at=wib("2026-03-16T10:00"))
        world.send(REPLY, CITIZEN, at=wib("2026-03-16T10:01"))
        assert world.due("settlement") == before

    def test_seconds_are_kept_to_the_millisecond(self) -> None:
        world = to_status(Status.DISPOSED, DEMO)
        left = world.due("settlement") - world.now
        world.send(FOLLOW_UP, PUPR)
        world.send(REPLY, CITIZEN, after=seconds(7.125))
        assert world.due("settlement") - world.now == left

    def test_it_cannot_be_missed_while_it_stands_still(self) -> None:
        world = to_status(Status.POSTPONED)
        world.send(COMPLETE, CITIZEN, after=days(29))
        assert world.complaint.breaches == 0
        assert world.due("settlement") > world.now + days(14)

    def test_a_missed_clock_pauses_and_is_escalated_after_the_pause(self) -> None:
        world = to_status(Status.DISPOSED, class_=ComplaintClass.INFORMATION_REQUEST)
        missed = world.due("settlement")
        world.send(FOLLOW_UP, PUPR, at=missed + MOMENT)
        clock = world.complaint.clocks[ClockName.SETTLEMENT]
        assert (clock.breached, clock.paused, clock.due_at, clock.remaining) == (True, True, missed, None)
        assert not world.complaint.escalation_due
        world.send(REPLY, CITIZEN, after=days(1))
        assert world.complaint.clocks[ClockName.SETTLEMENT].pressing
        assert world.complaint.escalation_due

    def test_the_class_decides_how_long(self) -> None:
        dues = {each: to_status(Status.REGISTERED, class_=each).due("settlement") for each in ComplaintClass}
        assert dues == {
            "complaint": wib("2026-03-27T23:59:59.999"),
            "complaint_inspection": wib("2026-06-10T23:59:59.999"),
            "aspiration": wib("2026-03-09T23:59:59.999"),
            "information_request": wib("2026-03-09T23:59:59.999"),
        }


@pytest.mark.parametrize(
    ("command", "by", "clock"),
    [
        (c.DisposeComplaint(office="badung"), PANRB, "follow_up"),
        (FOLLOW_UP, PUPR, "citizen_reply"),
        (POSTPONE, PANRB, "completion"),
    ],
)
def test_what_starts_a_clock_starts_it_from_that_moment(command: c.Command, by: str, clock: str) -> None:
    status = {"follow_up": Status.DISPOSED, "citizen_reply": Status.FOLLOWED_UP, "completion": Status.REGISTERED}[clock]
    world = to_status(status)
    world.send(command, by, after=days(2))
    assert world.complaint.clocks[ClockName(clock)].started_at == world.now


def test_a_redisposition_gives_the_new_office_its_full_time() -> None:
    world = to_status(Status.DISPOSED)
    old = world.due("follow_up")
    world.send(c.DisposeComplaint(office="badung"), PANRB, after=days(2))
    assert world.due("follow_up") > old
    assert world.complaint.round == 2


def test_other_facts_leave_a_running_clock_alone() -> None:
    world = to_status(Status.DISPOSED)
    before = dict(world.complaint.clocks)
    world.send(REQUEST, PUPR, after=days(1))
    assert world.complaint.clocks == before


def test_no_clock_of_an_office_runs_where_no_office_is() -> None:
    world = to_status(Status.DISPOSED)
    world.send(RETURN, PUPR)
    assert set(world.complaint.clocks) == {"settlement"}
    world = to_status(Status.REGISTERED)
    world.send(VERIFY, PANRB)
    assert set(world.complaint.clocks) == {"settlement"}


def test_time_does_not_go_back() -> None:
    world = to_status(Status.DISPOSED)
    last = world.complaint.updated_at
    world.send(FOLLOW_UP, PUPR, at=last - days(5))
    assert world.history[-1].at == world.complaint.updated_at == last


def test_the_zone_of_the_office_ends_its_days() -> None:
    dues = {}
    for office in ("denpasar", "surabaya", "kota-jayapura"):
        world = World()
        world.send(VERIFY, PANRB)
        world.send(c.DisposeComplaint(office=office), PANRB)
        dues[office] = world.due("follow_up")
    assert dues == {
        "surabaya": wib("2026-03-09T23:59:59.999"),
        "denpasar": wib("2026-03-09T22:59:59.999"),
        "kota-jayapura": wib("2026-03-09T21:59:59.999"),
    }
