"""Sla: keeps a timer for every running clock of its partitions and gives notice when one comes due.

Whether a deadline has passed is decided by the log, not here: a notice that is early is refused and given again, a
notice that is lost is given again, until the state shows that it is settled. There is no database and no scan: the
timers are read back from `complaints.state`.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from agents.shell import Output, Partition, Stage, stage_app
from events.codec import complaint_key, encode_command, read_clocks
from events.commands import NoticeDeadline
from events.ids import stage_command_id
from events.topics import TopicName
from workflow.timers import Alarm, Schedule

NAME = "sla"
SOURCE: Final = "/stages/sla"

TICK_SECONDS: Final = 0.05
AGAIN_MS: Final = 2_000
"""After so long a notice that the state does not show as settled is given again, in milliseconds."""


MOST_AT_ONCE: Final = 1_000
"""Notices a partition gives at one tick: when very many deadlines fall on one moment, the group's heartbeat goes on."""


class Timers:
    """The timers of one partition."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._schedule = Schedule(AGAIN_MS)

    def restore(self, record: Any) -> None:  # noqa: ANN401 -- aiokafka ships no types
        """Take in a snapshot."""
        self.handle(record)

    def ready(self) -> None:
        """Begin: whatever is overdue rings at the first tick."""

    def handle(self, record: Any) -> Iterable[Output]:  # noqa: ANN401 -- aiokafka ships no types
        """Arm the clocks of a snapshot in place of those of the snapshot before it."""
        clocks = {} if record.value is None else read_clocks(record.value)
        self._schedule.arm(complaint_key(record.key), clocks)
        return ()

    def due(self, now: datetime) -> bool:
        """Say whether a timer rings at `now`."""
        return self._schedule.due(now)

    def tick(self, now: datetime) -> Iterable[Output]:
        """Return the notices that are due at `now`; of very many, the first."""
        for complaint, alarm in self._schedule.ring(now, MOST_AT_ONCE):
            yield self._notice(str(UUID(bytes=complaint)), alarm)

    def _notice(self, complaint: str, alarm: Alarm) -> Output:
        kind = "warning" if alarm.warning else "due"
        value = encode_command(
            NoticeDeadline(clock=alarm.clock, due_at=alarm.due_at),
            source=SOURCE,
            command_id=stage_command_id(complaint, kind, alarm.clock, alarm.due_at.isoformat()),
            subject=complaint,
            time=datetime.now(UTC),
        )
        return Output(TopicName.COMMANDS, complaint.encode(), value, self._partition.number)


app = stage_app(Stage(NAME, Timers, memory=TopicName.STATE, tick_every=TICK_SECONDS))


@app.agent(app.polls)
async def sla(polls: Any) -> None:  # noqa: ANN401 -- a Faust stream
    """Settle poll after poll."""
    async for poll in polls:
        await app.settle(poll)
