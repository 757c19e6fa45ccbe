"""Repair of a quarantined complaint, or of a partition's calendar: rewrites its record of `complaints.state`.

It writes under lifecycle's transactional id of the partition: a running lifecycle is fenced, fails at its next
transaction and restarts with the repaired record, so that no command is decided on the old state.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from agents.config.settings import Settings
from agents.ops.transactional_writer import TransactionalWriter
from events.announcements import CALENDAR_KEY, Announcements
from events.client import Reader, Record, extents, require_topics
from events.client.partitions import partition_of
from events.client.reader import installation_values
from events.codec.decode import complaint_key, decode_calendar, decode_own_fact, decode_snapshot
from events.codec.encode import encode_calendar, encode_complaint, encode_snapshot
from events.errors import AlurError, Undecodable
from events.installation import writer_since
from events.provenance import WRITER, Origin, repair_headers, source_offset_of, writer_of
from events.snapshot import Complaint
from events.topics import RecordPosition, TopicName

_READ: Final = (TopicName.EVENTS, TopicName.STATE, TopicName.INSTALLATION)


class RepairRefused(AlurError):
    """The state cannot be repaired; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class Repair:
    """A foreign state record, and its replacement."""

    partition: int
    replaced: RecordPosition | None
    """The last record, foreign or unreadable; None if there is none."""
    version: int | None
    """Restored version of the complaint or calendar; None if none of the engine's records is left."""
    value: bytes | None
    written: RecordPosition | None = None
    """Position of the new record; None after a dry run."""


@dataclass(slots=True)
class _Last:
    """The last records of a key in one partition of the state topic."""

    position: RecordPosition | None = None
    foreign: bool = False
    content: Any = None
    """Content of the engine's last record: a complaint, or announcements."""
    decided: int | None = None
    """Highest command offset in the headers of the engine's records; None without any."""
    writer: int = 0


@dataclass(slots=True)
class _Partition:
    """The engine's own records of one partition."""

    settings: Settings
    number: int
    values: dict[str, Any]
    """The installation record."""

    def _records(self, topic: TopicName) -> Iterator[tuple[Record, bool]]:
        """Yield the records of a topic, each with a flag whether the engine wrote it."""
        origin = Origin(partial(writer_since, self.values, topic, self.number))
        with Reader(self.settings, [topic], partitions=[self.number], with_foreign=True) as reader:
            for record in reader.to_end():
                yield record, not origin.is_foreign(record.offset, tuple(record.headers.items()))

    def last_state(self, key: bytes) -> _Last:
        last = _Last()
        for record, ours in self._records(TopicName.STATE):
            headers = tuple(record.headers.items())
            if ours:
                last.decided = max(
                    last.decided, source_offset_of(headers), key=lambda each: -1 if each is None else each
                )
                last.writer = max(last.writer, writer_of(headers) or 0)
            if record.key != key:
                continue
            last.position, last.foreign = record.position, not ours
            if ours:
                try:
                    last.content = _decoded(key, record.value)
                except Undecodable:
                    last.foreign = True
        return last

    def last_fact(self, key: bytes) -> Complaint | None:
        """Return the complaint after its last fact that the engine wrote; None if there is none."""
        latest = None
        for record, ours in self._records(TopicName.EVENTS):
            if not ours or record.key != key:
                continue
            try:
                complaint = decode_own_fact(record.key, record.value).complaint
            except Undecodable:
                continue
            latest = complaint if latest is None or complaint.version > latest.version else latest
        return latest


def repair_complaint(settings: Settings, complaint: str, *, dry_run: bool = False) -> Repair:
    """Restore a complaint to its state after its last fact; raise RepairRefused or `KafkaFailure`."""
    require_topics(settings, _READ)
    number, key = partition_of(complaint, _partitions(settings)), complaint.encode()
    with _as_lifecycle(settings, number, dry_run=dry_run) as writer:
        records = _Partition(settings, number, installation_values(settings))
        last, fact = records.last_state(key), records.last_fact(key)
        _refuse_if_newer(last, number)
        if fact is not None and isinstance(last.content, Complaint):
            fact = with_digests(fact, last.content)
        if not last.foreign and (fact is None or fact == last.content):
            raise RepairRefused(f"complaint {complaint} is not quarantined: its last record is the engine's own")
        value = None if fact is None else encode_snapshot(fact, encode_complaint(fact))
        repair = Repair(number, last.position, None if fact is None else fact.version, value)
        return _write(writer, repair, key, last.decided)


