"""Records that the Kafka client itself cannot read: the name of a header that is not UTF-8.

The broker takes them, and aiokafka fails on them while it unpacks a poll, again and again: nobody behind them would be
read any more. The records before such a one are read one by one, and it is set aside like any other that says nothing.
"""

import asyncio
from typing import Any, Final

from aiokafka import TopicPartition

from agents.shell import kafka
from agents.shell.records import Output, dead_letter
from events.errors import Undecodable

UNREADABLE: Final = "unreadable"
"""Code of their dead letters."""
_REASON: Final = "the name of a header is not UTF-8; key and value stay where they are"


class Unreadable:
    """Stands in for a record of which no more than its place is known."""

    def __init__(self, source: TopicPartition, offset: int) -> None:
        self.topic, self.partition, self.offset = source.topic, source.partition, offset
        self.key: bytes | None = None
        self.value: bytes | None = None
        self.headers: tuple[tuple[str, bytes], ...] = ()

    def letter(self, stage: str) -> Output:
        """Return the dead letter for it."""
        return dead_letter(stage, self, Undecodable(UNREADABLE, _REASON))


async def readable(
    consumer: Any,  # noqa: ANN401 -- aiokafka ships no types
    places: dict[TopicPartition, int],
) -> tuple[dict[TopicPartition, list[Any]], list[TopicPartition]]:
    """Read what can be read from `places` on.

    Return the records of each partition up to its first unreadable one, and the partitions that have it at their place.
    """
    for source, place in places.items():
        # what was unpacked of other partitions when the client failed is lost to it: read it again
        consumer.seek(source, place)
    found = await asyncio.gather(*(_one_by_one(consumer, source) for source in places))
    stuck = [source for source, (records, failed) in zip(places, found, strict=True) if failed and not records]
    return {source: records for source, (records, _) in zip(places, found, strict=True) if records}, stuck


async def _one_by_one(consumer: Any, source: TopicPartition) -> tuple[list[Any], bool]:  # noqa: ANN401 -- as above
    records: list[Any] = []
    try:
        while len(records) < kafka.RECORDS_PER_POLL:
            polled = await consumer.getmany(source, timeout_ms=kafka.FETCH_WAIT_MS, max_records=1)
            if not polled:
                break
            records += polled[source]
    except UnicodeDecodeError:
        if not records:
            # asked once more, the client stands at the record that it failed on, and no longer at marks before it
            await consumer.getmany(source, timeout_ms=0, max_records=1)
        return records, True
    return records, False
