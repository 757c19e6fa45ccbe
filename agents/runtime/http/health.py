"""Is this worker well? Two questions: should it be killed (`live`), and does it do its work just now (`ready`)?

A worker that is loading, or whose Kafka is away, is not ready; to kill it would make nothing better. One whose loop
stands still is not live either. One that has been fenced has ended itself, and answers nobody.
"""

import asyncio
import time
from contextlib import suppress
from typing import Final

from aiokafka.errors import KafkaError

from agents.runtime.stage_consumer import StageConsumer

READY_SECONDS: Final = 10.0
"""So long a poll may take, or Kafka be silent, and the worker still counts as ready."""
LIVE_SECONDS: Final = 60.0
"""So long a poll may take, and the worker still counts as live: longer than Kafka's own time limits, after which it
ends by itself."""
_ASK_SECONDS: Final = 2.0


def not_live(reader: StageConsumer) -> str | None:
    """Return why the worker should be killed, in one line; None if it should not."""
    # a batch that waits for another topic is loading: a restart would begin that anew
    return None if reader.waits_for() else _stuck(reader, LIVE_SECONDS)


def not_ready(reader: StageConsumer) -> str | None:
    """Return why the worker does not do its work just now, in one line; None if it does."""
    if reader.should_stop:
        return "stopping"
    stuck = reader.guard.reason or reader.waits_for() or _stuck(reader, READY_SECONDS)
    if stuck is not None:
        return stuck
    if reader.rebalancing:
        return "the group has yet to share out its partitions"
    loading = sorted(source.partition for source, lease in reader.leases.items() if not lease.open)
    if loading:
        return f"reading back the memory of partitions {', '.join(map(str, loading))}"
    silent = _silent_seconds(reader)
    if silent > READY_SECONDS:
        return f"Kafka has not answered for {silent:.0f} s"
    return None


def _stuck(reader: StageConsumer, seconds: float) -> str | None:
    stuck = time.monotonic() - reader.metrics.polled_at
    return f"a poll has not ended for {stuck:.0f} s" if stuck > seconds else None


def _silent_seconds(reader: StageConsumer) -> float:
    """Return for how long Kafka has not answered."""
    silent = time.monotonic() - reader.metrics.answered_at
    fetched_ms = [
        reader.consumer.last_poll_timestamp(each) for each in reader.consumer.assignment() & reader.leases.keys()
    ]
    newest_ms = max((each for each in fetched_ms if each is not None), default=None)
    return silent if newest_ms is None else min(silent, time.time() - newest_ms / 1000)


async def ask(reader: StageConsumer) -> None:
    """Let a worker without partitions ask Kafka for something: by itself it asks for nothing."""
    if reader.rebalancing or reader.leases:
        return
    with suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(_ASK_SECONDS):
            await reader.writer.producer.client.fetch_all_metadata()
            reader.metrics.answered()
