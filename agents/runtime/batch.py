"""Batch of a partition, its middleware, and its bisection to find a record with unwritable outputs.

A batch passes two steps, `decide` and `commit`. Each middleware wraps both, the first one outermost.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from agents.kafka.protocols import KafkaRecord
from agents.kafka.records import FULL_VALUE, NO_VALUE, OutgoingRecord, Unwritable
from agents.observability.metrics import Metrics
from agents.observability.trace_context import Tracing
from agents.runtime import failpoints
from agents.runtime.stage import RefusedToStart
from events.provenance import FOREIGN
from events.topics import TopicName

PAUSE_SECONDS: Final = 2.0
"""Pause before a transient error makes a record a dead letter, once per poll."""


@dataclass(slots=True)
class Batch:
    """Records of a partition that are committed together, and their outputs."""

    records: Sequence[KafkaRecord]
    retried: bool = False
    """A transient error has been retried."""
    refused: Unwritable | None = None
    """Why only a dead letter can be written for its single record."""
    room: int = FULL_VALUE
    """Maximum bytes of a record in its dead letter."""
    decided: list[tuple[KafkaRecord, list[OutgoingRecord]]] = field(default_factory=list, init=False)
    """Each record with its outputs."""
    codes: list[str] = field(default_factory=list, init=False)
    """Codes of the dead letters among the outputs."""

    @property
    def next_offset(self) -> int:
        """Offset after the last record."""
        return self.records[-1].offset + 1

    @property
    def outputs(self) -> list[OutgoingRecord]:
        """All outputs, in the order of their records."""
        return [output for _, outputs in self.decided for output in outputs]

    def after(self, error: Unwritable) -> list["Batch"]:
        """Return the batches to process instead, the last one first, after `error` in this batch.

        Raises RefusedToStart: not even a dead letter without content can be written.
        """
        if error.transient and not self.retried:
            return [replace(self, retried=True)]
        if middle := len(self.records) // 2:
            return [replace(self, records=self.records[middle:]), replace(self, records=self.records[:middle])]
        if error.topic is not TopicName.DEAD_LETTERS:
            return [replace(self, refused=error)]
        if self.room != NO_VALUE:
            return [replace(self, room=NO_VALUE)]
        raise dead_letters_refused(error)


def dead_letters_refused(error: Unwritable) -> RefusedToStart:
    """Return the error for a broker that refuses every dead letter."""
    return RefusedToStart(
        f"dead letters cannot be written ({error.reason}): give {TopicName.DEAD_LETTERS} the settings that it should "
        "have (alur topics create)"
    )


async def process_in_parts(
    records: Sequence[KafkaRecord],
    process: Callable[[Batch], Awaitable[None]],
    undo: Callable[[Unwritable], Awaitable[None]],
) -> list[Batch]:
    """Process `records` in order, in as few writable batches as possible, and return these.

    Args:
        records: of one poll and partition.
        process: decides a batch, writes the outputs and commits; raises Unwritable before the commit.
        undo: rolls back after that.
    """
    processed, waiting, paused = [], [Batch(records)], False
    while waiting:
        batch = waiting.pop()
        try:
            await process(batch)
            processed.append(batch)
        except Unwritable as error:
            await undo(error)
            following = batch.after(error)
            if error.transient and following[0].refused is error and not paused:
                # the fault may be the broker's: retry the single record after a pause, once per poll
                paused = True
                await asyncio.sleep(PAUSE_SECONDS)
                following = [replace(batch)]
            waiting += following
    return processed


Decide = Callable[[Batch], None]
Commit = Callable[[Batch], Awaitable[None]]


class Middleware:
    """Wrapper of both steps of a batch; this one does nothing."""

    def decide(self, batch: Batch, proceed: Decide) -> None:
        """Decide all records of `batch`, by `proceed`."""
        proceed(batch)

    async def commit(self, batch: Batch, proceed: Commit) -> None:
        """Write the outputs and commit the offset, by `proceed`."""
        await proceed(batch)


def chain(middleware: Sequence[Middleware], decide: Decide, commit: Commit) -> tuple[Decide, Commit]:
    """Return both steps with all `middleware` around them."""
    for each in reversed(middleware):
        decide, commit = partial(each.decide, proceed=decide), partial(each.commit, proceed=commit)
    return decide, commit


class Failing(Middleware):
    """Runs the failpoints before and after the steps."""

    def decide(self, batch: Batch, proceed: Decide) -> None:
        """Run the failpoints around the decision."""
        failpoints.reach("before-decide")
        proceed(batch)
        failpoints.reach("after-decide")

    async def commit(self, batch: Batch, proceed: Commit) -> None:
        """Run the failpoint after the commit."""
        await proceed(batch)
        failpoints.reach("after-commit")


class Counting(Middleware):
    """Records metrics of each committed batch."""

    def __init__(self, metrics: Metrics, partition: int) -> None:
        self._metrics = metrics
        self._partition = partition

    async def commit(self, batch: Batch, proceed: Commit) -> None:
        """Measure the commit, and count the batch once it is committed."""
        began = time.monotonic()
        await proceed(batch)
        self._metrics.batch_processed(self._partition, [record.timestamp for record in batch.records], began)
        for code in batch.codes:
            self._metrics.dead_letters.labels(code).inc()
        self._metrics.foreign.inc(batch.codes.count(FOREIGN))


class Traced(Middleware):
    """Adds each record's trace context to its outputs, and a span from decision to commit if spans are exported."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing
        self._spans = tracing.batch()

    def decide(self, batch: Batch, proceed: Decide) -> None:
        """Add the trace context to the outputs."""
        self._spans = self._tracing.batch()
        proceed(batch)
        batch.decided = [(record, self._spans.follow(record, outputs)) for record, outputs in batch.decided]

    async def commit(self, batch: Batch, proceed: Commit) -> None:
        """End the spans once the batch is committed."""
        await proceed(batch)
        self._spans.batch_processed()
