"""A stage without its offsets reads all facts again, and changes no decision."""

from collections.abc import Iterator
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.runtime.stage import Partition
from agents.stages.process_manager import ProcessManager
from events import commands as c
from events import facts as f
from events.codec.decode import decode_command
from events.codec.encode import encode_complaint, encode_fact, fact_headers
from events.facts import Recorded
from events.ids import complaint_id
from events.vocabulary import ArchiveReason, Refusal, Status
from tests.support.worlds import DISPOSITION, ESCALATION, LAPOR, PANRB, VERIFICATION, VERIFY, World, to_status
from tests.unit.machine.test_histories import POLICIES, STEPS, UNITS, Step, begin, take
from workflow.machine.decide import decide
from workflow.machine.handlers import Rejected
from workflow.policy.model import Policy, PolicySet
from workflow.stages.disposition import disposition
from workflow.stages.escalation import next_rung
from workflow.stages.verification import verification

EVERYTHING = frozenset({"verify", "postpone", "dispose", "archive"})
OTHER = complaint_id("/channels/app", "the same words")


def _verification(recorded: Recorded, policy: Policy, _now: datetime) -> c.Command | None:
    # with all facts of all partitions read, it may well know of a report that said the same before
    return verification(recorded.complaint, policy, OTHER)


def _disposition(recorded: Recorded, policy: Policy, now: datetime) -> c.Command | None:
    return disposition(recorded.complaint, policy, now.date())


def _escalation(recorded: Recorded, policy: Policy, _now: datetime) -> c.Command | None:
    return next_rung(recorded.complaint, policy)


STAGES = {VERIFICATION: _verification, DISPOSITION: _disposition, ESCALATION: _escalation}


def handlers(policy: Policy) -> Iterator[ProcessManager]:
    for source, reaction in STAGES.items():
        partition = Partition(0, 1, PolicySet(policy.name, (policy,)))
        yield ProcessManager(
            partition,
            source.removeprefix("/stages/"),
            reaction,
            header=("status", frozenset(status.encode() for status in Status)),
            decided_on=lambda complaint, _command: (complaint.version,),
        )


def sent(handler: ProcessManager, recorded: Recorded) -> list[c.CommandEvent[Any]]:
    """Let a stage read a fact; return the command that it sends, if any."""
    value = encode_fact(recorded, encode_complaint(recorded.complaint))
    stamp = int(recorded.at.timestamp() * 1000)
    key = recorded.complaint.complaint_id.encode()
    record = SimpleNamespace(key=key, value=value, offset=0, headers=fact_headers(recorded), timestamp=stamp)
    return [decode_command(output.value) for output in handler.handle(record)]


def run_stages(world: World, stages: list[ProcessManager]) -> None:
    """Run the stages on the latest snapshot until no command follows."""
    while True:
        version = world.complaint.version
        for stage in stages:
            for event in sent(stage, world.history[-1]):
                world.ask(event.data, event.source, message=event.id)
        if world.complaint.version == version:
            return


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=settings().max_examples * 2 // 5)
@given(steps=STEPS, pick=st.integers(0, 41))
def test_the_whole_history_read_again_changes_nothing(name: str, steps: list[Step], pick: int) -> None:
    policy = POLICIES[name]
    world = take(begin(policy, pick), steps, UNITS[policy.name])
    world.policy = policy.model_copy(update={"machine": EVERYTHING})
    stages = list(handlers(world.policy))
    run_stages(world, stages)
    # the worst case: it is so long ago that no command is remembered
    present = world.complaint.model_copy(update={"recent": ()})
    for recorded in world.history:
        for stage in stages:
            for event in sent(stage, recorded):
                answer = decide(event, present, world.now, world.policy)
                if isinstance(answer, Rejected):
                    assert answer.code is Refusal.OVERTAKEN
                    continue
                # a deadline has passed unnoticed, and after its breach the stage would decide the same today
                breach = answer[0]
                assert isinstance(breach.fact, f.DeadlineBreached), (recorded.complaint.version, event.data, answer)
                assert STAGES[event.source](breach, world.policy, world.now) == event.data


def test_a_verified_complaint_is_not_archived_as_a_duplicate() -> None:
    world = World()
    late = verification(world.complaint, LAPOR.model_copy(update={"machine": EVERYTHING}), OTHER)
    assert isinstance(late, c.ArchiveComplaint)
    world.send(VERIFY, PANRB)
    assert world.refuse(late, VERIFICATION) is Refusal.OVERTAKEN
    assert world.complaint.status is Status.VERIFIED


def test_commands_without_a_basis_from_older_stages_are_accepted() -> None:
    world = to_status(Status.VERIFIED)
    old = c.ArchiveComplaint(reason=ArchiveReason.DUPLICATE, duplicate_of=None, revision=1)
    assert world.send(old, VERIFICATION) == ["archived"]
