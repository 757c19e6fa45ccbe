"""Partitions of a worker: acquired, kept or released at each rebalance of the group."""

import asyncio
import os
import time
from collections.abc import Iterable
from typing import Protocol

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from agents.kafka import clients
from agents.runtime import lifeline
from agents.runtime.layout_guard import LayoutGuard
from agents.runtime.partition_processor import PartitionProcessor
from agents.runtime.worker import Worker

log = structlog.get_logger()


class Member(Protocol):
    """Group member that owns these partitions."""

    worker: Worker
    guard: LayoutGuard
    count: int
    idle: asyncio.Event
    """Set while no batch is in progress."""

    @property
    def should_stop(self) -> bool:
        """Return True once the member is stopping."""

    def processor(self, source: TopicPartition) -> PartitionProcessor:
        """Return a processor for a partition."""
        ...

    def wait_reason(self) -> str | None:
        """Return why the next batch has to wait for another topic; None if it need not."""
        ...

    def fail(self, error: Exception) -> None:
        """End the process."""


class Assignment(ConsumerRebalanceListener):
    """Processors of the assigned partitions."""

    def __init__(self, member: Member) -> None:
        self.processors: dict[TopicPartition, PartitionProcessor] = {}
        self.rebalancing = True
        """True while the group rebalances, and before the first assignment."""
        self.acquiring: dict[TopicPartition, asyncio.Task[None]] = {}
        self._member = member
        self._generation = 0
        self._to_resume: set[TopicPartition] = set()

    @property
    def open(self) -> list[PartitionProcessor]:
        """Return the processors of all acquired partitions."""
        return [processor for processor in self.processors.values() if processor.open]

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Finish the batch in progress before the partitions are reassigned."""
        del revoked
        self.rebalancing = True
        try:
            await self._member.idle.wait()
            await self._member.worker.commits.flush()
            await self._release(source for source, processor in self.processors.items() if not processor.open)
        except Exception as error:  # noqa: BLE001 -- the client would log it and continue
            self._member.fail(error)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Keep partitions that are still assigned; release and acquire the rest."""
        try:
            await self._apply(set(assigned))
        except Exception as error:  # noqa: BLE001 -- as above
            self._member.fail(error)

    async def _apply(self, wanted: set[TopicPartition]) -> None:
        for source in wanted:
            self._pause(source)  # before the first await
        kept = wanted if self._generation_is_consecutive() else set()
        await self._release(set(self.processors) - kept)
        if self._member.should_stop:
            return
        if beyond := [source for source in wanted if source.partition >= self._member.count]:
            self._member.guard.refuse_beyond(beyond[0])
            return
        for source in wanted:
            processor = self.processors.get(source)
            if processor is None:
                self._acquire(source)
            elif processor.next_offset is not None:
                # records polled during the rebalance were dropped: read them again
                self._member.worker.consumer.seek(source, processor.next_offset)
                self._to_resume.add(source)
        self.rebalancing = False
        self.resume()
        self._member.worker.metrics.rebalances.inc()
        partitions = sorted(each.partition for each in wanted)
        log.info("partitions_assigned", stage=self._member.worker.stage.name, partitions=partitions)
        self._report_if_ready()

    def _pause(self, source: TopicPartition) -> None:
        """Pause a partition until its start offset is checked: the client would fetch from the committed one."""
        self._member.worker.consumer.pause(source)
        self._member.worker.consumer.seek(source, 0)

    def _generation_is_consecutive(self) -> bool:
        """Return True if no rebalance was missed, in which partitions may have had another owner.

        Each rebalance increments the generation. A missed owner would have fenced this one anyway.
        """
        last, self._generation = self._generation, clients.generation(self._member.worker.consumer)
        return self._generation == last + 1

    def resume(self) -> None:
        """Resume fetching from acquired partitions, unless the stage waits: then it polls with all of them paused."""
        if self._to_resume and not self.rebalancing and self._member.wait_reason() is None:
            for source in self._to_resume & self.processors.keys():
                self._member.worker.consumer.resume(source)
            self._to_resume.clear()

    def _acquire(self, source: TopicPartition) -> None:
        # not in the callback: a restore can take longer than the session timeout
        processor = self.processors[source] = self._member.processor(source)
        self.acquiring[source] = asyncio.create_task(self._acquire_in_background(processor))

    async def _acquire_in_background(self, processor: PartitionProcessor) -> None:
        started, worker = time.monotonic(), self._member.worker
        worker.metrics.records.labels(processor.source.partition)  # 0 before the first record
        try:
            await processor.acquire()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 -- after any error this worker cannot own the partition
            self._member.fail(error)
            return
        self._to_resume.add(processor.source)
        self.resume()
        seconds = time.monotonic() - started
        worker.metrics.takeover.observe(seconds)
        worker.metrics.restored.inc(processor.restored)
        log.info(
            "partition_acquired",
            stage=worker.stage.name,
            partition=processor.source.partition,
            offset=processor.next_offset,
            restored=processor.restored,
            seconds=round(seconds, 3),
        )
        self._report_if_ready()

    def _report_if_ready(self) -> None:
        if all(each.open for each in self.processors.values()):
            stage = self._member.worker.stage.name
            log.info("stage_ready", stage=stage, partitions=len(self.processors))
            lifeline.report_ready(os.environ, stage)

    async def reacquire(self, processor: PartitionProcessor, error: KafkaError) -> None:
        """Reacquire a partition if Kafka has expired its transactional id, unused for a week; else raise.

        Nothing was written in that case. If another worker owns the partition by now, it is fenced and restarts, and
        the next rebalance releases the partition here.
        """
        if not clients.is_forgotten(error):
            raise error
        log.warning(
            "transactional_id_expired", stage=self._member.worker.stage.name, partition=processor.source.partition
        )
        await self._release([processor.source])
        self._pause(processor.source)
        self._acquire(processor.source)

    async def release_all(self) -> None:
        """Release all partitions before leaving the group."""
        self.rebalancing = True
        await self._member.idle.wait()
        await self._release(self.processors)

    async def _release(self, sources: Iterable[TopicPartition]) -> None:
        await asyncio.gather(*map(self._release_one, list(sources)))

    async def _release_one(self, source: TopicPartition) -> None:
        processor = self.processors.pop(source, None)
        self._to_resume.discard(source)
        acquiring = self.acquiring.pop(source, None)
        if acquiring is not None:
            acquiring.cancel()
            await asyncio.gather(acquiring, return_exceptions=True)
        if processor is not None:
            await processor.release()