def with_digests(fact: Complaint, state: Complaint) -> Complaint:
    """Return the complaint after its last fact with the digests of `state`, which facts lack if texts are apart."""
    report, own = fact.report, state.report
    if report.content_digests is not None or own.revision != report.revision or "texts" in fact.erased:
        return fact
    digests = {"content_digests": own.content_digests, "completed_digests": own.completed_digests}
    return fact.model_copy(update={"report": report.model_copy(update=digests)})


def repair_calendar(settings: Settings, *, dry_run: bool = False) -> list[Repair]:
    """Restore the announcements of each partition whose record `calendar` is foreign.

    They are read from the engine's last calendar record in that partition, else in any other: announcements are sent
    to all partitions. Raises the errors of `repair_complaint`.
    """
    require_topics(settings, _READ)
    values = installation_values(settings)
    numbers = range(_partitions(settings))
    lasts = {number: _Partition(settings, number, values).last_state(CALENDAR_KEY) for number in numbers}
    known = [last.content for last in lasts.values() if last.content is not None]
    longest = max(known, key=lambda each: each.revision, default=None)
    broken = [number for number, last in lasts.items() if last.foreign]
    if not broken:
        raise RepairRefused("no calendar is quarantined: the last record of each partition is the engine's own")
    return [_repair_calendar(settings, number, longest, dry_run=dry_run) for number in broken]


def _partitions(settings: Settings) -> int:
    return extents(settings, [TopicName.STATE])[TopicName.STATE].partitions


def _repair_calendar(settings: Settings, number: int, longest: Announcements | None, *, dry_run: bool) -> Repair:
    with _as_lifecycle(settings, number, dry_run=dry_run) as writer:
        last = _Partition(settings, number, installation_values(settings)).last_state(CALENDAR_KEY)
        _refuse_if_newer(last, number)
        source: Announcements | None = longest if last.content is None else last.content
        value = None if source is None else encode_calendar(source, partition=number, time=datetime.now(UTC))
        repair = Repair(number, last.position, None if source is None else source.revision, value)
        return _write(writer, repair, CALENDAR_KEY, last.decided)


def _refuse_if_newer(last: _Last, number: int) -> None:
    if last.writer > WRITER:
        raise RepairRefused(
            f"partition {number} of complaints.state was written by a newer version (writer {last.writer}, this one is "
            f"{WRITER}): repair it with the newer one"
        )


def _decoded(key: bytes, value: bytes | None) -> Complaint | Announcements | None:
    if value is None:
        return None
    if key == CALENDAR_KEY:
        return decode_calendar(value)
    complaint = decode_snapshot(value)
    if complaint_key(complaint.complaint_id.encode()) != complaint_key(key):
        raise Undecodable("invalid", "another complaint's snapshot")
    return complaint


def _as_lifecycle(
    settings: Settings, number: int, *, dry_run: bool
) -> AbstractContextManager[TransactionalWriter | None]:
    """Stop lifecycle from writing to a partition while the block runs; without effect in a dry run."""
    if dry_run:
        return nullcontext()
    return TransactionalWriter(settings, "repair", settings.transactional_id("lifecycle", number))


def _write(writer: TransactionalWriter | None, repair: Repair, key: bytes, decided: int | None) -> Repair:
    if writer is None:
        return repair
    with writer.transaction("repeat the command, which does no harm"):
        headers = repair_headers(decided)
        written = writer.send(TopicName.STATE, repair.partition, key, repair.value, headers)
    return replace(repair, written=written)


def described(repairs: Iterable[Repair], name: str) -> Iterator[str]:
    """Yield one line per repair."""
    for each in repairs:
        what = f"version {each.version}" if each.version is not None else "nothing: there is no record of the engine's"
        where = f"{each.replaced}" if each.replaced else f"no record in partition {each.partition}"
        if each.written is None:
            yield f"{name}: would put {what} in place of {where}"
        else:
            then = f"lifecycle of partition {each.partition} starts again with it at its next command"
            yield f"{name}: {what} is at {each.written}, in place of {where}; {then}"
