"""Escalation of a breach: unit, agency, national administrator, Ombudsman."""

from datetime import timedelta

import pytest

from events import commands as c
from events import facts as f
from events.vocabulary import ClockName, ComplaintClass, Refusal, Status
from tests.support.worlds import (
    CITIZEN,
    COMPLETE,
    DEMO,
    DENPASAR,
    ESCALATION,
    FOLLOW_UP,
    LAPOR,
    PANRB,
    POSTPONE,
    PUPR,
    REPLY,
    RETURN,
    VERIFY,
    World,
    days,
    seconds,
    to_status,
    wib,
)
from workflow.policy.model import Policy
from workflow.stages.escalation import next_office, next_rung

MOMENT = timedelta(milliseconds=1)


def missed(world: World, clock: str = "follow_up") -> World:
    """Miss a deadline."""
    world.notice(clock, at=world.due(clock) + MOMENT)
    return world


def climb_next_rung(world: World) -> tuple[str, str | None]:
    """Let a rung's time pass, and climb to the next."""
    missed(world, "escalation")
    return world.climb()


@pytest.mark.parametrize("policy", [LAPOR, DEMO], ids=["lapor", "demo"])
def test_the_whole_ladder(policy: Policy) -> None:
    world = missed(to_status(Status.DISPOSED, policy))
    assert world.climb() == ("escalated", "denpasar")
    assert climb_next_rung(world) == ("escalated", "panrb")
    assert climb_next_rung(world) == ("escalated", "ombudsman")
    assert climb_next_rung(world) == ("escalation-exhausted", None)
    complaint = world.complaint
    assert (complaint.rung, complaint.exhausted, complaint.escalation_due) == (3, True, False)
    assert ClockName.ESCALATION not in complaint.clocks
    assert next_rung(complaint, policy) is None
    assert world.send(FOLLOW_UP, PUPR)[-1] == "followed-up"  # late is better than never
    assert world.complaint.exhausted


def test_each_rung_has_its_time() -> None:
    world = missed(to_status(Status.DISPOSED))
    assert ClockName.ESCALATION not in world.complaint.clocks
    world.climb(at=wib("2026-03-10T09:00"))
    assert world.due("escalation") == wib("2026-03-12T23:59:59.999")
    fact = world.history[-1].fact
    assert fact == f.ComplaintEscalated(by=ESCALATION, rung=1, office="denpasar")
    climb_next_rung(world)
    # 13, then 16 March: a weekend lies between
    assert world.due("escalation") == wib("2026-03-17T23:59:59.999")


def test_the_time_of_a_rung_is_not_charged_to_the_office() -> None:
    world = missed(to_status(Status.DISPOSED))
    world.climb()
    missed(world, "escalation")
    fact = world.history[-1].fact
    assert isinstance(fact, f.DeadlineBreached)
    assert fact.clock is ClockName.ESCALATION
    assert (world.complaint.breaches, world.complaint.escalation_due) == (1, True)


@pytest.mark.parametrize(
    ("status", "clock"), [("registered", "verification"), ("verified", "settlement"), ("returned", "settlement")]
)
def test_a_complaint_without_an_office_climbs_too(status: str, clock: str) -> None:
    world = missed(to_status(Status(status)), clock)
    assert world.complaint.office is None
    assert world.climb() == ("escalated", "panrb")
    assert climb_next_rung(world) == ("escalated", "ombudsman")
    assert climb_next_rung(world) == ("escalation-exhausted", None)


def test_an_answer_ends_the_climb_and_its_clock() -> None:
    world = missed(to_status(Status.DISPOSED))
    world.climb()
    world.send(FOLLOW_UP, PUPR)
    assert set(world.complaint.clocks) == {"citizen_reply", "settlement"}
    assert not world.complaint.escalation_due
    assert next_rung(world.complaint, LAPOR) is None


def test_the_next_miss_goes_one_rung_higher() -> None:
    world = missed(to_status(Status.DISPOSED))
    world.climb()
    world.send(FOLLOW_UP, PUPR)
    world.send(REPLY, CITIZEN)
    missed(world)
    assert world.climb() == ("escalated", "panrb")


def test_a_second_miss_while_a_rung_has_its_time_climbs_at_once() -> None:
    world = missed(to_status(Status.DISPOSED))
    world.climb(at=world.due("settlement") - days(1))
    missed(world, "settlement")
    assert world.climb() == ("escalated", "panrb")


def test_a_missed_deadline_has_an_escalation_clock_again_after_its_pause() -> None:
    world = to_status(Status.DISPOSED, class_=ComplaintClass.ASPIRATION)
    missed(world, "settlement")
    world.climb()
    world.send(FOLLOW_UP, PUPR)
    assert ClockName.ESCALATION not in world.complaint.clocks
    world.send(REPLY, CITIZEN, after=days(1))
    # rung one has been climbed for it: it gets its time again before the next is climbed
    assert world.complaint.clocks[ClockName.ESCALATION].started_at == world.now
    assert not world.complaint.escalation_due
    assert climb_next_rung(world) == ("escalated", "panrb")


