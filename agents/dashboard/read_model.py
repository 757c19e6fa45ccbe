"""Read model of all complaints: each snapshot updates a few counts, and nothing is counted twice.

After any snapshots in any order, the counts equal a recount of the last ones. The present time is that of the last call
of `advance_to`. Open complaints and the most recently settled ones are in memory, for lists; all settled ones are in a
temporary file.
"""

from collections import Counter
from itertools import chain, islice
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

import orjson
from sortedcontainers import SortedList

from agents.dashboard.complaint_row import HOUR_S, ComplaintRow, Deadline, RowShape
from agents.runtime.disk_map import DiskMap
from events.vocabulary import OPEN, Status
from workflow.machine.waiting import BY_HAND

DAY_S: Final = 86_400
LATEST: Final = 10_000
"""Number of settled complaints that `rows` has: the most recent ones."""
FOLLOWERS: Final = 50
_ENDS: Final = (Status.CLOSED, Status.ARCHIVED, Status.WITHDRAWN)


class OfficeCounts(NamedTuple):
    """Counts of an office's open complaints; None: those that no office holds yet."""

    open: int = 0
    due_soon: int = 0
    overdue: int = 0
    exhausted: int = 0


class HourCounts(NamedTuple):
    """Complaints that were received and that ended within an hour."""

    received: int = 0
    closed: int = 0
    archived: int = 0
    withdrawn: int = 0


_SortKey = tuple[int, int, str, bytes]
"""Sort key of a complaint: deadline, then tracking number, as in lists."""
_Key = TypeVar("_Key")
_Counts = TypeVar("_Counts", OfficeCounts, HourCounts)


