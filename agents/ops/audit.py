"""Reads the topics of an environment back and lets `workflow.audit.invariants` judge what stands in them.

Partition by partition, committed records only, through a consumer that belongs to no group and leaves no trace. How far
the stages have come is asked first, so that what is written meanwhile is never taken for a loss.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeVar
from uuid import UUID

from kafka import TopicPartition

from agents.config.settings import Settings
from agents.kafka.group_progress import GroupProgress
from agents.ops import pii_scan
from agents.ops.dead_letters import origin_of, resolved_letter
from agents.ops.pii_scan import PiiScan, RecordSource
from events.announcements import CALENDAR, CALENDAR_KEY
from events.client import Record, require_topics
from events.client.connection import kafka_errors
from events.client.errors import KafkaFailure
from events.client.partitions import partition_of
from events.client.reader import committed_consumer, installation_values, record_of
from events.codec.messages import (
    complaint_key,
    decode_announcement,
    decode_calendar,
    decode_command,
    decode_fact,
    decode_report,
    decode_snapshot,
    is_announcement,
)
from events.codec.parsing import read_ours
from events.errors import InvalidCommand, Undecodable
from events.facts import Recorded
from events.installation import Incident, Layout, incidents_in, writer_since
from events.outcomes import Rejection, RejectionEvent, ResolutionEvent
from events.topics import STAGES, TopicName
from events.writer import Origin
from workflow.audit.complaint_history import Shown
from workflow.audit.evidence import Handled, Place
from workflow.audit.invariants import Audit, Command, Kept, PartitionAudit

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
_SETTLING: Final = ("intake", "lifecycle", "resolution")
"""Whose work the audit waits for."""
_ESCALATES: Final = ("escalation",)
_FROM_MEMORY: Final = "sla"
"""Reads a compacted topic, and begins at what it remembers of that: its offset means nothing."""
_WAIT_MS: Final = 500
_STALLED_POLLS: Final = 60
_AT_ONCE: Final = 5_000

_Read = TypeVar("_Read")


class Witness(Protocol):
    """Who wants to hear what the audit reads, while it is read."""

    def fact(self, recorded: Recorded) -> None:
        """Hear of a fact, in the order of its complaint's history."""

    def rejection(self, rejection: Rejection) -> None:
        """Hear of a rejection."""


class Stalled(KafkaFailure):
    """A topic could not be read to its end; the message is one line."""


class Log:
    """Reads one partition after the other; a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        with kafka_errors(settings):
            self._consumer = committed_consumer(settings, "audit", _AT_ONCE)

    def __enter__(self) -> Self:
        """Give the log itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the broker."""
        self._consumer.close()

    def partitions(self, topic: TopicName) -> list[int]:
        """Return the numbers of a topic's partitions."""
        with kafka_errors(self._settings):
            return sorted(self._consumer.partitions_for_topic(self._settings.topic(topic)) or ())

    def kept(self, topic: TopicName) -> Kept:
        """Return how much a topic still has of what was written to it."""
        found = [TopicPartition(self._settings.topic(topic), number) for number in self.partitions(topic)]
        with kafka_errors(self._settings):
            starts, ends = self._consumer.beginning_offsets(found), self._consumer.end_offsets(found)
        if not any(starts.values()):
            return Kept.ALL
        return Kept.NOTHING if starts == ends else Kept.SOME

    def read(self, topic: TopicName, number: int) -> Iterator[Record]:
        """Give the committed records of a partition up to its end as it is now; none if there is no such partition.

        Raises:
            Stalled: for 30 seconds nothing comes.
            BrokerUnreachable, KafkaRefused: Kafka says no, or nothing.
        """
        if number not in self.partitions(topic):
            return  # the topic was made anew with fewer: that is an incident of its own
        where = TopicPartition(self._settings.topic(topic), number)
        with kafka_errors(self._settings):
            self._consumer.assign([where])
            self._consumer.seek_to_beginning(where)
            end = self._consumer.end_offsets([where])[where]
            place = self._consumer.position(where)
        idle = 0
        # markers and compaction leave holes: what counts is the position, not the last record
        while place < end:
            with kafka_errors(self._settings):
                found = self._consumer.poll(timeout_ms=_WAIT_MS)
                place, before = self._consumer.position(where), place
            idle = idle + 1 if place == before else 0
            if idle > _STALLED_POLLS:
                raise Stalled(f"{where.topic}-{number} could be read to {place} only, and ends at {end}")
            yield from (record_of(topic, raw) for records in found.values() for raw in records if raw.offset < end)


