"""Patch of aiokafka for header names that are not UTF-8, and for records that cost less.

As for kafka-python (`events/client/unpacking.py`), names in its module are replaced. Only a fetch that failed is
unpacked again, by the client's own code in Python, so that others cost nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import aiokafka.consumer.fetcher as aiokafka_fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy

from events.client import unpacking
from events.client.unpacking import AnyNames

_WITH_HEADERS: Final = 2
"""The first version ("magic") of a batch whose records have headers."""


def install() -> None:
    """Patch all consumers of this process, of both clients, to unpack every record that the broker accepted."""
    aiokafka_fetcher.MemoryRecords = _Fetched
    aiokafka_fetcher.PartitionRecords = _PartitionRecords
    unpacking.install()


@final
class _AiokafkaBatch(AnyNames, _DefaultRecordBatchPy):  # type: ignore[misc]  # no types
    pass


class _Fetched:
    """Fetched data of a partition, with its bytes kept until it is read."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._records = MemoryRecords(raw)
        self.has_next = self._records.has_next
        self.next_batch = self._records.next_batch
        self.size_in_bytes = self._records.size_in_bytes


class _Leniently:
    """Fetched data that is unpacked in Python, with any header names."""

    def __init__(self, raw: bytes) -> None:
        self._records = _MemoryRecordsPy(raw)
        self.has_next = self._records.has_next

    def next_batch(self) -> object:
        raw = self._records._next_slice  # noqa: SLF001 -- the bytes of the next batch
        batch = self._records.next_batch()
        return _AiokafkaBatch(raw) if raw[_MemoryRecordsPy.MAGIC_OFFSET] >= _WITH_HEADERS else batch


@dataclass(slots=True)
class FetchedRecord:
    """A record with the fields that stages need; aiokafka's has more, is frozen, and takes twice as long to create."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class _PartitionRecords(aiokafka_fetcher.PartitionRecords):  # type: ignore[misc]  # no types
    """Unpacks a failed fetch again, from the failed position."""

    _records_iterator: Iterator[FetchedRecord]

    def __init__(self, tp: object, records: "_Fetched", aborted: object, start: int, *options: object) -> None:
        super().__init__(tp, records, aborted, start, *options)
        self._aborted, self._options = aborted, options
        self._fetched = records

    def __next__(self) -> FetchedRecord:
        try:
            return next(self._records_iterator)
        except UnicodeDecodeError:
            handed_over = self.next_fetch_offset
            again = (self._tp, _Leniently(self._fetched.raw), self._aborted, handed_over, *self._options)
            super().__init__(*again)
            unpacked = self._records_iterator
            self._records_iterator = (record for record in unpacked if record.offset >= handed_over)
            return next(self._records_iterator)

    def _consumer_record(self, tp: Any, record: Any) -> FetchedRecord:  # noqa: ANN401 -- as above
        position = tp.topic, tp.partition, record.offset, record.timestamp
        return FetchedRecord(*position, record.key, record.value, record.headers)
