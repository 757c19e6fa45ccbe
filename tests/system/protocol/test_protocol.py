"""Search of the protocol model: exhaustive within small bounds, random within larger ones.

Each rule that the argument rests on is broken once, and the search has to find out: a model in which nothing can go
wrong would show nothing.
"""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.system.protocol.invariants import check, settled
from tests.system.protocol.search import search
from tests.system.protocol.state import (
    FENCE,
    MEMORY,
    OPENING,
    POSITION,
    Command,
    Entry,
    Kind,
    Owner,
    Part,
    Rules,
    Watermark,
    World,
    owned,
)
from tests.system.protocol.steps import steps

A, B, C = (Command(name) for name in "abc")
REFUSED = Command("r", kind=Kind.REFUSED)
STRAY = Command("x", home=1)
"""Lies in partition 0 and is about a complaint of partition 1."""
FOLLOW_UP = Command("F")
"""Has to reach the log before the deadline of a complaint of partition 0."""
PLAIN = Rules(transactional=False, opening=(POSITION,))

REPEATS = World((Part(),), to_send=((0, A), (0, REFUSED), (0, A)), faults=2)
"""A command that is sent twice, and between the two one that is refused."""
TWO = REPEATS._replace(to_send=REPEATS.to_send[:2])
ABORTED = World((Part((Entry(A, aborted=True), Entry(REFUSED)), owners=(Owner(len(OPENING), epoch=0),)),), faults=2)
"""What was aborted lies before a command: it is passed over, without anything that would be written."""
ASTRAY = World((owned(STRAY), owned(FOLLOW_UP)), faults=2)
"""In each partition a command that has to be sent on to the other."""
DEADLINE = World((owned(STRAY), owned()), to_send=((1, FOLLOW_UP),), watermark=Watermark())
"""A follow-up in the wrong partition, behind a transaction that may still be open, and a deadline that passes."""
REPORTS = World((Part(),), to_send=((0, A), (0, B), (0, C)), faults=2)


@pytest.mark.parametrize(
    "faults", [pytest.param(1, id="one fault"), pytest.param(2, id="all faults", marks=pytest.mark.long)]
)
@pytest.mark.parametrize(
    ("world", "rules"),
    [
        pytest.param(REPEATS, Rules(), id="repeats and refusals"),
        pytest.param(ABORTED, Rules(), id="what was aborted is passed over"),
        pytest.param(ABORTED, Rules(keeps_over_a_gap=True), id="the same with leases that outlive a gap"),
        pytest.param(ASTRAY._replace(faults=1), Rules(), id="sent on both ways"),
        pytest.param(TWO, Rules(refusals=True), id="an output is refused"),
        pytest.param(DEADLINE, Rules(), id="a deadline"),
        pytest.param(REPORTS._replace(faults=1), PLAIN, id="three reports without transactions"),
        pytest.param(REPORTS._replace(to_send=REPORTS.to_send[:2]), PLAIN, id="two reports"),
    ],
)
def test_every_run_keeps_the_guarantees(world: World, rules: Rules, faults: int) -> None:
    found = search(world._replace(faults=min(faults, world.faults)), rules)
    assert found.wrong is None, "\n".join([str(found.wrong), *found.way])


FOUND_LATE = {"who was refused an output goes on whoever has fenced it"}


@dataclass(frozen=True)
class Break:
    """A broken rule, the setting, and the expected violation."""

    world: World
    rules: Rules
    wrong: str


BREAKS = {
    "the position is read before the last owner is fenced": Break(
        REPEATS, Rules(opening=(POSITION, FENCE, MEMORY)), "remembered is"
    ),
    "the memory is read before the last owner is fenced": Break(
        REPEATS, Rules(opening=(MEMORY, FENCE, POSITION)), "remembered is"
    ),
    "nobody is fenced": Break(REPEATS, Rules(opening=(MEMORY, POSITION)), "remembered is"),
    "the offset is committed beside the transaction": Break(REPEATS, Rules(offset_in_transaction=False), "is written"),
    "what is passed over is committed beside the transaction": Break(
        ABORTED, Rules(skip_in_transaction=False), "is written"
    ),
    "who was refused an output goes on whoever has fenced it": Break(
        TWO, Rules(refusals=True, counts_epochs=False), "is written"
    ),
    "what is not committed is read": Break(ASTRAY, Rules(read_committed=False), "beyond an open transaction"),
    "the offset is committed before the output is written": Break(
        REPORTS, replace(PLAIN, write_first=False), "and written only"
    ),
    "ids are drawn by lot": Break(REPORTS, replace(PLAIN, ids_from_causes=False), "is no beginning of"),
    "notice waits for nothing": Break(DEADLINE, Rules(watermark="nothing"), "had reached the log in time"),
    "notice waits for what can be read": Break(DEADLINE, Rules(watermark="stable"), "had reached the log in time"),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] if name in FOUND_LATE else []) for name in BREAKS]
)
def test_a_broken_rule_is_found_out(name: str) -> None:
    broken = BREAKS[name]
    found = search(broken.world, broken.rules)
    assert found.wrong is not None
    assert broken.wrong in found.wrong
    assert found.way


def test_a_repeat_is_known_among_those_that_are_remembered_and_no_longer() -> None:
    """Not promised: recognition of a repeat after more commands than are remembered."""
    world = World((Part(),), to_send=((0, A), (0, B), (0, A)))
    for remembered, effects in ((2, ["a", "b"]), (1, ["a", "b", "a"])):
        while found := list(steps(world, Rules(remembered=remembered))):
            world = found[0][1]
        assert [outcome.what for outcome in world.parts[0].written] == [f"effect {name}" for name in effects]
        world = World((Part(),), to_send=((0, A), (0, B), (0, A)))


class TransactionalRuntime(RuleBasedStateMachine):
    """Random steps decide what happens next; in the end no more faults occur, and everything has to be processed."""

    kept = Rules()
    bounds = World(
        (Part(), Part()),
        to_send=((0, STRAY), (1, A), (1, FOLLOW_UP), (0, REFUSED), (1, A), (0, FOLLOW_UP)),
        faults=5,
        watermark=Watermark(),
    )

    @initialize()
    def begin(self) -> None:
        self.world = self.bounds

    @rule(lots=st.lists(st.integers(0, 5_039), min_size=1, max_size=12))
    def go_on(self, lots: list[int]) -> None:
        for lot in lots:
            self._step(lot)

    def _step(self, lot: int) -> bool:
        found = list(steps(self.world, self.kept))
        if found:
            _, self.world = found[lot % len(found)]
            check(self.world, self.kept)
        return bool(found)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world = self.world._replace(faults=0)
        lot = 0
        while self._step(lot):
            lot += 1
        assert settled(self.world)


class NonTransactionalRuntime(TransactionalRuntime):
    """The same for a stage that works without transactions."""

    kept = PLAIN
    bounds = World((Part(),), to_send=tuple((0, Command(name)) for name in "abcdef"), faults=5)


@pytest.mark.hypothesis
@pytest.mark.parametrize("machine", [TransactionalRuntime, NonTransactionalRuntime])
def test_at_random_within_larger_bounds(machine: Any) -> None:
    share = settings().max_examples * 2 // 5
    run_state_machine_as_test(machine, settings=settings(max_examples=share, stateful_step_count=12))