def progress(settings: Settings) -> dict[str, dict[int, GroupProgress]]:
    """Return how far each stage has come with each partition of its topic.

    Raises:
        BrokerUnreachable, KafkaRefused: Kafka says no, or nothing.
    """
    found: dict[str, dict[int, GroupProgress]] = {}
    for stage, topic in STAGES.items():
        with kafka_errors(settings):
            asking = committed_consumer(settings, "audit", _AT_ONCE, settings.group(stage))
            try:
                name = settings.topic(topic)
                sources = [TopicPartition(name, number) for number in asking.partitions_for_topic(name) or ()]
                # first how far it has come: what expires meanwhile is not taken for unread
                committed = {source: asking.committed(source) for source in sources}
                starts, ends = asking.beginning_offsets(sources), asking.end_offsets(sources)
            finally:
                asking.close()
        found[stage] = {each.partition: GroupProgress(committed[each], starts[each], ends[each]) for each in sources}
    return found


def _until(come: Mapping[str, Mapping[int, GroupProgress]], stages: Iterable[str]) -> Handled:
    return Handled(
        {(STAGES[stage], number): each.next_offset for stage in stages for number, each in come[stage].items()}
    )


def _expired(come: Mapping[str, Mapping[int, GroupProgress]], found: Audit) -> None:
    for stage in come.keys() - {_FROM_MEMORY}:
        for number, each in come[stage].items():
            if each.expired:
                found.take_expired(stage, Place(STAGES[stage], number, each.expired.start), len(each.expired))


def audit(settings: Settings, witness: Witness | None = None, *, live: bool = False, identities: bool = False) -> Audit:
    """Read everything back and return what was found.

    Args:
        settings: which environment.
        witness: who else wants to hear what is read.
        live: stages may be writing meanwhile.
        identities: look for each reporter's identity in the records of the complaint too, which takes the right to read
            `complaints.identities`.

    Raises:
        BrokerUnreachable, KafkaRefused, TopicsMissing, Stalled: the topics could not be read.
    """
    require_topics(settings, [*_READ, *(pii_scan.READS if identities else ())])
    values = installation_values(settings)
    come = progress(settings)
    with Log(settings) as log:
        layout = Layout.of(values)
        # of the installation, not of a topic that has been given more since
        count = layout.partitions if layout else min(len(log.partitions(topic)) for topic in _READ)
        kept = {topic: log.kept(topic) for topic in _READ}
        whole = kept[TopicName.INTAKE] is Kept.ALL and kept[TopicName.COMMANDS] is Kept.ALL
        place_of = partial(partition_of, count=count)
        found = Audit(
            place_of, handled=_until(come, _SETTLING), whole=whole, live=live, escalated=_until(come, _ESCALATES)
        )
        found.kept = kept
        _expired(come, found)
        _take_in(settings, log, found)
        for number in range(count):
            if identities:
                watched = PiiScan(settings, log, found, number)
                _partition(watched, found.partition(number), witness, values)
                watched.read_the_rest(number)
            else:
                _partition(log, found.partition(number), witness, values)
    found.finish()
    return found


