"""Partition of a complaint's records."""

from functools import lru_cache
from typing import Final

from kafka.partitioner import murmur2

_POSITIVE: Final = 0x7FFFFFFF
# cached: the hash is pure Python and takes twice as long as decoding a command
_REMEMBERED: Final = 10_000


@lru_cache(maxsize=_REMEMBERED)
def partition_of(complaint: str, count: int) -> int:
    """Return the partition that Kafka's own partitioner gives the key `complaint` in a topic of `count` partitions."""
    positive: int = murmur2(complaint.encode()) & _POSITIVE
    return positive % count
