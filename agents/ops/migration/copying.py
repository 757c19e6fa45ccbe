"""Copy of the records of a plan in transactions that include the progress: an interrupted copy is resumed."""

import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from heapq import heappop, heappush
from typing import Any, Final

from aiokafka import TopicPartition
from pydantic import TypeAdapter

from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.protocols import KafkaConsumer, KafkaRecord
from agents.kafka.records import OutgoingRecord
from agents.ops.migration.plan import COPIED, Plan
from agents.ops.migration.records import RecordMover, checksum
from agents.runtime import failpoints
from agents.runtime.installation import read_entries
from agents.runtime.output_writer import OutputWriter
from events.announcements import CALENDAR_KEY
from events.cloudevents import log_moment
from events.codec.encode import encode_calendar
from events.installation import MIGRATION_KEY
from events.topics import TopicName
from events.writer import marked

_RECORDS: Final = 5_000
_BYTES: Final = 4 * 1_048_576
"""Maximum records, and approximate maximum bytes, of a transaction."""
_POLLED: Final = 5_000
_FETCHING: Final = clients.Fetching(1, wait_ms=10)
"""Short, since a fetch that waits at the end of one partition delays the next partition."""
CHECKSUM_BITS: Final = (1 << 64) - 1
"""Mask that limits sums of checksums to 64 bits."""


Written = dict[TopicName, tuple[int, int]]
"""Records written to each topic, with the sum of their checksums."""
Report = Callable[[str, int, int, int], None]
"""Called after each transaction: topic, records copied, offsets read, and offsets in total."""


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

    def __init__(self, plan: Plan, report: Report) -> None:
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
        places = [TopicPartition(self._plan.source.topic(topic), n) for n in range(self._plan.source.partitions)]
        ends = dict(zip(places, self._plan.ends[topic], strict=True))
        begins = await reader.beginning_offsets(places)
        starts = {each: max(begins[each], progress.offsets.get(each.partition, 0)) for each in places}
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
    for place, start in starts.items():
        reader.seek(place, start)
    waiting: dict[TopicPartition, deque[KafkaRecord]] = {place: deque() for place in starts}
    due = set(starts)
    """Partitions whose next record has to be fetched before another one can be yielded."""
    heads: list[tuple[int, int, TopicPartition]] = []
    while due or heads:
        fetched = await reader.getmany(*due, timeout_ms=clients.POLL_MS, max_records=_POLLED) if due else {}
        for place, records in fetched.items():
            waiting[place].extend(each for each in records if each.offset < ends[place])
        for place in list(due):
            if waiting[place]:
                heappush(heads, (waiting[place][0].timestamp, place.partition, place))
            elif await reader.position(place) < ends[place]:
                continue
            due.discard(place)
        chosen: list[KafkaRecord] = []
        while heads and not due:
            _, _, place = heappop(heads)
            chosen.append(waiting[place].popleft())
            if waiting[place]:
                heappush(heads, (waiting[place][0].timestamp, place.partition, place))
            else:
                due.add(place)
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
