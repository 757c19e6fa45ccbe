"""Sla: a timer for every running clock of its partitions, and a notice when one is due.

The log decides whether a deadline has passed: an early or lost notice is sent again until the state shows its effect.
The timers are restored from `complaints.state`, without database or scan.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from agents.kafka.protocols import KafkaRecord
from agents.kafka.records import OutgoingRecord
from agents.observability.metrics import StateReport
from agents.runtime.stage import Partition, Stage, TimerDriven
from agents.stages.deadline_recalculation import DeadlineRecalculation
from events.announcements import CALENDAR_KEY
from events.codec.decode import complaint_key
from events.codec.encode import encode_command
from events.codec.partial import Timetable, read_part
from events.commands import Command, NoticeDeadline, RescheduleDeadlines
from events.ids import stage_command_id, stage_source
from events.provenance import Origin, foreign
from events.topics import TopicName
from workflow.deadlines.schedule import Alarm, Schedule

log = structlog.get_logger()

NAME = "sla"
SOURCE: Final = stage_source(NAME)

TICK_SECONDS: Final = 0.05
AGAIN_MS: Final = 2_000
"""Milliseconds until a notice without effect is sent again; then twice that, and so on up to two minutes."""

MOST_AT_ONCE: Final = 1_000
"""Maximum number of notices of a partition in one tick, so that the group's heartbeat continues."""


class Timers(TimerDriven):
    """Timers of one partition.

    They change before the commit: a record that is processed again arms the same timers.
    """

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._origin = Origin(partial(partition.writer_since, TopicName.STATE))
        self._schedule = Schedule(AGAIN_MS)
        self._recalculation = DeadlineRecalculation(self._schedule)
        self._refusals_logged = False

    def restore(self, record: KafkaRecord) -> None:
        """Restore a snapshot."""
        self.handle(record)

    def ready(self) -> None:
        """Accept any restored state: overdue timers ring at the first tick."""
        self._recalculation.ready()

    def handle(self, record: KafkaRecord) -> Iterable[OutgoingRecord]:
        """Replace the timers of a complaint by those of its snapshot; raise Undecodable, which keeps the old ones."""
        self._origin.check(record.offset, record.headers)
        if record.key == CALENDAR_KEY:
            self._recalculation.announced(record.value)
            return ()
        complaint = complaint_key(record.key)
        timetable = None if record.value is None else read_part(Timetable, record.value)
        if timetable is not None and timetable.complaint_id.encode() != record.key:
            raise foreign(f"it is the snapshot of complaint {timetable.complaint_id}")
        self._schedule.arm(complaint, timetable.clocks if timetable else {})
        self._recalculation.update(complaint, timetable.calendar if timetable and timetable.clocks else None)
        return ()

    def rollback(self) -> None:
        """Undo the changes of the last tick, so that its timers ring again."""
        self._recalculation.retry()

    def state_report(self) -> StateReport:
        """Return the number of armed clocks, and the time of the next ring."""
        return StateReport(clocks=len(self._schedule), next_alarm=self._schedule.earliest())

    def due(self, now: datetime) -> bool:
        """Return True if a timer is due at `now` or a recalculation is pending."""
        return self._schedule.due(now) or bool(self._recalculation)

    def tick(self, now: datetime) -> Iterable[OutgoingRecord]:
        """Return the notices that are due at `now`, up to a limit."""
        for complaint, alarm in self._schedule.ring(now, MOST_AT_ONCE):
            yield self._notice(str(UUID(bytes=complaint)), alarm)
        self._log_refusals()
        for complaint in self._recalculation.due(self._partition.policies):
            yield self._reschedule(str(UUID(bytes=complaint)))

    def _log_refusals(self) -> None:
        refused = self._schedule.refused
        if refused and not self._refusals_logged:
            log.error(
                "notices_refused",
                stage=NAME,
                partition=self._partition.number,
                notices=refused,
                reason="lifecycle does not accept them: the broker's clock may be behind ours",
                next="AlurDeadlinesUnsettled in the runbook",
            )
        self._refusals_logged = bool(refused)

    def _notice(self, complaint: str, alarm: Alarm) -> OutgoingRecord:
        kind = "warning" if alarm.warning else "due"
        notice = NoticeDeadline(clock=alarm.clock, due_at=alarm.due_at)
        return self._command(notice, complaint, kind, alarm.clock, alarm.due_at.isoformat())

    def _reschedule(self, complaint: str) -> OutgoingRecord:
        revision = self._recalculation.revision
        return self._command(RescheduleDeadlines(calendar=revision), complaint, "reschedule", revision)

    def _command(self, command: Command, complaint: str, *decided_on: str | int) -> OutgoingRecord:
        value = encode_command(
            command,
            source=SOURCE,
            command_id=stage_command_id(complaint, *decided_on),
            subject=complaint,
            time=datetime.now(UTC),
        )
        return OutgoingRecord(TopicName.COMMANDS, complaint.encode(), value, self._partition.number)


STAGE: Final = Stage(NAME, Timers, state_topic=TopicName.STATE, tick_seconds=TICK_SECONDS, batch_fetches=True)
