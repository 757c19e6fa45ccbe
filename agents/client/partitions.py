"""Where a complaint's records lie."""

from typing import Final

from kafka.partitioner.default import murmur2

_POSITIVE: Final = 0x7FFFFFFF


def partition_of(complaint: str, count: int) -> int:
    """Return the partition that Kafka's own partitioner gives the key `complaint` in a topic of `count` partitions."""
    positive: int = murmur2(complaint.encode()) & _POSITIVE
    return positive % count
