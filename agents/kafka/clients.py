"""Kafka clients of a stage, with the settings that its delivery guarantees depend on."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import aiokafka.client
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import InvalidProducerIdMapping, KafkaError, NotCoordinatorForGroupError, for_code
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.structs import OffsetAndMetadata

from agents.config.settings import Settings
from agents.kafka import unpacking
from agents.kafka.group_progress import mark
from agents.kafka.protocols import KafkaConsumer, KafkaProducer, KafkaRecord, ReportsCommitted
from events.client.substitutes import SUBSTITUTES
from events.topics import OUTWARD_RECORD_BYTES

SESSION_TIMEOUT_MS: Final = 6_000
HEARTBEAT_MS: Final = 500  # by the next heartbeat the other members join a rebalance
REBALANCE_TIMEOUT_MS: Final = 120_000
"""Longer than any batch, which a request timeout (40 s) or transaction timeout (60 s) ends. The client's default, the
session timeout, would be too short; it still detects dead members."""
_IN_A_GROUP: Final = {
    "session_timeout_ms": SESSION_TIMEOUT_MS,
    "heartbeat_interval_ms": HEARTBEAT_MS,
    "rebalance_timeout_ms": REBALANCE_TIMEOUT_MS,
    "max_poll_interval_ms": 2 * REBALANCE_TIMEOUT_MS,  # a member does not poll in a rebalance
}
# aiokafka's default of 100 ms between retries costs more than everything else in a transaction
RETRY_BACKOFF_MS: Final = 5
_GROUP_BACKOFF_MS: Final = 100  # aiokafka's own: members live long, and ask about one topic
_END_POLL_MS: Final = 20
"""A poll does not end at the marker of a transaction, which most logs end with."""
_READER_BACKOFF_MS: Final = 20
"""aiokafka's 100 ms go by for each topic that a reader has not asked about before: most of the time of a short read."""
_ASK_AGAIN_SECONDS: Final = 0.1
_REFUSED_SECONDS: Final = 0.1
"""Pause after a refused connection: without it, seven stages use half a core while Kafka is away."""
_NONE: Final = -1
BATCH_BYTES: Final = 262_144
RECORDS_PER_POLL: Final = 2_000
POLL_PARTITION_BYTES: Final = 1_048_576
"""Prefetch in bytes, and so the maximum per poll, of a partition; a larger batch is returned alone."""
POLL_MS: Final = 200
"""Maximum wait of a poll for records, in milliseconds, in the client or at the broker."""


class _CommittedOffsets(Protocol):
    """Offset fetch response in a version that reports group errors separately."""

    error_code: int
    topics: Sequence[tuple[str, Sequence[tuple[int, int, str, int]]]]


@dataclass(frozen=True, slots=True)
class Fetching:
    """Fetch wait times: how long the broker holds a request for records."""

    gather_bytes: int
    """`fetch.min.bytes`"""
    wait_ms: int = POLL_MS
    """`fetch.max.wait.ms`"""


IMMEDIATE: Final = Fetching(1)
BATCHED: Final = Fetching(POLL_PARTITION_BYTES)
"""For latency-tolerant stages: a poll costs about the same for one record as for a hundred."""


def consumer(  # noqa: PLR0913 -- one argument per setting that differs between consumers
    settings: Settings,
    group: str | None = None,
    partition_bytes: int = OUTWARD_RECORD_BYTES,
    *,
    isolation: str = "read_committed",
    fetching: Fetching = IMMEDIATE,
    reset: str = "earliest",
) -> KafkaConsumer:
    """Return a consumer without auto-commit.

    `reset`: without a valid offset, continue at the `earliest` record, or raise OffsetOutOfRangeError (`none`). It
    prefetches at most `partition_bytes` per partition, or one larger batch. Its `end_offsets` are the last stable
    offsets, with `read_uncommitted` the log ends; behind an open transaction `read_committed` sees nothing.
    """
    if (substitute := SUBSTITUTES.get(settings.broker)) is not None:
        in_memory: KafkaConsumer = substitute.stage_consumer(group, isolation, reset)
        return in_memory
    _patch_clients()
    unpacking.install()
    built: KafkaConsumer = AIOKafkaConsumer(
        bootstrap_servers=settings.broker,
        **settings.security.client_options(),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset=reset,
        isolation_level=isolation,
        **_IN_A_GROUP,
        retry_backoff_ms=_GROUP_BACKOFF_MS if group else _READER_BACKOFF_MS,
        # without a group no assignment can change meanwhile
        consumer_timeout_ms=POLL_MS if group else max(POLL_MS, fetching.wait_ms),
        fetch_max_wait_ms=fetching.wait_ms,
        fetch_min_bytes=fetching.gather_bytes,
        max_partition_fetch_bytes=partition_bytes,
    )
    return built