def recorded_incidents(settings: Settings) -> list[Incident]:
    """Return all incidents of the installation record, in the order in which they were reported.

    Raises:
        BrokerUnreachable, KafkaRefused, TopicsMissing: it could not be read.
    """
    require_topics(settings, [TopicName.INSTALLATION])
    return incidents_in(installation_values(settings))


def _take_in(settings: Settings, log: Log, found: Audit) -> None:
    """Read what concerns all partitions: dead letters first, then reports and strayed commands."""
    for number in log.partitions(TopicName.DEAD_LETTERS):
        for record in log.read(TopicName.DEAD_LETTERS, number):
            settled = resolved_letter(record.headers)
            if settled is None:
                found.take_dead_letter(origin_of(settings, record.headers))
            else:
                found.take_settled_letter(settled)
    for number in log.partitions(TopicName.INTAKE):
        for record in log.read(TopicName.INTAKE, number):
            found.take_report(_place(record), _or_none(decode_report, record.value))
    for number in log.partitions(TopicName.COMMANDS):
        for record in log.read(TopicName.COMMANDS, number):
            found.take_command(_place(record), _command(record.value))


def _partition(log: RecordSource, part: PartitionAudit, witness: Witness | None, values: Mapping[str, Any]) -> None:
    _facts(log, part, witness, Origin(partial(writer_since, values, TopicName.EVENTS, part.number)))
    _states(log, part, Origin(partial(writer_since, values, TopicName.STATE, part.number)))
    for record in log.read(TopicName.REJECTIONS, part.number):
        _rejection(part, record, witness)
    for record in log.read(TopicName.COMMANDS, part.number):
        part.command(_place(record), _command(record.value))
    for record in log.read(TopicName.RESOLUTIONS, part.number):
        _resolution(part, record)
    part.finish()


def _facts(log: RecordSource, part: PartitionAudit, witness: Witness | None, origin: Origin) -> None:
    for record in log.read(TopicName.EVENTS, part.number):
        if origin.is_foreign(record.offset, tuple(record.headers.items())):
            part.foreign_fact(_place(record))
            continue
        recorded = _or_none(decode_fact, record.value)
        part.fact(_place(record), recorded)
        if recorded is not None and witness is not None:
            witness.fact(recorded)


def _states(log: RecordSource, part: PartitionAudit, origin: Origin) -> None:
    for record in log.read(TopicName.STATE, part.number):
        if origin.is_foreign(record.offset, tuple(record.headers.items())):
            part.foreign_state(_place(record), _name(record.key))
        elif record.value is None:
            part.cleared(_name(record.key))
        elif record.key == CALENDAR_KEY:
            part.calendar(_place(record), _or_none(decode_calendar, record.value))
        else:
            part.snapshot(_place(record), _or_none(decode_snapshot, record.value))


def _name(key: bytes | None) -> str | None:
    """Return what a record of the present standing is about, by its key; None if that is nothing."""
    if key == CALENDAR_KEY:
        return CALENDAR
    found = _or_none(complaint_key, key)
    return None if found is None else str(UUID(bytes=found))


def _rejection(part: PartitionAudit, record: Record, witness: Witness | None) -> None:
    event = _or_none(partial(read_ours, RejectionEvent), record.value or b"")
    if event is None:
        part.unreadable(_place(record))
        return
    no = event.data
    part.rejection(_place(record), str(event.subject), no.command_source, no.command_id, no.detail)
    if witness is not None:
        witness.rejection(event.data)


def _resolution(part: PartitionAudit, record: Record) -> None:
    event = _or_none(partial(read_ours, ResolutionEvent), record.value or b"")
    if event is None or not event.sequence.isdecimal():
        part.unreadable(_place(record))
        return
    part.resolution(_place(record), str(event.subject), int(event.sequence), Shown.of(event.data))


def _place(record: Record) -> Place:
    return Place(record.topic, record.partition, record.offset)


def _or_none(decode: Callable[[Any], _Read], value: bytes | None) -> _Read | None:
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
