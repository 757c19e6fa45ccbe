"""Clients of the stages on the in-memory log, with the interface of `agents.kafka.protocols`."""

import asyncio
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import (
    IllegalOperation,
    IllegalStateError,
    OffsetOutOfRangeError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
)
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import OffsetAndMetadata, OffsetAndTimestamp

from agents.kafka.protocols import WrittenRecord
from agents.testing.in_memory_log import Log, NotInMemory, Writer

_BATCH_BYTES: Final = 262_144
_ALL: Final = 1_000_000


class _Written(NamedTuple):
    offset: int
    timestamp: int


class _Group:
    """The only member of a group, which assigns its partitions itself, for lack of a coordinator."""

    generation = 1


class InMemoryConsumer:
    """Consumer of some partitions, which are assigned, never subscribed."""

    def __init__(self, log: Log, group: str | None, isolation: str, reset: str) -> None:
        self._log = log
        self._group = group
        self._committed_only = isolation == "read_committed"
        self._reset = reset
        self._positions: dict[TopicPartition, int | None] = {}
        self._paused: set[TopicPartition] = set()
        self._changed = asyncio.Event()
        self._client: Any = None
        self._coordinator: Any = _Group()

    async def start(self) -> None:
        self._log.on_append.append(self._changed.set)

    async def stop(self) -> None:
        if self._changed.set in self._log.on_append:
            self._log.on_append.remove(self._changed.set)

    def subscribe(self, topics: Sequence[str], *, listener: object = None) -> None:
        del listener
        raise NotInMemory(f"only a broker shares the partitions of {', '.join(topics)} out: assign them")

    def assign(self, partitions: Collection[TopicPartition]) -> None:
        self._positions = {each: self._positions.get(each) for each in partitions}
        self._paused &= set(partitions)

    def assignment(self) -> Collection[TopicPartition]:
        return set(self._positions)

    def pause(self, *partitions: TopicPartition) -> None:
        self._paused |= {self._assigned(each) for each in partitions}

    def resume(self, *partitions: TopicPartition) -> None:
        self._paused -= {self._assigned(each) for each in partitions}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._positions[self._assigned(partition)] = offset

    async def seek_to_beginning(self, *partitions: TopicPartition) -> bool:
        self._positions |= {self._assigned(each): self._log.start(each) for each in partitions or self._positions}
        return True

    async def position(self, partition: TopicPartition) -> int:
        at = self._positions[self._assigned(partition)]
        if at is None:
            committed = self._log.committed(self._group or "").get(partition)
            at = self._log.start(partition) if committed is None else committed.offset
            if committed is None and self._reset == "none":
                raise OffsetOutOfRangeError({partition: None})
            self._positions[partition] = at
        return at

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int | None = None
    ) -> Mapping[TopicPartition, Sequence[ConsumerRecord[bytes, bytes]]]:
        self._changed.clear()
        batch = await self._next(partitions, max_records or _ALL)
        if not batch and timeout_ms:
            try:
                async with asyncio.timeout(timeout_ms / 1000):
                    await self._changed.wait()
            except TimeoutError:
                return {}
            return await self._next(partitions, max_records or _ALL)
        return batch

    async def _next(
        self, partitions: Sequence[TopicPartition], room: int
    ) -> dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]:
        batch = {}
        for partition in partitions or list(self._positions):
            at = await self.position(partition)
            if partition in self._paused or not room:
                continue
            start, end = self._log.start(partition), self._log.end_of(partition, committed=False)
            if not start <= at <= end:
                if self._reset == "none":
                    raise OffsetOutOfRangeError({partition: at})
                at = start
            records, self._positions[partition] = self._log.read(partition, at, room, committed=self._committed_only)
            room -= len(records)
            if records:
                batch[partition] = records
        return batch

    async def commit(self, offsets: Mapping[TopicPartition, object]) -> None:
        if self._group is None:
            raise IllegalStateError("a consumer without a group commits nothing")
        self._log.commit_offsets(self._group, {each: _with_metadata(at) for each, at in offsets.items()})

    async def committed_offsets(
        self, partitions: Collection[TopicPartition]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        return {each: at for each, at in self._log.committed(self._group or "").items() if each in partitions}

    async def beginning_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return {each: self._log.start(each) for each in partitions}

    async def end_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return {each: self._log.end_of(each, committed=self._committed_only) for each in partitions}

    async def offsets_for_times(self, timestamps: Mapping[TopicPartition, int]) -> dict[TopicPartition, Any]:
        committed = self._committed_only
        stamped = {each: self._log.first_since(each, stamp, committed=committed) for each, stamp in timestamps.items()}
        return {each: None if at is None else OffsetAndTimestamp(*at) for each, at in stamped.items()}

    def highwater(self, partition: TopicPartition) -> int | None:
        return self._log.end_of(partition, committed=False)

    def last_poll_timestamp(self, partition: TopicPartition) -> int | None:
        raise NotInMemory(f"{partition}: no broker answers here")

    def _assigned(self, partition: TopicPartition) -> TopicPartition:
        if partition not in self._positions:
            raise IllegalStateError(f"{partition} is not assigned")
        return partition


class InMemoryProducer:
    """Producer of batches in the client's own encoding, so that they have the same size as on Kafka."""

    def __init__(self, log: Log, transactional_id: str | None) -> None:
        self._log = log
        self._transactional_id = transactional_id
        self._written_to: set[TopicPartition] = set()
        self._refused: set[TopicPartition] = set()
        self.client: Any = None
        self._txn_manager: Any = None
        self._running = False

    async def start(self) -> None:
        self._txn_manager = self._log.writer(self._transactional_id)
        self._running = True

    async def stop(self) -> None:
        if self._running and self._txn_manager.in_transaction and not self._txn_manager.fenced:
            self._log.end(self._txn_manager, commit=False)
        self._running = False

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(_BATCH_BYTES, 0, is_transactional=self._transactional_id is not None)

    async def send_batch(self, batch: object, topic: str, *, partition: int) -> Awaitable[WrittenRecord]:
        if not isinstance(batch, BatchBuilder):
            raise TypeError(f"{batch!r} is not a batch")
        answer: asyncio.Future[WrittenRecord] = asyncio.get_running_loop().create_future()
        writer = self._in_transaction_if_needed()
        place = TopicPartition(topic, partition)
        encoded = bytes(batch._build())  # noqa: SLF001 -- the bytes that the client would send
        if place in self._refused:
            answer.set_exception(OutOfOrderSequenceNumber())
            return answer
        try:
            at = self._log.append(place, _decoded(encoded), len(encoded), writer)
        except Exception as error:  # noqa: BLE001 -- as the response to the batch
            # the client continues with the next sequence number, which a broker refuses
            self._refused |= self._written_to & {place}
            answer.set_exception(error)
        else:
            self._written_to.add(place)
            stamp = int(self._log.now.timestamp() * 1000)
            answer.set_result(_Written(at, stamp))
        return answer

    async def send_and_wait(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int | None = None,
        *,
        headers: Sequence[tuple[str, bytes]] | None = None,
    ) -> WrittenRecord:
        if partition is None:
            raise NotInMemory("the partition of a record has to be named")
        batch = self.create_batch()
        batch.append(timestamp=None, key=key, value=value, headers=list(headers or ()))
        return await (await self.send_batch(batch, topic, partition=partition))

    async def begin_transaction(self) -> None:
        self._log.begin(self._writer())

    async def commit_transaction(self) -> None:
        self._log.end(self._writer(), commit=True)

    async def abort_transaction(self) -> None:
        self._log.end(self._writer(), commit=False)

    async def send_offsets_to_transaction(self, offsets: Mapping[TopicPartition, object], group_id: str) -> None:
        self._log.add_offsets(self._writer(), group_id, {each: _with_metadata(at) for each, at in offsets.items()})

    def _writer(self) -> Writer:
        if not self._running:
            raise ProducerClosed
        writer: Writer = self._txn_manager
        return writer

    def _in_transaction_if_needed(self) -> Writer:
        writer = self._writer()
        if self._transactional_id is not None and not writer.in_transaction:
            raise IllegalOperation("a transactional producer sends in transactions only")
        return writer


def _decoded(encoded: bytes) -> list[tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]]:
    entries, records = [], MemoryRecords(encoded)
    while (batch := records.next_batch()) is not None:
        entries += [(each.key, each.value, each.headers) for each in batch]
    return entries


def _with_metadata(offset: object) -> OffsetAndMetadata:
    if isinstance(offset, int):
        return OffsetAndMetadata(offset, "")
    if isinstance(offset, tuple):
        return OffsetAndMetadata(*offset)
    raise TypeError(f"{offset!r} is not an offset")
