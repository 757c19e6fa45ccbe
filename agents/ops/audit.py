"""Audit of an environment: reads its topics and checks them with `workflow.audit.invariants`.

It reads committed records partition by partition, with a consumer outside any group. The committed offsets of the
stages are read first, so that a record written meanwhile does not count as lost.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from agents.config import policy_files
from agents.config.settings import Settings
from agents.kafka.group_progress import GroupProgress
from agents.kafka.records import MIGRATED
from agents.ops import pii_scan
from agents.ops.dead_letters.records import origin_of, resolved_letter
from agents.ops.pii_scan import PiiScan, ReadPartition
from agents.ops.progress import stage_progress
from agents.runtime import policy_digests
from events.announcements import CALENDAR, CALENDAR_KEY
from events.client import Reader, Record, require_topics
from events.client.errors import NotAllowed, TopicsMissing
from events.client.partitions import partition_of
from events.client.reader import installation_values
from events.codec.decode import (
    complaint_key,
    decode_announcement,
    decode_calendar,
    decode_command,
    decode_fact,
    decode_report,
    decode_resolution,
    decode_snapshot,
    is_announcement,
)
from events.codec.parsing import read_ours
from events.errors import InvalidCommand, Undecodable
from events.facts import Recorded
from events.installation import MIGRATION_KEY, Incident, Layout, incidents_in, writer_since
from events.outcomes import Rejection, RejectionEvent, Resolution
from events.provenance import Origin
from events.topics import FROM_MEMORY, INWARD, STAGES, RecordPosition, TopicName
from workflow.audit.complaint_history import Shown
from workflow.audit.evidence import Command, Handled, Retained
from workflow.audit.invariants import Audit, PartitionAudit
from workflow.policy.model import Policy

_READ: Final = (
    TopicName.INTAKE,
    TopicName.COMMANDS,
    TopicName.EVENTS,
    TopicName.STATE,
    TopicName.REJECTIONS,
    TopicName.RESOLUTIONS,
    TopicName.DEAD_LETTERS,
    TopicName.INSTALLATION,
)
_AWAITED: Final = ("intake", "lifecycle", "resolution")
"""Stages whose backlog is pending, not lost."""
_ESCALATES: Final = ("escalation",)

_Decoded = TypeVar("_Decoded")


class Witness(Protocol):
    """Receiver of the facts and rejections that an audit reads."""

    def fact(self, recorded: Recorded) -> None:
        """Receive a fact, in the order of its complaint's history."""

    def rejection(self, rejection: Rejection) -> None:
        """Receive a rejection."""


class AuditedTopics(Reader):
    """Reads one partition after another, foreign records included."""

    def __init__(self, settings: Settings, topics: Collection[TopicName]) -> None:
        super().__init__(settings, topics, with_foreign=True)
        starts, ends = self.starts(), self.ends()
        self.bounds = {source: (starts[source], ends[source]) for source in sorted(starts)}
        """Log start and end of each partition when the audit began."""

    def partitions(self, topic: TopicName) -> list[int]:
        """Return the numbers of a topic's partitions."""
        return [number for name, number in self.bounds if name is topic]

    def retained(self, topic: TopicName) -> Retained:
        """Return how much of a topic the log still has."""
        bounds = [each for (name, _), each in self.bounds.items() if name is topic]
        if not any(start for start, _ in bounds):
            return Retained.ALL
        return Retained.NOTHING if all(start == end for start, end in bounds) else Retained.SOME

    def read(self, topic: TopicName, number: int) -> Iterator[Record]:
        """Yield the committed records of a partition up to its present end. Raises the errors of `Reader`.

        Without the partition, none: that the topic was recreated with fewer is an incident of its own.
        """
        if (topic, number) in self.bounds:
            self.turn_to_partition(topic, number)
            ends = self.ends()
            polls = chain.from_iterable(self.polls_to(ends))
            yield from (record for record in polls if record.offset < ends[topic, number])


_Progress = Mapping[str, Mapping[int, GroupProgress]]


