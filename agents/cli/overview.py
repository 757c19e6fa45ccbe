"""What `alur watch` keeps of the topics it reads: a few words a complaint, and counts."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from heapq import nsmallest
from typing import Final, NamedTuple

from agents.ops.dead_letters import OpenDeadLetters
from agents.runtime.disk_map import DiskMap
from events.client import Record
from events.codec.messages import decode_snapshot
from events.errors import Undecodable
from events.snapshot import Complaint
from events.topics import TopicName
from events.vocabulary import ClockName, Status
from workflow.machine.transitions import OPEN
from workflow.reports.redaction import redacted

READS: Final = (TopicName.STATE, TopicName.REJECTIONS, TopicName.DEAD_LETTERS)


class Due(NamedTuple):
    """The next deadline of a complaint."""

    at: datetime
    clock: ClockName
    warned: bool


class Entry(NamedTuple):
    """What the board needs of a complaint."""

    tracking_id: str
    status: Status
    office: str | None
    due: Due | None
    pressing: bool
    exhausted: bool

    @property
    def at_rest(self) -> bool:
        """Say whether it counts by its status alone."""
        return self.status not in OPEN and self.due is None and not self.pressing and not self.exhausted


def entry_of(complaint: Complaint) -> Entry:
    """Reduce a snapshot to what the board shows."""
    running = (
        Due(clock.due_at, name, clock.warned)
        for name, clock in complaint.clocks.items()
        if clock.running and clock.due_at is not None
    )
    pressing = any(clock.pressing for clock in complaint.clocks.values())
    return Entry(
        complaint.tracking_id,
        complaint.status,
        redacted(complaint.office, secret=complaint.secret),
        min(running, default=None),
        pressing,
        complaint.exhausted and complaint.outcome is None,
    )


class Board:
    """The complaints as they stand, and what went wrong."""

    def __init__(self) -> None:
        self.complaints: dict[bytes, Entry] = {}
        """Those of which more counts than their status: of the others, a temporary file has that."""
        self._at_rest = DiskMap()
        self._statuses: Counter[Status] = Counter()
        self._letters = OpenDeadLetters()
        self.rejections = 0

    def add(self, records: Iterable[Record]) -> None:
        """Take in what was read next; a snapshot that cannot be read is passed over."""
        for record in records:
            if record.topic is TopicName.REJECTIONS:
                self.rejections += 1
            elif record.topic is TopicName.DEAD_LETTERS:
                self._letters.add(record)
            elif record.key is not None:
                self._stand(record.key, record.value)

    @property
    def dead_letters(self) -> Counter[str]:
        """How many dead letters nobody has dealt with yet, by stage."""
        found = Counter[str]()
        for reason, count in self._letters.by_reason.items():
            found[reason.stage] += count
        return found

    def _stand(self, key: bytes, value: bytes | None) -> None:
        try:
            entry = None if value is None else entry_of(decode_snapshot(value))
        except Undecodable:
            return
        self._forget(key)
        if entry is None:
            return
        self._statuses[entry.status] += 1
        if entry.at_rest:
            self._at_rest.put(key, entry.status.encode())
        else:
            self.complaints[key] = entry

    def _forget(self, key: bytes) -> None:
        entry = self.complaints.pop(key, None)
        if entry is not None:
            self._statuses[entry.status] -= 1
        elif (status := self._at_rest.get(key)) is not None:
            self._statuses[Status(status.decode())] -= 1
            self._at_rest.put(key, None)

    @property
    def by_status(self) -> Counter[Status]:
        """How many complaints stand where."""
        return +self._statuses

    @property
    def pressing(self) -> int:
        """How many complaints have missed a deadline and still lack what it was for."""
        return sum(entry.pressing for entry in self.complaints.values())

    @property
    def incidents(self) -> int:
        """How many open complaints have used up the ladder."""
        return sum(entry.exhausted for entry in self.complaints.values())

    def due_soon(self, count: int) -> list[tuple[Due, Entry]]:
        """Return the next deadlines, the soonest first."""
        waiting = ((entry.due, entry) for entry in self.complaints.values() if entry.due is not None)
        return nsmallest(count, waiting, key=lambda pair: pair[0].at)
