"""Schedule of the sla stage: when each complaint needs a check of its deadlines."""

import heapq
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from events.snapshot import Clock, Complaint
from events.vocabulary import ClockName

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_MICROSECOND: Final = timedelta(microseconds=1)
_MINUTE_MS: Final = 60_000
REFUSED_AFTER: Final = 6
"""Number of rings without effect after which an alarm counts as refused: after about a minute."""
_MOST_DOUBLINGS: Final = 6
"""Maximum doublings of the pause between two rings: from 2 s to about two minutes."""
_SPARE: Final = 1_000
"""Number of replaced entries above which a rebuild pays off."""

_Entry = tuple[int, bytes, int, int, ClockName, bool]
"""When it rings next (ms), for which complaint, and its alarm: the first moment at which it is true (ms), the due time
(µs), the clock, whether it is a warning. Numbers and not objects, since there are millions of them."""


class Alarm(NamedTuple):
    """Time at which a clock needs a notice: a warning, or the deadline."""

    at: datetime
    """The notice is valid after this time."""
    clock: ClockName
    due_at: datetime
    warning: bool
    """Whether the deadline is near, not passed."""


def alarms(complaint: Complaint) -> tuple[Alarm, ...]:
    """Return the next alarm of each running clock: its warning if still ahead, else its due time."""
    return alarms_of(complaint.clocks)


def alarms_of(clocks: Mapping[ClockName, Clock]) -> tuple[Alarm, ...]:
    """Return the alarms of a complaint, given only its clocks."""
    pending = []
    for name, clock in clocks.items():
        if not clock.running or clock.due_at is None:
            continue
        warning = clock.warn_at is not None and not clock.warned and clock.warn_at < clock.due_at
        at = clock.warn_at if warning and clock.warn_at is not None else clock.due_at
        pending.append(Alarm(at, name, clock.due_at, warning))
    return tuple(pending)


