"""Random histories with announced holidays: the invariants hold, and no deadline is lost."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events import commands as c
from events import facts as f
from events.announcements import Announcements
from tests.support.worlds import SLA, World, announcement
from tests.unit.machine.test_histories import (
    POLICIES,
    STEPS,
    UNITS,
    Step,
    begin,
    check_books,
    check_breaches_are_escalated,
    check_complaint,
    check_counts,
    check_every_passed_deadline_is_recorded,
    left_alone,
    take,
)
from workflow.audit.complaint_history import History
from workflow.machine.handlers import Rejected
from workflow.policy.announcements import with_announcements

pytestmark = pytest.mark.long

ANNOUNCED = st.lists(
    st.tuples(STEPS, st.integers(-5, 30), st.booleans(), st.booleans()),  # steps, day, day off, asked for by sla
    min_size=1,
    max_size=4,
)
Rounds = list[tuple[list[Step], int, bool, bool]]


def live(name: str, rounds: Rounds, pick: int) -> World:
    policy = POLICIES[name]
    world = begin(policy, pick)
    for number, (steps, ahead, day_off, asked) in enumerate(rounds, start=1):
        take(world, steps, UNITS[policy.name])
        holiday = announcement(world.now.date() + timedelta(days=ahead), at=world.now, day_off=day_off, number=number)
        world.policy = with_announcements(world.policy, Announcements.of((*world.policy.announcements, holiday)))
        if asked:
            answer = world.ask(c.RescheduleDeadlines(calendar=number), SLA)
            assert isinstance(answer, Rejected) or answer
    return world


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=settings().max_examples * 2 // 5)
@given(rounds=ANNOUNCED, pick=st.integers(0, 41))
def test_every_history_with_announcements_satisfies_the_invariants(name: str, rounds: Rounds, pick: int) -> None:
    world = live(name, rounds, pick)
    assert live(name, rounds, pick).history == world.history
    for recorded in world.history:
        check_complaint(recorded.complaint)
    left_alone(world)
    check_books(world.history)
    check_every_passed_deadline_is_recorded(world.history)
    check_counts(world.history)
    check_breaches_are_escalated(world.history)
    audited = History()
    assert [finding for recorded in world.history for finding in audited.follow(recorded)] == []


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=settings().max_examples * 2 // 5)
@given(rounds=ANNOUNCED, pick=st.integers(0, 41))
def test_no_breach_is_taken_back(name: str, rounds: Rounds, pick: int) -> None:
    world = live(name, rounds, pick)
    numbers = [recorded.complaint.calendar for recorded in world.history]
    assert numbers == sorted(numbers)
    for before, recorded in zip(world.history, world.history[1:], strict=False):
        if not isinstance(recorded.fact, f.DeadlineRescheduled):
            continue
        assert recorded.fact.old_due_at != recorded.fact.due_at
        assert recorded.complaint.breaches == before.complaint.breaches
        for clock, old in before.complaint.clocks.items():
            new = recorded.complaint.clocks[clock]
            assert (new.breached, new.paused, new.warned) == (old.breached, old.paused, old.warned)
            assert (new.due_at != old.due_at) == (clock == recorded.fact.clock)
