"""Lifecycle: the only writer of complaints. Takes commands in the order of the log and publishes what follows."""

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from functools import partial
from typing import Any, Final

import structlog

from agents.almanac import Almanac
from agents.contents import Contents
from agents.shelf import Shelf
from agents.shell import Output, Partition, Stage, stage_app
from agents.shell.forwarding import forwarded
from agents.shell.metrics import Holding
from agents.shell.stage import Record, RefusedToStart, log_time
from events.announcements import CALENDAR, CALENDAR_KEY
from events.client.partitions import partition_of
from events.codec import (
    complaint_key,
    decode_announcement,
    decode_command,
    encode_complaint,
    encode_fact,
    encode_rejection,
    encode_snapshot,
    fact_headers,
    fields_unknown,
    is_announcement,
    read_complaint,
)
from events.commands import RegisterComplaint
from events.errors import InvalidCommand, Sender
from events.facts import Recorded
from events.outcomes import Rejection
from events.reports import ReportSubmitted
from events.snapshot import Complaint
from events.stored import complaint_in
from events.topics import TopicName
from events.vocabulary import Detail, Refusal
from events.writer import state_headers
from workflow.decide import decide
from workflow.handlers import Rejected
from workflow.policy import Policy
from workflow.transitions import OPEN

log = structlog.get_logger()

_STANDING: Final = re.compile(
    rb'"status":"(?P<status>[a-z_]+)".*?"chosen_office":(?:"(?P<chosen>[^"]*)"|null),"office":(?:"(?P<holder>[^"]*)"|null)'
    rb'.*?"policy":"(?P<policy>[^"]+)"(?:,"calendar":(?P<calendar>[0-9]+))?',
    re.DOTALL,
)
_RECEIVED: Final = re.compile(rb'"received_at":"([0-9]{4}-[0-9]{2}-[0-9]{2})')
_STATUS: Final = re.compile(rb'"status":"([a-z_]+)"')
_AT_HAND: Final = 1_000
"""So many complaints of a partition are kept as objects."""
_NAMED: Final = 3  # fields that a refusal names
_OPEN: Final = frozenset(status.value.encode() for status in OPEN)


