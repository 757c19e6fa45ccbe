"""Process manager: handler of a stage that reads facts and sends commands."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from agents.kafka.protocols import KafkaRecord
from agents.kafka.records import OutgoingRecord
from agents.runtime.stage import Partition, RecordHandler, log_time
from events.codec.decode import decode_own_fact
from events.codec.encode import encode_command
from events.commands import Command
from events.facts import Recorded
from events.ids import stage_command_id, stage_source
from events.provenance import Origin, header_value
from events.snapshot import Complaint
from events.topics import TopicName
from workflow.policy.model import Policy

Reaction = Callable[[Recorded, Policy, datetime], Command | None]
"""Returns the command to send, if any, after a fact: by the fact with its snapshot, the policy, and the log's time."""


class ProcessManager(RecordHandler):
    """Sends the command that the state of a complaint requires.

    The decision depends on the state, not the kind of fact: the next fact makes up for a missed one. The command id is
    derived from the input of the decision, so that a repeat is recognized.
    """

    def __init__(
        self,
        partition: Partition,
        stage: str,
        reaction: Reaction,
        *,
        header: tuple[str, frozenset[bytes]],
        decided_on: Callable[[Complaint, Command], tuple[str | int, ...]],
    ) -> None:
        self._partition = partition
        self._source = stage_source(stage)
        self._reaction = reaction
        self._header, self._header_values = header
        self._decided_on = decided_on
        self._origin = Origin(partial(partition.writer_since, TopicName.EVENTS))

    def handle(self, record: KafkaRecord) -> Iterable[OutgoingRecord]:
        """Return the command that a fact requires."""
        if self._is_irrelevant(record):
            return []
        self._origin.check(record.offset, record.headers)
        recorded = decode_own_fact(record.key, record.value)
        complaint = recorded.complaint
        policy = self._partition.policies.governing(complaint.policy, complaint.received_at)
        command = self._reaction(recorded, policy, log_time(record))
        if command is None:
            return []
        value = encode_command(
            command,
            source=self._source,
            command_id=stage_command_id(complaint.complaint_id, *self._decided_on(complaint, command)),
            subject=complaint.complaint_id,
            time=recorded.at,
        )
        return [OutgoingRecord(TopicName.COMMANDS, complaint.complaint_id.encode(), value, self._partition.number)]

    def _is_irrelevant(self, record: KafkaRecord) -> bool:
        # most facts concern other stages: the header saves decoding them
        value = header_value(record.headers, self._header)
        return value is not None and value not in self._header_values
