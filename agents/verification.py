"""Verification: is a new report complete, and new? What the policy leaves to people waits for them, under its clock."""

from datetime import datetime
from typing import Any

from agents.duplicates import Duplicates
from agents.shell import Partition, Stage, stage_app
from agents.shell.reactions import Reacting
from events.commands import Command
from events.facts import Recorded
from events.snapshot import Complaint
from events.vocabulary import Status
from workflow.policy.model import Policy
from workflow.stages.verification import verdict

NAME = "verification"


def _react(recorded: Recorded, policy: Policy, _now: datetime) -> Command | None:
    return verdict(recorded.complaint, policy, duplicates.original_of(recorded, policy))


def _decided_on(complaint: Complaint, command: Command) -> tuple[str | int, ...]:
    return command.NAME, complaint.report.revision


def handler(partition: Partition) -> Reacting:
    """Return the handler of one partition."""
    wanted = frozenset({Status.REGISTERED.encode()})
    return Reacting(partition, NAME, _react, header=("status", wanted), decided_on=_decided_on)


app = stage_app(Stage(NAME, handler))
duplicates = Duplicates(app.alur, app.reader.policies, NAME, app.reader.written_since)
app.task(duplicates.tail.run)
app.reader.waits_for = duplicates.waits_for


@app.agent(app.polls)
async def verification(polls: Any) -> None:  # noqa: ANN401 -- a Faust stream
    """Settle poll after poll."""
    async for poll in polls:
        await duplicates.known_up_to({lease.source.partition: records[-1].offset for lease, records in poll})
        await app.settle(poll)
        duplicates.tell()
