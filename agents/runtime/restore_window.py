"""Window over restored records: only the last version of a key is decoded.

Until the broker compacts a topic, each complaint has all its snapshots there, and decoding one takes several times as
long as fetching it.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from events.writer import writer_of

WINDOW_BYTES: Final = 16 * 1_048_576
"""So much of a partition is looked at together."""


class RestoreWindow:
    """Collects records in the order of the log, and gives those of each key together, where its last one was.

    Only what the engine wrote is put together: a record without a writer number is given by itself, in its place, and
    so is the first that has one, after which those without are foreign.
    """

    def __init__(self) -> None:
        self._versions: dict[Any, list[Any]] = {}
        self._size = 0
        self._marked = False

    @property
    def full(self) -> bool:
        """Return True when the window is full."""
        return self._size >= WINDOW_BYTES

    def add(self, records: Iterable[Any]) -> None:
        """Add the next records."""
        for record in records:
            self._size += len(record.value or b"")
            marked = writer_of(record.headers) is not None
            if self._marked and marked:
                versions = self._versions.pop(record.key, [])
                versions.append(record)
                self._versions[record.key] = versions
            else:
                self._marked = self._marked or marked
                # no key is a number: it supersedes nothing, and nothing supersedes it
                self._versions[record.offset] = [record]

    def drain(self) -> Iterator[list[Any]]:
        """Give the records of each key, oldest first, and forget them."""
        found, self._versions, self._size = self._versions, {}, 0
        yield from found.values()
