"""Consumer loop of a stage: polls its topic and passes batches to the agent.

One poll is in the agent's hands at a time: the next is taken when it has settled. So the queue between broker and agent
is one poll long, and what waits, waits in Kafka.
"""

import asyncio
import time
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from mode import Service

from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.deferred_commits import DeferredCommits
from agents.kafka.protocols import KafkaRecord
from agents.observability.metrics import Metrics
from agents.observability.tracing import PASS_THROUGH, Tracing
from agents.runtime import failpoints
from agents.runtime.backpressure import Backpressure
from agents.runtime.installation import Installation
from agents.runtime.layout_guard import LayoutGuard
from agents.runtime.output_writer import OutputWriter
from agents.runtime.partition_processor import TRANSACTION_PAUSE_SECONDS, BatchStats, PartitionProcessor
from agents.runtime.policy_guard import PolicyGuard
from agents.runtime.process import STOP_SECONDS, exit_after, exit_with_error
from agents.runtime.stage import Partition, Stage
from agents.runtime.watermark import Watermark
from events.installation import writer_since
from events.topics import TopicName
from workflow.policy.model import PolicySet

log = structlog.get_logger()

Batch = list[tuple[PartitionProcessor, Sequence[KafkaRecord]]]
"""Records of one poll, by the processor of their partition."""
Batches = AsyncIterable[Batch]
"""The stream that the Faust agent of a stage reads."""

_LAST_WORDS_SECONDS: Final = 5.0
_HELD_SECONDS: Final = 0.05
_PASS_SECONDS: Final = 1.0


