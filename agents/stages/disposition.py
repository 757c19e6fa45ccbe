"""Disposition: the competent office; without a rule for it the national administrator decides."""

from datetime import datetime
from typing import Final

from agents.runtime.stage import Partition, Stage
from agents.stages.process_manager import ProcessManager
from events.commands import Command
from events.facts import Recorded
from events.snapshot import Complaint
from events.vocabulary import Status
from workflow.policy.model import Policy
from workflow.stages.disposition import disposition

NAME = "disposition"


def _react(recorded: Recorded, policy: Policy, now: datetime) -> Command | None:
    return disposition(recorded.complaint, policy, policy.day_of(now))


def _decided_on(complaint: Complaint, command: Command) -> tuple[str | int, ...]:
    return command.NAME, complaint.round, complaint.returns


def handler(partition: Partition) -> ProcessManager:
    """Return the handler of one partition."""
    wanted = frozenset({Status.VERIFIED.encode(), Status.RETURNED.encode()})
    return ProcessManager(partition, NAME, _react, header=("status", wanted), decided_on=_decided_on)


STAGE: Final = Stage(NAME, handler)
