"""Partition processor: acquire, restore, decide, write, commit, release.

The order of `acquire` makes the handover exact:

1. Start the transactional producer, which fences the previous owner and aborts its open transaction.
2. Restore the state up to its log end, which no other writer can move any more.
3. Read the committed offset, whose outputs are in the restored state. One that no stage has committed is refused
   (`agents/runtime/start_offsets.py`).
"""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import cast

import structlog
from aiokafka import TopicPartition

from agents.kafka import clients
from agents.kafka.protocols import KafkaRecord
from agents.kafka.records import BUG, OutgoingRecord, Unwritable, accept, code_of, coordinates, dead_letter, is_foreign
from agents.runtime import failpoints
from agents.runtime.batch import Batch, Counting, Failing, Traced, chain, process_in_parts
from agents.runtime.output_writer import OutputWriter, raise_first
from agents.runtime.restore import ForeignLog, Restore
from agents.runtime.stage import Partition, RecordHandler, Stateful, TimerDriven
from agents.runtime.start_offsets import StartOffset
from agents.runtime.worker import Worker
from events.errors import Undecodable
from events.topics import INWARD

log = structlog.get_logger()


class PartitionProcessor:
    """One partition of the stage's source topic, from acquisition to release."""

    def __init__(self, worker: Worker, source: TopicPartition, partition: Partition) -> None:
        self.source = source
        self.handler: RecordHandler = worker.stage.handler(partition)
        self.next_offset: int | None = None
        """Offset of the next record to process; None until the partition is acquired."""
        self.restored = 0
        """Records restored."""
        self._worker = worker
        self._transactional = worker.stage.transactional
        self._is_inward = worker.stage.source in INWARD
        transactional_id = worker.settings.transactional_id(worker.stage.name, source.partition)
        self._writer = OutputWriter(worker.settings, transactional_id) if self._transactional else worker.writer
        self._start = StartOffset(worker, source)
        self._foreign = ForeignLog(worker.stage.name)
        middleware = Failing(), Counting(worker.metrics, source.partition), Traced(worker.tracing)
        self._decide, self._commit = chain(middleware, self._handle_all, self._write_and_commit)

    @property
    def open(self) -> bool:
        """Return True when records may be processed."""
        return self.next_offset is not None

    async def acquire(self) -> None:
        """Acquire the partition and set the consumer to the offset at which the previous owner stopped.

        Raises RefusedToStart: the handler cannot work with this state, or the committed offset is gone or wrong.
        """
        await self._fence()
        await self._start.record_writer_start()
        restore = await self._restore()
        self.next_offset = await self._seek(restore)

    @failpoints.step("fence")
    async def _fence(self) -> None:
        if self._transactional:
            await self._writer.start()

    @failpoints.step("memory")
    async def _restore(self) -> Restore | None:
        topic = self._worker.stage.state_topic
        if topic is None:
            return None
        state = TopicPartition(self._worker.settings.topic(topic), self.source.partition)
        restore = Restore(self._worker, cast(Stateful, self.handler), state, self._foreign)
        await restore.run()
        self.restored = restore.records
        return restore

    @failpoints.step("position")
    async def _seek(self, restore: Restore | None) -> int:
        if restore is not None and self._worker.stage.state_topic is self._worker.stage.source:
            self._worker.consumer.seek(self.source, restore.end)
            await self._commit_start(restore.end)
            return restore.end
        progress = await self._start.find(self.restored, -1 if restore is None else restore.decided)
        self._worker.consumer.seek(self.source, progress.next_offset)
        if progress.next_offset != progress.committed:
            await self._commit_start(progress.next_offset)
        await self._start.record_begun()
        return progress.next_offset

    @failpoints.step("start")
    async def _commit_start(self, start: int) -> None:
        """Commit the start offset at once, so that a missing offset later means a lost one."""
        if self._transactional:
            await self._writer.producer.begin_transaction()
            await self._send_offset(start)
            await self._writer.producer.commit_transaction()
        else:
            self._worker.commits.stage(self.source, start)
            await self._worker.commits.flush()

    async def resume_at_log_start(self) -> None:
        """Resume at the log start after retention has deleted the next offset.

        Raises RefusedToStart: the log starts earlier, so the topic was recreated.
        """
        start = await self._start.after_expiry(self.next_offset or 0)
        self._worker.consumer.seek(self.source, start)
        await self.skip_to(start)

    async def process(self, records: Sequence[KafkaRecord]) -> list[Batch]:
        """Decide the records of one poll, write the outputs, and only then commit the offset.

        A record with an unwritable output becomes a dead letter; the others are processed in smaller batches.
        """
        fresh = [record for record in records if record.offset >= (self.next_offset or 0)]
        return await process_in_parts(fresh, self._process, self._roll_back) if fresh else []

    async def _process(self, batch: Batch) -> None:
        self._decide(batch)
        await self._commit(batch)
        self.handler.commit()

    async def _roll_back(self, error: Unwritable) -> None:
        """Undo the in-memory changes of the last attempt, and replace a refused producer."""
        self.handler.rollback()
        if self._transactional and error.refused:
            await self._writer.replace(self._writer.producer)

    def _handle_all(self, batch: Batch) -> None:
        batch.decided = [(record, self._handle(record, batch)) for record in batch.records]

    def _handle(self, record: KafkaRecord, batch: Batch) -> list[OutgoingRecord]:
        """Return the outputs of `record`, or its dead letter if it cannot be processed."""
        if (refused := batch.refused) is not None:
            log.error("output_unwritable", alert=True, code=refused.code, reason=refused.reason, **coordinates(record))
            return [self._dead_letter(record, refused, batch)]
        try:
            if self._is_inward:
                accept(record)
            return list(self.handler.handle(record))
        except Undecodable as error:
            failpoints.reach("before-dead-letter")
            rejected = self._dead_letter(record, error, batch)
            if is_foreign(error):
                self._foreign.report(record, error)
            log.warning("dead_letter_written", code=error.code, reason=error.reason, **coordinates(record))
        except Exception as error:
            rejected = self._dead_letter(record, error, batch)
            log.exception("record_failed", alert=True, code=BUG, **coordinates(record))
        failpoints.reach("after-dead-letter")
        return [rejected]

    def _dead_letter(self, record: KafkaRecord, error: Exception, batch: Batch) -> OutgoingRecord:
        batch.codes.append(code_of(error))
        return dead_letter(self._worker.stage.name, record, error, batch.room)

    async def _write_and_commit(self, batch: Batch) -> None:
        await self._write(batch.outputs, batch.next_offset)

    async def skip_to(self, position: int) -> None:
        """Commit `position`, before which there are no unread records.

        In a transaction if the stage uses them: only that fences a former owner, which could set the offset back.
        """
        if self.next_offset is not None and position > self.next_offset:
            await self._write([], position)

    async def _write(self, outputs: Sequence[OutgoingRecord], next_offset: int) -> None:
        """Write `outputs`, then commit `next_offset`; in one transaction if the stage uses them."""
        if self._transactional:
            await self._transaction(outputs, next_offset)
        else:
            await self._produce(self._writer.write(outputs))
            self._worker.commits.stage(self.source, next_offset)
        self.next_offset = next_offset

    async def _transaction(self, outputs: Sequence[OutgoingRecord], next_offset: int) -> None:
        batches = self._writer.batches(outputs)
        await self._writer.producer.begin_transaction()
        # concurrently, to save a round trip: the transaction commits both or neither
        steps = self._produce(self._writer.send(batches)), self._send_offset(next_offset)
        raise_first(await asyncio.gather(*steps, return_exceptions=True))
        await self._writer.producer.commit_transaction()

    @failpoints.step("produce")
    async def _produce(self, written: Awaitable[None]) -> None:
        await written

    @failpoints.step("offsets")
    async def _send_offset(self, next_offset: int) -> None:
        offsets = {self.source: clients.marked(next_offset)}
        await self._writer.producer.send_offsets_to_transaction(offsets, self._worker.group)

    def due(self, now: datetime) -> bool:
        """Return True if a tick at `now` would write any output."""
        return self.open and cast(TimerDriven, self.handler).due(now)

    async def tick(self, now: datetime) -> int:
        """Write the outputs due at `now`; return their number."""
        spans = self._worker.tracing.batch()
        outputs = spans.start(list(cast(TimerDriven, self.handler).tick(now)))
        try:
            await self._writer.write(outputs)
        except Unwritable as error:
            # a timer has no record for a dead letter; the next tick retries
            self.handler.rollback()
            log.error("output_unwritable", alert=True, code=error.code, reason=error.reason)  # noqa: TRY400 -- as above
            return 0
        spans.batch_processed()
        return len(outputs)

    async def release(self) -> None:
        """Release the partition."""
        self.next_offset = None
        if self._transactional:
            await self._writer.stop()
