"""Bisection of a batch down to the record whose outputs cannot be written."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from agents.kafka.records import FULL_VALUE, NO_VALUE, Unwritable
from agents.runtime.stage import RefusedToStart
from events.topics import TopicName

Result = TypeVar("Result")

PAUSE_SECONDS: Final = 2.0
"""Pause before the first record of a batch is set aside for an error that may pass."""


@dataclass(frozen=True, slots=True)
class BatchPart:
    """Records that are processed together, and what former attempts have shown."""

    records: Sequence[Any]
    retried: bool = False
    """An error that may pass has been met with another attempt."""
    refused: Unwritable | None = None
    """Why the outputs of the only record cannot be written, other than a dead letter."""
    room: int = FULL_VALUE
    """Bytes of a record that its dead letter may hold."""

    def after(self, error: Unwritable) -> list["BatchPart"]:
        """Return what to process instead, the last one first, given that `error` came of this part.

        Raises:
            RefusedToStart: not even a dead letter without content can be written.
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
    records: Sequence[Any],
    process: Callable[[BatchPart], Awaitable[Result]],
    undo: Callable[[Unwritable], Awaitable[None]],
) -> list[Result]:
    """Process `records` in order, as few parts of them as can be written, and return the results.

    Args:
        records: a batch.
        process: handles a part, writes what follows, and commits it; or raises Unwritable, with nothing committed.
        undo: makes the next attempt possible after that.
    """
    results, waiting, paused = [], [BatchPart(records)], False
    while waiting:
        part = waiting.pop()
        try:
            results.append(await process(part))
        except Unwritable as error:
            await undo(error)
            following = part.after(error)
            if error.transient and following[0].refused is error and not paused:
                # the record is alone and may be innocent: the broker gets a moment, once a batch
                paused = True
                await asyncio.sleep(PAUSE_SECONDS)
                following = [part]
            waiting += following
    return results
