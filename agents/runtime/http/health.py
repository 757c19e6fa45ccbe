"""Health of a worker: liveness (should it be killed?) and readiness (does it work now?).

A worker that restores state or cannot reach Kafka is not ready, but live, since a restart would not help. A worker with
a stuck loop is not live. A fenced worker has exited.
"""

import asyncio
import time
from contextlib import suppress
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from agents.runtime.stage_consumer import StageConsumer

READY_SECONDS: Final = 10.0
"""Maximum seconds of a poll, or without a response from Kafka, of a ready worker."""
LIVE_SECONDS: Final = 60.0
"""Maximum seconds of a poll of a live worker: longer than Kafka's own time limits, which end the process."""
_ASK_SECONDS: Final = 2.0
_WATCH_SECONDS: Final = 2.0

log = structlog.get_logger()


def liveness_problem(stage_consumer: StageConsumer) -> str | None:
    """Return why the worker should be killed, in one line; None if it is live."""
    # a batch that waits for another topic: a restart would begin again
    return None if stage_consumer.wait_reason() else _stuck_poll(stage_consumer, LIVE_SECONDS)


def readiness_problem(stage_consumer: StageConsumer) -> str | None:
    """Return why the worker does not work at present, in one line; None if it is ready."""
    problem = _own_problem(stage_consumer) or _stuck_poll(stage_consumer, READY_SECONDS)
    if problem is not None:
        return problem
    silent = _silent_seconds(stage_consumer)
    return f"Kafka has not answered for {silent:.0f} s" if silent > READY_SECONDS else None


def _own_problem(stage_consumer: StageConsumer) -> str | None:
    """Return why the worker itself asks nothing of Kafka at present; None if it does."""
    if stage_consumer.should_stop:
        return "stopping"
    waiting = stage_consumer.guard.reason or stage_consumer.wait_reason()
    if waiting is not None:
        return waiting
    if stage_consumer.rebalancing:
        return "the group has not assigned its partitions yet"
    loading = sorted(source.partition for source, processor in stage_consumer.processors.items() if not processor.open)
    if loading:
        return f"reading back the memory of partitions {', '.join(map(str, loading))}"
    return None


def _stuck_poll(stage_consumer: StageConsumer, seconds: float) -> str | None:
    stuck = time.monotonic() - stage_consumer.metrics.polled_at
    return f"a poll has not ended for {stuck:.0f} s" if stuck > seconds else None


def _silent_seconds(stage_consumer: StageConsumer) -> float:
    """Return the seconds since Kafka's last response."""
    silent = time.monotonic() - stage_consumer.metrics.answered_at
    fetched_ms = [
        stage_consumer.worker.consumer.last_poll_timestamp(each)
        for each in stage_consumer.worker.consumer.assignment() & stage_consumer.processors.keys()
    ]
    newest_ms = max((each for each in fetched_ms if each is not None), default=None)
    return silent if newest_ms is None else min(silent, time.time() - newest_ms / 1000)


async def ping_kafka(stage_consumer: StageConsumer) -> None:
    """Ask Kafka for metadata in a worker without partitions, which asks for nothing by itself."""
    if stage_consumer.rebalancing or stage_consumer.processors:
        return
    with suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(_ASK_SECONDS):
            # a leader that joined while the broker was starting may know no partitions, for up to five minutes
            if await stage_consumer.worker.consumer._client.force_metadata_update():  # noqa: SLF001 -- not in its interface
                stage_consumer.metrics.answered()


async def watch_kafka(stage_consumer: StageConsumer) -> None:
    """Log once when Kafka stops answering, and once when it answers again, until the worker stops."""
    silent, stage, asking_since = False, stage_consumer.stage.name, time.monotonic()
    while not stage_consumer.should_stop:
        await ping_kafka(stage_consumer)
        now, seconds = time.monotonic(), _silent_seconds(stage_consumer)
        asks = _own_problem(stage_consumer) is None
        asking_since = asking_since if asks else now
        if not silent and min(seconds, now - asking_since) > READY_SECONDS:
            log.error(
                "kafka_silent", stage=stage, seconds=round(seconds), next="check the brokers; it goes on by itself"
            )
            silent = True
        elif silent and asks and seconds <= READY_SECONDS:
            log.info("kafka_answered", stage=stage)
            silent = False
        await asyncio.sleep(_WATCH_SECONDS)
