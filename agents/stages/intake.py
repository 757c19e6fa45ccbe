"""Intake: turns a channel's report into a command to register it, and keeps the reporter's identity apart."""

from collections.abc import Callable, Iterable
from typing import Final

from agents.kafka.protocols import KafkaRecord
from agents.kafka.records import OutgoingRecord
from agents.runtime.stage import Handler, Partition, Stage, log_time
from agents.stages.erasures import Erasures
from agents.stages.reporter_digests import ReporterDigests
from events.client.partitions import partition_of
from events.codec.decode import decode_report
from events.codec.encode import encode_command, encode_value
from events.ids import identity_key, stage_command_id, stage_source, tracking_id
from events.texts import erased_report
from events.topics import TopicName
from workflow.stages.intake import identity, registration

NAME: Final = "intake"
SOURCE = stage_source(NAME)
POLL_DELAY_SECONDS: Final = 0.02
"""Each report comes by itself. Read as it comes, it takes a request to read it and two to write what follows."""
COMMANDS_WAITING: Final = 1_000
"""While more than so many commands wait for `lifecycle`, reports wait in the intake: no officer's command queues behind
a flood of them. A fraction of a second's work for one worker, and enough that it never waits for us."""


class Intake(Handler):
    """Handles reports; their topic accepts any key, and this handler sends each to its complaint's partition."""

    def __init__(self, partition: Partition, erasures: Callable[[], Erasures] | None = None) -> None:
        self._partition = partition
        self._erasures = erasures
        self._reporters = ReporterDigests(partition.keys)

    def handle(self, record: KafkaRecord) -> Iterable[OutgoingRecord]:
        """Return the record of the identity, if known, and of the command."""
        report = decode_report(record.value)
        position = self._partition.position(TopicName.INTAKE, record.offset)
        complaint = report.complaint_id
        key = complaint.encode()
        home = partition_of(complaint, self._partition.count)
        erased = None if self._erasures is None else self._erasures().of(complaint)
        who = None if erased is not None and erased.identity else identity(report)
        if who is not None:
            own = identity_key(complaint, tracking_id(record.partition, position)).encode()
            yield OutgoingRecord(TopicName.IDENTITIES, own, encode_value(who), home)
        registered = registration(
            report,
            partition=record.partition,
            offset=position,
            reporter_digest=self._reporters.of_subject(complaint, None if who is None else report.data.reporter),
        )
        if erased is not None and erased.texts:
            registered = registered.model_copy(update={"report": erased_report(registered.report)})
        command = encode_command(
            registered,
            source=SOURCE,
            command_id=stage_command_id(complaint, "register"),
            subject=complaint,
            time=log_time(record),
        )
        yield OutgoingRecord(TopicName.COMMANDS, key, command, home)


def stage(erasures: Callable[[], Erasures] | None = None) -> Stage:
    """Return the stage; `erasures` returns the erasures once they are available; without it nothing is erased."""
    return Stage(
        NAME,
        lambda partition: Intake(partition, erasures),
        poll_delay=POLL_DELAY_SECONDS,
        backpressure=("lifecycle", COMMANDS_WAITING),
    )


STAGE: Final = stage()
