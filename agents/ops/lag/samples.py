"""Samples of a consumer group, and the window of samples for its status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple


class Source(NamedTuple):
    """Partition of a topic; the topic's name has its prefix, as on Kafka."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


class GroupState(StrEnum):
    """State of a group at its coordinator, with all phases of a rebalance as one."""

    STABLE = "stable"
    REBALANCING = "rebalancing"
    EMPTY = "empty"
    """No members; consumers with manually assigned partitions may commit all the same."""
    ABSENT = "absent"
    """Unknown to the coordinator."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Offsets:
    """Offsets of one partition that a group reads, in one sample."""

    committed: int | None
    """Committed offset: the next record that the group reads."""
    position: int | None
    """Next offset to read: `committed`, or the log start for a stage that has committed nothing; None if unknown.
    For groups of others, a last offset that may be a control record counts as read."""
    start: int
    """Log start."""
    stable: int
    """Last stable offset: the end of the log for `read_committed` consumers."""
    end: int
    """High watermark: the offset after the last record."""
    owner: str | None = None
    """The member that the partition is assigned to; None if none is reported."""

    @property
    def unread(self) -> int:
        """Offsets up to the last stable offset that the group has not read; control records count."""
        return 0 if self.position is None else max(0, self.stable - self.position)

    @property
    def lag(self) -> int:
        """Offsets up to the log end that the group has not read, those behind an open transaction included."""
        return 0 if self.position is None else max(0, self.end - self.position)

    @property
    def held(self) -> int:
        """Offsets behind an open transaction."""
        return max(0, self.end - self.stable)


@dataclass(frozen=True, slots=True)
class GroupSample:
    """A group at one moment."""

    at: datetime
    state: GroupState
    members: int | None
    """None for a KIP-848 group with members."""
    offsets: Mapping[Source, Offsets]


class PartitionSample(NamedTuple):
    """A partition at one moment."""

    at: datetime
    offsets: Offsets


class Window:
    """Samples of the last `seconds`, and one before them, so that they span that time."""

    def __init__(self, seconds: float) -> None:
        self._length = timedelta(seconds=seconds)
        self._group_samples: list[GroupSample] = []

    def add(self, group_sample: GroupSample) -> None:
        """Add the next sample, and drop those before the window."""
        self._group_samples.append(group_sample)
        since = group_sample.at - self._length
        while len(self._group_samples) > 1 and self._group_samples[1].at <= since:
            del self._group_samples[0]

    @property
    def group_samples(self) -> tuple[GroupSample, ...]:
        """The samples, oldest first."""
        return tuple(self._group_samples)

    @property
    def last(self) -> GroupSample:
        """The newest sample; there must be one."""
        return self._group_samples[-1]

    @property
    def full(self) -> bool:
        """Whether the samples span the whole time."""
        return self.spanned_by(self._group_samples)

    def spanned_by(self, samples: Sequence[PartitionSample | GroupSample]) -> bool:
        """Check whether these samples span the whole window."""
        return bool(samples) and samples[-1].at - samples[0].at >= self._length

    def partition_samples(self, source: Source) -> tuple[PartitionSample, ...]:
        """Return the samples of one partition, oldest first."""
        return tuple(
            PartitionSample(each.at, each.offsets[source]) for each in self._group_samples if source in each.offsets
        )

    def positioned_samples(self, source: Source) -> tuple[PartitionSample, ...]:
        """Return the samples of one partition with a known position of the group."""
        return tuple(sample for sample in self.partition_samples(source) if sample.offsets.position is not None)


def rates(samples: Sequence[PartitionSample]) -> tuple[float | None, float | None]:
    """Return offsets written and read per second; None with fewer than two samples. Control records count."""
    seconds = (samples[-1].at - samples[0].at).total_seconds() if samples else 0
    if seconds <= 0:
        return None, None
    first, last = samples[0].offsets, samples[-1].offsets
    read = (last.position or 0) - (first.position or 0)
    return (last.end - first.end) / seconds, max(0.0, read / seconds)


def seconds_to_drain(samples: Sequence[PartitionSample]) -> float | None:
    """Return the seconds until the group has caught up at the present rates; None: never.

    The backlog drains at the read rate if the group was caught up in one of the samples, since it then keeps up with
    the writers; else at the read rate less the write rate.
    """
    unread = samples[-1].offsets.unread if samples else 0
    if unread == 0:
        return 0.0
    written, read = rates(samples)
    if written is None or read is None:
        return None
    keeps_up = any(sample.offsets.unread == 0 for sample in samples)
    gain = read if keeps_up else read - written
    return unread / gain if gain > 0 else None