def _until(progress: _Progress, stages: Iterable[str]) -> Handled:
    return Handled(
        {(STAGES[stage], number): each.next_offset for stage in stages for number, each in progress[stage].items()}
    )


def _expired(progress: _Progress, result: Audit) -> None:
    for stage in progress.keys() - {FROM_MEMORY}:
        for number, each in progress[stage].items():
            if each.expired:
                result.take_expired(stage, RecordPosition(STAGES[stage], number, each.expired.start), len(each.expired))


def audit(settings: Settings, witness: Witness | None = None, *, live: bool = False, identities: bool = False) -> Audit:
    """Read all topics and return the result; `witness` receives facts and rejections. Raises `KafkaFailure`.

    `live`: stages may be writing meanwhile. `identities`: search the records of each complaint for its reporter's
    identity, which needs the right to read `complaints.identities` and `complaints.texts`; otherwise texts are read
    only if the user has the right.
    """
    topics = (*_READ, *(pii_scan.READS if identities else ()))
    require_topics(settings, topics)
    texts = TopicName.TEXTS in topics or _may_read_texts(settings)
    values = installation_values(settings)
    progress = stage_progress(settings)
    with AuditedTopics(settings, {*topics, TopicName.TEXTS} if texts else topics) as log:
        layout = Layout.of(values)
        # not the partitions of a topic that was extended since
        count = layout.partitions if layout else min(len(log.partitions(topic)) for topic in _READ)
        retained = _retained(log, values, texts=texts)
        result = Audit(
            partial(partition_of, count=count),
            handled=_until(progress, _AWAITED),
            whole=retained[TopicName.INTAKE] is Retained.ALL and retained[TopicName.COMMANDS] is Retained.ALL,
            live=live,
            escalated=_until(progress, _ESCALATES),
        )
        result.retained, result.texts, result.policy_of = retained, texts, _policies(settings, values).get
        _expired(progress, result)
        _of_all_partitions(settings, log, result)
        for number in range(count):
            if identities:
                scan = PiiScan(settings, log.read, result, number)
                _partition(scan.read, result.partition(number), witness, values)
                scan.read_the_rest(number)
            else:
                _partition(log.read, result.partition(number), witness, values)
    result.finish()
    return result


def _policies(settings: Settings, values: Mapping[str, Any]) -> dict[str, Policy]:
    """Return the versions of the policy with the installation's days off, as used in its decisions."""
    policies = policy_digests.pinned(policy_files.load(settings.policy), values)
    return {each.version: each for each in policies.versions}


def _retained(log: AuditedTopics, values: Mapping[str, Any], *, texts: bool) -> dict[TopicName, Retained]:
    retained = {topic: log.retained(topic) for topic in _READ}
    retained[TopicName.TEXTS] = log.retained(TopicName.TEXTS) if texts else Retained.UNREAD
    if MIGRATION_KEY in values:  # earlier reports and commands remain at the former prefix
        retained |= dict.fromkeys(INWARD, Retained.SOME)
    return retained


def _may_read_texts(settings: Settings) -> bool:
    try:
        require_topics(settings, [TopicName.TEXTS])
    except (NotAllowed, TopicsMissing):
        return False
    return True


def recorded_incidents(settings: Settings) -> list[Incident]:
    """Return all incidents of the installation record, in the order of their report. Raises `KafkaFailure`."""
    require_topics(settings, [TopicName.INSTALLATION])
    return incidents_in(installation_values(settings))


def _of_all_partitions(settings: Settings, log: AuditedTopics, result: Audit) -> None:
    """Read the inputs from all partitions: dead letters first, then reports and misrouted commands."""
    for record in _all(log, TopicName.DEAD_LETTERS):
        resolved = resolved_letter(record.headers)
        if resolved is None:
            result.take_dead_letter(None if MIGRATED in record.headers else origin_of(settings, record.headers))
        else:
            result.take_settled_letter(resolved)
    for record in _all(log, TopicName.INTAKE):
        result.take_report(record.position, _or_none(decode_report, record.value))
    for record in _all(log, TopicName.COMMANDS):
        result.take_command(record.position, _command(record.value))


