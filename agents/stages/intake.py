"""Intake: turns a channel's report into a command to register it, and keeps the reporter's identity apart."""

from collections.abc import Callable, Iterable
from typing import Final

from agents.kafka.protocols import KafkaRecord
from agents.kafka.records import OutgoingRecord
from agents.runtime.stage import Partition, RecordHandler, Stage, log_time
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
"""Reports arrive one by one: without a delay, each would take a fetch and two produce requests of its own."""
COMMANDS_WAITING: Final = 1_000
"""Lag of `lifecycle` above which intake pauses, so that officers' commands do not queue behind a flood of reports. A
worker processes as many in a fraction of a second, so lifecycle does not run dry."""


class Intake(RecordHandler):
    """Turns each report, under whatever key, into a command in the partition of its complaint."""

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
            record_key = identity_key(complaint, tracking_id(record.partition, position)).encode()
            yield OutgoingRecord(TopicName.IDENTITIES, record_key, encode_value(who), home)
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


def stage(erasures: Callable[[], Erasures]) -> Stage:
    """Return the stage; `erasures` returns the erasures of the installation."""
    return Stage(
        NAME,
        lambda partition: Intake(partition, erasures),
        poll_delay=POLL_DELAY_SECONDS,
        backpressure=("lifecycle", COMMANDS_WAITING),
    )
