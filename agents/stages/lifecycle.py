"""Lifecycle: the only writer of complaints. Decides commands in log order and publishes the results."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from pydantic import ValidationError

from agents.kafka.protocols import KafkaRecord
from agents.kafka.records import OutgoingRecord, replays_of
from agents.observability.metrics import StateReport
from agents.runtime.rerouting import forwarded, with_original_timestamp
from agents.runtime.stage import Partition, RefusedToStart, Stage, Stateful, log_time
from agents.stages.calendar_state import CalendarState
from agents.stages.complaint_store import ComplaintStore
from agents.stages.decision_records import DecisionRecords
from agents.stages.quarantine import Quarantine
from agents.stages.report_digests import ContentDigests
from agents.stages.reporter_digests import ReporterDigests
from events.announcements import CALENDAR, CALENDAR_KEY
from events.client.partitions import partition_of
from events.codec.decode import complaint_key, decode_announcement, decode_command, is_announcement, read_complaint
from events.codec.encode import encode_rejection
from events.codec.parsing import reasons
from events.codec.partial import Snapshot, basis_of, head_in, snapshot_in, version_of
from events.commands import Command, CommandEvent, EraseData, RegisterComplaint
from events.errors import InvalidCommand, Sender, Undecodable
from events.facts import Recorded
from events.outcomes import Rejection
from events.provenance import WRITER, Origin, foreign, is_repair, writer_of
from events.reports import ReportSubmitted
from events.snapshot import Complaint
from events.topics import TopicName
from events.vocabulary import OPEN, Detail, Refusal
from workflow.machine.decide import Facts, decide, refuse
from workflow.machine.handlers import Rejected
from workflow.policy.model import Policy

log = structlog.get_logger()

_CACHE_SIZE: Final = 1_000
"""Number of complaints of a partition that are kept as objects."""


class Lifecycle(Stateful):
    """Handles commands with the complaints of its partition in memory.

    They are kept as snapshot bytes, a fifth of the memory of the objects, and decoded in 10 µs. The most recent ones
    are cached as objects, since most commands follow on another. A settled one is compressed when it leaves the cache.
    """

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._calendar_state = CalendarState(partition, self._calendar_dependency)
        self._digests = ContentDigests(partition.keys)
        self._records = DecisionRecords(partition)
        self._reporters = ReporterDigests(partition.keys)
        self._store = ComplaintStore()
        self._cache: dict[bytes, Complaint] = {}
        self._committed: dict[bytes, bytes | None] = {}
        """The last committed snapshots of the complaints that the batch has changed; None for new ones."""
        self._on_commit: list[Callable[[], None]] = []
        self._origin = Origin(partial(partition.writer_since, TopicName.STATE))
        self._quarantine = Quarantine()
        self._newest_writer = 0
        self._calendar_lost = False
        """The calendar record is foreign, and none of the engine's own precedes it."""

    def restore(self, record: KafkaRecord) -> None:
        """Restore a snapshot or the calendar record.

        Raises:
            Undecodable: it is foreign (then its complaint is quarantined) or unreadable.
        """
        try:
            self._origin.check(record.offset, record.headers)
        except Undecodable:
            self._quarantine_key(record.key)
            raise
        writer = writer_of(record.headers)
        self._newest_writer = max(self._newest_writer, writer or 0)
        if record.key == CALENDAR_KEY:
            self._calendar_state.restore(record.value)
            self._calendar_lost = False
            return
        id_bytes = complaint_key(record.key)
        if record.value is None:
            self._store.remove(id_bytes)
        else:
            self._restore_snapshot(id_bytes, record, ours=writer is not None)
        self._quarantine.lift(id_bytes)

    def _restore_snapshot(self, id_bytes: bytes, record: KafkaRecord, *, ours: bool) -> None:
        try:
            snapshot = snapshot_in(record.value or b"", ours=ours)
            self._check_follows(id_bytes, record, snapshot)
        except Undecodable as error:
            if not ours:
                raise
            self._quarantine_key(record.key)
            raise foreign(error.reason) from None
        self._store.put(id_bytes, snapshot.raw)
        if snapshot.status not in OPEN:
            # not after the restore: all would be in memory uncompressed
            self._store.compress(id_bytes)

    def _check_follows(self, id_bytes: bytes, record: KafkaRecord, snapshot: Snapshot) -> None:
        if snapshot.complaint_id != record.key and complaint_key(snapshot.complaint_id) != id_bytes:
            raise Undecodable("invalid", f"it is the snapshot of complaint {snapshot.complaint_id.decode()}")
        if is_repair(record.headers):
            return
        before = self._store.get(id_bytes)
        if before is not None and before != snapshot.raw and version_of(before) >= snapshot.version:
            raise Undecodable("invalid", f"version {snapshot.version} does not follow on version {version_of(before)}")

    def supersedes(self, versions: Sequence[KafkaRecord]) -> bool:
        """Return True if each of these snapshots follows on the one before it.

        A writer number is no proof: a foreign record may have copied it.
        """
        last, before = 0, b""
        for record in versions:
            value = record.value or b""
            head = head_in(value)
            if head is None or head[0] != record.key or (head[1] <= last and value != before):
                return False
            last, before = head[1], value
        return True

    def _quarantine_key(self, key: bytes | None) -> None:
        """Quarantine the complaint or calendar of a foreign or unreadable record."""
        if key == CALENDAR_KEY:
            self._calendar_lost = not self._calendar_state.announcements.revision
            return
        with suppress(Undecodable):  # no complaint has such a key
            self._quarantine.add(complaint_key(key))

    def ready(self) -> None:
        """Check that all dependencies of open complaints exist: policy version, offices, announcements.

        A complaint with an unreadable snapshot is quarantined.

        Raises:
            RefusedToStart: something is missing, or a newer version has written here.
        """
        if self._newest_writer > WRITER:
            raise RefusedToStart(
                f"partition {self._partition.number} of {TopicName.STATE} was written by a newer version (writer "
                f"{self._newest_writer}, this one is {WRITER}): leave the partition to the newer one"
            )
        versions = {policy.version for policy in self._calendar_state.policies.versions}
        for id_bytes, snapshot in self._store.uncompressed():
            if id_bytes not in self._quarantine:
                self._check(id_bytes, snapshot, versions)
        self._drop_foreign_partitions()

    def _drop_foreign_partitions(self) -> None:
        """Release quarantined complaints of other partitions, which have only a foreign record here."""
        for id_bytes in list(self._quarantine):
            at_home = partition_of(str(UUID(bytes=id_bytes)), self._partition.count) == self._partition.number
            if not at_home and self._store.get(id_bytes) is None:
                self._quarantine.lift(id_bytes)

    def _check(self, id_bytes: bytes, snapshot: bytes, versions: set[str]) -> None:
        try:
            basis = basis_of(snapshot)
        except Undecodable as error:
            self._quarantine_unreadable(id_bytes, error.reason)
            return
        if basis.status not in OPEN:
            return
        if basis.policy not in versions:
            raise self._unknown(
                f"under policy {basis.policy}",
                "does not have: add that version to it, or start with the one they are under",
            )
        for office in (basis.office, basis.chosen_office):
            if office is not None and office not in self._calendar_state.policies.versions[0].directory:
                raise self._unknown(
                    f"with the office {office}",
                    "does not know: an office that is dissolved stays in its file, with its last day",
                )
        self._check_announcements(id_bytes, basis.calendar)

    def _unknown(self, what: str, why: str) -> RefusedToStart:
        return RefusedToStart(
            f"there are open complaints {what}, which ALUR_POLICY={self._calendar_state.policies.name} {why}"
        )

    def _check_announcements(self, id_bytes: bytes, expected: int) -> None:
        left = self._calendar_state.announcements.revision
        if expected <= left:
            return
        if self._calendar_lost:
            self._quarantine.add(id_bytes)
            return
        raise RefusedToStart(
            f"there are open complaints on a calendar with {expected} announcements, and {left} are left: the "
            f"record `calendar` of partition {self._partition.number} of {TopicName.STATE} is gone"
        )

    def handle(self, record: KafkaRecord) -> Iterable[OutgoingRecord]:
        """Return the facts and the snapshot that result from a command, or its rejection."""
        record = with_original_timestamp(record, self._partition.keys)
        now = log_time(record)
        if is_announcement(record.value):
            return self._announced(record, now)
        try:
            command = decode_command(record.value)
        except InvalidCommand as error:
            return self._refused(error.sender, error.reason, record, now)
        id_bytes = command.subject.bytes
        complaint = self._find(id_bytes)
        if complaint is None and (rerouted := self._reroute(id_bytes, _sender_of(command), record)) is not None:
            return rerouted
        content = self._digests.of(command.data, complaint, id_bytes)
        citizen = self._reporters.of_sender(command.source, complaint)
        decision = decide(command, complaint, now, self._policy(complaint, now), content, sender=citizen)
        if isinstance(command.data, EraseData):
            decision = self._erasable(command.data, decision)
        if isinstance(decision, Rejected):
            return [self._rejected(_sender_of(command, decision.detail), decision, complaint, record)]
        self._on_commit.append(
            partial(self._partition.metrics.command_decided, command.data.NAME, decision, command.time)
        )
        return self._published(id_bytes, decision, record)

    def _refused(self, sender: Sender, reason: str, record: KafkaRecord, now: datetime) -> list[OutgoingRecord]:
        """Reject a command with unreadable data."""
        id_bytes = complaint_key(sender.subject.encode())
        complaint = self._find(id_bytes)
        if complaint is None and (rerouted := self._reroute(id_bytes, sender, record)) is not None:
            return rerouted
        citizen = self._reporters.of_sender(sender.source, complaint)
        rejected = refuse(sender, reason, complaint, now, self._policy(complaint, now), citizen=citizen)
        return [self._rejected(sender, rejected, complaint, record)]

    def _reroute(self, id_bytes: bytes, sender: Sender, record: KafkaRecord) -> list[OutgoingRecord] | None:
        """Quarantine or forward a command about no complaint of this partition; None if it is decided here."""
        if id_bytes in self._quarantine:
            # a dead letter that is replayed too early becomes a dead letter again
            attempt = f"{sender.command_id}/{replays_of(record.headers)}"
            self._quarantine.refuse(id_bytes, sender.source, attempt, self._on_commit.append)
            return []
        home = partition_of(sender.subject, self._partition.count)
        return None if home == record.partition else [self._forward(record, sender.subject, home)]

    def _erasable(self, erasure: EraseData, decision: Facts | Rejected) -> Facts | Rejected:
        if not erasure.texts or self._partition.texts_apart() or not decision or isinstance(decision, Rejected):
            return decision
        return Rejected(
            Refusal.NOT_PERMITTED,
            "this installation writes free text into facts, which are kept for ever: see `alur privacy texts`",
            Detail.TEXTS_IN_FACTS,
        )

    def _forward(self, record: KafkaRecord, complaint_id: str, home: int) -> OutgoingRecord:
        # librdkafka's default partitioner differs from Kafka's, so misrouted commands are common
        self._on_commit.append(self._partition.metrics.forwarded.inc)
        log.info("command_forwarded", complaint=complaint_id, from_partition=record.partition, to_partition=home)
        return forwarded(record, complaint_id.encode(), home, self._partition.keys)

    def _calendar_dependency(self) -> tuple[int, date]:
        """Return the number of announcements of the oldest calendar in use, and the first day of an open complaint.

        Only running clocks use a calendar.
        """
        behind, first_day = self._calendar_state.announcements.revision, date.max
        for id_bytes, snapshot in self._store.uncompressed():
            if id_bytes in self._quarantine or (basis := basis_of(snapshot)).status not in OPEN:
                continue
            first_day = min(first_day, basis.received_at.date())
            if basis.calendar < behind and any(clock.running for clock in read_complaint(snapshot).clocks.values()):
                behind = basis.calendar
        return behind, first_day

    def state_report(self) -> StateReport:
        """Return the number of complaints in memory, and of those in quarantine."""
        return StateReport(complaints=len(self._store), quarantined=len(self._quarantine))

    def commit(self) -> None:
        """Apply the changes of the batch, and count its decisions."""
        self._calendar_state.commit()
        for count in self._on_commit:
            count()
        self._forget_batch()

    def rollback(self) -> None:
        """Undo the changes of the batch."""
        self._calendar_state.rollback()
        for id_bytes, snapshot in self._committed.items():
            self._cache.pop(id_bytes, None)
            self._store.put_back(id_bytes, snapshot)
            if snapshot is not None and basis_of(snapshot).status not in OPEN:
                self._store.compress(id_bytes)
        self._forget_batch()

    def _forget_batch(self) -> None:
        self._committed.clear()
        self._on_commit.clear()

    def _find(self, id_bytes: bytes) -> Complaint | None:
        if id_bytes in self._quarantine:
            return None
        complaint = self._cache.get(id_bytes)
        if complaint is not None:
            return complaint
        snapshot = self._store.get(id_bytes)
        try:
            return None if snapshot is None else read_complaint(snapshot)
        except ValidationError as error:
            self._quarantine_unreadable(id_bytes, reasons(error))
            return None

    def _quarantine_unreadable(self, id_bytes: bytes, reason: str) -> None:
        complaint, number = str(UUID(bytes=id_bytes)), self._partition.number
        log.error("snapshot_unreadable", alert=True, complaint=complaint, partition=number, reason=reason)
        self._quarantine.add(id_bytes)

    def _store_complaint(self, id_bytes: bytes, complaint: Complaint, snapshot: bytes) -> None:
        if id_bytes not in self._committed:
            self._committed[id_bytes] = self._store.get(id_bytes)
        self._store.put(id_bytes, snapshot)
        self._cache.pop(id_bytes, None)
        self._cache[id_bytes] = complaint
        if len(self._cache) > _CACHE_SIZE:
            oldest = next(iter(self._cache))
            if self._cache.pop(oldest).status not in OPEN:
                self._store.compress(oldest)

    def _policy(self, complaint: Complaint | None, now: datetime) -> Policy:
        policies = self._calendar_state.policies
        return policies.at(now) if complaint is None else policies.governing(complaint.policy, now)

    def _announced(self, record: KafkaRecord, now: datetime) -> list[OutgoingRecord]:
        try:
            event = decode_announcement(record.value)
            if self._calendar_lost:
                raise Undecodable("quarantined", self._repair_calendar())
        except InvalidCommand as error:
            return [self._rejected(error.sender, Rejected(Refusal.INVALID_DATA, error.reason), None, record)]
        decision = self._calendar_state.announce(event, now, record.offset)
        if isinstance(decision, Rejected):
            return [self._rejected(Sender(CALENDAR, event.source, event.id, event.type), decision, None, record)]
        self._on_commit.append(partial(self._partition.metrics.announced, event.data.NAME, repeated=not decision))
        return decision

    def _repair_calendar(self) -> str:
        calendar = f"the record `calendar` of partition {self._partition.number} of {TopicName.STATE}"
        return f"{calendar} is foreign: run `alur state repair calendar`, then replay this letter"

    def _published(self, id_bytes: bytes, decision: tuple[Recorded, ...], record: KafkaRecord) -> list[OutgoingRecord]:
        if not decision:
            return []
        key = decision[-1].complaint.complaint_id.encode()
        replayed = replays_of(record.headers) > 0
        outputs, snapshot = self._records.of(key, decision, record.offset, replayed=replayed)
        self._store_complaint(id_bytes, decision[-1].complaint, snapshot)
        return outputs

    def _rejected(
        self, sender: Sender, refused: Rejected, complaint: Complaint | None, record: KafkaRecord
    ) -> OutgoingRecord:
        rejection = Rejection(
            command_id=sender.command_id,
            command_type=sender.command_type,
            command_source=sender.source,
            code=refused.code,
            message=refused.message,
            status=complaint.status if complaint else None,
            version=complaint.version if complaint else 0,
            detail=refused.detail,
        )
        reason, number = refused.detail or refused.code, self._partition.number
        self._on_commit.append(partial(self._partition.metrics.rejected, sender.command_type, reason))
        position = self._partition.position(TopicName.COMMANDS, record.offset)
        value = encode_rejection(
            rejection, subject=sender.subject, time=log_time(record), partition=number, offset=position
        )
        return OutgoingRecord(TopicName.REJECTIONS, sender.subject.encode(), value, number)


def _sender_of(command: CommandEvent[Command], detail: Detail | None = None) -> Sender:
    """Return the addressee of a rejection: the channel, if a redelivered report differs."""
    data, subject = command.data, str(command.subject)
    if detail is Detail.CONTENT_DIFFERS and isinstance(data, RegisterComplaint):
        return Sender(subject, data.source, data.report_id, ReportSubmitted.TYPE)
    return Sender(subject, command.source, command.id, command.type)


_OWNED_TOPICS: Final = (TopicName.EVENTS, TopicName.TEXTS, TopicName.STATE)

STAGE: Final = Stage(
    "lifecycle", Lifecycle, transactional=True, state_topic=TopicName.STATE, owned_topics=_OWNED_TOPICS
)