def producer(settings: Settings, transactional_id: str | None = None) -> KafkaProducer:
    """Return an idempotent producer with acks from all in-sync replicas."""
    if (substitute := SUBSTITUTES.get(settings.broker)) is not None:
        in_memory: KafkaProducer = substitute.stage_producer(transactional_id)
        return in_memory
    _patch_clients()
    built: KafkaProducer = AIOKafkaProducer(
        bootstrap_servers=settings.broker,
        **settings.security.client_options(),
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        retry_backoff_ms=RETRY_BACKOFF_MS,
        max_batch_size=BATCH_BYTES,
        max_request_size=OUTWARD_RECORD_BYTES,
        transactional_id=transactional_id,
    )
    return built


def _patch_clients() -> None:
    """Let no client of this process create topics, or connect without a pause; aiokafka has no setting for either."""
    aiokafka.client.MetadataRequest = partial(MetadataRequest, allow_auto_topic_creation=False)
    aiokafka.client.create_conn = _connection


async def _connection(*args: object, **options: object) -> AIOKafkaConnection:
    """Connect to a broker; wait a little before a failure, since each retry backoff of a client leads here again."""
    try:
        connected: AIOKafkaConnection = await create_conn(*args, **options)
    except OSError:
        await asyncio.sleep(_REFUSED_SECONDS)
        raise
    return connected


def marked(offset: int) -> OffsetAndMetadata:
    """Return `offset` with the metadata that marks it as committed by a stage."""
    return OffsetAndMetadata(offset, mark(offset))


def generation(consumer: KafkaConsumer) -> int:
    """Return the generation of the consumer's group; -1 if it is not a member."""
    current: int = consumer._coordinator.generation  # noqa: SLF001 -- no public way
    return current


def is_forgotten(error: BaseException) -> bool:
    """Return True if Kafka has expired the transactional id."""
    # the client wraps unexpected errors
    return any(isinstance(each, InvalidProducerIdMapping) for each in (error, error.__cause__))


async def committed(
    consumer: KafkaConsumer, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, OffsetAndMetadata]:
    """Return the committed offsets of the consumer's group; partitions without one are left out.

    aiokafka's own method ignores the error of the whole group (KIP-88): it returns none while a broker loads offsets.

    Raises KafkaError: the broker refuses.
    """
    if isinstance(consumer, ReportsCommitted):
        return await consumer.committed_offsets(partitions)
    coordinator = consumer._coordinator  # noqa: SLF001 -- only the response is parsed here
    numbers: dict[str, list[int]] = {}
    for each in partitions:
        numbers.setdefault(each.topic, []).append(each.partition)
    request = OffsetFetchRequest(coordinator.group_id, list(numbers.items()))
    while True:
        await coordinator.ensure_coordinator_known()
        try:
            return _offsets(await coordinator._send_req(request), coordinator.group_id)  # noqa: SLF001 -- as above
        except NotCoordinatorForGroupError:
            coordinator.coordinator_dead()
        except KafkaError as error:
            if not error.retriable:
                raise
        await asyncio.sleep(_ASK_AGAIN_SECONDS)


def _offsets(answer: _CommittedOffsets, group: str) -> dict[TopicPartition, OffsetAndMetadata]:
    offsets: dict[TopicPartition, OffsetAndMetadata] = {}
    codes = {answer.error_code}
    for topic, partitions in answer.topics:
        for number, offset, metadata, code in partitions:
            codes.add(code)
            if offset != _NONE:
                offsets[TopicPartition(topic, number)] = OffsetAndMetadata(offset, metadata)
    for code in sorted(codes - {0}):
        raise for_code(code)(f"offsets of {group}")
    return offsets


@asynccontextmanager
async def running(reader: KafkaConsumer) -> AsyncIterator[KafkaConsumer]:
    """Start a consumer, and stop it at the end of the block."""
    try:
        await reader.start()
        yield reader
    finally:
        await reader.stop()


async def log_ends(settings: Settings, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
    """Return the log ends of `partitions`, open transactions included."""
    async with running(consumer(settings, isolation="read_uncommitted")) as reader:
        return dict(await reader.end_offsets(list(partitions)))


async def read_to_end(settings: Settings, partition: TopicPartition) -> AsyncIterator[Sequence[KafkaRecord]]:
    """Yield the committed records of `partition` in lists, up to its end at the start of the call."""
    async with running(consumer(settings)) as reader:
        async for records in to_end(reader, partition):
            yield records


async def to_end(reader: KafkaConsumer, partition: TopicPartition) -> AsyncIterator[Sequence[KafkaRecord]]:
    """Yield the committed records of `partition` up to its end at the start, with a reader that may continue."""
    reader.assign([partition])
    end = (await reader.end_offsets([partition]))[partition]
    await reader.seek_to_beginning(partition)
    # by position, not the last record's offset: compaction and transaction markers leave gaps
    while await reader.position(partition) < end:
        poll = await reader.getmany(timeout_ms=_END_POLL_MS, max_records=10_000)
        for records in poll.values():
            yield records
        await asyncio.sleep(0)
