"""Escalation: notifies the next rung of the ladder of a breached deadline, up to the last."""

from datetime import datetime
from typing import Final

from agents.runtime.stage import Partition, Stage
from agents.stages.process_manager import ProcessManager
from events.commands import Command
from events.facts import Recorded
from events.snapshot import Complaint
from workflow.policy.model import Policy
from workflow.stages.escalation import next_rung

NAME = "escalation"


def _react(recorded: Recorded, policy: Policy, _now: datetime) -> Command | None:
    return next_rung(recorded.complaint, policy)


def _decided_on(complaint: Complaint, command: Command) -> tuple[str | int, ...]:
    # the breach is part of the id: a rung rejected as `overtaken` is requested again at the next breach
    opened = complaint.restorations + complaint.reopenings
    again = (opened,) if opened else ()
    return command.NAME, complaint.rung + 1, complaint.breaches, complaint.office or "no office", *again


def handler(partition: Partition) -> ProcessManager:
    """Return the handler of one partition."""
    return ProcessManager(partition, NAME, _react, header=("escalation-due", frozenset({b"1"})), decided_on=_decided_on)


STAGE: Final = Stage(NAME, handler, batch_fetches=True)