class Lifecycle:
    """Handles commands with the complaints of its partition in memory.

    They are kept as the bytes of their snapshots: a fifth of the memory of the objects, and read back in 10 µs. The
    last ones are at hand as objects too, since much happens to a complaint in its first moments. One that is settled is
    packed when it is no longer at hand: not in its busiest moment.
    """

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._almanac = Almanac(partition, self._reach)
        self._contents = Contents(partition.keys)
        self._shelf = Shelf()
        self._at_hand: dict[bytes, Complaint] = {}
        self._uncommitted: dict[bytes, tuple[Complaint, bytes]] = {}
        self._uncounted: list[Callable[[], None]] = []
        self._last: dict[bool, bytes] = {}  # read back: the last record of a complaint (False), of the calendar (True)

    def restore(self, record: Any) -> None:  # noqa: ANN401 -- aiokafka ships no types
        """Take in a snapshot, or what has been announced of the calendar."""
        if record.key == CALENDAR_KEY:
            self._almanac.restore(record.value)
            self._last[True] = record.value or b""
            return
        complaint = complaint_key(record.key)
        if record.value is None:
            self._shelf.remove(complaint)
            return
        snapshot = complaint_in(record.value)
        self._last[False] = record.value
        self._shelf.put(complaint, snapshot)
        found = _STATUS.search(snapshot)
        if found is not None and found[1] not in _OPEN:
            # now and not when all is read: for that moment, all would have to have room unpacked
            self._shelf.pack(complaint)

    def ready(self) -> None:
        """Check that we know what open complaints stand on: policy version, offices, announcements, and their fields.

        Raises:
            RefusedToStart: we do not.
        """
        # a newer lifecycle writes its fields into every snapshot, and lets nobody older write after it: the last tells
        for unknown in filter(None, map(fields_unknown, self._last.values())):
            raise RefusedToStart(
                f"partition {self._partition.number} of {TopicName.STATE} was written by a newer version, with "
                f"{', '.join(unknown[:_NAMED])}: this one would drop that, so leave the partition to the newer one"
            )
        self._last.clear()
        policies = self._almanac.policies
        versions = {policy.version.encode() for policy in policies.versions}
        offices = {office.id.encode() for office in policies.versions[0].directory}
        for snapshot in self._shelf.plain():
            found = _STANDING.search(snapshot)
            if found is None or found["status"] not in _OPEN:
                continue
            if found["policy"] not in versions:
                raise self._unknown(
                    f"under policy {found['policy'].decode()}",
                    "does not have: add that version to it, or start with the one they are under",
                )
            for office in (found["holder"], found["chosen"]):
                if office is not None and office not in offices:
                    raise self._unknown(
                        f"with the office {office.decode()}",
                        "does not know: an office that is dissolved stays in its file, with its last day",
                    )
            self._check_announcements(int(found["calendar"] or 0))

    def _unknown(self, what: str, why: str) -> RefusedToStart:
        return RefusedToStart(
            f"there are open complaints {what}, which ALUR_POLICY={self._almanac.policies.name} {why}"
        )

    def _check_announcements(self, reckoned_with: int) -> None:
        left = self._almanac.found.revision
        if reckoned_with > left:
            raise RefusedToStart(
                f"there are open complaints on a calendar with {reckoned_with} announcements, and {left} are left: the "
                f"record `calendar` of partition {self._partition.number} of {TopicName.STATE} is gone"
            )

    def handle(self, record: Any) -> Iterable[Output]:  # noqa: ANN401 -- aiokafka ships no types
        """Return the facts and the snapshot that follow from a command, or its rejection."""
        now = log_time(record)
        if is_announcement(record.value):
            return self._announced(record, now)
        try:
            command = decode_command(record.value)
            complaint_id, name = str(command.subject), command.subject.bytes
        except InvalidCommand as error:
            # not the error itself: it knows this frame, which would keep it and the record until the collector comes
            command, complaint_id, sender, reason = None, error.sender.subject, error.sender, error.reason
            name = complaint_key(complaint_id.encode())
        complaint = self._find(name)
        # who is known here is at home here, and need not be hashed
        if complaint is None and (home := partition_of(complaint_id, self._partition.count)) != record.partition:
            return [self._sent_on(record, complaint_id, home)]
        if command is None:
            return [self._rejected(sender, Rejected(Refusal.INVALID_DATA, reason), complaint, record)]
        content = self._contents.of(command.data, complaint, name)
        decision = decide(command, complaint, now, self._policy(complaint, now), content)
        if isinstance(decision, Rejected):
            sender = Sender(complaint_id, command.source, command.id, command.type)
            if decision.detail is Detail.CONTENT_DIFFERS and isinstance(command.data, RegisterComplaint):
                # the channel asked, and intake only passed it on
                told = command.data
                sender = Sender(complaint_id, told.source, told.report_id, ReportSubmitted.TYPE)
            return [self._rejected(sender, decision, complaint, record)]
        self._uncounted.append(partial(self._partition.metrics.decided, command.data.NAME, decision, command.time))
        return self._published(name, complaint_id.encode(), decision, record.offset)

    def _sent_on(self, record: Any, complaint_id: str, home: int) -> Output:  # noqa: ANN401 -- aiokafka ships no types
        # librdkafka's default partitioner is not Kafka's, so this happens to anybody
        self._uncounted.append(self._partition.metrics.sent_on)
        log.info("forwarded", complaint=complaint_id, from_partition=record.partition, to_partition=home)
        return forwarded(record, complaint_id.encode(), home)

    def _reach(self) -> tuple[int, date]:
        """Return how far the calendar of open complaints reaches back: in announcements, and in days.

        What stands without a running clock was computed with nothing that can still move.
        """
        behind, first_day = self._almanac.found.revision, date.max
        for snapshot in self._shelf.plain():
            found = _STANDING.search(snapshot)
            if found is None or found["status"] not in _OPEN:
                continue
            received = _RECEIVED.search(snapshot, found.end())
            if received is not None:
                first_day = min(first_day, date.fromisoformat(received[1].decode()))
            computed_with = int(found["calendar"] or 0)
            if computed_with < behind and any(clock.running for clock in read_complaint(snapshot).clocks.values()):
                behind = computed_with
        return behind, first_day

    def holds(self) -> Holding:
        """Return how many complaints are in memory."""
        return Holding(complaints=len(self._shelf))

    def commit(self) -> None:
        """Keep the complaints and announcements that the batch has changed, and count its decisions."""
        for name, (complaint, snapshot) in self._uncommitted.items():
            self._keep(name, complaint, snapshot)
        self._almanac.commit()
        for count in self._uncounted:
            count()
        self._forget_batch()

    def rollback(self) -> None:
        """Drop what the batch has changed."""
        self._almanac.rollback()
        self._forget_batch()

    def _forget_batch(self) -> None:
        self._uncommitted.clear()
        self._uncounted.clear()

    def _find(self, name: bytes) -> Complaint | None:
        changed = self._uncommitted.get(name)
        if changed is not None:
            return changed[0]
        complaint = self._at_hand.get(name)
        if complaint is not None:
            return complaint
        snapshot = self._shelf.get(name)
        return None if snapshot is None else read_complaint(snapshot)

    def _keep(self, name: bytes, complaint: Complaint, snapshot: bytes) -> None:
        self._shelf.put(name, snapshot)
        self._at_hand.pop(name, None)
        self._at_hand[name] = complaint
        if len(self._at_hand) > _AT_HAND:
            oldest = next(iter(self._at_hand))
            if self._at_hand.pop(oldest).status not in OPEN:
                self._shelf.pack(oldest)

    def _policy(self, complaint: Complaint | None, now: datetime) -> Policy:
        policies = self._almanac.policies
        return policies.at(now) if complaint is None else policies.governing(complaint.policy, now)

    def _announced(self, record: Any, now: datetime) -> list[Output]:  # noqa: ANN401 -- aiokafka ships no types
        try:
            event = decode_announcement(record.value)
        except InvalidCommand as error:
            return [self._rejected(error.sender, Rejected(Refusal.INVALID_DATA, error.reason), None, record)]
        decision = self._almanac.announce(event, now, record.offset)
        if isinstance(decision, Rejected):
            return [self._rejected(Sender(CALENDAR, event.source, event.id, event.type), decision, None, record)]
        counted = partial(self._partition.metrics.announced, event.data.NAME, repeated=not decision)
        self._uncounted.append(counted)
        return decision

    def _published(self, name: bytes, key: bytes, decision: tuple[Recorded, ...], offset: int) -> list[Output]:
        outputs = []
        for recorded in decision:
            complaint = recorded.complaint
            snapshot = encode_complaint(complaint)
            value = encode_fact(recorded, snapshot)
            outputs.append(Output(TopicName.EVENTS, key, value, self._partition.number, fact_headers(recorded)))
        if decision:
            self._uncommitted[name] = complaint, snapshot
            value, number = encode_snapshot(complaint, snapshot), self._partition.number
            outputs.append(Output(TopicName.STATE, key, value, number, state_headers(offset)))
        return outputs

    def _rejected(self, sender: Sender, no: Rejected, complaint: Complaint | None, record: Record) -> Output:
        rejection = Rejection(
            command_id=sender.command_id,
            command_type=sender.command_type,
            command_source=sender.source,
            code=no.code,
            message=no.message,
            status=complaint.status if complaint else None,
            version=complaint.version if complaint else 0,
            detail=no.detail,
        )
        self._uncounted.append(partial(self._partition.metrics.rejected, sender.command_type, no.detail or no.code))
        number = self._partition.number
        value = encode_rejection(
            rejection, subject=sender.subject, time=log_time(record), partition=number, offset=record.offset
        )
        return Output(TopicName.REJECTIONS, sender.subject.encode(), value, number)


app = stage_app(Stage("lifecycle", Lifecycle, transactional=True, memory=TopicName.STATE))


@app.agent(app.polls)
async def lifecycle(polls: Any) -> None:  # noqa: ANN401 -- a Faust stream
    """Settle poll after poll."""
    async for poll in polls:
        await app.settle(poll)
