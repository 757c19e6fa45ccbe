"""Verification: is a new report complete, and new? What the policy leaves to people waits for them, under its clock."""

from collections.abc import Callable
from datetime import datetime

from agents.runtime.stage import Partition, Stage
from agents.stages.duplicate_index import Duplicates
from agents.stages.process_manager import Reacting
from events.commands import Command
from events.facts import Recorded
from events.snapshot import Complaint
from events.vocabulary import Status
from workflow.policy.model import Policy
from workflow.stages.verification import verdict

NAME = "verification"


def _decided_on(complaint: Complaint, command: Command) -> tuple[str | int, ...]:
    return command.NAME, complaint.report.revision


def stage(duplicates: Callable[[], Duplicates]) -> Stage:
    """Return the stage; `duplicates` gives the index of earlier reports once there is one."""

    def react(recorded: Recorded, policy: Policy, _now: datetime) -> Command | None:
        return verdict(recorded.complaint, policy, duplicates().original_of(recorded, policy))

    def handler(partition: Partition) -> Reacting:
        wanted = frozenset({Status.REGISTERED.encode()})
        return Reacting(partition, NAME, react, header=("status", wanted), decided_on=_decided_on)

    return Stage(NAME, handler)