def test_a_breach_before_a_standstill_is_escalated_after_it() -> None:
    world = to_status(Status.REGISTERED, class_=ComplaintClass.ASPIRATION)
    missed(world, "settlement")
    world.send(POSTPONE, PANRB)
    assert next_rung(world.complaint, LAPOR) is None
    world.send(COMPLETE, CITIZEN, after=days(1))
    assert world.complaint.escalation_due
    assert world.climb() == ("escalated", "panrb")


class TestAnotherHolder:
    def test_no_office_is_skipped_when_a_ladder_becomes_shorter(self) -> None:
        world = missed(to_status(Status.DISPOSED))
        world.climb()
        assert climb_next_rung(world) == ("escalated", "panrb")
        world.send(RETURN, PUPR)  # no holder now: the ladder has two rungs, and two have been notified
        missed(world, "settlement")
        assert world.climb() == ("escalated", "ombudsman")
        assert climb_next_rung(world) == ("escalation-exhausted", None)

    def test_no_office_is_notified_twice_when_a_ladder_becomes_longer(self) -> None:
        world = missed(to_status(Status.REGISTERED), "verification")
        assert world.climb() == ("escalated", "panrb")
        world.send(VERIFY, PANRB)
        world.send(c.DisposeComplaint(office="denpasar-pupr"), PANRB)
        missed(world)
        assert world.climb() == ("escalated", "denpasar")
        assert climb_next_rung(world) == ("escalated", "ombudsman")
        assert world.complaint.escalated_to == ("panrb", "denpasar", "ombudsman")
        assert world.complaint.rung == 3

    def test_the_holder_is_no_rung(self) -> None:
        world = World()
        world.send(VERIFY, PANRB)
        world.send(c.DisposeComplaint(office="panrb"), PANRB)
        missed(world)
        assert world.climb() == ("escalated", "ombudsman")
        assert climb_next_rung(world) == ("escalation-exhausted", None)

    def test_an_empty_ladder_is_exhausted_at_once(self) -> None:
        alone = LAPOR.model_copy(update={"ladder": ("superior",)})
        world = missed(to_status(Status.REGISTERED, alone), "verification")
        assert next_office(world.complaint, alone) is None
        assert world.climb() == ("escalation-exhausted", None)
        assert world.complaint.rung == 0

    def test_a_rung_decided_on_under_the_old_holder_is_overtaken(self) -> None:
        world = missed(missed(to_status(Status.DISPOSED)), "settlement")
        command = next_rung(world.complaint, LAPOR)
        assert command is not None
        world.send(c.DisposeComplaint(office="badung-pupr"), PANRB)
        assert world.complaint.escalation_due  # by the time to settle
        assert world.refuse(command, ESCALATION) is Refusal.OVERTAKEN
        assert world.climb() == ("escalated", "badung")


def test_only_the_rung_that_is_due_is_climbed() -> None:
    world = to_status(Status.DISPOSED)
    first = c.EscalateComplaint(rung=1, office="denpasar")
    assert world.refuse(first, ESCALATION) is Refusal.OVERTAKEN
    missed(world)
    assert world.refuse(c.EscalateComplaint(rung=2, office="panrb"), ESCALATION) is Refusal.OVERTAKEN
    assert world.refuse(c.EscalateComplaint(rung=1, office="panrb"), ESCALATION) is Refusal.OVERTAKEN
    assert world.send(first, ESCALATION) == ["escalated"]
    assert world.refuse(first, ESCALATION) is Refusal.OVERTAKEN


class TestMovedOnUnanswered:
    def test_a_late_return_is_escalated(self) -> None:
        world = to_status(Status.DISPOSED, DEMO)
        assert world.send(RETURN, PUPR, after=seconds(9)) == ["breached", "returned"]
        assert world.complaint.escalation_due
        assert world.climb() == ("escalated", "panrb")
        # what was missed has gone with the office: there is nothing to climb on for
        assert set(world.complaint.clocks) == {"settlement"}

    def test_a_late_disposition_is_escalated(self) -> None:
        world = World()
        world.send(VERIFY, PANRB)
        world.send(c.DisposeComplaint(office="denpasar"), PANRB)
        late = world.due("follow_up") + MOMENT
        assert world.send(c.DisposeComplaint(office="denpasar-pupr"), DENPASAR, at=late) == ["breached", "disposed"]
        assert not any(clock.pressing for clock in world.complaint.clocks.values())
        world.notice("follow_up", at=world.complaint.clocks[ClockName.FOLLOW_UP].warn_at)
        assert world.complaint.escalation_due
        assert world.climb() == ("escalated", "denpasar")