def _all(log: AuditedTopics, topic: TopicName) -> Iterator[Record]:
    for number in log.partitions(topic):
        yield from log.read(topic, number)


def _partition(read: ReadPartition, part: PartitionAudit, witness: Witness | None, values: Mapping[str, Any]) -> None:
    _facts(read, part, witness, Origin(partial(writer_since, values, TopicName.EVENTS, part.number)))
    if part.audit.texts:  # before the states: a later state explains texts erased meanwhile
        _texts(read, part, Origin(partial(writer_since, values, TopicName.TEXTS, part.number)))
    _states(read, part, Origin(partial(writer_since, values, TopicName.STATE, part.number)))
    for record in read(TopicName.REJECTIONS, part.number):
        _rejection(part, record, witness)
    for record in read(TopicName.COMMANDS, part.number):
        part.command(record.position, _command(record.value))
    for record in read(TopicName.RESOLUTIONS, part.number):
        _resolution(part, record)
    part.finish()


def _facts(read: ReadPartition, part: PartitionAudit, witness: Witness | None, origin: Origin) -> None:
    for record in read(TopicName.EVENTS, part.number):
        if origin.is_foreign(record.offset, tuple(record.headers.items())):
            part.foreign_fact(record.position)
            continue
        recorded = _or_none(decode_fact, record.value)
        part.fact(record.position, recorded)
        if recorded is not None and witness is not None:
            witness.fact(recorded)


def _texts(read: ReadPartition, part: PartitionAudit, origin: Origin) -> None:
    for record in read(TopicName.TEXTS, part.number):
        foreign = origin.is_foreign(record.offset, tuple(record.headers.items()))
        if foreign:
            part.foreign_fact(record.position)
        part.text(record.position, record.key, present=record.value is not None and not foreign)


def _states(read: ReadPartition, part: PartitionAudit, origin: Origin) -> None:
    for record in read(TopicName.STATE, part.number):
        if origin.is_foreign(record.offset, tuple(record.headers.items())):
            part.foreign_state(record.position, _name(record.key))
        elif record.value is None:
            part.cleared(_name(record.key))
        elif record.key == CALENDAR_KEY:
            part.calendar(record.position, _or_none(decode_calendar, record.value))
        else:
            part.snapshot(record.position, _or_none(decode_snapshot, record.value))


def _name(key: bytes | None) -> str | None:
    """Return the complaint, or the calendar, of a state record by its key; None for another key."""
    if key == CALENDAR_KEY:
        return CALENDAR
    complaint = _or_none(complaint_key, key)
    return None if complaint is None else str(UUID(bytes=complaint))


def _rejection(part: PartitionAudit, record: Record, witness: Witness | None) -> None:
    event = _or_none(partial(read_ours, RejectionEvent), record.value or b"")
    if event is None:
        part.unreadable(record.position)
        return
    rejection = event.data
    command = rejection.command_source, rejection.command_id
    part.rejection(record.position, str(event.subject), *command, rejection.detail)
    if witness is not None:
        witness.rejection(rejection)


def _resolution(part: PartitionAudit, record: Record) -> None:
    event = _or_none(decode_resolution, record.value)
    if event is None or not event.sequence.isdecimal():
        part.unreadable(record.position)
        return
    shown = Shown.of(event.data) if isinstance(event.data, Resolution) else Shown.OUTCOME
    part.resolution(record.position, str(event.subject), int(event.sequence), shown)


def _or_none(decode: Callable[[Any], _Decoded], value: bytes | None) -> _Decoded | None:
    with suppress(Undecodable):
        return decode(value)
    return None


def _command(value: bytes | None) -> Command | None:
    try:
        return decode_announcement(value) if is_announcement(value) else decode_command(value)
    except InvalidCommand as invalid:
        return invalid
    except Undecodable:
        return None
