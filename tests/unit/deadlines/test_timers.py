"""Timers of the sla stage: one alarm per running clock, at its warning and then at its due time."""

from datetime import timedelta

from events import commands as c
from events.vocabulary import ClockName, Refusal, Status
from tests.support.worlds import CITIZEN, FOLLOW_UP, LAPOR, PUPR, SLA, WITHDRAW, days, to_status
from workflow.deadlines.schedule import Alarm, alarms

MOMENT = timedelta(milliseconds=1)


def by_clock(found: tuple[Alarm, ...]) -> dict[str, Alarm]:
    assert len({alarm.clock for alarm in found}) == len(found)
    return {alarm.clock: alarm for alarm in found}


def test_the_warning_comes_first_then_the_due_time() -> None:
    world = to_status(Status.DISPOSED)
    clock = world.complaint.clocks[ClockName.FOLLOW_UP]
    assert clock.warn_at is not None
    assert clock.due_at is not None
    assert by_clock(alarms(world.complaint))["follow_up"] == Alarm(
        clock.warn_at, ClockName.FOLLOW_UP, clock.due_at, warning=True
    )
    world.notice("follow_up", at=clock.warn_at)
    assert by_clock(alarms(world.complaint))["follow_up"] == Alarm(
        clock.due_at, ClockName.FOLLOW_UP, clock.due_at, warning=False
    )
    world.notice("follow_up", at=clock.due_at + MOMENT)
    assert set(by_clock(alarms(world.complaint))) == {"settlement"}


def test_a_clock_that_does_not_warn_has_its_due_time() -> None:
    silent = LAPOR.model_copy(update={"warn": {}})
    world = to_status(Status.REGISTERED, silent)
    assert [(alarm.warning, alarm.at == alarm.due_at) for alarm in alarms(world.complaint)] == [(False, True)] * 2


def test_no_timer_is_armed_for_a_paused_or_settled_complaint() -> None:
    world = to_status(Status.FOLLOWED_UP)
    assert set(by_clock(alarms(world.complaint))) == {"citizen_reply"}
    world.send(WITHDRAW, CITIZEN)
    assert alarms(world.complaint) == ()


def test_every_alarm_given_as_notice_is_true_just_after_its_moment_and_not_before() -> None:
    for status in set(Status) - {Status.CLOSED, Status.ARCHIVED, Status.WITHDRAWN}:
        for alarm in alarms(to_status(status).complaint):
            notice = c.NoticeDeadline(clock=alarm.clock, due_at=alarm.due_at)
            early, true = to_status(status), to_status(status)
            assert early.refuse(notice, SLA, at=alarm.at - MOMENT) is Refusal.NOT_DUE
            assert "warned" in true.send(notice, SLA, at=alarm.at + MOMENT)


def test_following_the_alarms_alone_brings_every_complaint_to_an_end_or_to_the_top() -> None:
    """No officer and no citizen acts: only our own timers and the ladder do."""
    for status in Status:
        world = to_status(status)
        for _ in range(40):
            if world.complaint.escalation_due:
                world.climb()
            elif armed := alarms(world.complaint):
                nearest = min(armed, key=lambda alarm: alarm.at)
                notice = c.NoticeDeadline(clock=nearest.clock, due_at=nearest.due_at)
                world.send(notice, SLA, at=nearest.at + MOMENT)
        assert world.complaint.outcome or world.complaint.exhausted
        assert not alarms(world.complaint)


def test_an_answer_disarms() -> None:
    world = to_status(Status.DISPOSED)
    world.send(FOLLOW_UP, PUPR, after=days(1))
    assert "follow_up" not in by_clock(alarms(world.complaint))
