"""Consumer loop of a stage: polls its topic and passes batches to the Faust agent.

The queue to the agent is one poll long, so the backlog stays in Kafka.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterable, Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, Protocol

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from mode import Service

from agents.config.keys import Keys
from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.deferred_commits import DeferredCommits
from agents.kafka.protocols import KafkaRecord
from agents.observability.metrics import Metrics
from agents.observability.trace_context import PASS_THROUGH, Tracing
from agents.runtime import failpoints
from agents.runtime.assignment import Assignment
from agents.runtime.backpressure import Backpressure
from agents.runtime.batch import Batch
from agents.runtime.installation import Installation
from agents.runtime.layout_guard import LayoutGuard
from agents.runtime.output_writer import OutputWriter
from agents.runtime.partition_processor import PartitionProcessor
from agents.runtime.policy_guard import PolicyGuard
from agents.runtime.process import STOP_SECONDS, exit_after, exit_with_error
from agents.runtime.stage import Stage
from agents.runtime.watermark import Watermark
from agents.runtime.worker import Worker
from events.installation import KEY_PREFIX
from events.topics import TopicName
from workflow.policy.model import PolicySet

log = structlog.get_logger()

Poll = list[tuple[PartitionProcessor, Sequence[KafkaRecord]]]
"""Records of one poll, by the processor of their partition."""
Polls = AsyncIterable[Poll]
"""The stream that the Faust agent of a stage reads."""

_LEAVE_SECONDS: Final = 5.0
_HELD_SECONDS: Final = 0.05
_SKIP_SECONDS: Final = 1.0
_PAUSE_SECONDS: Final = 0.005
_BUSY_PAUSE_SECONDS: Final = 0.01
_BUSY_RECORDS: Final = 100


def _transaction_pause(records: int) -> float:
    """Return the pause until the next poll of a transactional stage, in seconds, after one with so many records.

    The broker refuses the next transaction until it has written the markers of the last one, and the client then waits
    for longer than this. Under load a longer pause makes larger transactions of the same work.
    """
    return _PAUSE_SECONDS if records < _BUSY_RECORDS else _BUSY_PAUSE_SECONDS


class PollChannel(Protocol):
    """Faust channel from this loop to the agent."""

    async def put(self, value: Poll) -> object:
        """Pass a poll on, once the agent has processed the previous one."""


class StageConsumer(Service):
    """Member of the stage's group: polls, and processes the polls that the agent returns."""

    worker: Worker
    """Set when the service starts."""

    def __init__(
        self, stage: Stage, settings: Settings, policies: PolicySet, polls: PollChannel, tracing: Tracing = PASS_THROUGH
    ) -> None:
        super().__init__()
        self.stage = stage
        self.settings = settings
        self.policies = policies
        self.keys = settings.keys()
        self.count = 0
        self.installation = Installation(settings, stage.name)
        self.guard = LayoutGuard(stage.name, settings, self.installation)
        self.metrics = Metrics(stage.name)
        self.assignment = Assignment(self)
        self.watermark: Watermark | None = None
        self.backpressure: Backpressure | None = None
        self.wait_reason: Callable[[], str | None] = lambda: None
        """Returns why the next batch has to wait for another topic, in one line; None if it need not."""
        self.idle = asyncio.Event()
        self.idle.set()
        self._tracing = tracing
        self._polls = polls
        self._polled_records = 0
        self._skipped_at = 0.0

    @property
    def processors(self) -> dict[TopicPartition, PartitionProcessor]:
        """Processors of the assigned partitions."""
        return self.assignment.processors

    @property
    def rebalancing(self) -> bool:
        """Return True while the group rebalances, or before the first assignment."""
        return self.assignment.rebalancing

    async def on_start(self) -> None:
        """Connect, check the installation, and join the group.

        Raises RefusedToStart: topics or policy are not the installation's.
        """
        fetching = clients.BATCHED if self.stage.batch_fetches else clients.IMMEDIATE
        group, most = self.settings.group(self.stage.name), clients.POLL_PARTITION_BYTES
        consumer = clients.consumer(self.settings, group, most, fetching=fetching, reset="none")
        commits, writer = DeferredCommits(consumer, self._commit_failed), OutputWriter(self.settings)
        self.worker = Worker(
            self.stage, self.settings, consumer, writer, commits, self.metrics, self._tracing, self.installation
        )
        await writer.start()
        await consumer.start()
        layout = await self.guard.check()
        self.count = layout.partitions
        has_keys = self.settings.key_file is not None
        self.policies = await PolicyGuard(self.stage.name, self.installation, self.policies, has_keys=has_keys).check()
        if not has_keys:
            self.keys = Keys.derived(self.installation.values.get(KEY_PREFIX, self.settings.prefix))
        if self.stage.tick_seconds is not None:
            self.watermark = Watermark(self.settings, self.count)
            await self.watermark.start()
        if self.stage.backpressure is not None:
            self.backpressure = Backpressure(self.settings, *self.stage.backpressure, self.count)
            await self.backpressure.start()
        self.guard.watch(layout)
        source = self.settings.topic(self.stage.source)
        consumer.subscribe([source], listener=self.assignment)
        if not has_keys:
            log.warning("keys_derived", stage=self.stage.name, next="set ALUR_KEY_FILE: docs/reference/security.md")
        log.info("stage_started", stage=self.stage.name, topic=source, policy=self.policies.name)

    def processor(self, source: TopicPartition) -> PartitionProcessor:
        """Return a processor for a partition."""
        partition = self.worker.partition(source.partition, self.count, self.policies, self.keys)
        return PartitionProcessor(self.worker, source, partition)

    @Service.task
    async def _read(self) -> None:
        while not self.should_stop:
            self.metrics.polled()
            try:
                await self._poll()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 -- any failure ends the process: see `fail`
                if self._is_stopping_idle():
                    return
                self.fail(error)
            await self.idle.wait()
            if pause := _transaction_pause(self._polled_records) if self.stage.transactional else self.stage.poll_delay:
                await asyncio.sleep(pause)

    async def _poll(self) -> None:
        if self.worker.commits.overdue:
            await self.worker.commits.flush()
        failpoints.reach("before-poll")
        if self.guard.reason is not None:
            await asyncio.sleep(_HELD_SECONDS)
            return
        self.assignment.resume()
        most = await self._poll_limit()
        if not most:
            self.metrics.backpressure_seconds.inc(_HELD_SECONDS)
            await asyncio.sleep(_HELD_SECONDS)
            return
        try:
            fetched = await self.worker.consumer.getmany(timeout_ms=clients.POLL_MS, max_records=most)
        except OffsetOutOfRangeError as error:
            await self._resume_at_log_start(error.args[0])
            return
        # no await until the poll is marked as in progress: a rebalance would come between
        if self.rebalancing:
            return
        self.idle.clear()
        poll = [(each, fetched[each.source]) for each in self.assignment.open if each.source in fetched]
        self._polled_records = sum(len(records) for _, records in poll)
        if poll:
            failpoints.reach("after-poll")
            if self.backpressure is not None:
                self.backpressure.consume(self._polled_records)
            await self._polls.put(poll)
        else:
            await self._skip_control_records([])
            self.idle.set()

    async def _poll_limit(self) -> int:
        """Return the maximum number of records of the next poll."""
        owned = len(self.assignment.open)
        if self.backpressure is None or not owned:
            return clients.RECORDS_PER_POLL
        capacity = await self.backpressure.capacity(owned)
        self.metrics.answered()
        return min(clients.RECORDS_PER_POLL, capacity)

    async def _resume_at_log_start(self, expired: Collection[TopicPartition]) -> None:
        if not self.rebalancing:
            self.idle.clear()
            for processor in self.assignment.open:
                if processor.source in expired:
                    await processor.resume_at_log_start()
            self.idle.set()

    async def process(self, poll: Poll) -> None:
        """Process one poll, all its partitions concurrently, and log it."""
        started = time.monotonic()
        try:
            processing = asyncio.gather(*(self._process_partition(*each) for each in poll))
            processed, _ = await asyncio.gather(processing, self._skip_control_records(poll))
        except Exception as error:  # noqa: BLE001 -- outputs or offsets may be missing: see `fail`
            self.fail(error)
            return
        self.idle.set()
        self._log([batch for batches in processed for batch in batches], started)

    async def _process_partition(self, processor: PartitionProcessor, records: Sequence[KafkaRecord]) -> list[Batch]:
        try:
            return await processor.process(records)
        except KafkaError as error:
            await self.assignment.reacquire(processor, error)
        return []

    def _log(self, batches: list[Batch], started: float) -> None:
        """Write the canonical log line of a poll."""
        timestamps = [record.timestamp for batch in batches for record in batch.records]
        if not timestamps:
            return
        written = Counter[str](output.topic for batch in batches for output in batch.outputs)
        for topic, count in written.items():
            self.metrics.outputs.labels(topic).inc(count)
        self.metrics.poll_records.observe(len(timestamps))
        log.info(
            "batch_processed",
            stage=self.stage.name,
            read=len(timestamps),
            wrote={topic.removeprefix("complaints."): count for topic, count in written.items()},
            late_ms=int(time.time() * 1000) - min(timestamps),
            took_ms=int((time.monotonic() - started) * 1000),
        )

    async def _skip_control_records(self, poll: Poll) -> None:
        """Commit past transaction markers in partitions without records in `poll`.

        Otherwise they would count as lag until the next record. While other partitions are busy, each quiet one is
        examined once per second, since the commit may cost a transaction.
        """
        busy, now = {processor.source for processor, _ in poll}, time.monotonic()
        if poll and now - self._skipped_at < _SKIP_SECONDS:
            return
        self._skipped_at = now
        quiet = [processor for processor in self.assignment.open if processor.source not in busy]
        # safe: one poll is processed at a time, and only that moves a position
        offsets = [await self.worker.consumer.position(processor.source) for processor in quiet]
        await asyncio.gather(*map(self._skip, quiet, offsets))

    async def _skip(self, processor: PartitionProcessor, position: int) -> None:
        try:
            await processor.skip_to(position)
        except KafkaError as error:
            await self.assignment.reacquire(processor, error)

    async def tick(self) -> None:
        """Write the outputs that are due at the watermark."""
        due = [processor for processor in self.processors.values() if processor.due(datetime.now(UTC))]
        if not due or self.watermark is None or self.guard.reason is not None:
            return
        try:
            reached = await self.watermark.advance()
            if reached is None:
                return
            notices = sum(await asyncio.gather(*(processor.tick(reached) for processor in due if processor.open)))
        except Exception as error:  # noqa: BLE001 -- as in `process`
            # a stopping stage has closed its clients; the next owner writes what is due
            if not self.should_stop:
                self.fail(error)
            return
        if notices:
            self.metrics.outputs.labels(TopicName.COMMANDS).inc(notices)
            log.info("notices_sent", stage=self.stage.name, wrote=notices)

    def fail(self, error: Exception) -> None:
        """End the process at once: the next owner resumes at the last commit."""
        exit_with_error(self.stage.name, error)

    async def on_stop(self) -> None:
        """Finish the batch in progress, then leave the group."""
        with exit_after(STOP_SECONDS):
            await self._leave()

    async def _leave(self) -> None:
        await self.assignment.release_all()
        try:
            async with asyncio.timeout(_LEAVE_SECONDS):  # the client would retry an unreachable broker for ever
                await self.worker.commits.flush()
        except Exception as error:  # noqa: BLE001 -- a failure of Kafka must not delay the exit
            self._commit_failed(error)
        with suppress(TimeoutError):  # the client would wait for the end of a rebalance
            async with asyncio.timeout(_LEAVE_SECONDS):
                await self.worker.consumer.stop()
        await self.worker.writer.stop()
        self.guard.stop()
        await self.installation.stop()
        await asyncio.to_thread(self._tracing.stop)
        for client in (self.watermark, self.backpressure):
            if client is not None:
                await client.stop()

    def _commit_failed(self, error: Exception) -> None:
        if not self._is_stopping_idle():
            self.fail(error)
            return
        reason = f"{type(error).__name__}: the last records are processed again, without a second effect"
        log.warning("offset_commit_failed", stage=self.stage.name, reason=reason)

    def _is_stopping_idle(self) -> bool:
        """Return True when stopping with no batch in progress."""
        return bool(self.should_stop) and self.idle.is_set()
