"""Age of the oldest unread record, without reading it: operators have no right to read what citizens wrote.

`ListOffsets` with a timestamp returns the first record with that timestamp or a later one, and needs only the right to
describe the topic. A binary search over such calls finds the timestamp of the record at an offset.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from agents.ops.lag.samples import Source

SourceOffset = tuple[Source, int]
"""A partition and an offset in it."""
StampedOffset = tuple[int, int]
"""Offset and timestamp (milliseconds) of a record."""
OffsetQuery = Callable[[Mapping[Source, int]], Mapping[Source, StampedOffset | None]]
"""Returns, for each partition, the first record with that timestamp (milliseconds) or a later one; None without one."""

_FIRST_STEP_MS: Final = 125
_STEP_FACTOR: Final = 8
_MOST_ROUNDS: Final = 200
_CLOSE_ENOUGH: Final = 0.01
"""Tolerated error of the result, as a share of the age."""
_CLOSE_ENOUGH_MS: Final = 10


@dataclass(slots=True)
class _Search:
    position: int
    now: int
    step: int = _FIRST_STEP_MS
    low: int | None = None
    """Latest known timestamp of a record before the position."""
    high: int | None = None
    """Earliest known time after the timestamps of all records up to the position."""
    stamp: int | None = None
    over: bool = False

    def next_question(self) -> int | None:
        """Return the next timestamp of the binary search; None once the bounds are close enough."""
        if self.over:
            return None
        high = self.now + 1 if self.high is None else self.high
        if self.low is None:
            # growing steps back from now: most backlogs are young
            self.step *= _STEP_FACTOR
            return max(0, high - self.step)
        if high - self.low <= max(_CLOSE_ENOUGH_MS, _CLOSE_ENOUGH * (self.now - self.low)):
            self._end(self.low)
            return None
        return (self.low + high) // 2

    def update(self, timestamp: int, answer: StampedOffset | None) -> None:
        if answer is not None and answer[0] < self.position:
            self.low = answer[1] if self.low is None else max(self.low, answer[1])
        elif answer is not None and (answer[0] == self.position or timestamp == 0):
            # time 0 returns the first record: if it is after the position, no record is left up to it
            self._end(answer[1])
        elif timestamp == 0:
            self._end(None)
        else:
            self.high = timestamp if self.high is None else min(self.high, timestamp)

    def _end(self, stamp: int | None) -> None:
        self.stamp, self.over = stamp, True


def stamps_at(positions: Collection[SourceOffset], ask: OffsetQuery, now: int) -> dict[SourceOffset, int]:
    """Return the timestamp of the record at each position; `now` and the results are in milliseconds.

    Exact if the search hits the record, else within 1 % of its age, provided that timestamps increase, as those of the
    broker do; otherwise the latest timestamp before it. The end of a log has none.
    """
    searches = {position: _Search(position[1], now) for position in positions}
    for _ in range(_MOST_ROUNDS):
        questions = {}
        for (source, _), search in searches.items():
            if source not in questions and (at := search.next_question()) is not None:
                questions[source] = at
        if not questions:
            break
        answers = ask(questions)
        for (source, _), search in searches.items():
            if source in questions and not search.over:
                search.update(questions[source], answers.get(source))
    return {position: search.stamp for position, search in searches.items() if search.stamp is not None}
