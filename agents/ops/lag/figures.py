"""Rates and forecasts over the looks of a window that knew where the group was."""

from collections.abc import Sequence

from agents.ops.lag.samples import PartitionSample


def rates(samples: Sequence[PartitionSample]) -> tuple[float | None, float | None]:
    """Return how many offsets a second were written, and how many the group got on; two looks at least tell it.

    Offsets are what Kafka counts: the marker that ends a transaction is one too.
    """
    if not samples:
        return None, None
    first, last = samples[0], samples[-1]
    seconds = (last.at - first.at).total_seconds()
    if seconds <= 0:
        return None, None
    written = last.offsets.end - first.offsets.end
    read = (last.offsets.position or 0) - (first.offsets.position or 0)
    return written / seconds, max(0.0, read / seconds)


def seconds_to_drain(samples: Sequence[PartitionSample]) -> float | None:
    """Return in how many seconds the group will have caught up, if both go on as they did; None is not at all.

    Who was caught up at some moment of the window keeps up with what comes: what waits now is gone at the rate at which
    it reads. Who was not has to make good what came meanwhile.
    """
    waiting = samples[-1].offsets.unread if samples else 0
    if waiting == 0:
        return 0.0
    written, read = rates(samples)
    if written is None or read is None:
        return None
    keeps_up = any(sample.offsets.unread == 0 for sample in samples)
    gain = read if keeps_up else read - written
    return waiting / gain if gain > 0 else None
