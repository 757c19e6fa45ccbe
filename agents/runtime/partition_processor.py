"""Partition processor: acquire, restore, decide, write, commit, release.

The order of opening is what makes the handover exact:

1. The transactional producer starts. That fences the previous owner and waits until its open transaction is over.
2. The memory is read, to an end that nobody else can move any more.
3. The committed offset is read: what the previous owner committed, it has also written. An offset that the stage has
   not committed is refused (`agents/runtime/start_offsets.py`).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, cast

import structlog
from aiokafka import TopicPartition

from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.deferred_commits import DeferredCommits
from agents.kafka.group_progress import GroupProgress
from agents.kafka.protocols import KafkaConsumer, KafkaRecord
from agents.kafka.records import BUG, NO_VALUE, OutgoingRecord, Unwritable, accept, code_of, dead_letter
from agents.observability.tracing import PASS_THROUGH, Tracing
from agents.runtime import failpoints
from agents.runtime.batch_split import BatchPart, dead_letters_refused, process_in_parts
from agents.runtime.installation import Installation
from agents.runtime.output_writer import OutputWriter, raise_first
from agents.runtime.restore_window import RestoreWindow
from agents.runtime.stage import Handler, Partition, RefusedToStart, Stage, Stateful, TimerDriven
from agents.runtime.start_offsets import StartOffset, expired_unread, offset_lost
from events.errors import Undecodable
from events.installation import Incident, begun_key, writer_key, writer_since
from events.topics import INWARD, TopicName
from events.writer import FOREIGN, source_offset_of, writer_of

log = structlog.get_logger()

_FOREIGN_LOG_LIMIT: Final = 20
"""So many foreign records of a partition get a log line: a misconfigured producer may have written a million."""
TRANSACTION_PAUSE_SECONDS: Final = 0.01
"""Pause between two transactions of a partition, in seconds. After each the broker refuses the next one for a moment,
and the client then waits for longer than this: a short pause is faster than none."""


@dataclass(slots=True)
class BatchStats:
    """What one poll came to, for its log line."""

    records: int = 0
    out: Counter[str] = field(default_factory=Counter)
    oldest_ms: int | None = None

    def add(self, other: "BatchStats") -> None:
        """Add what another partition of the same poll came to."""
        self.records += other.records
        self.out += other.out
        stamps = [stamp for stamp in (self.oldest_ms, other.oldest_ms) if stamp is not None]
        self.oldest_ms = min(stamps, default=None)


class PartitionProcessor:
    """One partition of the stage's source topic, while it is ours."""

    def __init__(self, stage: Stage, settings: Settings, source: TopicPartition, partition: Partition) -> None:
        self.stage = stage
        self.settings = settings
        self.source = source
        self.handler: Handler = stage.handler(partition)
        self.next_offset: int | None = None
        """Offset of the next record to handle; None until the lease is open."""
        self.restored = 0
        """Records read back into the memory."""
        self.tracing: Tracing = PASS_THROUGH
        """What is done about the traces that records belong to."""
        self.installation: Installation | None = None
        """The installation record."""
        self._decided = -1
        self._foreign_logged = 0
        self._writer = OutputWriter(settings)
        self._codes: list[str] = []
        """Codes of the dead letters that are not committed."""
        self._metrics = partition.metrics

    @property
    def _group(self) -> str:
        return self.settings.group(self.stage.name)

    @property
    def open(self) -> bool:
        """Return True when records may be handled."""
        return self.next_offset is not None

    async def acquire(self, consumer: KafkaConsumer, shared: OutputWriter, commits: DeferredCommits) -> None:
        """Take the partition over, and set the consumer to where the previous owner left off.

        Raises:
            RefusedToStart: the handler cannot work with this memory, or the committed offset is gone or wrong.
        """
        failpoints.reach("before-fence")
        if self.stage.transactional:
            transactional_id = self.settings.transactional_id(self.stage.name, self.source.partition)
            self._writer = OutputWriter(self.settings, transactional_id)
            await self._writer.start()
        else:
            self._writer = shared
        failpoints.reach("after-fence")
        await self._record_writer_start(shared)
        end = await self._restore(shared)
        failpoints.reach("after-memory")
        if self.stage.state_topic is self.stage.source:
            start, committed = end or 0, None
        else:
            progress = await self._progress(consumer)
            start, committed = progress.next_offset, progress.committed
        consumer.seek(self.source, start)
        if start != committed:
            await self._commit_start(start, commits)
        if self.stage.state_topic is not self.stage.source:
            await self._note_begun(shared)
        failpoints.reach("after-position")
        self.next_offset = start

    async def _record_writer_start(self, shared: OutputWriter) -> None:
        """Keep since when the records of this partition have a writer number, unless that is known.

        The last owner, perhaps of a version without such numbers, is fenced. The owner alone writes these keys, and not
        in its transaction: one that is left open would hide what all others write to the record.
        """
        if self.installation is None:
            return
        number, values = self.source.partition, self.installation.values
        unknown = [topic for topic in self.stage.owned_topics if writer_since(values, topic, number) is None]
        if not unknown:
            return
        partitions = {topic: TopicPartition(self.settings.topic(topic), number) for topic in unknown}
        ends = await clients.log_ends(self.settings, partitions.values())
        for topic, partition in partitions.items():
            key, end = writer_key(topic, number).encode(), str(ends[partition]).encode()
            await shared.write([OutgoingRecord(TopicName.INSTALLATION, key, end, 0)])

    async def _progress(self, consumer: KafkaConsumer) -> GroupProgress:
        takeover = StartOffset(self.settings, self.stage.name, self.source)
        progress = await takeover.progress(consumer, restored=self.restored, decided=self._decided)
        # before anything is committed: a crash would hide it
        if progress.committed is None and progress.end and self._begun:
            await self._report(offset_lost(self.stage, self.source, progress))
        if progress.expired:
            await self._report(expired_unread(self.stage, self.source, progress.expired))
        return progress

    async def resume_at_log_start(self, consumer: KafkaConsumer, commits: DeferredCommits) -> None:
        """Go on where the log begins, since the log no longer has the offset where the stage is.

        Raises:
            RefusedToStart: the log begins before that: it is another log.
        """
        at = self.next_offset or 0
        start = (await consumer.beginning_offsets([self.source]))[self.source]
        if start <= at:
            raise RefusedToStart(f"{self.source.topic}-{self.source.partition} has lost offset {at}: was it made anew?")
        await self._report(expired_unread(self.stage, self.source, range(at, start)))
        consumer.seek(self.source, start)
        await self.skip_to(start, commits)

    async def _report(self, incident: Incident) -> None:
        if self.installation is not None:
            await self.installation.report(incident)

    @property
    def _begun(self) -> bool:
        key = begun_key(self.stage.name, self.source.partition)
        return self.installation is not None and self.installation.read(key) is not None

    async def _note_begun(self, shared: OutputWriter) -> None:
        """Keep that an offset is committed, unless that is known: else a lost one looks like a first start."""
        if self.installation is not None and not self._begun:
            key = begun_key(self.stage.name, self.source.partition).encode()
            await shared.write([OutgoingRecord(TopicName.INSTALLATION, key, b"true", 0)])

    async def _commit_start(self, start: int, commits: DeferredCommits) -> None:
        """Commit where the stage begins, at once: from now on a missing offset is one that is lost."""
        if self.stage.transactional:
            await self._writer.producer.begin_transaction()
            await self._writer.producer.send_offsets_to_transaction({self.source: clients.marked(start)}, self._group)
            await self._writer.producer.commit_transaction()
        else:
            commits.stage(self.source, start)
            await commits.flush()
        failpoints.reach("after-start")

    async def _restore(self, shared: OutputWriter) -> int | None:
        if self.stage.state_topic is None:
            return None
        handler = cast(Stateful, self.handler)
        memory = TopicPartition(self.settings.topic(self.stage.state_topic), self.source.partition)
        end = 0
        window = RestoreWindow()
        async for records in clients.read_to_end(self.settings, memory):
            window.add(records)
            end = records[-1].offset + 1
            if window.full:
                await self._restore_window(handler, window, shared)
        await self._restore_window(handler, window, shared)
        if self._foreign_logged > _FOREIGN_LOG_LIMIT:
            log.error(
                "foreign_records", alert=True, stage=self.stage.name, topic=memory.topic, count=self._foreign_logged
            )
        handler.ready()
        return end

    async def _restore_window(self, handler: Stateful, window: RestoreWindow, shared: OutputWriter) -> None:
        for versions in window.drain():
            if len(versions) > 1 and _try_restore(handler, versions[-1]):
                self.restored += len(versions)
                self._track_decided(versions[-1])
                continue
            for record in versions:
                self.restored += await self._restore_record(handler, record, shared)

    async def _restore_record(self, handler: Stateful, record: KafkaRecord, shared: OutputWriter) -> bool:
        """Take one record into the memory; what cannot be read leaves the one before it of that key in force."""
        try:
            handler.restore(record)
        except Exception as error:  # noqa: BLE001 -- a stage that a single record keeps from starting helps nobody
            if _is_foreign(error):  # it lies on the topic, and `alur audit` names it: no letter at each takeover
                self._metrics.foreign.inc()
                self._report_foreign(record, error)
                return False
            log.error("state_record_unreadable", alert=True, reason=str(error), **_coordinates(record))  # noqa: TRY400 -- the letter has it
            await self._write_dead_letter(record, error, shared)
            return False
        if record.value is None and writer_of(record.headers) is not None:
            return False  # of a repair where there was nothing: no stage has done anything here
        self._track_decided(record)
        return True

    def _track_decided(self, record: KafkaRecord) -> None:
        if self.stage.source is TopicName.COMMANDS:
            offset = source_offset_of(record.headers)
            self._decided = self._decided if offset is None else max(self._decided, offset)

    async def _write_dead_letter(self, record: KafkaRecord, error: Exception, shared: OutputWriter) -> None:
        """Write a dead letter outside of any batch, and so outside of any transaction."""
        self._metrics.dead_letters.labels(code_of(error)).inc()
        try:
            await shared.write([dead_letter(self.stage.name, record, error)])
        except Unwritable:
            try:
                await shared.write([dead_letter(self.stage.name, record, error, NO_VALUE)])
            except Unwritable as refused:
                raise dead_letters_refused(refused) from refused

    async def process(self, records: Sequence[KafkaRecord], commits: DeferredCommits) -> BatchStats:
        """Handle the records of one poll, write what follows, and only then commit their offsets.

        Where an output cannot be written, its record becomes a dead letter, and the rest is processed in several parts.
        """
        fresh = [record for record in records if record.offset >= (self.next_offset or 0)]
        stats = BatchStats()
        if fresh:
            for found in await process_in_parts(fresh, partial(self._process_part, commits), self._roll_back):
                stats.add(found)
        return stats

    async def _process_part(self, commits: DeferredCommits, part: BatchPart) -> BatchStats:
        failpoints.reach("before-decide")
        traced = self.tracing.batch()
        outputs = [output for each in part.records for output in traced.follow(each, self._handle(each, part))]
        failpoints.reach("after-decide")
        began = time.monotonic()
        await self._commit(outputs, part.records[-1].offset + 1, commits)
        self.handler.commit()
        self._count_dead_letters()
        traced.batch_processed()
        stamps = [record.timestamp for record in part.records]
        self._metrics.batch_processed(self.source.partition, stamps, began)
        out = Counter[str](output.topic.removeprefix("complaints.") for output in outputs)
        return BatchStats(len(stamps), out, min(stamps))

    def _count_dead_letters(self) -> None:
        for code in self._codes:
            self._metrics.dead_letters.labels(code).inc()
        self._metrics.foreign.inc(self._codes.count(FOREIGN))
        self._codes.clear()

    async def _roll_back(self, error: Unwritable) -> None:
        """Drop what the last attempt has changed, and make the next one possible."""
        self.handler.rollback()
        self._codes.clear()
        if self.stage.transactional and error.refused:
            await self._writer.replace(self._writer.producer)

    async def _commit(self, outputs: Sequence[OutgoingRecord], after: int, commits: DeferredCommits) -> None:
        """Write `outputs`, and commit that all before `after` is done: in one transaction, or one after the other."""
        if self.stage.transactional:
            batches = self._writer.batches(outputs)
            await self._writer.producer.begin_transaction()
            # side by side, which saves the wait for two answers: either counts only with the other
            steps = self._produce(self._writer.send(batches)), self._add_offset(after)
            raise_first(await asyncio.gather(*steps, return_exceptions=True))
            await self._writer.producer.commit_transaction()
        else:
            await self._produce(self._writer.write(outputs))
            commits.stage(self.source, after)
        failpoints.reach("after-commit")
        self.next_offset = after

    async def _produce(self, written: Awaitable[None]) -> None:
        failpoints.reach("before-produce")
        await written
        failpoints.reach("after-produce")

    async def _add_offset(self, after: int) -> None:
        await self._writer.producer.send_offsets_to_transaction({self.source: clients.marked(after)}, self._group)
        failpoints.reach("after-offsets")

    async def skip_to(self, position: int, commits: DeferredCommits) -> None:
        """Commit that there is nothing for us before `position`.

        In a transaction too where the stage works in transactions: the group alone does not keep a former owner from
        setting the offset back to where it left off.
        """
        if self.next_offset is not None and position > self.next_offset:
            await self._commit([], position, commits)

    def _handle(self, record: KafkaRecord, part: BatchPart) -> list[OutgoingRecord]:
        """Return the outputs of `record`, or its dead letter when it cannot be handled."""
        if (refused := part.refused) is not None:
            log.error("output_unwritable", alert=True, code=refused.code, reason=refused.reason, **_coordinates(record))
            return [self._dead_letter(record, refused, part)]
        try:
            if self.stage.source in INWARD:
                accept(record)
            return list(self.handler.handle(record))
        except Undecodable as error:
            failpoints.reach("before-dead-letter")
            rejected = self._dead_letter(record, error, part)
            if _is_foreign(error):
                self._report_foreign(record, error)
            log.warning("dead_letter_written", code=error.code, reason=error.reason, **_coordinates(record))
        except Exception as error:
            rejected = self._dead_letter(record, error, part)
            log.exception("record_failed", alert=True, code=BUG, **_coordinates(record))
        failpoints.reach("after-dead-letter")
        return [rejected]

    def _dead_letter(self, record: KafkaRecord, error: Exception, part: BatchPart) -> OutgoingRecord:
        self._codes.append(code_of(error))
        return dead_letter(self.stage.name, record, error, part.room)

    def _report_foreign(self, record: KafkaRecord, error: Exception) -> None:
        self._foreign_logged += 1
        if self._foreign_logged <= _FOREIGN_LOG_LIMIT:
            log.error("foreign_record", alert=True, stage=self.stage.name, reason=str(error), **_coordinates(record))

    def due(self, now: datetime) -> bool:
        """Return True if a tick at `now` would write anything."""
        return self.open and cast(TimerDriven, self.handler).due(now)

    async def tick(self, now: datetime) -> int:
        """Write what is due at `now`; return how much that was."""
        traced = self.tracing.batch()
        outputs = traced.start(list(cast(TimerDriven, self.handler).tick(now)))
        try:
            await self._writer.write(outputs)
        except Unwritable as error:
            # nothing was read that could be set aside, and what is due is due again in a moment
            self.handler.rollback()
            log.error("output_unwritable", alert=True, code=error.code, reason=error.reason)  # noqa: TRY400 -- as above
            return 0
        traced.batch_processed()
        return len(outputs)

    async def release(self) -> None:
        """Release the partition."""
        self.next_offset = None
        if self.stage.transactional:
            await self._writer.stop()


def _try_restore(handler: Stateful, record: KafkaRecord) -> bool:
    """Restore `record`; return False on any error."""
    try:
        handler.restore(record)
    except Exception:  # noqa: BLE001 -- tried again
        return False
    return True


def _is_foreign(error: Exception) -> bool:
    return isinstance(error, Undecodable) and error.code == FOREIGN


def _coordinates(record: KafkaRecord) -> dict[str, object]:
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}
