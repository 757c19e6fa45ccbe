"""Group progress: committed offset, next offset and lag of a group in a partition.

A group without a committed offset begins at the log start, and expired records are not lag.
"""

from typing import Final, NamedTuple

_MARK: Final = "alur/1:"
"""Prefix of the metadata of an offset that a stage has committed; the offset itself follows."""


class GroupProgress(NamedTuple):
    """Progress of a group in one partition of its topic, as offsets of the log."""

    committed: int | None
    """Next record that the group will read; None if it has no committed offset, or Kafka has deleted it."""
    start: int
    """First offset that the log still has."""
    end: int
    """The log end, or the last stable offset."""

    @property
    def next_offset(self) -> int:
        """Offset at which the group continues."""
        return self.start if self.committed is None else max(self.committed, self.start)

    @property
    def lag(self) -> int:
        """Number of unread offsets, control records included."""
        return max(0, self.end - self.next_offset)

    @property
    def expired(self) -> range:
        """Number of offsets that retention or an operator deleted before the group had read them."""
        return range(self.committed or 0, max(self.committed or 0, self.start))


def mark(offset: int) -> str:
    """Return the metadata that a stage commits with `offset`; Kafka's tools commit without."""
    return f"{_MARK}{offset}"


def is_marked(offset: int, metadata: str | None) -> bool:
    """Return True if a stage or `alur offsets accept` has committed this offset."""
    return metadata == mark(offset)
