"""Deadlines of the complaints in some partitions, as `complaints.state` tells them.

Partition *n* of each topic speaks of the same complaints (`events.topics`), so where a stage is behind in partition
*n*, those of partition *n* are at stake. Only those partitions are read, once, and followed from then on.
"""

from collections.abc import Collection, Iterable
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Final

from agents.ops.lag.report import DeadlinesAtStake
from events.announcements import CALENDAR_KEY
from events.client import ClientSettings, Reader, Record
from events.codec.partial_reads import Timetable, read_part
from events.errors import Undecodable
from events.topics import TopicName

WITHOUT_AN_END: Final = timedelta(hours=24)
"""So far ahead deadlines are counted where no end of the lag is in sight."""


class Deadlines:
    """The running clocks of complaints, by partition. About 200 bytes a complaint that has any."""

    def __init__(self) -> None:
        self._due: dict[int, dict[bytes, tuple[float, ...]]] = {}

    def add(self, records: Iterable[Record]) -> None:
        """Take in snapshots; one that cannot be read leaves what was known of its complaint."""
        for record in records:
            if record.key is None or record.key == CALENDAR_KEY:
                continue
            known = self._due.setdefault(record.partition, {})
            try:
                clocks = {} if record.value is None else read_part(Timetable, record.value).clocks
            except Undecodable:
                continue
            due = tuple(clock.due_at.timestamp() for clock in clocks.values() if clock.running and clock.due_at)
            if due:
                known[record.key] = due
            else:
                known.pop(record.key, None)

    def at_stake(self, partitions: Collection[int], now: datetime, drain: float | None) -> DeadlinesAtStake:
        """Count those of `partitions` that pass within the `drain` seconds in which a stage catches up.

        A clock that runs past its deadline is one that `lifecycle` has not come to call breached.
        """
        until = now + (WITHOUT_AN_END if drain is None else timedelta(seconds=drain))
        moments = [at for number in partitions for due in self._due.get(number, {}).values() for at in due]
        passed = sum(at < now.timestamp() for at in moments)
        due = sum(now.timestamp() <= at <= until.timestamp() for at in moments)
        return DeadlinesAtStake(passed=passed, due=due, until=until, drained=drain is not None)


class DeadlineReader:
    """Keeps `Deadlines` up to date for the partitions that are asked for; `close` it in the end."""

    def __init__(self, settings: ClientSettings) -> None:
        self._settings = settings
        self._readers: dict[int, Reader] = {}
        self._open = ExitStack()
        self._known = Deadlines()

    def at_stake(self, partitions: Collection[int], now: datetime, drain: float | None) -> DeadlinesAtStake:
        """Read what has come in `partitions`, then count as `Deadlines.at_stake` does.

        Raises:
            BrokerUnreachable, KafkaRefused, TopicsMissing: complaints.state could not be read.
        """
        for number in partitions:
            if number not in self._readers:
                reader = Reader(self._settings, [TopicName.STATE], partitions=[number])
                self._readers[number] = self._open.enter_context(reader)
            self._known.add(self._readers[number].to_end())
        return self._known.at_stake(partitions, now, drain)

    def close(self) -> None:
        """Let go of the connections."""
        self._open.close()
