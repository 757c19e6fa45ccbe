"""The engine in one process without a broker: pure functions, lists for topics, a heap for the clock."""

import heapq
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

from agents.config import policy_files
from events.codec.decode import decode_command, decode_fact, decode_report, decode_snapshot, read_complaint
from events.codec.encode import encode_command, encode_complaint, encode_fact, encode_snapshot
from events.commands import Command, NoticeDeadline
from events.facts import Recorded
from events.ids import stage_command_id
from events.snapshot import Complaint
from events.topics import RecordPosition, TopicName
from tests.support.worlds import REPORTERS
from workflow.audit.complaint_history import Shown
from workflow.audit.evidence import Handled
from workflow.audit.invariants import Audit
from workflow.deadlines.schedule import alarms
from workflow.machine.decide import decide
from workflow.machine.handlers import Rejected
from workflow.policy.model import Policy
from workflow.stages.disposition import disposition
from workflow.stages.escalation import next_rung
from workflow.stages.intake import registration
from workflow.stages.resolution import publishes
from workflow.stages.verification import verification

PARTITIONS = 4
BEGIN = datetime(2026, 3, 16, 2, 0, tzinfo=UTC)
POLICIES = policy_files.load("demo")

Topics = dict[TopicName, dict[int, list[bytes]]]


def partition_of(complaint: str) -> int:
    return UUID(complaint).int % PARTITIONS


@dataclass
class World:
    """Topics as lists of records by partition, and future events."""

    now: datetime = BEGIN
    topics: dict[TopicName, dict[int, list[bytes]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    complaints: dict[str, Complaint] = field(default_factory=dict)
    refused: list[tuple[str, str, str, Rejected]] = field(default_factory=list)
    resolutions: list[tuple[str, int]] = field(default_factory=list)
    may_show: dict[tuple[str, int], Shown] = field(default_factory=dict)
    shown: Shown | None = None
    """How much each resolution shows; as much as it may, unless it is set."""
    watchers: list[Callable[[Recorded], None]] = field(default_factory=list)
    agenda: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    ticket: count = field(default_factory=count)  # type: ignore[type-arg]  # its argument is not subscriptable at run time

    @property
    def policy(self) -> Policy:
        return POLICIES.versions[-1]

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self.agenda, (self.now + timedelta(milliseconds=round(seconds * 1000)), next(self.ticket), act))

    def run(self, seconds: float) -> None:
        """Advance the time."""
        end = self.now + timedelta(seconds=seconds)
        while self.agenda and self.agenda[0][0] <= end:
            self.now, _, act = heapq.heappop(self.agenda)
            act()
        self.now = end

    def submit(self, raw: bytes) -> None:
        report = decode_report(raw)
        partition = len(report.id) % PARTITIONS  # a channel may use any key
        intake = self.topics[TopicName.INTAKE][partition]
        intake.append(raw)
        subject = report.complaint_id
        digest = REPORTERS.of_subject(subject, report.data.reporter)
        command = registration(report, partition=partition, offset=len(intake) - 1, reporter_digest=digest)
        self.send(command, "/stages/intake", stage_command_id(subject, "register"), subject)

    def send(self, command: Command, source: str, command_id: str, subject: str) -> None:
        raw = encode_command(command, source=source, command_id=command_id, subject=subject, time=self.now)
        self.topics[TopicName.COMMANDS][partition_of(subject)].append(raw)
        before = self.complaints.get(subject)
        sender = REPORTERS.of_sender(source, before)
        decided = decide(decode_command(raw), before, self.now, self.policy, sender=sender)
        if isinstance(decided, Rejected):
            self.refused.append((subject, source, command_id, decided))
            return
        for recorded in decided:
            self._record(recorded)

    def _record(self, recorded: Recorded) -> None:
        complaint = recorded.complaint
        self.complaints[complaint.complaint_id] = complaint
        partition = partition_of(complaint.complaint_id)
        snapshot = encode_complaint(complaint)
        self.topics[TopicName.EVENTS][partition].append(encode_fact(recorded, snapshot))
        self.topics[TopicName.STATE][partition].append(encode_snapshot(complaint, snapshot))
        if publishes(recorded):
            settled = complaint.complaint_id, complaint.version
            self.resolutions.append(settled)
            self.may_show[settled] = Shown.allowed(read_complaint(snapshot))
        self.later(0.01, lambda: self._stages(complaint))
        for watcher in self.watchers:
            watcher(recorded)

    def _stages(self, complaint: Complaint) -> None:
        policy, subject = self.policy, complaint.complaint_id
        wishes = {
            "verification": verification(complaint, policy),
            "disposition": disposition(complaint, policy, self.now.date()),
            "escalation": next_rung(complaint, policy),
        }
        for stage, command in wishes.items():
            if command is not None:
                source, command_id = f"/stages/{stage}", stage_command_id(subject, stage, complaint.version)
                self.send(command, source, command_id, subject)
        for alarm in alarms(complaint):
            notice = NoticeDeadline(clock=alarm.clock, due_at=alarm.due_at)
            name = stage_command_id(subject, alarm.clock, str(alarm.due_at), str(alarm.warning))
            wait = (alarm.at - self.now).total_seconds() + 0.001
            self.later(max(0.0, wait), lambda notice=notice, name=name: self._notice(notice, name, subject))  # type: ignore[misc]  # a default is no parameter

    def _notice(self, notice: NoticeDeadline, name: str, subject: str) -> None:
        clock = self.complaints[subject].clocks.get(notice.clock)
        if clock is not None and clock.running and clock.due_at == notice.due_at:
            self.send(notice, "/stages/sla", name, subject)


def audited(world: World, *, handled: Handled | None = None, live: bool = False) -> Audit:
    """Audit the world's topics."""
    audit = Audit(partition_of, handled=handled or Handled({}), live=live)
    audit.policy_of = {each.version: each for each in POLICIES.versions}.get
    for partition, records in world.topics[TopicName.INTAKE].items():
        for offset, raw in enumerate(records):
            audit.take_report(RecordPosition(TopicName.INTAKE, partition, offset), decode_report(raw))
    for partition, records in world.topics[TopicName.COMMANDS].items():
        for offset, raw in enumerate(records):
            audit.take_command(RecordPosition(TopicName.COMMANDS, partition, offset), decode_command(raw))
    for partition in range(PARTITIONS):
        _audit_partition(world, audit, partition)
    return audit


def _audit_partition(world: World, audit: Audit, number: int) -> None:
    part = audit.partition(number)
    for offset, raw in enumerate(world.topics[TopicName.EVENTS][number]):
        part.fact(RecordPosition(TopicName.EVENTS, number, offset), decode_fact(raw))
    for offset, raw in enumerate(world.topics[TopicName.STATE][number]):
        part.snapshot(RecordPosition(TopicName.STATE, number, offset), decode_snapshot(raw))
    mine = [refused for refused in world.refused if partition_of(refused[0]) == number]
    for offset, (subject, source, command_id, _) in enumerate(mine):
        part.rejection(RecordPosition(TopicName.REJECTIONS, number, offset), subject, source, command_id)
    for offset, raw in enumerate(world.topics[TopicName.COMMANDS][number]):
        part.command(RecordPosition(TopicName.COMMANDS, number, offset), decode_command(raw))
    published = [each for each in world.resolutions if partition_of(each[0]) == number]
    for offset, (subject, version) in enumerate(published):
        shown = world.may_show.get((subject, version), Shown.OUTCOME) if world.shown is None else world.shown
        part.resolution(RecordPosition(TopicName.RESOLUTIONS, number, offset), subject, version, shown)
    part.finish()
