"""Commands that lay in another partition than their complaint's: sent on, and still judged by when they first came.

The log stamps a record anew when it is sent on. A follow-up that reached the log in time must not be late because of
the way it took, so the stamp of its first place counts. What a header says is not believed: the record there is read,
and has to be the same.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError

from agents.settings import Settings
from agents.shell import kafka
from agents.shell.records import Output
from events.topics import TopicName

log = structlog.get_logger()

HEADER: Final = "forwarded-from"
_PLACE: Final = re.compile(rb"([0-9]{1,9})/([0-9]{1,18})")
_PATIENCE_SECONDS: Final = 30.0
_FETCH_BYTES: Final = 262_144
_FETCHING: Final = kafka.Fetching(1, wait_ms=10)  # the next request waits for one at the end of a partition
MOST_FETCHES: Final = 128
"""Requests for the first places of one poll and partition. What was really sent on lies close together and needs few;
who makes places up, all over the log, shall not keep everybody else waiting."""


def forwarded(record: Any, key: bytes, home: int) -> Output:  # noqa: ANN401 -- aiokafka ships no types
    """Return the command `record` as it is sent on to the partition `home`, with where it came from."""
    headers = [header for header in record.headers if header[0] != HEADER]
    headers.append((HEADER, f"{record.partition}/{record.offset}".encode()))
    return Output(TopicName.COMMANDS, key, record.value, home, headers)


def _first_place(record: Any) -> tuple[int, int] | None:  # noqa: ANN401 -- as above
    claim = next((value for name, value in record.headers if name == HEADER), None)
    place = _PLACE.fullmatch(claim or b"")
    return None if place is None else (int(place[1]), int(place[2]))


class FirstStamps:
    """Gives records that were sent on the stamp of their first place."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reader: Any = None
        self._lock = asyncio.Lock()

    async def restore(self, records: Sequence[Any], partitions: int) -> Sequence[Any]:
        """Return `records`, of a topic of so many `partitions`: those that were sent on with the log's first stamp."""
        claims = {record.offset: place for record in records if (place := _first_place(record)) is not None}
        if not claims:
            return records
        async with self._lock:
            originals = await self._read(records[0].topic, set(claims.values()), partitions)
        return [self._stamped(record, originals.get(claims.get(record.offset, (-1, -1)))) for record in records]

    @staticmethod
    def _stamped(record: Any, original: Any) -> Any:  # noqa: ANN401 -- as above
        if original is None or original.value != record.value or original.partition == record.partition:
            return record  # gone by now, or never there: its own stamp is the only one there is
        return replace(record, timestamp=original.timestamp)

    async def _read(self, topic: str, places: set[tuple[int, int]], partitions: int) -> dict[tuple[int, int], Any]:
        if self._reader is None:
            self._reader = kafka.consumer(self._settings, partition_bytes=_FETCH_BYTES, fetching=_FETCHING)
            await self._reader.start()
        wanted: dict[TopicPartition, set[int]] = defaultdict(set)
        for partition, offset in places:
            if partition < partitions:
                wanted[TopicPartition(topic, partition)].add(offset)
        found: dict[tuple[int, int], Any] = {}
        if not wanted:
            return found
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._read_all(wanted, found)
        except TimeoutError as error:
            # these places exist: to decide by a second stamp since they cannot be read just now would be unfair
            raise KafkaTimeoutError(f"first places in {topic} cannot be read") from error
        finally:
            self._reader.pause(*self._reader.assignment())  # nothing is read ahead until somebody asks again
        return found

    async def _read_all(self, wanted: dict[TopicPartition, set[int]], found: dict[tuple[int, int], Any]) -> None:
        first, ends = await self._reader.beginning_offsets(list(wanted)), await self._reader.end_offsets(list(wanted))
        fetches = 0
        for source, offsets in wanted.items():
            # one at a time: what has been read ahead of another partition would hold up each request
            self._reader.assign([source])
            for offset in sorted(each for each in offsets if first[source] <= each < ends[source]):
                if (source.partition, offset) in found:
                    continue
                if fetches >= MOST_FETCHES:
                    log.warning("first-stamps-unread", places=len(offsets), partition=source.partition)
                    return
                fetches += await self._read_one(source, offset, offsets, found)

    async def _read_one(
        self, source: TopicPartition, offset: int, offsets: set[int], found: dict[tuple[int, int], Any]
    ) -> int:
        """Read the record at `offset`, and those of `offsets` that come with it; return how many requests it took."""
        self._reader.seek(source, offset)
        fetches = 0
        while await self._reader.position(source) <= offset and fetches < MOST_FETCHES:
            fetches += 1
            for records in (await self._reader.getmany(source, timeout_ms=kafka.POLL_MS)).values():
                found |= {(r.partition, r.offset): r for r in records if r.offset in offsets}
        return fetches

    async def stop(self) -> None:
        """Let go of the connection."""
        if self._reader is not None:
            await self._reader.stop()
