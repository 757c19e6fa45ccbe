"""Copy of the records of a plan, each converted, in transactions that include the progress: a new run resumes it."""

import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from hashlib import blake2b
from heapq import heappop, heappush
from typing import Any, Final
from uuid import UUID

from aiokafka import TopicPartition
from pydantic import TypeAdapter

from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.protocols import KafkaConsumer, KafkaRecord
from agents.kafka.records import MIGRATED, Headers, OutgoingRecord
from agents.ops.dead_letters.records import origin_of, resolved_letter
from agents.ops.migration.plan import COPIED, Plan
from agents.ops.migration.texts import TextSplitter
from agents.runtime import failpoints
from agents.runtime.installation import read_entries
from agents.runtime.output_writer import OutputWriter
from events.announcements import CALENDAR_KEY
from events.client.partitions import partition_of
from events.cloudevents import log_moment
from events.codec.decode import complaint_key, decode_own_fact
from events.codec.encode import encode_calendar
from events.codec.parsing import read_ours
from events.codec.partial import snapshot_in
from events.errors import Undecodable
from events.ids import complaint_of_identity
from events.installation import MIGRATION_KEY, writer_since
from events.outcomes import Story
from events.provenance import MARKED, SOURCE_OFFSET_HEADER, WRITER_HEADER, Origin, marked, writer_of
from events.texts import FactTexts
from events.topics import RecordPosition, TopicName

_RECORDS: Final = 5_000
_BYTES: Final = 4 * 1_048_576
"""Maximum records, and approximate maximum bytes, of a transaction."""
_RECORDS_PER_POLL: Final = 5_000
_FETCHING: Final = clients.Fetching(1, wait_ms=10)
"""Short, since a fetch that waits at the end of one partition delays the next partition."""
CHECKSUM_BITS: Final = (1 << 64) - 1
"""Mask that limits sums of checksums to 64 bits."""


Written = dict[TopicName, tuple[int, int]]
"""Records written to each topic, with the sum of their checksums."""
OnProgress = Callable[[str, int, int, int], None]
"""Called after each transaction: topic, records copied, offsets read, and offsets in total."""
_FIRST_WRITER: Final = (WRITER_HEADER, b"1")
"""For records older than writer numbers: merged partitions may put one after a numbered record, which would make it
foreign."""
_KEYED_BY_PART: Final = (TopicName.IDENTITIES, TopicName.TEXTS)
"""Topics whose keys are a complaint id with a suffix."""
_READ: Final[Mapping[TopicName, Callable[[KafkaRecord], object]]] = {
    TopicName.EVENTS: lambda record: decode_own_fact(record.key, record.value),
    TopicName.STATE: lambda record: record.value is None or snapshot_in(record.value, ours=False),
    TopicName.STORIES: lambda record: record.value is None or read_ours(Story, record.value),
    TopicName.TEXTS: lambda record: record.value is None or read_ours(FactTexts, record.value),
}


@dataclass(slots=True)
class TopicProgress:
    """Copy progress of a topic: an entry of the new installation record, in the same transaction as its records."""

    offsets: dict[int, int] = field(default_factory=dict)
    """Next offset to copy, by partition of the source."""
    written: Written = field(default_factory=dict)
    left_out: int = 0
    complete: bool = False

    @classmethod
    def of(cls, values: Mapping[str, Any], topic: TopicName) -> "TopicProgress":
        """Return the progress that an installation record contains."""
        return _PROGRESS.validate_python(values.get(f"{MIGRATION_KEY}/{topic}", {}))


_PROGRESS: Final = TypeAdapter(TopicProgress)


def add(written: Written, topic: TopicName, records: Iterable[KafkaRecord | OutgoingRecord]) -> None:
    """Add the counts of copied records of a topic."""
    count, total = written.get(topic, (0, 0))
    for each in records:
        count, total = count + 1, (total + checksum(each)) & CHECKSUM_BITS
    written[topic] = count, total


