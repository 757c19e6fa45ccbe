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

from agents.dashboard.complaint_row import ComplaintRow, RowShape
from agents.dashboard.lazy_heap import LazyHeap
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


class ReadModel:
    """The complaints by the 16 bytes of their id, and the counts over them."""

    def __init__(self) -> None:
        self._rows: dict[bytes, ComplaintRow] = {}
        self._by_tracking: dict[str, bytes] = {}
        self._at_rest = _AtRest()
        self._shapes: dict[RowShape, RowShape] = {}
        self._due_soon_until = 0
        self._far, self._near = LazyHeap(self._is_due), LazyHeap(self._is_due)
        self._overdue = LazyHeap(self._is_missed)
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

    def put(self, key: bytes, row: ComplaintRow) -> None:
        """Take in where a complaint stands; what is older than what is known is passed over."""
        before = self._known(key)
        if before is not None and before.version >= row.version:
            return
        row = self._shared(row)
        if before is not None:
            self._drop(key, before)
        if row.at_rest:
            self._at_rest.put(key, row)
        else:
            self._rows[key] = row
            self._by_tracking[row.tracking_id] = key
        self._count(row, 1)
        if row.due is not None and row.due != (before and before.due):
            (self._near if row.due.at <= self._due_soon_until else self._far).push(row.due.at, key)
        if row.missed is not None and row.missed != (before and before.missed):
            self._overdue.push(row.missed.at, key)
        if row.shape.exhausted:
            self._incidents[key] = None
        else:
            self._incidents.pop(key, None)

    def forget(self, key: bytes) -> None:
        """Take in that a complaint was removed from the topic."""
        before = self._known(key)
        if before is not None:
            self._drop(key, before)
            self._incidents.pop(key, None)

    def _known(self, key: bytes) -> ComplaintRow | None:
        return self._rows.get(key) or self._at_rest.get(key)

    def _drop(self, key: bytes, row: ComplaintRow) -> None:
        self._count(row, -1)
        if self._rows.pop(key, None) is None:
            self._at_rest.remove(key, row)
        else:
            self._by_tracking.pop(row.tracking_id, None)

    def advance_to(self, now: int) -> None:
        """Take in that it is `now` (seconds since 1970): it never goes back."""
        self._due_soon_until = max(self._due_soon_until, now + DAY_S)
        for at, key in self._far.pop_until(self._due_soon_until):
            self._near.push(at, key)
            self.due_soon += 1
            self._office(self._rows[key].shape, OfficeCounts(due_soon=1), 1)
        self._tidy()

    def find(self, tracking_id: str) -> tuple[bytes, ComplaintRow] | None:
        """Return the complaint with a tracking number."""
        key = self._by_tracking.get(tracking_id) or self._at_rest.find(tracking_id)
        return None if key is None else self.get(key)

    def get(self, key: bytes) -> tuple[bytes, ComplaintRow] | None:
        """Return the complaint with an id."""
        found = self._known(key)
        return None if found is None else (key, found)

    def next_due(self, count: int) -> list[ComplaintRow]:
        """Return those whose obligation falls due first, within 24 hours."""
        return [self._rows[key] for _, key in self._near.peek(count)]

    def longest_overdue(self, count: int) -> list[ComplaintRow]:
        """Return those that missed a deadline longest ago."""
        return [self._rows[key] for _, key in self._overdue.peek(count)]

    def incidents(self, count: int) -> list[ComplaintRow]:
        """Return those on which the ladder is used up, in the order in which that became known."""
        return [self._rows[key] for key in islice(self._incidents, count)]

    @property
    def exhausted(self) -> int:
        """How many open complaints have used up the ladder."""
        return len(self._incidents)

    def _shared(self, row: ComplaintRow) -> ComplaintRow:
        """Return the same with parts that others have too, so that each is kept once."""
        shape = self._shapes.setdefault(row.shape, row.shape)
        return row._replace(shape=shape)

    def _count(self, row: ComplaintRow, by: int) -> None:
        shape = row.shape
        self.by_status[shape.status] += by
        self.disposed += by * shape.disposed
        soon = row.due is not None and row.due.at <= self._due_soon_until
        missed = row.missed is not None
        self._running += by * (row.due is not None)
        self.due_soon += by * soon
        self.overdue += by * missed
        if shape.open:
            self._office(shape, OfficeCounts(1, int(soon), int(missed), int(shape.exhausted)), by)
        self._hour(row.received, HourCounts(received=1), by)
        if row.closed is not None and shape.status in _ENDS:
            ended = HourCounts(**{shape.status.value: 1})
            self._hour(row.closed, ended, by)

    def _office(self, shape: RowShape, change: OfficeCounts, by: int) -> None:
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
        row = self._rows.get(key)
        return row is not None and row.due is not None and row.due.at == at

    def _is_missed(self, at: int, key: bytes) -> bool:
        row = self._rows.get(key)
        return row is not None and row.missed is not None and row.missed.at == at

    def _tidy(self) -> None:
        self._near.compact(self.due_soon, self._due(near=True))
        self._far.compact(self._running - self.due_soon, self._due(near=False))
        self._overdue.compact(self.overdue, self._missed())

    def _due(self, *, near: bool) -> Iterator[tuple[int, bytes]]:
        for key, row in self._rows.items():
            if row.due is not None and (row.due.at <= self._due_soon_until) is near:
                yield row.due.at, key

    def _missed(self) -> Iterator[tuple[int, bytes]]:
        for key, row in self._rows.items():
            if row.missed is not None:
                yield row.missed.at, key


class _AtRest:
    """Complaints at rest by their id, and their ids by tracking number."""

    def __init__(self) -> None:
        self._file = DiskMap()

    def get(self, key: bytes) -> ComplaintRow | None:
        found = self._file.get(b"c" + key)
        if found is None:
            return None
        status, office, disposed, secret, tracking_id, version, received, closed = orjson.loads(found)
        shape = RowShape(Status(status), office, disposed, exhausted=False, secret=secret)
        return ComplaintRow(shape, tracking_id, version, received, closed, due=None, missed=None)

    def find(self, tracking_id: str) -> bytes | None:
        return self._file.get(b"t" + tracking_id.encode())

    def put(self, key: bytes, row: ComplaintRow) -> None:
        status, office, disposed, _exhausted, secret = row.shape
        fields = (status, office, disposed, secret, *row[1:5])
        self._file.put(b"c" + key, orjson.dumps(fields))
        self._file.put(b"t" + row.tracking_id.encode(), key)

    def remove(self, key: bytes, row: ComplaintRow) -> None:
        self._file.put(b"c" + key, None)
        self._file.put(b"t" + row.tracking_id.encode(), None)
