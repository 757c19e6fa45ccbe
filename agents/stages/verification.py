"""Verification: checks whether a report is complete and new; administrators decide the rest, with a deadline."""

from collections.abc import Callable
from datetime import datetime

from agents.runtime.stage import Partition, Stage
from agents.stages.duplicate_index import DuplicateIndex
from agents.stages.process_manager import ProcessManager
from events.commands import Command
from events.facts import Recorded
from events.snapshot import Complaint
from events.vocabulary import Status
from workflow.policy.model import Policy
from workflow.stages.verification import verification

NAME = "verification"


def _decided_on(complaint: Complaint, command: Command) -> tuple[str | int, ...]:
    again = (complaint.restorations,) if complaint.restorations else ()
    return command.NAME, complaint.report.revision, *again


def stage(duplicates: Callable[[], DuplicateIndex]) -> Stage:
    """Return the stage; `duplicates` returns the index of earlier reports once it exists."""

    def react(recorded: Recorded, policy: Policy, _now: datetime) -> Command | None:
        return verification(recorded.complaint, policy, duplicates().original_of(recorded, policy))

    def handler(partition: Partition) -> ProcessManager:
        wanted = frozenset({Status.REGISTERED.encode()})
        return ProcessManager(partition, NAME, react, header=("status", wanted), decided_on=_decided_on)

    return Stage(NAME, handler)