class Copy:
    """Copies the records of `plan`."""

    def __init__(self, plan: Plan, report: OnProgress) -> None:
        self._plan = plan
        self._report = report
        self._mover = RecordMover(plan.source, plan.target, plan.values, plan.resolved, plan.splitter)
        self._writer = OutputWriter(plan.target, f"{plan.target.prefix}migrate")

    async def run(self) -> None:
        """Copy the remaining records; another copy to the same prefix is fenced."""
        try:
            await self._writer.start()
            async with clients.running(clients.consumer(self._plan.source, fetching=_FETCHING)) as reader:
                entries, _ = await read_entries(self._plan.target)
                for topic in COPIED:
                    progress = TopicProgress.of(entries.values, topic)
                    if not progress.complete:
                        await self._copy(topic, reader, progress)
        finally:
            await self._writer.stop()

    async def _copy(self, topic: TopicName, reader: KafkaConsumer, progress: TopicProgress) -> None:
        partitions = [TopicPartition(self._plan.source.topic(topic), n) for n in range(self._plan.source.partitions)]
        ends = dict(zip(partitions, self._plan.ends[topic], strict=True))
        begins = await reader.beginning_offsets(partitions)
        starts = {each: max(begins[each], progress.offsets.get(each.partition, 0)) for each in partitions}
        total = sum(ends.values()) - sum(begins.values())
        outputs = self._calendars() if topic is TopicName.STATE and not progress.offsets else []
        progress.offsets = {each.partition: start for each, start in starts.items()}
        read = size = 0
        async for records in in_time_order(reader, starts, ends):
            for record in records:
                progress.offsets[record.partition] = record.offset + 1
                size += len(record.value or b"")
                if topic is TopicName.STATE and record.key == CALENDAR_KEY:
                    continue
                moved = self._mover.move(topic, record)
                outputs += moved
                progress.left_out += not moved
            read += len(records)
            if read >= _RECORDS or size >= _BYTES:
                await self._write(topic, outputs, progress)
                reached = sum(progress.offsets.values()) - sum(begins.values())
                self._report(topic, progress.written[topic][0], reached, total)
                outputs, read, size = [], 0, 0
        progress.complete = True
        await self._write(topic, outputs, progress)
        self._report(topic, progress.written[topic][0], total, total)

    def _calendars(self) -> list[OutgoingRecord]:
        outputs = []
        for number, calendar in enumerate(self._plan.calendars):
            if calendar is not None:
                at = calendar.timestamp
                value = encode_calendar(calendar.announcements, partition=number, time=log_moment(at))
                outputs.append(OutgoingRecord(TopicName.STATE, CALENDAR_KEY, value, number, marked(), at))
        return outputs

    async def _write(self, topic: TopicName, outputs: Sequence[OutgoingRecord], progress: TopicProgress) -> None:
        for name in {topic, *(each.topic for each in outputs)}:
            add(progress.written, name, (each for each in outputs if each.topic is name))
        entry = json.dumps(asdict(progress)).encode()
        key = f"{MIGRATION_KEY}/{topic}".encode()
        batches = self._writer.batches([*outputs, OutgoingRecord(TopicName.INSTALLATION, key, entry, 0)])
        await self._writer.producer.begin_transaction()
        await self._writer.send(batches)
        failpoints.reach("after-produce")
        await self._writer.producer.commit_transaction()
        failpoints.reach("after-commit")


