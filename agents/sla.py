"""Sla: keeps a timer for every running clock of its partitions and gives notice when one comes due.

Whether a deadline has passed is decided by the log, not here: a notice that is early is refused and given again, a
notice that is lost is given again, until the state shows that it is settled. There is no database and no scan: the
timers are read back from `complaints.state`.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from agents.shell import Output, Partition, Stage, stage_app
from events.codec import decode_snapshot, encode_command
from events.commands import NoticeDeadline
from events.ids import stage_command_id
from events.topics import TopicName
from events.vocabulary import ClockName
from workflow.timers import Alarm, alarms

NAME = "sla"
SOURCE: Final = "/stages/sla"

TICK_SECONDS: Final = 0.05
AGAIN_MS: Final = 2_000
"""After so long a notice that the state does not show as settled is given again, in milliseconds."""


@dataclass(slots=True)
class _Armed:
    """A timer in the heap; `ring_ms` moves when it has rung."""

    complaint: str
    alarm: Alarm


class Timers:
    """The timers of one partition: a heap of times, and what is armed for each complaint.

    A timer that is no longer armed stays in the heap until its time comes, and is passed over then.
    """

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._armed: dict[str, dict[ClockName, _Armed]] = {}
        self._heap: list[tuple[int, int, _Armed]] = []
        self._counter = 0

    def restore(self, record: Any) -> None:  # noqa: ANN401 -- aiokafka ships no types
        """Take in a snapshot."""
        self.handle(record)

    def ready(self) -> None:
        """Begin: whatever is overdue rings at the first tick."""

    def handle(self, record: Any) -> Iterable[Output]:  # noqa: ANN401 -- aiokafka ships no types
        """Arm the clocks of a snapshot in place of those of the snapshot before it."""
        if record.value is None:
            self._armed.pop((record.key or b"").decode(errors="replace"), None)
            return ()
        complaint = decode_snapshot(record.value)
        before = self._armed.pop(complaint.complaint_id, {})
        after: dict[ClockName, _Armed] = {}
        for alarm in alarms(complaint):
            armed = before.get(alarm.clock)
            if armed is None or armed.alarm != alarm:
                armed = _Armed(complaint.complaint_id, alarm)
                # true from just after that moment on: the log stamps milliseconds
                self._push(int(alarm.at.timestamp() * 1000) + (0 if alarm.warning else 1), armed)
            after[alarm.clock] = armed
        if after:
            self._armed[complaint.complaint_id] = after
        return ()

    def due(self, now: datetime) -> bool:
        """Say whether a timer rings at `now`."""
        return bool(self._heap) and self._heap[0][0] <= int(now.timestamp() * 1000)

    def tick(self, now: datetime) -> Iterable[Output]:
        """Return the notices that are due at `now`."""
        now_ms = int(now.timestamp() * 1000)
        while self._heap and self._heap[0][0] <= now_ms:
            _, _, armed = heapq.heappop(self._heap)
            if self._armed.get(armed.complaint, {}).get(armed.alarm.clock) is armed:
                self._push(now_ms + AGAIN_MS, armed)
                yield self._notice(armed)

    def _push(self, at_ms: int, armed: _Armed) -> None:
        self._counter += 1
        heapq.heappush(self._heap, (at_ms, self._counter, armed))

    def _notice(self, armed: _Armed) -> Output:
        alarm = armed.alarm
        kind = "warning" if alarm.warning else "due"
        value = encode_command(
            NoticeDeadline(clock=alarm.clock, due_at=alarm.due_at),
            source=SOURCE,
            command_id=stage_command_id(armed.complaint, kind, alarm.clock, alarm.due_at.isoformat()),
            subject=armed.complaint,
            time=datetime.now(UTC),
        )
        return Output(TopicName.COMMANDS, armed.complaint.encode(), value, self._partition.number)


app = stage_app(Stage(NAME, Timers, memory=TopicName.STATE, tick_every=TICK_SECONDS))


@app.agent(app.polls)
async def sla(polls: Any) -> None:  # noqa: ANN401 -- a Faust stream
    """Settle poll after poll."""
    async for poll in polls:
        await app.settle(poll)
