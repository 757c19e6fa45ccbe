"""Verification: is a new report complete? What the policy leaves to people waits for them, under its clock."""

from datetime import datetime
from typing import Any

from agents.shell import Partition, Stage, stage_app
from agents.shell.reactions import Reacting
from events.commands import Command
from events.snapshot import Complaint
from events.vocabulary import Status
from workflow.policy import Policy
from workflow.verification import verdict

NAME = "verification"


def _react(complaint: Complaint, policy: Policy, _now: datetime) -> Command | None:
    return verdict(complaint, policy)


def _decided_on(complaint: Complaint, command: Command) -> tuple[str | int, ...]:
    return command.NAME, complaint.report.revision


def handler(partition: Partition) -> Reacting:
    """Return the handler of one partition."""
    wanted = frozenset({Status.REGISTERED.encode()})
    return Reacting(partition, NAME, _react, header=("status", wanted), decided_on=_decided_on)


app = stage_app(Stage(NAME, handler))


@app.agent(app.polls)
async def verification(polls: Any) -> None:  # noqa: ANN401 -- a Faust stream
    """Settle poll after poll."""
    async for poll in polls:
        await app.settle(poll)
