"""Lifecycle: the only writer of complaints. Takes commands in the order of the log and publishes what follows."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog

from agents.partitions import partition_of
from agents.shell import Output, Partition, Stage, stage_app
from agents.shell.forwarding import forwarded
from agents.shell.stage import RefusedToStart, log_time
from events.codec import (
    complaint_in,
    decode_command,
    encode_complaint,
    encode_fact,
    encode_rejection,
    encode_snapshot,
    fact_headers,
    read_complaint,
)
from events.errors import InvalidCommand, Sender
from events.facts import Recorded
from events.outcomes import Rejection
from events.snapshot import Complaint
from events.topics import TopicName
from events.vocabulary import Refusal
from workflow.decide import decide
from workflow.handlers import Rejected
from workflow.policy import Policy
from workflow.transitions import OPEN

log = structlog.get_logger()

_STANDING: Final = re.compile(rb'"status":"([a-z_]+)".*?"policy":"([^"]+)"', re.DOTALL)
_OPEN: Final = frozenset(status.value.encode() for status in OPEN)


class Lifecycle:
    """Handles commands with the complaints of its partition in memory.

    They are kept as the bytes of their snapshots: a fifth of the memory of the objects, and read back in 10 µs.
    """

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._policies = partition.policies
        self._complaints: dict[bytes, bytes] = {}

    def restore(self, record: Any) -> None:  # noqa: ANN401 -- aiokafka ships no types
        """Take in a snapshot."""
        complaint = UUID((record.key or b"").decode()).bytes
        if record.value is None:
            self._complaints.pop(complaint, None)
        else:
            self._complaints[complaint] = complaint_in(record.value)

    def ready(self) -> None:
        """Check that the policy knows every version that an open complaint is pinned to.

        Raises:
            RefusedToStart: it does not.
        """
        known = {policy.version.encode() for policy in self._policies.versions}
        for snapshot in self._complaints.values():
            found = _STANDING.search(snapshot)
            if found is not None and found[1] in _OPEN and found[2] not in known:
                raise RefusedToStart(
                    f"there are open complaints under policy {found[2].decode()}, which ALUR_POLICY="
                    f"{self._policies.name} does not have: add that version to it, or start with the one they are under"
                )

    def handle(self, record: Any) -> Iterable[Output]:  # noqa: ANN401 -- aiokafka ships no types
        """Return the facts and the snapshot that follow from a command, or its rejection."""
        now = log_time(record)
        try:
            command = decode_command(record.value)
            sender = Sender(str(command.subject), command.source, command.id, command.type)
        except InvalidCommand as error:
            command, sender = None, error.sender
            no = Rejected(Refusal.INVALID_DATA, error.reason)
        key = sender.subject.encode()
        home = partition_of(sender.subject, self._partition.count)
        if home != record.partition:
            # librdkafka's default partitioner is not Kafka's, so this happens to anybody
            log.info("forwarded", complaint=sender.subject, from_partition=record.partition, to_partition=home)
            return [forwarded(record, key, home)]
        complaint = self._find(sender.subject)
        if command is None:
            return [self._rejected(sender, no, complaint, now)]
        decision = decide(command, complaint, now, self._policy(complaint, now))
        if isinstance(decision, Rejected):
            return [self._rejected(sender, decision, complaint, now)]
        return self._published(key, decision)

    def _find(self, subject: str) -> Complaint | None:
        snapshot = self._complaints.get(UUID(subject).bytes)
        return None if snapshot is None else read_complaint(snapshot)

    def _policy(self, complaint: Complaint | None, now: datetime) -> Policy:
        return self._policies.at(now) if complaint is None else self._policies.governing(complaint.policy, now)

    def _published(self, key: bytes, decision: tuple[Recorded, ...]) -> list[Output]:
        outputs = []
        for recorded in decision:
            complaint = recorded.complaint
            snapshot = encode_complaint(complaint)
            value = encode_fact(recorded, snapshot)
            outputs.append(Output(TopicName.EVENTS, key, value, self._partition.number, fact_headers(recorded)))
        if decision:
            self._complaints[UUID(complaint.complaint_id).bytes] = snapshot
            outputs.append(Output(TopicName.STATE, key, encode_snapshot(complaint, snapshot), self._partition.number))
        return outputs

    def _rejected(self, sender: Sender, no: Rejected, complaint: Complaint | None, now: datetime) -> Output:
        rejection = Rejection(
            command_id=sender.command_id,
            command_type=sender.command_type,
            command_source=sender.source,
            code=no.code,
            message=no.message,
            status=complaint.status if complaint else None,
            version=complaint.version if complaint else 0,
        )
        value = encode_rejection(rejection, subject=sender.subject, time=now)
        return Output(TopicName.REJECTIONS, sender.subject.encode(), value, self._partition.number)


app = stage_app(Stage("lifecycle", Lifecycle, transactional=True, memory=TopicName.STATE))


@app.agent(app.polls)
async def lifecycle(polls: Any) -> None:  # noqa: ANN401 -- a Faust stream
    """Settle poll after poll."""
    async for poll in polls:
        await app.settle(poll)