class StageConsumer(Service, ConsumerRebalanceListener):
    """Member of the stage's group: owns partition processors and feeds them batches."""

    def __init__(self, stage: Stage, settings: Settings, policies: PolicySet, batches: Any) -> None:  # noqa: ANN401 -- a Faust channel
        super().__init__()
        self.stage = stage
        self.settings = settings
        self.policies = policies
        self.batches = batches
        self.source = settings.topic(stage.source)
        self.processors: dict[TopicPartition, PartitionProcessor] = {}
        self.keys = settings.keys()
        self.count = 0
        self.installation = Installation(settings, stage.name)
        self.guard = LayoutGuard(stage.name, settings, self.installation)
        self.policy_guard = PolicyGuard(stage.name, self.installation, policies, has_keys=settings.key_file is not None)
        self.metrics = Metrics(stage.name)
        self.tracing: Tracing = PASS_THROUGH
        self.writer = OutputWriter(settings)
        """Of the stages without transactions, and of dead letters outside of a batch."""
        self.watermark: Watermark | None = None
        self.backpressure: Backpressure | None = None
        self._acquiring: dict[TopicPartition, asyncio.Task[None]] = {}
        self._rebalancing = True
        self._generation = 0
        self._skipped_at = 0.0
        self._to_resume: set[TopicPartition] = set()
        self.wait_reason: Callable[[], str | None] = lambda: None
        """Returns what the stage has to read elsewhere before its next batch, in one line; None if nothing."""
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def rebalancing(self) -> bool:
        """Return True while the group rebalances, or before the first assignment."""
        return self._rebalancing

    async def on_start(self) -> None:
        """Join the group.

        Raises:
            RefusedToStart: the topics are not as they have to be.
        """
        group = self.settings.group(self.stage.name)
        fetching = clients.BATCHED if self.stage.batch_fetches else clients.IMMEDIATE
        self.consumer = clients.consumer(
            self.settings, group, clients.POLL_PARTITION_BYTES, fetching=fetching, reset="none"
        )
        self.commits = DeferredCommits(self.consumer, self._not_committed)
        await self.writer.start()
        await self.consumer.start()
        self.layout = await self.guard.check()
        self.count = self.layout.partitions
        self.policies = await self.policy_guard.check()
        if self.stage.tick_seconds is not None:
            self.watermark = Watermark(self.settings, self.count)
            await self.watermark.start()
        if self.stage.backpressure is not None:
            self.backpressure = Backpressure(self.settings, *self.stage.backpressure, self.count)
            await self.backpressure.start()
        self.guard.watch(self.layout)
        self.consumer.subscribe([self.source], listener=self)
        if self.settings.key_file is None:
            log.warning("keys_derived", stage=self.stage.name, next="set ALUR_KEY_FILE: docs/reference/security.md")
        log.info("stage_started", stage=self.stage.name, topic=self.source, policy=self.policies.name)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Finish the batch in progress before the partitions are reassigned."""
        del revoked
        self._rebalancing = True
        try:
            await self._idle.wait()
            await self.commits.flush()
            await asyncio.gather(
                *(self._release(each) for each, processor in self.processors.items() if not processor.open)
            )
        except Exception as error:  # noqa: BLE001 -- the client would only log it, and go on
            self.fail(error)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Keep partitions that are still assigned; release and acquire the rest."""
        try:
            await self._apply_assignment(set(assigned))
        except Exception as error:  # noqa: BLE001 -- as above: and the stage would stand still from here on
            self.fail(error)

    async def _apply_assignment(self, wanted: set[TopicPartition]) -> None:
        for source in wanted:
            self._pause(source)  # before anything is awaited
        kept = wanted if self._generation_is_consecutive() else set()
        await asyncio.gather(*(self._release(source) for source in set(self.processors) - kept))
        if self.should_stop:
            return
        if beyond := [source for source in wanted if source.partition >= self.count]:
            self.guard.refuse_beyond(beyond[0])
            return
        for source in wanted:
            processor = self.processors.get(source)
            if processor is None:
                self._acquire(source)
            elif processor.next_offset is not None:
                # what was polled while the group was being balanced has been dropped: read it again
                self.consumer.seek(source, processor.next_offset)
                self._to_resume.add(source)
        self._rebalancing = False
        self._resume()
        self.metrics.rebalances.inc()
        log.info("partitions_assigned", stage=self.stage.name, partitions=sorted(each.partition for each in wanted))

    def written_since(self, partition: int) -> Callable[[TopicName], int | None]:
        """Return what gives the offset in a topic from which on its records have a writer number; None if unknown."""
        return lambda topic: writer_since(self.installation.values, topic, partition)

    def _pause(self, source: TopicPartition) -> None:
        """Have nothing read of a partition yet: without a position it would be from the committed offset, unchecked."""
        self.consumer.pause(source)
        self.consumer.seek(source, 0)

    def _generation_is_consecutive(self) -> bool:
        """Return True if no assignment was missed: nothing changed hands.

        Each time that the group shares out its partitions, its generation counts up by one. Should this ever be wrong,
        the new owner has fenced us, and our next transaction fails.
        """
        last, self._generation = self._generation, self.consumer._coordinator.generation  # noqa: SLF001 -- told to nobody otherwise
        return self._generation == last + 1

    def _acquire(self, source: TopicPartition) -> None:
        # reading a memory can take longer than the group waits for a heartbeat: not in the callback
        partition = Partition(
            source.partition, self.count, self.policies, self.metrics, self.keys, self.written_since(source.partition)
        )
        processor = PartitionProcessor(self.stage, self.settings, source, partition)
        processor.tracing = self.tracing
        processor.installation = self.installation
        self.processors[source] = processor
        self._acquiring[source] = asyncio.create_task(self._acquire_in_background(processor))

    async def _acquire_in_background(self, processor: PartitionProcessor) -> None:
        started = time.monotonic()
        try:
            await processor.acquire(self.consumer, self.writer, self.commits)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, this worker cannot own the partition
            self.fail(error)
            return
        self._to_resume.add(processor.source)
        self._resume()
        seconds = time.monotonic() - started
        self.metrics.takeover.observe(seconds)
        self.metrics.restored.inc(processor.restored)
        log.info(
            "partition_acquired",
            stage=self.stage.name,
            partition=processor.source.partition,
            offset=processor.next_offset,
            restored=processor.restored,
            seconds=round(seconds, 3),
        )

    async def _release(self, source: TopicPartition) -> None:
        processor = self.processors.pop(source, None)
        self._to_resume.discard(source)
        acquiring = self._acquiring.pop(source, None)
        if acquiring is not None:
            acquiring.cancel()
            await asyncio.gather(acquiring, return_exceptions=True)
        if processor is not None:
            await processor.release()

    @Service.task
    async def _read(self) -> None:
        while not self.should_stop:
            self.metrics.polled()
            try:
                await self._poll()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 -- Kafka is not what it should be: see `fail`
                if self._is_stopping_idle():
                    return
                self.fail(error)
            await self._idle.wait()
            if pause := TRANSACTION_PAUSE_SECONDS if self.stage.transactional else self.stage.poll_delay:
                await asyncio.sleep(pause)

    async def _flush_before_leaving(self) -> None:
        try:
            async with asyncio.timeout(_LAST_WORDS_SECONDS):  # the client would ask a broker that is gone for ever
                await self.commits.flush()
        except Exception as error:  # noqa: BLE001 -- Kafka has failed while we stop
            self._not_committed(error)

    def _not_committed(self, error: Exception) -> None:
        if not self._is_stopping_idle():
            self.fail(error)
            return
        reason = f"{type(error).__name__}: what was done last is done again, and has no second effect"
        log.warning("offset_commit_failed", stage=self.stage.name, reason=reason)

    def _is_stopping_idle(self) -> bool:
        """Return True when stopping with no batch in progress."""
        return bool(self.should_stop) and self._idle.is_set()

    async def _poll(self) -> None:
        if self.commits.overdue:
            await self.commits.flush()
        failpoints.reach("before-poll")
        if self.guard.reason is not None:
            await asyncio.sleep(_HELD_SECONDS)
            return
        self._resume()
        most = await self._poll_limit()
        if not most:
            self.metrics.backpressure_seconds.inc(_HELD_SECONDS)
            await asyncio.sleep(_HELD_SECONDS)
            return
        try:
            found = await self.consumer.getmany(timeout_ms=clients.POLL_MS, max_records=most)
        except OffsetOutOfRangeError as error:
            await self._handle_out_of_range(error.args[0])
            return
        # nothing is awaited from here until the poll is marked as in hand: no rebalance can come between
        if self._rebalancing:
            return
        batch: Batch = [
            (self.processors[source], records)
            for source, records in found.items()
            if source in self.processors and self.processors[source].open
        ]
        if batch:
            failpoints.reach("after-poll")
            self._idle.clear()
            if self.backpressure is not None:
                self.backpressure.consume(sum(len(records) for _, records in batch))
            await self.batches.put(batch)
        else:
            self._idle.clear()
            await self._skip_control_records([])
            self._idle.set()

    def _resume(self) -> None:
        """Begin to read what is open, unless the stage has to wait: meanwhile it polls without getting anything."""
        if self._to_resume and not self._rebalancing and self.wait_reason() is None:
            for source in self._to_resume & self.processors.keys():
                self.consumer.resume(source)
            self._to_resume.clear()

    async def _handle_out_of_range(self, sources: Iterable[TopicPartition]) -> None:
        if self._rebalancing:
            return
        self._idle.clear()
        for source in sources:
            if (processor := self.processors.get(source)) is not None and processor.open:
                await processor.resume_at_log_start(self.consumer, self.commits)
        self._idle.set()

    async def _poll_limit(self) -> int:
        """Return how many records the next poll may bring."""
        owned = sum(processor.open for processor in self.processors.values())
        if self.backpressure is None or not owned:
            return clients.RECORDS_PER_POLL
        capacity = await self.backpressure.capacity(owned)
        self.metrics.answered()
        return min(clients.RECORDS_PER_POLL, capacity)

    async def _skip_control_records(self, batch: Batch) -> None:
        """Commit past the markers that end transactions, in the partitions that `batch` has brought nothing for.

        They are no records, and would be lag for as long as nothing else comes. While other partitions are busy, each
        quiet one is looked at once a second: in a stage with transactions it costs one.
        """
        busy, now = {processor.source for processor, _ in batch}, time.monotonic()
        if batch and now - self._skipped_at < _PASS_SECONDS:
            return
        self._skipped_at = now
        quiet = [processor for source, processor in self.processors.items() if processor.open and source not in busy]
        # only what has been handed over moves a position, and that is one poll at a time
        offsets = [await self.consumer.position(processor.source) for processor in quiet]
        await asyncio.gather(*map(self._skip, quiet, offsets))

    async def tick(self) -> None:
        """Write what is due once the watermark has passed it."""
        due = [processor for processor in self.processors.values() if processor.due(datetime.now(UTC))]
        if not due or self.watermark is None or self.guard.reason is not None:
            return
        try:
            reached = await self.watermark.advance()
            if reached is None:
                return
            notices = sum(await asyncio.gather(*(processor.tick(reached) for processor in due if processor.open)))
        except Exception as error:  # noqa: BLE001 -- as in `process`
            # who is stopping has let go of Kafka; whatever was not written rings again where the partition goes
            if not self.should_stop:
                self.fail(error)
            return
        if notices:
            self.metrics.outputs.labels(TopicName.COMMANDS).inc(notices)
            log.info("notices_sent", stage=self.stage.name, wrote=notices)

    async def process(self, batch: Batch) -> None:
        """Process one batch, all its partitions at once, and log it."""
        started = time.monotonic()
        try:
            processing = asyncio.gather(*(self._process_partition(*part) for part in batch))
            stats, _ = await asyncio.gather(processing, self._skip_control_records(batch))
        except Exception as error:  # noqa: BLE001 -- outputs or offsets are not where they should be: see `fail`
            self.fail(error)
            return
        total = BatchStats()
        for tally in stats:
            total.add(tally)
        self._idle.set()
        for topic, count in total.out.items():
            self.metrics.outputs.labels(f"complaints.{topic}").inc(count)
        if total.records:
            self.metrics.poll_records.observe(total.records)
            log.info(
                "batch_processed",
                stage=self.stage.name,
                read=total.records,
                wrote=dict(total.out),
                late_ms=int(time.time() * 1000) - (total.oldest_ms or 0),
                took_ms=int((time.monotonic() - started) * 1000),
            )

    async def _process_partition(self, processor: PartitionProcessor, records: Sequence[KafkaRecord]) -> BatchStats:
        try:
            return await processor.process(records, self.commits)
        except KafkaError as error:
            await self._reacquire(processor, error)
        return BatchStats()

    async def _skip(self, processor: PartitionProcessor, position: int) -> None:
        try:
            await processor.skip_to(position, self.commits)
        except KafkaError as error:
            await self._reacquire(processor, error)

    async def _reacquire(self, processor: PartitionProcessor, error: KafkaError) -> None:
        """Take the partition anew if Kafka has forgotten its transactional id, unused for a week: nothing was written.

        Fencing is another error, and ends the process. Should somebody else own the partition by now, taking it anew
        fences them, and the group takes it from us at its next heartbeat.
        """
        if not clients.is_forgotten(error):
            raise error
        log.warning("transactional_id_expired", stage=self.stage.name, partition=processor.source.partition)
        await self._release(processor.source)
        self._pause(processor.source)
        self._acquire(processor.source)

    def fail(self, error: Exception) -> None:
        """End the process at once: the next owner resumes at the last commit."""
        exit_with_error(self.stage.name, error)

    async def on_stop(self) -> None:
        """Finish the batch in progress, then leave the group."""
        with exit_after(STOP_SECONDS):
            await self._leave()

    async def _leave(self) -> None:
        self._rebalancing = True
        await self._idle.wait()
        await asyncio.gather(*(self._release(source) for source in list(self.processors)))
        await self._flush_before_leaving()
        with suppress(TimeoutError):  # the client would wait for a group that does not come to rest
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                await self.consumer.stop()
        await self.writer.stop()
        self.guard.stop()
        await self.installation.stop()
        await asyncio.to_thread(self.tracing.stop)
        for asking in (self.watermark, self.backpressure):
            if asking is not None:
                await asking.stop()
