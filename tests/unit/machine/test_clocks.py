"""The table of clocks against the table of statuses: each waiting status has a clock, no other has one."""

import pytest

from events.snapshot import Clock
from events.vocabulary import OPEN, ClockName, ComplaintClass, Status
from tests.support.tables import every
from tests.support.worlds import DEMO, LAPOR, MONDAY, PUPR, REPLY, World, to_status
from workflow.deadlines.clock_rules import RULES, OnExpiry
from workflow.machine.clocks import ClockContext
from workflow.policy.model import Policy

# clock: where it runs, what it means that it has passed
TABLE = {
    "verification": ({"registered"}, OnExpiry.BREACH),
    "completion": ({"postponed"}, OnExpiry.WITHDRAWAL),
    "follow_up": ({"disposed", "replied"}, OnExpiry.BREACH),
    "citizen_reply": ({"followed_up"}, OnExpiry.CLOSURE),
    "settlement": (set(OPEN), OnExpiry.BREACH),
    "escalation": (set(OPEN), OnExpiry.BREACH),
}


def test_the_table_is_the_one_that_is_published() -> None:
    assert {str(name): (set(rule.runs_in), rule.on_expiry) for name, rule in RULES.items()} == TABLE
    assert RULES.keys() == set(ClockName)


@every(sorted(OPEN), [LAPOR, DEMO])
def test_every_waiting_status_has_a_running_clock(status: Status, policy: Policy) -> None:
    clocks = to_status(status, policy).complaint.clocks
    assert any(clock.running for clock in clocks.values())
    pauses = status in policy.settlement_pauses_in
    assert clocks[ClockName.SETTLEMENT].paused is pauses
    assert clocks.keys() == {name for name, rule in RULES.items() if status in rule.runs_in} - {"escalation"}


@pytest.mark.parametrize("status", sorted(set(Status) - OPEN))
def test_no_clock_runs_once_it_is_settled(status: Status) -> None:
    assert to_status(status).complaint.clocks == {}


def resumed(clock: Clock) -> Clock:
    return clock.model_copy(update={"resumed_at": MONDAY})


class TestClockContext:
    context = ClockContext(LAPOR, "denpasar", ComplaintClass.COMPLAINT)

    def test_pause_and_resume_at_once_is_nothing(self) -> None:
        clock = self.context.start(ClockName.SETTLEMENT, MONDAY)
        paused = self.context.pause(ClockName.SETTLEMENT, clock, MONDAY)
        assert not paused.running
        assert self.context.resume(ClockName.SETTLEMENT, paused, MONDAY) == resumed(clock)

    def test_a_warning_that_was_given_is_not_given_again_after_a_pause(self) -> None:
        clock = self.context.start(ClockName.SETTLEMENT, MONDAY).model_copy(update={"warned": True})
        paused = self.context.pause(ClockName.SETTLEMENT, clock, MONDAY)
        assert self.context.resume(ClockName.SETTLEMENT, paused, MONDAY).warned

    def test_a_missed_clock_keeps_its_due_time_over_a_pause(self) -> None:
        clock = self.context.start(ClockName.SETTLEMENT, MONDAY).model_copy(update={"breached": True})
        paused = self.context.pause(ClockName.SETTLEMENT, clock, MONDAY)
        assert (paused.due_at, paused.remaining) == (clock.due_at, None)
        assert not paused.pressing
        assert self.context.resume(ClockName.SETTLEMENT, paused, MONDAY) == clock

    def test_a_paused_clock_has_no_due_time_to_extend(self) -> None:
        paused = self.context.pause(ClockName.SETTLEMENT, self.context.start(ClockName.SETTLEMENT, MONDAY), MONDAY)
        with pytest.raises(ValueError, match="paused"):
            self.context.extend(ClockName.SETTLEMENT, paused, 1)

    def test_zero_time_left_is_valid(self) -> None:
        whole = self.context.start(ClockName.SETTLEMENT, MONDAY)
        used_up = whole.model_copy(update={"paused": True, "due_at": None, "remaining": "0 working days"})
        clock = self.context.resume(ClockName.SETTLEMENT, used_up, MONDAY)
        assert clock.due_at is not None
        paused = self.context.pause(ClockName.SETTLEMENT, clock, clock.due_at)
        assert paused.remaining == "0 working days"
        assert self.context.resume(ClockName.SETTLEMENT, paused, clock.due_at).due_at == clock.due_at

    def test_days_are_laid_out_in_the_zone_in_which_they_were_counted(self) -> None:
        """The end of a day in Jakarta is the next day in Makassar already: no day may be gained by that."""
        in_jakarta, in_bali = (self.held_by(office) for office in (None, "denpasar"))
        clock = in_jakarta.start(ClockName.SETTLEMENT, MONDAY)
        assert clock.zone == "Asia/Jakarta"
        paused = in_bali.pause(ClockName.SETTLEMENT, clock, MONDAY)
        assert paused.remaining == "14 working days"
        assert in_bali.resume(ClockName.SETTLEMENT, paused, MONDAY) == resumed(clock)
        extended = in_bali.extend(ClockName.SETTLEMENT, clock, 1).due_at
        assert extended == in_jakarta.extend(ClockName.SETTLEMENT, clock, 1).due_at

    def test_a_clock_without_a_zone_has_the_one_that_counts_now(self) -> None:
        in_bali = self.held_by("denpasar")
        clock = in_bali.start(ClockName.SETTLEMENT, MONDAY)
        paused = in_bali.pause(ClockName.SETTLEMENT, clock.model_copy(update={"zone": None}), MONDAY)
        assert (paused.remaining, paused.zone) == ("14 working days", "Asia/Makassar")
        assert in_bali.resume(ClockName.SETTLEMENT, paused.model_copy(update={"zone": None}), MONDAY) == resumed(clock)

    @staticmethod
    def held_by(office: str | None) -> ClockContext:
        """Return the context of a policy that has the time to settle run in the zone of the holder."""
        policy = LAPOR.model_copy(update={"zones": LAPOR.zones | {ClockName.SETTLEMENT: "holder"}})
        return ClockContext(policy, office, ComplaintClass.COMPLAINT)

    def test_no_warning_where_the_policy_has_none(self) -> None:
        assert self.context.start(ClockName.ESCALATION, MONDAY).warn_at is None


def test_the_time_to_follow_up_starts_anew_with_each_reply() -> None:
    world: World = to_status(Status.FOLLOWED_UP)
    world.send(REPLY, "/citizens/anonymous", at=world.due("citizen_reply"))
    assert world.complaint.clocks[ClockName.FOLLOW_UP].started_at == world.now
    assert world.complaint.office == PUPR.split("/")[2]
