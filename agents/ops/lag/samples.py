"""What is seen of a consumer group at one moment, and the window of such looks over which it is judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple


class Source(NamedTuple):
    """A partition of a topic; the topic's name is as it stands on Kafka, with its prefix."""

    topic: str
    partition: int

    def __str__(self) -> str:
        """Name it as logs do."""
        return f"{self.topic}-{self.partition}"


class GroupState(StrEnum):
    """What the coordinator says of a group; what is on the way from one assignment to the next is one word here."""

    STABLE = "stable"
    REBALANCING = "rebalancing"
    EMPTY = "empty"
    """It has no members. Whoever assigns partitions by hand has none either, and commits all the same."""
    ABSENT = "absent"
    """The coordinator has never heard of it, or has forgotten it."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Offsets:
    """One partition that a group reads, at one look."""

    committed: int | None
    """What the group has committed: the offset of the next record that it wants."""
    position: int | None
    """Where reading would go on: `committed`, past markers behind which there is no record; the log's start for a group
    that begins there and has committed nothing. None: it is not known, and nothing can be said."""
    start: int
    """First offset that the log still has."""
    stable: int
    """Last stable offset: no transaction before it is open, and `read_committed` readers see no further."""
    end: int
    """High watermark: the offset behind the last record."""
    owner: str | None = None
    """The member that the partition is assigned to; None if nobody, or if it is not told."""

    @property
    def unread(self) -> int:
        """How many offsets the group could read and has not; markers and compacted records count."""
        return 0 if self.position is None else max(0, self.stable - self.position)

    @property
    def lag(self) -> int:
        """How many offsets the group is behind the end of the log, those behind an open transaction included."""
        return 0 if self.position is None else max(0, self.end - self.position)

    @property
    def held(self) -> int:
        """How many offsets lie behind a transaction that is open."""
        return max(0, self.end - self.stable)


@dataclass(frozen=True, slots=True)
class GroupSample:
    """A group at one moment."""

    at: datetime
    state: GroupState
    members: int | None
    """None if the broker tells it only to newer clients."""
    offsets: Mapping[Source, Offsets]


class PartitionSample(NamedTuple):
    """A partition at one moment."""

    at: datetime
    offsets: Offsets


class Window:
    """The looks at a group of the last so many `seconds`, and the one before them, so that they span that time."""

    def __init__(self, seconds: float) -> None:
        self._length = timedelta(seconds=seconds)
        self._group_samples: list[GroupSample] = []

    def add(self, group_sample: GroupSample) -> None:
        """Take in the next look, and let go of what is too old."""
        self._group_samples.append(group_sample)
        since = group_sample.at - self._length
        while len(self._group_samples) > 1 and self._group_samples[1].at <= since:
            del self._group_samples[0]

    @property
    def group_samples(self) -> tuple[GroupSample, ...]:
        """The looks, the oldest first."""
        return tuple(self._group_samples)

    @property
    def last(self) -> GroupSample:
        """The newest look; there has to be one."""
        return self._group_samples[-1]

    @property
    def full(self) -> bool:
        """Say whether the looks span the whole time."""
        return bool(self._group_samples) and self._group_samples[-1].at - self._group_samples[0].at >= self._length

    def spanned_by(self, samples: Sequence[PartitionSample]) -> bool:
        """Say whether these looks, of one partition, span the whole time."""
        return bool(samples) and samples[-1].at - samples[0].at >= self._length

    def partition_samples(self, source: Source) -> tuple[PartitionSample, ...]:
        """Return what was seen of one partition, the oldest first."""
        return tuple(
            PartitionSample(group_sample.at, group_sample.offsets[source])
            for group_sample in self._group_samples
            if source in group_sample.offsets
        )

    def positioned_samples(self, source: Source) -> tuple[PartitionSample, ...]:
        """Return of these the ones that knew where the group was."""
        return tuple(sample for sample in self.partition_samples(source) if sample.offsets.position is not None)