class Schedule:
    """Alarms of many complaints, ordered by time.

    Alarms are in unordered buckets of one minute, and in a heap from the beginning of their minute. So arming takes
    constant time, and ringing the logarithm of the number of alarms in that minute.

    An alarm that rings is repeated after `again_ms`, then twice that, and so on, until a new snapshot of its complaint
    is armed: the watermark may not have reached it yet.

    Keys are the 16 bytes of complaint ids; a complaint without a running clock takes no memory. Replaced entries
    remain until they are due, or outnumber the valid ones.
    """

    def __init__(self, again_ms: int) -> None:
        self._again_ms = again_ms
        self._armed: dict[bytes, tuple[_Entry, ...]] = {}
        self._count = 0
        self._rung: dict[tuple[object, ...], int] = {}
        self.refused = 0
        """Alarms that have rung at least `REFUSED_AFTER` times without effect."""
        self._begin()

    def _begin(self) -> None:
        self._minutes: dict[int, list[_Entry]] = {}
        self._next_minutes: list[int] = []
        self._opened = 0
        self._soon: list[_Entry] = []
        self._stored = 0

    def __len__(self) -> int:
        """Return the number of armed alarms."""
        return self._count

    def __iter__(self) -> Iterator[bytes]:
        """Return the complaints that have a running clock."""
        return iter(self._armed)

    def deadlines(self, complaint: bytes) -> Iterator[tuple[ClockName, datetime]]:
        """Yield the running clocks of a complaint with their due times."""
        for entry in self._armed.get(complaint, ()):
            yield entry[4], _alarm(entry).due_at

    def arm(self, complaint: bytes, clocks: Mapping[ClockName, Clock]) -> None:
        """Replace the alarms of a complaint by those of its clocks; an unchanged alarm keeps its next ring."""
        before = self._armed.pop(complaint, ())
        for entry in before if self._rung else ():
            self.refused -= self._rung.pop(entry[1:], 0) >= REFUSED_AFTER
        after = []
        for alarm in alarms_of(clocks):
            entry = _entry(complaint, alarm)
            known = next((old for old in before if old[2:] == entry[2:]), None)
            if known is None:
                self._put(entry)
            after.append(known or entry)
        if after:
            self._armed[complaint] = tuple(after)
        self._count += len(after) - len(before)
        if self._stored > 2 * self._count + _SPARE:
            self._rebuild()

    def due(self, now: datetime) -> bool:
        """Return whether `ring` may have an alarm to yield."""
        now_ms = _milliseconds(now)
        return bool(self._soon and self._soon[0][0] <= now_ms) or self._minute_has_come(now_ms)

    def earliest(self) -> datetime | None:
        """Return the time of the earliest alarm, also if it has rung and is still armed; None without any.

        A linear search: call it seldom.
        """
        coming = self._that_count(self._soon)
        # the latest time at which an alarm that has rung rings again
        last = self._opened + (self._again_ms << _MOST_DOUBLINGS) // _MINUTE_MS
        for minute in sorted(self._next_minutes):
            if coming and minute > last:
                break
            coming += self._that_count(self._minutes[minute])
        return min((_alarm(entry).at for entry in coming), default=None)

    def _that_count(self, entries: list[_Entry]) -> list[_Entry]:
        return [entry for entry in entries if any(each is entry for each in self._armed.get(entry[1], ()))]

    def ring(self, now: datetime, most: int) -> Iterator[tuple[bytes, Alarm]]:
        """Yield at most `most` alarms due by `now`, each with its complaint; a rung alarm rings again later."""
        now_ms = _milliseconds(now)
        self._open_minutes(now_ms)
        while most > 0 and self._soon and self._soon[0][0] <= now_ms:
            entry = heapq.heappop(self._soon)
            self._stored -= 1
            entries = self._armed.get(entry[1], ())
            if any(each is entry for each in entries):
                again = (now_ms + self._pause_ms(entry), *entry[1:])
                self._put(again)
                self._armed[entry[1]] = tuple(again if each is entry else each for each in entries)
                most -= 1
                yield entry[1], _alarm(entry)

    def _pause_ms(self, entry: _Entry) -> int:
        """Count a ring of the alarm, and return the pause until its next one, in milliseconds."""
        times = self._rung.get(entry[1:], 0)
        self._rung[entry[1:]] = times + 1
        self.refused += times + 1 == REFUSED_AFTER
        return self._again_ms << min(times, _MOST_DOUBLINGS)

    def _put(self, entry: _Entry) -> None:
        self._stored += 1
        minute = entry[0] // _MINUTE_MS
        if minute < self._opened:
            heapq.heappush(self._soon, entry)
        elif minute in self._minutes:
            self._minutes[minute].append(entry)
        else:
            self._minutes[minute] = [entry]
            heapq.heappush(self._next_minutes, minute)

    def _minute_has_come(self, now_ms: int) -> bool:
        return bool(self._next_minutes) and self._next_minutes[0] * _MINUTE_MS <= now_ms

    def _open_minutes(self, now_ms: int) -> None:
        if self._minute_has_come(now_ms):
            while self._minute_has_come(now_ms):
                self._soon += self._minutes.pop(heapq.heappop(self._next_minutes))
            heapq.heapify(self._soon)
        self._opened = max(self._opened, now_ms // _MINUTE_MS + 1)

    def _rebuild(self) -> None:
        """Rebuild the schedule without replaced entries; amortized constant time per entry."""
        self._begin()
        for entries in self._armed.values():
            for entry in entries:
                self._put(entry)


def _milliseconds(moment: datetime) -> int:
    # in integers: a float would lose the last millisecond
    return (moment - _EPOCH) // _MILLISECOND


def _entry(complaint: bytes, alarm: Alarm) -> _Entry:
    due_us = (alarm.due_at - _EPOCH) // _MICROSECOND
    # a warning is valid at its time; a deadline has passed only with the next millisecond
    at_ms = -((_EPOCH - alarm.at) // _MILLISECOND) if alarm.warning else due_us // 1000 + 1
    return at_ms, complaint, at_ms, due_us, alarm.clock, alarm.warning


def _alarm(entry: _Entry) -> Alarm:
    _, _, at_ms, due_us, clock, warning = entry
    due_at = _EPOCH + due_us * _MICROSECOND
    return Alarm(_EPOCH + at_ms * _MILLISECOND if warning else due_at, clock, due_at, warning)