async def in_time_order(
    reader: KafkaConsumer, starts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> AsyncIterator[list[KafkaRecord]]:
    """Yield the committed records between `starts` and `ends` in lists, by time, in order within a partition."""
    reader.assign(list(starts))
    for partition, start in starts.items():
        reader.seek(partition, start)
    waiting: dict[TopicPartition, deque[KafkaRecord]] = {partition: deque() for partition in starts}
    due = {partition for partition, start in starts.items() if start < ends[partition]}
    """Partitions whose next record has to be fetched before another one can be yielded."""
    heads: list[tuple[int, int, TopicPartition]] = []
    while due or heads:
        fetched = await reader.getmany(*due, timeout_ms=_FETCHING.wait_ms, max_records=_RECORDS_PER_POLL) if due else {}
        for partition, records in fetched.items():
            waiting[partition].extend(each for each in records if each.offset < ends[partition])
        for partition in list(due):
            if waiting[partition]:
                heappush(heads, (waiting[partition][0].timestamp, partition.partition, partition))
            elif await reader.position(partition) < ends[partition]:
                continue
            due.discard(partition)
        chosen: list[KafkaRecord] = []
        while heads and not due:
            _, _, partition = heappop(heads)
            chosen.append(waiting[partition].popleft())
            if waiting[partition]:
                heappush(heads, (waiting[partition][0].timestamp, partition.partition, partition))
            else:
                due.add(partition)
        if chosen:
            yield chosen


async def read_back(target: Settings) -> Written:
    """Return the present number of records of the copied topics in the target."""
    written: Written = dict.fromkeys(COPIED, (0, 0))
    async with clients.running(clients.consumer(target, fetching=_FETCHING)) as reader:
        for topic in COPIED:
            for number in range(target.partitions):
                async for records in clients.to_end(reader, TopicPartition(target.topic(topic), number)):
                    add(written, topic, records)
    return written


@dataclass(frozen=True)
class RecordMover:
    """Converts records of one installation for another prefix and another number of partitions."""

    source: Settings
    target: Settings
    values: Mapping[str, Any]
    """The installation record of the source."""
    resolved: frozenset[str]
    """Positions of the dead letters that were replayed or discarded."""
    splitter: TextSplitter | None = None
    """Moves the free text of facts to `complaints.texts`; None: it stays in the facts."""
    _origins: dict[tuple[TopicName, int], Origin] = field(default_factory=dict)

    def move(self, topic: TopicName, record: KafkaRecord) -> Sequence[OutgoingRecord]:
        """Return `record` for the new topics, a fact and its text as two records if texts are apart.

        Omits what the engine ignores: foreign and unreadable records, resolved dead letters, and erased texts.
        """
        headers: Headers | None = record.headers
        home = self.home(topic, record.key, record.partition)
        if topic in MARKED:
            headers = self._numbered(topic, record)
        elif topic is TopicName.DEAD_LETTERS:
            headers = self._letter(record, home)
        if headers is None:
            return ()
        moved = OutgoingRecord(topic, record.key, record.value, home, headers, record.timestamp)
        if self.splitter is not None and topic is TopicName.EVENTS:
            return self.splitter.split(moved)
        if self.splitter is not None and topic is TopicName.TEXTS and record.value is not None:
            return () if self.splitter.has_erased(record.key) else (moved,)
        return (moved,)

    def home(self, topic: TopicName, key: bytes | None, partition: int) -> int:
        """Return the new partition of a record in `partition`: that of its complaint, if its key names one."""
        count = self.target.partitions
        if count == self.source.partitions:
            return partition
        with suppress(Undecodable):
            name = complaint_of_identity(key or b"") if topic in _KEYED_BY_PART else key
            return partition_of(str(UUID(bytes=complaint_key(name))), count)
        return partition % count

    def _numbered(self, topic: TopicName, record: KafkaRecord) -> Headers | None:
        partition = topic, record.partition
        if partition not in self._origins:
            self._origins[partition] = Origin(partial(writer_since, self.values, *partition))
        if self._origins[partition].is_foreign(record.offset, record.headers):
            return None
        # an offset of the former commands topic: meaningless in the new one
        headers = [each for each in record.headers if each[0] != SOURCE_OFFSET_HEADER]
        if writer_of(headers) is not None:
            return headers
        try:
            _READ[topic](record)
        except Undecodable:
            return None
        return [*headers, _FIRST_WRITER]

    def _letter(self, record: KafkaRecord, home: int) -> Headers | None:
        headers = dict(record.headers)
        letter = RecordPosition(TopicName.DEAD_LETTERS, record.partition, record.offset)
        if resolved_letter(headers) is not None or str(letter) in self.resolved:
            return None
        origin = origin_of(self.source, headers)
        if origin is not None:  # the partition of a replay
            headers |= {"topic": self.target.topic(origin.topic).encode(), "partition": str(home).encode()}
        return [*headers.items(), (MIGRATED, b"1")]


def checksum(record: KafkaRecord | OutgoingRecord) -> int:
    """Return a 64-bit checksum of all parts of a record; the sum over records is independent of their order."""
    parts = [record.key, record.value]
    for name, content in record.headers:
        parts += (name.encode(errors="replace"), content)
    encoded = b"".join(b"-" if part is None else b"%d:%b" % (len(part), part) for part in parts)
    return int.from_bytes(blake2b(b"%d/%b" % (record.timestamp or 0, encoded), digest_size=8).digest())
