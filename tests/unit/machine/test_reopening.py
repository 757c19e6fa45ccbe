"""A closing can be taken back, within the bounds of the policy, by those whom it concerns."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.config.policy_files import load
from agents.testing import Engine
from events import commands as c
from events import facts as f
from events.client import ResolutionBatch, ResolutionFeed
from events.topics import TopicName
from events.vocabulary import ClockName, Detail, Refusal, Status
from tests.support.engines import command_event, report_event
from tests.support.worlds import (
    CHANNEL,
    CITIZEN,
    CLOSE,
    CORRECTING,
    DENPASAR,
    FOLLOW_UP,
    LAPOR,
    MONDAY,
    PANRB,
    PUPR,
    RATE,
    REOPEN,
    REPLY,
    RESTORE,
    SPAM,
    VERIFICATION,
    World,
    days,
    to_status,
    wib,
)
from workflow.deadlines.durations import Duration, Unit
from workflow.machine.handlers import Rejected
from workflow.policy.model import Policy, Reopening
from workflow.reports.explain import explain
from workflow.stages.resolution import published, publishes

MOMENT = timedelta(milliseconds=1)
REPORTER = "/citizens/one"
STRICT = CORRECTING.model_copy(update={"citizens": "reporter"})


def closed(policy: Policy = CORRECTING) -> World:
    return to_status(Status.CLOSED, policy)


@pytest.mark.parametrize("by", [CITIZEN, PANRB])
def test_the_last_holder_has_it_again_with_whole_clocks(by: str) -> None:
    world = closed()
    world.send(RATE.model_copy(update={"rating": 1}), CITIZEN)
    assert world.send(REOPEN, by, after=days(3)) == ["reopened"]
    complaint = world.complaint
    assert (complaint.status, complaint.office, complaint.outcome, complaint.closed_at) == (
        "disposed",
        "denpasar-pupr",
        None,
        None,
    )
    assert (complaint.rating, complaint.reopenings, complaint.round) == (None, 1, 1)
    assert complaint.clocks.keys() == {ClockName.FOLLOW_UP, ClockName.SETTLEMENT}
    assert all(clock.started_at == world.now and clock.running for clock in complaint.clocks.values())
    assert world.send(FOLLOW_UP, PUPR) == ["followed-up"]
    assert world.send(CLOSE, PANRB) == ["closed"]
    assert world.send(RATE, CITIZEN) == ["rated"]
    assert world.complaint.rating == 4


def test_it_is_in_time_up_to_the_end_of_the_last_day() -> None:
    # closed on Monday 2 March 2026 in Jakarta: ten working days end with the 16th
    last = closed()
    assert last.send(REOPEN, CITIZEN, at=last.now.replace(day=16, hour=16, minute=59, second=59)) == ["reopened"]
    late = closed()
    assert late.refuse(REOPEN, CITIZEN, at=late.now.replace(day=16, hour=17, minute=0, second=0)) is (
        Refusal.DEADLINE_PASSED
    )
    assert late.refuse(REOPEN, PANRB) is Refusal.DEADLINE_PASSED


def test_it_is_limited() -> None:
    world = closed()
    world.send(REOPEN, CITIZEN)
    world.send(FOLLOW_UP, PUPR)
    world.send(CLOSE, PANRB)
    assert world.refusal(REOPEN, PANRB) == (Refusal.NOT_PERMITTED, Detail.REOPENING_LIMIT)


def test_a_policy_without_it_has_none() -> None:
    assert LAPOR.reopen is None
    assert closed(LAPOR).refusal(REOPEN, PANRB) == (Refusal.NOT_PERMITTED, Detail.NOT_IN_POLICY)


@pytest.mark.parametrize("by", [PUPR, DENPASAR, VERIFICATION, CHANNEL, "?"])
def test_it_is_for_the_reporter_and_the_administrator(by: str) -> None:
    assert closed().refuse(REOPEN, by) is Refusal.NOT_PERMITTED


@pytest.mark.parametrize("policy", [CORRECTING, STRICT])
def test_only_the_reporter_rates(policy: Policy) -> None:
    world = to_status(Status.CLOSED, policy, subject="one")
    answer = world.ask(RATE, "/citizens/another")
    assert isinstance(answer, Rejected)
    assert (answer.code, answer.detail) == (Refusal.NOT_PERMITTED, Detail.NOT_THE_REPORTER)
    assert world.send(RATE, REPORTER) == ["rated"]
    assert world.refuse(RATE.model_copy(update={"rating": 1}), "/citizens/another") is Refusal.NOT_PERMITTED
    assert world.complaint.rating == 4


def test_only_the_reporter_reopens() -> None:
    world = to_status(Status.CLOSED, STRICT, subject="one")
    assert world.refusal(REOPEN, "/citizens/another") == (Refusal.NOT_PERMITTED, Detail.NOT_THE_REPORTER)
    assert world.send(REOPEN, REPORTER) == ["reopened"]


def test_it_goes_to_the_office_above_a_holder_that_has_ended() -> None:
    world = closed()
    units = [
        each.model_copy(update={"until": world.now.date()}) if each.id == "denpasar-pupr" else each
        for each in CORRECTING.directory
    ]
    world.policy = CORRECTING.model_copy(update={"directory": type(CORRECTING.directory)(units)})
    world.send(REOPEN, PANRB, after=days(1))
    assert world.complaint.office == "denpasar"


REMAINING = CORRECTING.model_copy(
    update={"reopen": Reopening(within=Duration(10, Unit.WORKING_DAYS), limit=3, settlement="remaining")}
)
CAPPED = REMAINING.model_copy(
    update={
        "settlement_pause_cap": Duration(80 * 3600, Unit.WORKING_SECONDS),
        "hours": load("lapor").versions[-1].hours,
    }
)


def settlement_day(world: World) -> date:
    return (world.due("settlement") + timedelta(hours=7)).date()


@pytest.mark.parametrize("policy", [REMAINING, CAPPED])
@pytest.mark.parametrize("replied", [False, True])
def test_settlement_may_go_on_with_what_was_left(policy: Policy, *, replied: bool) -> None:
    world = to_status(Status.DISPOSED, policy)
    began = world.complaint.clocks[ClockName.SETTLEMENT].started_at
    assert settlement_day(world) == date(2026, 3, 27)  # 14 working days
    world.send(FOLLOW_UP, PUPR, at=wib("2026-03-05T16:00"))
    if replied:
        world.send(REPLY, CITIZEN)
    world.send(CLOSE, PANRB)
    assert world.history[-1].complaint.closed_clock is not None
    world.send(REOPEN, CITIZEN, at=wib("2026-03-12T07:00"))
    clock = world.complaint.clocks[ClockName.SETTLEMENT]
    assert (clock.started_at, clock.resumed_at, clock.running) == (began, world.now, True)
    # 11 days were left; counted in working time, the 12th is one of them. 3 April is Good Friday
    assert settlement_day(world) == (date(2026, 4, 2) if policy is CAPPED else date(2026, 4, 6))
    assert world.complaint.closed_clock is None
    assert world.due("follow_up") > world.now
    explained = explain(world.history, ClockName.SETTLEMENT, policy)
    assert explained.agrees, explained.runs[-1].differences


@pytest.mark.parametrize("policy", [REMAINING, CAPPED])
def test_a_missed_settlement_is_escalated_again_without_a_second_breach(policy: Policy) -> None:
    world = to_status(Status.FOLLOWED_UP, policy)
    world.send(REPLY, CITIZEN)
    world.send(FOLLOW_UP, PUPR, at=world.due("settlement") + days(1))
    world.send(CLOSE, PANRB)
    breaches = world.complaint.breaches
    world.send(REOPEN, CITIZEN, after=days(1))
    assert world.complaint.clocks[ClockName.SETTLEMENT].pressing
    assert (world.complaint.breaches, world.complaint.escalation_due) == (breaches, True)
    assert world.climb() == ("escalated", "denpasar")
    explained = explain(world.history, ClockName.SETTLEMENT, policy)
    assert explained.agrees, explained.runs[-1].differences


def test_what_silence_closed_had_time_left_when_it_closed() -> None:
    never_paused = REMAINING.model_copy(update={"settlement_pauses_in": frozenset()})
    world = to_status(Status.FOLLOWED_UP, never_paused)
    world.send(REOPEN, CITIZEN, at=world.due("citizen_reply") + days(2))
    closed, clock = world.history[-2], world.complaint.clocks[ClockName.SETTLEMENT]
    assert isinstance(closed.fact, f.ComplaintClosed)
    assert closed.fact.closed_clock is not None
    assert closed.fact.closed_clock.remaining == "4 working days"  # of 14, after 10 to reply
    assert not clock.breached


@settings(max_examples=settings().max_examples // 2)
@given(
    after=st.lists(st.integers(1, 10 * 24), min_size=1, max_size=3),
    start=st.integers(0, 20 * 24),
)
def test_closing_and_reopening_gives_no_settlement_time(after: list[int], start: int) -> None:
    world = to_status(Status.DISPOSED, REMAINING, at=MONDAY + timedelta(hours=start))
    works = REMAINING.calendar.is_working_day
    left = 14
    for hours in after:
        before = world.now
        world.send(FOLLOW_UP, PUPR, after=timedelta(hours=hours))
        day, last = (moment + timedelta(hours=7) for moment in (before, world.now))
        while (day := day + days(1)).date() <= last.date():
            left -= works(day.date())
        world.send(CLOSE, PANRB)
        world.send(REOPEN, CITIZEN, after=days(1))
        if world.complaint.clocks[ClockName.SETTLEMENT].breached:
            # missed on a day off, after the last of its working days
            assert left < 0 or (left == 0 and not works(last.date()))
            return
        day, ahead = world.now + timedelta(hours=7), 0
        while (day := day + days(1)).date() <= settlement_day(world):
            ahead += works(day.date())
        assert ahead == max(left, 0) or (left <= 0 and ahead <= 1)


def exhausted(status: Status) -> World:
    world = to_status(Status.DISPOSED, CORRECTING)
    world.notice("follow_up", at=world.due("follow_up") + MOMENT)
    while world.climb()[0] == "escalated":
        world.notice("escalation", at=world.due("escalation") + MOMENT)
    if status is Status.CLOSED:
        world.send(FOLLOW_UP, PUPR)
        world.send(CLOSE, PANRB)
    else:
        world.send(SPAM, PANRB)
    return world


@pytest.mark.parametrize(
    ("status", "command", "clock", "lowest"),
    [(Status.CLOSED, REOPEN, "follow_up", "denpasar"), (Status.ARCHIVED, RESTORE, "verification", "panrb")],
)
def test_the_ladder_begins_anew(status: Status, command: c.Command, clock: str, lowest: str) -> None:
    world = exhausted(status)
    rungs = world.complaint.escalated_to
    assert rungs == ("denpasar", "panrb", "ombudsman")
    world.send(command, PANRB)
    complaint = world.complaint
    assert (complaint.rung, complaint.earlier_rungs, complaint.exhausted, complaint.escalation_due) == (
        3,
        3,
        False,
        False,
    )
    assert complaint.breaches == 1
    world.notice(clock, at=world.due(clock) + MOMENT)
    assert world.climb() == ("escalated", lowest)
    assert (world.complaint.rung, world.complaint.escalated_to) == (4, (*rungs, lowest))


@pytest.mark.parametrize("status", [Status.CLOSED, Status.ARCHIVED])
def test_the_published_outcome_is_taken_back(status: Status) -> None:
    world = to_status(status, CORRECTING)
    world.send(REOPEN if status is Status.CLOSED else RESTORE, PANRB)
    last = world.history[-1]
    assert publishes(last)
    assert published(last, None, CORRECTING).model_dump() == {"tracking_id": "1000000", "reopened_at": last.at}


def test_of_two_replies_at_once_both_are_kept_and_the_deadline_stays() -> None:
    world = to_status(Status.FOLLOWED_UP)
    world.send(REPLY, CITIZEN)
    clocks = world.complaint.clocks
    assert world.send(REPLY.model_copy(update={"text": "Sisi timur juga."}), CITIZEN, after=days(2)) == ["replied"]
    assert world.complaint.clocks == clocks
    assert world.history[-1].fact == f.FollowUpReplied(by=CITIZEN, text="Sisi timur juga.")


@pytest.mark.parametrize(("policy", "until"), [(LAPOR, None), (CORRECTING, wib("2026-04-07T23:59:59.999"))])
def test_a_reply_after_the_closing_is_kept_and_tells_what_can_be_done(policy: Policy, until: datetime | None) -> None:
    world = to_status(Status.FOLLOWED_UP, policy)
    closes = world.due("citizen_reply")
    assert closes == wib("2026-03-16T22:59:59.999")
    assert world.send(REPLY, CITIZEN, at=closes + MOMENT) == ["closed", "late-reply-recorded"]
    assert world.history[-1].fact == f.LateReplyRecorded(by=CITIZEN, text=REPLY.text, reopen_until=until)
    assert (world.complaint.status, world.complaint.closed_at, world.complaint.late_replies) == (
        Status.CLOSED,
        closes,
        1,
    )
    assert not publishes(world.history[-1])


@pytest.mark.parametrize(
    ("policy", "way"), [(LAPOR, 'report it anew, with "follows": "1000000"'), (CORRECTING, "have it reopened until")]
)
def test_three_late_replies_are_kept(policy: Policy, way: str) -> None:
    world = closed(policy)
    for _ in range(3):
        assert world.send(REPLY, CITIZEN) == ["late-reply-recorded"]
    before = world.complaint
    answer = world.ask(REPLY, CITIZEN)
    assert isinstance(answer, Rejected)
    assert (answer.code, answer.detail) == (Refusal.NOT_ALLOWED_IN_STATUS, Detail.LATE_REPLY_LIMIT)
    assert way in answer.message
    assert world.complaint is before


def test_after_the_window_or_as_often_as_possible_a_new_report_is_left() -> None:
    late, often = closed(), closed()
    late.send(REPLY, CITIZEN, after=days(60))
    for command, by in [(REOPEN, CITIZEN), (FOLLOW_UP, PUPR), (CLOSE, PANRB), (REPLY, CITIZEN)]:
        often.send(command, by)
    for world in (late, often):
        fact = world.history[-1].fact
        assert isinstance(fact, f.LateReplyRecorded)
        assert fact.reopen_until is None


@pytest.mark.parametrize("status", [Status.ARCHIVED, Status.WITHDRAWN])
def test_a_complaint_without_answer_accepts_no_reply(status: Status) -> None:
    assert to_status(status).refuse(REPLY, CITIZEN) is Refusal.NOT_ALLOWED_IN_STATUS


def test_a_subscriber_sees_it_open_and_closed_again() -> None:
    with Engine("demo", now=datetime(2026, 12, 7, 2, tzinfo=UTC)) as engine:
        report = report_event("1", reporter={"subject": "one"})
        engine.send(TopicName.INTAKE, b"1", json.dumps(report).encode())
        engine.settle()
        [complaint] = {each.key.decode() for each in engine.records(TopicName.EVENTS) if each.key}
        office = "/offices/denpasar-pupr"
        for name, by, data in [
            ("record-follow-up", office, {"text": "Sudah."}),
            ("close-complaint", "/offices/panrb", {}),
            ("reopen-complaint", REPORTER, {"reason": "Belum."}),
            ("record-follow-up", office, {"text": "Sudah lagi."}),
            ("close-complaint", "/offices/panrb", {}),
        ]:
            command = json.dumps(command_event(name, complaint, by, data)).encode()
            engine.send(TopicName.COMMANDS, complaint.encode(), command)
            engine.settle()
        with ResolutionFeed(engine.settings, {}) as feed:
            [batch] = [each for each in feed.to_end() if each.positions]
        assert isinstance(batch, ResolutionBatch)
        first, second = batch.resolutions
        [reopened] = batch.reopened
        assert (batch.unread, reopened.complaint_id) == ((), complaint)
        assert first.sequence < reopened.sequence < second.sequence
