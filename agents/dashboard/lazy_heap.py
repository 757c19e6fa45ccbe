"""Complaints in the order of a moment that changes: a heap in which what counts no more stays until it comes up."""

import heapq
from collections.abc import Callable, Iterable, Iterator

_SPARE = 1_000
"""So many entries that count no more are not worth clearing away."""


class LazyHeap:
    """Says which complaints come first.

    Args:
        counts: tells whether a complaint still has its moment then.
    """

    def __init__(self, counts: Callable[[int, bytes], bool]) -> None:
        self._is_current = counts
        self._heap: list[tuple[int, bytes]] = []

    def push(self, at: int, key: bytes) -> None:
        """Put a complaint where it belongs; what it had before counts no more."""
        heapq.heappush(self._heap, (at, key))

    def pop_until(self, at: int) -> Iterator[tuple[int, bytes]]:
        """Take out those that come up to `at`, each once."""
        last: tuple[int, bytes] | None = None
        while self._heap and self._heap[0][0] <= at:
            found = heapq.heappop(self._heap)
            # one that went away and came back lies here twice, side by side
            if found != last and self._is_current(*found):
                yield found
            last = found

    def peek(self, count: int) -> list[tuple[int, bytes]]:
        """Return the first ones, and leave them where they are."""
        found: list[tuple[int, bytes]] = []
        while self._heap and len(found) < count:
            top = heapq.heappop(self._heap)
            if top not in found[-1:] and self._is_current(*top):
                found.append(top)
        for each in found:
            heapq.heappush(self._heap, each)
        return found

    def compact(self, live: int, entries: Iterable[tuple[int, bytes]]) -> None:
        """Begin anew with `entries`, should there be more of what counts no more than of the `live` ones."""
        if len(self._heap) > 2 * live + _SPARE:
            self._heap = list(entries)
            heapq.heapify(self._heap)