class ReadModel:
    """The complaints by the 16 bytes of their id, and the counts over them."""

    def __init__(self) -> None:
        self._rows: dict[bytes, ComplaintRow] = {}
        self._by_tracking: dict[str, bytes] = {}
        self._at_rest = _AtRest()
        self._shapes: dict[RowShape, RowShape] = {}
        self._now = 0
        self._due: SortedList[_SortKey] = SortedList()
        self._deadlines: SortedList[_SortKey] = SortedList()
        self._followers: dict[str, dict[bytes, None]] = {}
        self._incidents: dict[bytes, None] = {}
        self._undisposed: dict[bytes, None] = {}
        self._unverified: SortedList[tuple[int, bytes]] = SortedList()
        self.by_status: Counter[Status] = Counter()
        self.waiting: Counter[str | None] = Counter()
        """Open complaints by the reason for which they wait."""
        self.verified = 0
        self.disposed = 0
        """Complaints that have been with an office at least once."""
        self.offices: dict[str | None, OfficeCounts] = {}
        self.hours: dict[int, HourCounts] = {}
        """By the hour (UTC, since 1970)."""

    def __len__(self) -> int:
        """Count the complaints."""
        return self.by_status.total()

    def put(self, key: bytes, row: ComplaintRow) -> None:
        """Replace the row of a complaint, unless `row` is of an older version."""
        before = self._find(key)
        if before is not None and before.version >= row.version:
            return
        # rows share equal shapes, so that each is kept once
        row = row._replace(shape=self._shapes.setdefault(row.shape, row.shape))
        if before is not None:
            self._drop(key, before)
        if row.at_rest:
            self._at_rest.put(key, row)
        else:
            self._rows[key] = row
            self._by_tracking[row.tracking_id] = key
        if row.follows is not None:
            self._followers.setdefault(row.follows, {})[key] = None
        if row.due is not None:
            self._due.add(_sort_key(row.due, key, row))
        if row.deadline is not None:
            self._deadlines.add(_sort_key(row.deadline, key, row))
        if row.shape.status is Status.REGISTERED:
            self._unverified.add((row.received, key))
        self._count(row, 1)
        for wanted, queue in ((row.shape.exhausted, self._incidents), (row.shape.why in BY_HAND, self._undisposed)):
            if wanted:
                queue[key] = None
            else:
                queue.pop(key, None)

    def forget(self, key: bytes) -> None:
        """Remove a complaint that was removed from the topic."""
        before = self._find(key)
        if before is not None:
            self._drop(key, before)
            self._incidents.pop(key, None)
            self._undisposed.pop(key, None)

    def _find(self, key: bytes) -> ComplaintRow | None:
        return self._rows.get(key) or self._at_rest.get(key)

    def _drop(self, key: bytes, row: ComplaintRow) -> None:
        self._count(row, -1)
        if row.due is not None:
            self._due.remove(_sort_key(row.due, key, row))
        if row.deadline is not None:
            self._deadlines.remove(_sort_key(row.deadline, key, row))
        if row.shape.status is Status.REGISTERED:
            self._unverified.remove((row.received, key))
        if self._rows.pop(key, None) is None:
            self._at_rest.remove(key, row)
        else:
            self._by_tracking.pop(row.tracking_id, None)

    def advance_to(self, now: int) -> None:
        """Set the present time in seconds since 1970; it never decreases."""
        before, self._now = self._now, max(self._now, now)
        soon = self._due.irange((before + DAY_S + 1,), (self._now + DAY_S + 1,))
        passed = (*self._due.irange((before,), (self._now,)), *self._deadlines.irange((before,), (self._now,)))
        for key in {key for *_, key in (*soon, *passed)}:
            self._count_at_office(self._rows[key], before, -1)
            self._count_at_office(self._rows[key], self._now, 1)

    def find(self, number: str) -> tuple[bytes, ComplaintRow] | None:
        """Return the complaint with a tracking number or an id."""
        if not number.isdecimal():
            return self.get(UUID(number).bytes)
        key = self._by_tracking.get(number) or self._at_rest.find(number)
        return None if key is None else self.get(key)

    def get(self, key: bytes) -> tuple[bytes, ComplaintRow] | None:
        """Return the complaint with an id."""
        row = self._find(key)
        return None if row is None else (key, row)

    def rows(self) -> list[ComplaintRow]:
        """Return all open complaints, and the most recently settled ones; callable in any thread."""
        return [*self._rows.copy().values(), *self._at_rest.latest.copy().values()]

    @property
    def unlisted(self) -> int:
        """Number of settled complaints that `rows` leaves out."""
        return len(self) - len(self._rows) - len(self._at_rest.latest)

    def followers(self, key: bytes, row: ComplaintRow) -> list[str]:
        """Return tracking numbers of complaints with this one as predecessor, at most `FOLLOWERS`; none if secret.

        May be called in any thread.
        """
        if row.shape.secret:
            return []
        named = [self._followers.get(name, {}).copy() for name in (row.tracking_id, str(UUID(bytes=key)))]
        rows = map(self._find, chain.from_iterable(named))
        shown = (each.tracking_id for each in rows if each is not None and not each.shape.secret)
        return list(islice(shown, FOLLOWERS))

    def next_due(self, count: int) -> list[ComplaintRow]:
        """Return the complaints with the earliest due obligations."""
        return [self._rows[key] for *_, key in islice(self._due.irange((self._now,)), count)]

    def longest_overdue(self, count: int) -> list[ComplaintRow]:
        """Return the complaints with the oldest missed deadlines."""
        return [self._rows[key] for *_, key in islice(self._deadlines.irange(None, (self._now,)), count)]

    def incidents(self, count: int) -> list[ComplaintRow]:
        """Return the complaints with an exhausted ladder, in the order in which it was exhausted."""
        return [self._rows[key] for key in islice(self._incidents, count)]

    def undisposed(self, count: int) -> list[ComplaintRow]:
        """Return the complaints that a person has to dispose, the longest waiting first."""
        return [self._rows[key] for key in islice(self._undisposed, count)]

    def missed_within(self, first: int, after: int) -> int:
        """Count overdue complaints by the time of the deadline that was missed, in seconds since 1970."""
        until = max(first, min(after, self._now))
        return int(self._deadlines.bisect_left((until,)) - self._deadlines.bisect_left((first,)))

    @property
    def open(self) -> int:
        """Complaints that are not settled."""
        return sum(self.by_status[status] for status in OPEN)

    @property
    def due_soon(self) -> int:
        """Complaints with an obligation that is due within 24 hours of the present time."""
        return int(self._due.bisect_left((self._now + DAY_S + 1,)) - self._due.bisect_left((self._now,)))

    @property
    def overdue(self) -> int:
        """Number of complaints with a missed deadline whose required action is still missing."""
        return int(self._deadlines.bisect_left((self._now,)))

    @property
    def exhausted(self) -> int:
        """Open complaints with an exhausted ladder."""
        return len(self._incidents)

    @property
    def unverified_since(self) -> int | None:
        """Time of receipt of the complaint that has waited longest for verification."""
        first = next(iter(self._unverified), None)
        return None if first is None else first[0]

    def _count(self, row: ComplaintRow, by: int) -> None:
        shape = row.shape
        self.by_status[shape.status] += by
        self.verified += by * shape.verified
        self.disposed += by * shape.disposed
        if shape.open:
            self._count_at_office(row, self._now, by)
            self.waiting[shape.why] += by
        _add(self.hours, row.received // HOUR_S, HourCounts(received=1), by)
        if row.closed is not None and shape.status in _ENDS:
            _add(self.hours, row.closed // HOUR_S, HourCounts(**{shape.status.value: 1}), by)

    def _count_at_office(self, row: ComplaintRow, now: int, by: int) -> None:
        if row.shape.secret or not row.shape.open:
            return  # secret complaints count in totals only: small counts would reveal their office
        soon = row.due is not None and now <= row.due.at <= now + DAY_S
        overdue = row.deadline is not None and row.deadline.at < now
        _add(self.offices, row.shape.office, OfficeCounts(1, int(soon), int(overdue), int(row.shape.exhausted)), by)


def _sort_key(deadline: Deadline, key: bytes, row: ComplaintRow) -> _SortKey:
    return deadline.at, len(row.tracking_id), row.tracking_id, key


def _add(counts: dict[_Key, _Counts], key: _Key, change: _Counts, by: int) -> None:
    before = counts.get(key, type(change)())
    after = type(change)(*(old + by * new for old, new in zip(before, change, strict=True)))
    if any(after):
        counts[key] = after
    else:
        del counts[key]


class _AtRest:
    """Settled complaints by their id, and their ids by tracking number."""

    def __init__(self) -> None:
        self._file = DiskMap()
        self.latest: dict[bytes, ComplaintRow] = {}
        self._ended: SortedList[tuple[int, bytes]] = SortedList()

    def get(self, key: bytes) -> ComplaintRow | None:
        row = self._file.get(b"c" + key)
        if row is None:
            return None
        status, office, disposed, secret, category, rung, tracking_id, version, received, closed = orjson.loads(row)
        shape = RowShape(Status(status), office, disposed, False, secret, None, category, rung)  # noqa: FBT003 -- not exhausted
        return ComplaintRow(shape, tracking_id, version, received, closed, due=None, missed=None)

    def find(self, tracking_id: str) -> bytes | None:
        return self._file.get(b"t" + tracking_id.encode())

    def put(self, key: bytes, row: ComplaintRow) -> None:
        shape = row.shape
        kept = shape.status, shape.office, shape.disposed, shape.secret, shape.category, shape.rung, *row[1:5]
        self._file.put(b"c" + key, orjson.dumps(kept))
        self._file.put(b"t" + row.tracking_id.encode(), key)
        self.latest[key] = row
        self._ended.add((row.closed or 0, key))
        if len(self._ended) > LATEST:
            del self.latest[self._ended.pop(0)[1]]

    def remove(self, key: bytes, row: ComplaintRow) -> None:
        self._file.put(b"c" + key, None)
        self._file.put(b"t" + row.tracking_id.encode(), None)
        if self.latest.pop(key, None) is not None:
            self._ended.remove((row.closed or 0, key))
