"""The audit and announcements: each is in force or rejected in its partition, and in all partitions or in none."""

from collections.abc import Sequence
from datetime import date

from events.announcements import CALENDAR, AnnounceHoliday, Announcement, AnnouncementEvent, Announcements
from events.errors import InvalidCommand, Sender
from events.topics import RecordPosition, TopicName
from tests.support.worlds import MONDAY, PANRB, announcement
from workflow.audit.complaint_history import Code
from workflow.audit.evidence import Handled
from workflow.audit.invariants import Audit, PartitionAudit

PARTITIONS = 2
FIRST = announcement(date(2026, 3, 6))
SECOND = announcement(date(2026, 3, 9), number=2)


def event(of: Announcement) -> AnnouncementEvent:
    data = AnnounceHoliday(day=of.day, day_off=of.day_off, name=of.name, decree=of.decree)
    return AnnouncementEvent(
        specversion="1.0",
        type=AnnouncementEvent.TYPE,
        source=of.by,
        id=of.command_id,
        time=MONDAY,
        subject="calendar",
        data=data,
    )


def calendar_record(*announcements: Announcement) -> Announcements:
    return Announcements(revision=len(announcements), announcements=announcements)


class Run:
    """An audit of two partitions in which nothing but announcements are."""

    def __init__(self, *, handled: int = 100, live: bool = False) -> None:
        offsets = {(TopicName.COMMANDS, number): handled for number in range(PARTITIONS)}
        self.audit = Audit(lambda _: 0, handled=Handled(offsets), live=live)

    def partition(
        self,
        number: int,
        records: Sequence[Announcements],
        commands: Sequence[AnnouncementEvent | InvalidCommand],
        rejected: Sequence[str] = (),
    ) -> PartitionAudit:
        places = [RecordPosition(TopicName.COMMANDS, number, offset) for offset in range(len(commands))]
        for place, command in zip(places, commands, strict=True):
            self.audit.take_command(place, command)
        part = self.audit.partition(number)
        for offset, record in enumerate(records):
            part.calendar(RecordPosition(TopicName.STATE, number, offset), record)
        for offset, command_id in enumerate(rejected):
            part.rejection(RecordPosition(TopicName.REJECTIONS, number, offset), CALENDAR, PANRB, command_id)
        for place, command in zip(places, commands, strict=True):
            part.command(place, command)
        part.finish()
        return part

    def codes(self) -> list[Code]:
        self.audit.finish()
        return [violation.code for violation in self.audit.violations]


def test_in_force_in_every_partition_in_whatever_order() -> None:
    run = Run()
    run.partition(
        0, [calendar_record(FIRST), calendar_record(FIRST, SECOND)], [event(FIRST), event(SECOND), event(FIRST)]
    )
    run.partition(1, [calendar_record(SECOND, FIRST)], [event(SECOND), event(FIRST)])
    assert run.codes() == []
    assert run.audit.counts.commands == 5
    assert run.audit.counts.strayed == 0


def test_rejected_in_every_partition_that_it_came_to() -> None:
    run = Run()
    invalid = InvalidCommand(Sender(CALENDAR, PANRB, "x", AnnouncementEvent.TYPE), "data.day: required")
    run.partition(0, [], [event(FIRST), invalid], [FIRST.command_id, "x"])
    run.partition(1, [], [])
    assert run.codes() == []


def test_one_without_effect_is_lost() -> None:
    run = Run()
    run.partition(0, [calendar_record(FIRST)], [event(FIRST), event(SECOND)])
    run.partition(1, [calendar_record(FIRST)], [event(FIRST)])
    assert run.codes() == [Code.COMMAND_LOST]


def test_one_that_still_waits() -> None:
    run = Run(handled=1)
    run.partition(0, [calendar_record(FIRST)], [event(FIRST), event(SECOND)])
    run.partition(1, [], [event(SECOND), event(FIRST)], [SECOND.command_id])
    assert run.codes() == []
    assert run.audit.counts.pending == 2


def test_one_that_is_missing_in_a_partition() -> None:
    for live, found in ((False, [Code.CALENDAR_DIFFERS]), (True, [])):
        run = Run(live=live)
        run.partition(0, [calendar_record(FIRST)], [event(FIRST)])
        run.partition(1, [], [])
        assert run.codes() == found


def test_one_without_its_announcement() -> None:
    run = Run()
    run.partition(0, [calendar_record(FIRST, SECOND)], [event(FIRST)])
    run.partition(1, [calendar_record(FIRST)], [event(FIRST)])
    assert run.codes() == [Code.CALENDAR_DIFFERS]


def test_a_record_that_forgets() -> None:
    run = Run()
    run.partition(0, [calendar_record(FIRST), calendar_record(SECOND)], [event(FIRST), event(SECOND)])
    assert Code.CALENDAR_DIFFERS in run.codes()


def test_a_record_that_cannot_be_read() -> None:
    run = Run()
    part = run.audit.partition(0)
    part.calendar(RecordPosition(TopicName.STATE, 0, 0), None)
    assert run.codes() == [Code.UNREADABLE]
