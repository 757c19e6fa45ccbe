"""Deadlines at stake because a stage has lag, from `complaints.state`.

Partition *n* of each topic has the same complaints (`events.topics`), so lag in partition *n* puts the deadlines of
partition *n* at stake. Only such partitions are read, and followed from then on.
"""

from collections.abc import Collection, Iterable
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Final

from agents.ops.lag.report import DeadlinesAtStake
from events.announcements import CALENDAR_KEY
from events.client import ClientSettings, Reader, Record
from events.codec.partial import Timetable, read_part
from events.errors import Undecodable
from events.topics import TopicName

WITHOUT_AN_END: Final = timedelta(hours=24)
"""How far ahead deadlines count if the lag will not end at the present rates."""


class Deadlines:
    """Running clocks of complaints, by partition. About 200 bytes for each complaint with clocks."""

    def __init__(self) -> None:
        self._due: dict[int, dict[bytes, tuple[float, ...]]] = {}

    def add(self, records: Iterable[Record]) -> None:
        """Apply snapshots; an unreadable one leaves its complaint unchanged."""
        for record in records:
            if record.key is None or record.key == CALENDAR_KEY:
                continue
            deadlines = self._due.setdefault(record.partition, {})
            try:
                clocks = {} if record.value is None else read_part(Timetable, record.value).clocks
            except Undecodable:
                continue
            due = tuple(clock.due_at.timestamp() for clock in clocks.values() if clock.running and clock.due_at)
            if due:
                deadlines[record.key] = due
            else:
                deadlines.pop(record.key, None)

    def at_stake(self, partitions: Collection[int], now: datetime, drain: float | None) -> DeadlinesAtStake:
        """Count the deadlines of `partitions` that pass within the `drain` seconds in which a stage catches up.

        A clock still running after its deadline is a breach that `lifecycle` has not recorded yet.
        """
        until = now + (WITHOUT_AN_END if drain is None else timedelta(seconds=drain))
        moments = [at for number in partitions for due in self._due.get(number, {}).values() for at in due]
        passed = sum(at < now.timestamp() for at in moments)
        due = sum(now.timestamp() <= at <= until.timestamp() for at in moments)
        return DeadlinesAtStake(passed=passed, due=due, until=until, drained=drain is not None)


class DeadlineReader(ExitStack):
    """Keeps `Deadlines` up to date for the requested partitions; close it after use."""

    def __init__(self, settings: ClientSettings) -> None:
        super().__init__()
        self._settings = settings
        self._readers: dict[int, Reader] = {}
        self._deadlines = Deadlines()

    def at_stake(self, partitions: Collection[int], now: datetime, drain: float | None) -> DeadlinesAtStake:
        """Read the new snapshots of `partitions`, then count as `Deadlines.at_stake`. Raises `KafkaFailure`."""
        for number in partitions:
            if number not in self._readers:
                reader = Reader(self._settings, [TopicName.STATE], partitions=[number])
                self._readers[number] = self.enter_context(reader)
            self._deadlines.add(self._readers[number].to_end())
        return self._deadlines.at_stake(partitions, now, drain)
