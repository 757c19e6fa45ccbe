"""With any header names, both clients give each committed record once and in order."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import aiokafka.consumer.fetcher as aiokafka_fetcher
import kafka.record.memory_records as kafka_records
import pytest
from aiokafka import TopicPartition
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st
from kafka.record.default_records import DefaultRecordBatchBuilder

from agents.kafka import unpacking

_HERE = TopicPartition("complaints.commands", 0)
_CHECKED, _READ_COMMITTED = True, 1
_CONTROL = 0x20
_ABORT = struct.pack(">hh", 0, 0)
_CHECKSUM_AT, _CHECKED_FROM, _ATTRIBUTES_AT = 17, 21, 21
_LARGE = 1 << 20


@dataclass(frozen=True)
class Batch:
    """A batch of the log: `odd` has for each of its records whether its header has a name that is not text."""

    odd: tuple[bool, ...]
    aborted: bool = False


def _raw(base: int, batch: Batch, producer: int, compression: int) -> bytes:
    builder = DefaultRecordBatchBuilder(2, compression, batch.aborted, producer, 0, 0, _LARGE)
    for number, odd in enumerate(batch.odd):
        name = _NotText("name") if odd else "name"
        builder.append(number, 1_000, b"key", str(base + number).encode(), [(name, b"value")])
    return _placed(bytearray(builder.build()), base)


def _marker(base: int, producer: int) -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 1, producer, 0, 0, _LARGE)
    builder.append(0, 1_000, _ABORT, b"\0" * 6, [])
    raw = bytearray(builder.build())
    raw[_ATTRIBUTES_AT + 1] |= _CONTROL
    return _placed(raw, base)


def _placed(raw: bytearray, base: int) -> bytes:
    struct.pack_into(">q", raw, 0, base)
    struct.pack_into(">I", raw, _CHECKSUM_AT, calc_crc32c(bytes(raw[_CHECKED_FROM:])))
    return bytes(raw)


class _NotText(str):
    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


@dataclass
class Log:
    """A partition: its batches by the offset that they end before, and which of its records are committed."""

    batches: list[tuple[int, bytes]] = field(default_factory=list)
    aborted: list[tuple[int, int]] = field(default_factory=list)
    committed: list[int] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.batches[-1][0] if self.batches else 0

    def fetch(self, start: int) -> bytes:
        """Return the batches as the broker does: from the one on that holds `start`."""
        return b"".join(raw for end, raw in self.batches if end > start)


def _log(batches: list[Batch], compression: int) -> Log:
    log = Log()
    for producer, batch in enumerate(batches):
        first, after = log.end, log.end + len(batch.odd)
        log.batches.append((after, _raw(first, batch, producer, compression)))
        if batch.aborted:
            log.aborted.append((producer, first))
            log.batches.append((after + 1, _marker(after, producer)))
        else:
            log.committed += range(first, after)
    return log


@pytest.fixture(autouse=True, scope="module")
def _installed() -> Iterator[None]:
    before = aiokafka_fetcher.MemoryRecords, aiokafka_fetcher.PartitionRecords, kafka_records.DefaultRecordBatch
    unpacking.install()
    yield
    aiokafka_fetcher.MemoryRecords, aiokafka_fetcher.PartitionRecords, kafka_records.DefaultRecordBatch = before


def _by_aiokafka(log: Log, start: int) -> tuple[list[Any], int]:
    fetched = aiokafka_fetcher.MemoryRecords(log.fetch(start))
    found = aiokafka_fetcher.PartitionRecords(_HERE, fetched, log.aborted, start, None, None, _CHECKED, _READ_COMMITTED)
    return list(found), found.next_fetch_offset


_batches = st.lists(
    st.builds(Batch, st.lists(st.booleans(), min_size=1, max_size=4).map(tuple), st.booleans()), min_size=1, max_size=6
)


@given(_batches, st.sampled_from([0, 1]), st.data())
def test_a_fetch_by_aiokafka(batches: list[Batch], compression: int, data: st.DataObject) -> None:
    log = _log(batches, compression)
    start = data.draw(st.integers(0, log.end - 1))
    found, after = _by_aiokafka(log, start)
    assert [record.offset for record in found] == [offset for offset in log.committed if offset >= start]
    assert [record.value for record in found] == [str(record.offset).encode() for record in found]
    assert after == log.end, "the next fetch goes on behind it, markers included"


@given(_batches, st.sampled_from([0, 1]))
def test_a_fetch_by_kafka_python(batches: list[Batch], compression: int) -> None:
    log = _log([replace(batch, aborted=False) for batch in batches], compression)
    records = kafka_records.MemoryRecords(log.fetch(0))
    found = [(record.offset, record.value) for batch in iter(records.next_batch, None) for record in batch]
    assert found == [(offset, str(offset).encode()) for offset in range(log.end)]


def test_the_bytes_of_such_a_name_are_shown() -> None:
    log = _log([Batch((False, True))], 0)
    names = ["name", "\\xff\\xfe"]
    assert [name for record in _by_aiokafka(log, 0)[0] for name, _ in record.headers] == names
    batch = kafka_records.MemoryRecords(log.fetch(0)).next_batch()
    assert [name for record in batch for name, _ in record.headers] == names
