"""All complaints as they stand, folded to counts: each snapshot changes a few numbers, and nothing is counted twice.

What the counts say after any snapshots in any order is what a recount of the last ones would say; how soon a deadline
is depends on the moment that was told last. Nothing here reads a clock.

Open complaints are in memory. Those at rest, which only a late rating changes, lie in a temporary file.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

import orjson

from agents.dashboard.complaint_row import Shape, Standing
from agents.dashboard.lazy_heap import Soonest
from agents.runtime.disk_map import DiskMap
from events.vocabulary import Status

DAY_S: Final = 86_400


class OfficeCounts(NamedTuple):
    """What an office has on its desk; the office None is the national administrator's: nobody holds it yet."""

    open: int = 0
    due_soon: int = 0
    overdue: int = 0
    exhausted: int = 0


class HourCounts(NamedTuple):
    """What came and went within an hour."""

    received: int = 0
    closed: int = 0
    archived: int = 0
    withdrawn: int = 0


_ENDS: Final = (Status.CLOSED, Status.ARCHIVED, Status.WITHDRAWN)


class Standings:
    """The complaints by the 16 bytes of their id, and the counts over them."""

    def __init__(self) -> None:
        self._standings: dict[bytes, Standing] = {}
        self._by_tracking: dict[str, bytes] = {}
        self._at_rest = _AtRest()
        self._shapes: dict[Shape, Shape] = {}
        self._horizon = 0
        self._far, self._near = Soonest(self._is_due), Soonest(self._is_due)
        self._longest = Soonest(self._is_missed)
        self._incidents: dict[bytes, None] = {}
        self._running = 0
        self.by_status: Counter[Status] = Counter()
        self.disposed = 0
        """How many have been with an office at least once."""
        self.due_soon = 0
        """How many have an obligation that falls due within 24 hours of the moment told last."""
        self.overdue = 0
        """How many have missed a deadline and still lack what it was for."""
        self.offices: dict[str | None, OfficeCounts] = {}
        self.hours: dict[int, HourCounts] = {}
        """What came and went, by the hour (UTC, since 1970)."""

    def __len__(self) -> int:
        """Count the complaints."""
        return self.by_status.total()

    def put(self, key: bytes, standing: Standing) -> None:
        """Take in where a complaint stands; what is older than what is known is passed over."""
        before = self._known(key)
        if before is not None and before.version >= standing.version:
            return
        standing = self._shared(standing)
        if before is not None:
            self._drop(key, before)
        if standing.at_rest:
            self._at_rest.put(key, standing)
        else:
            self._standings[key] = standing
            self._by_tracking[standing.tracking_id] = key
        self._count(standing, 1)
        if standing.due is not None and standing.due != (before and before.due):
            (self._near if standing.due.at <= self._horizon else self._far).push(standing.due.at, key)
        if standing.missed is not None and standing.missed != (before and before.missed):
            self._longest.push(standing.missed.at, key)
        if standing.shape.exhausted:
            self._incidents[key] = None
        else:
            self._incidents.pop(key, None)

    def forget(self, key: bytes) -> None:
        """Take in that a complaint was removed from the topic."""
        before = self._known(key)
        if before is not None:
            self._drop(key, before)
            self._incidents.pop(key, None)

    def _known(self, key: bytes) -> Standing | None:
        return self._standings.get(key) or self._at_rest.get(key)

    def _drop(self, key: bytes, standing: Standing) -> None:
        self._count(standing, -1)
        if self._standings.pop(key, None) is None:
            self._at_rest.remove(key, standing)
        else:
            self._by_tracking.pop(standing.tracking_id, None)

    def at(self, now: int) -> None:
        """Take in that it is `now` (seconds since 1970): it never goes back."""
        self._horizon = max(self._horizon, now + DAY_S)
        for at, key in self._far.pop_until(self._horizon):
            self._near.push(at, key)
            self.due_soon += 1
            self._office(self._standings[key].shape, OfficeCounts(due_soon=1), 1)
        self._tidy()

    def find(self, tracking_id: str) -> tuple[bytes, Standing] | None:
        """Return the complaint with a tracking number."""
        key = self._by_tracking.get(tracking_id) or self._at_rest.find(tracking_id)
        return None if key is None else self.get(key)

    def get(self, key: bytes) -> tuple[bytes, Standing] | None:
        """Return the complaint with an id."""
        found = self._known(key)
        return None if found is None else (key, found)

    def next_due(self, count: int) -> list[Standing]:
        """Return those whose obligation falls due first, within 24 hours."""
        return [self._standings[key] for _, key in self._near.first(count)]

    def longest_overdue(self, count: int) -> list[Standing]:
        """Return those that missed a deadline longest ago."""
        return [self._standings[key] for _, key in self._longest.first(count)]

    def incidents(self, count: int) -> list[Standing]:
        """Return those on which the ladder is used up, in the order in which that became known."""
        return [self._standings[key] for key in islice(self._incidents, count)]

    @property
    def exhausted(self) -> int:
        """How many open complaints have used up the ladder."""
        return len(self._incidents)

    def _shared(self, standing: Standing) -> Standing:
        """Return the same with parts that others have too, so that each is kept once."""
        shape = self._shapes.setdefault(standing.shape, standing.shape)
        return standing._replace(shape=shape)

    def _count(self, standing: Standing, by: int) -> None:
        shape = standing.shape
        self.by_status[shape.status] += by
        self.disposed += by * shape.disposed
        soon = standing.due is not None and standing.due.at <= self._horizon
        missed = standing.missed is not None
        self._running += by * (standing.due is not None)
        self.due_soon += by * soon
        self.overdue += by * missed
        if shape.open:
            self._office(shape, OfficeCounts(1, int(soon), int(missed), int(shape.exhausted)), by)
        self._hour(standing.received, HourCounts(received=1), by)
        if standing.settled is not None and shape.status in _ENDS:
            ended = HourCounts(**{shape.status.value: 1})
            self._hour(standing.settled, ended, by)

    def _office(self, shape: Shape, change: OfficeCounts, by: int) -> None:
        if shape.secret:  # counts in the totals only: an office with one complaint would be that of this one
            return
        office = shape.office
        before = self.offices.get(office, OfficeCounts())
        after = OfficeCounts(*(old + by * new for old, new in zip(before, change, strict=True)))
        if any(after):
            self.offices[office] = after
        else:
            del self.offices[office]

    def _hour(self, hour: int, change: HourCounts, by: int) -> None:
        before = self.hours.get(hour, HourCounts())
        after = HourCounts(*(old + by * new for old, new in zip(before, change, strict=True)))
        if any(after):
            self.hours[hour] = after
        else:
            del self.hours[hour]

    def _is_due(self, at: int, key: bytes) -> bool:
        standing = self._standings.get(key)
        return standing is not None and standing.due is not None and standing.due.at == at

    def _is_missed(self, at: int, key: bytes) -> bool:
        standing = self._standings.get(key)
        return standing is not None and standing.missed is not None and standing.missed.at == at

    def _tidy(self) -> None:
        self._near.tidy(self.due_soon, self._due(near=True))
        self._far.tidy(self._running - self.due_soon, self._due(near=False))
        self._longest.tidy(self.overdue, self._missed())

    def _due(self, *, near: bool) -> Iterator[tuple[int, bytes]]:
        for key, standing in self._standings.items():
            if standing.due is not None and (standing.due.at <= self._horizon) is near:
                yield standing.due.at, key

    def _missed(self) -> Iterator[tuple[int, bytes]]:
        for key, standing in self._standings.items():
            if standing.missed is not None:
                yield standing.missed.at, key


class _AtRest:
    """Complaints at rest by their id, and their ids by tracking number."""

    def __init__(self) -> None:
        self._file = DiskMap()

    def get(self, key: bytes) -> Standing | None:
        found = self._file.get(b"c" + key)
        if found is None:
            return None
        status, office, disposed, secret, tracking_id, version, received, settled = orjson.loads(found)
        shape = Shape(Status(status), office, disposed, exhausted=False, secret=secret)
        return Standing(shape, tracking_id, version, received, settled, due=None, missed=None)

    def find(self, tracking_id: str) -> bytes | None:
        return self._file.get(b"t" + tracking_id.encode())

    def put(self, key: bytes, standing: Standing) -> None:
        status, office, disposed, _exhausted, secret = standing.shape
        fields = (status, office, disposed, secret, *standing[1:5])
        self._file.put(b"c" + key, orjson.dumps(fields))
        self._file.put(b"t" + standing.tracking_id.encode(), key)

    def remove(self, key: bytes, standing: Standing) -> None:
        self._file.put(b"c" + key, None)
        self._file.put(b"t" + standing.tracking_id.encode(), None)
