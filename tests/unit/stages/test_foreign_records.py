"""Foreign records on the engine's topics: ignored, and their complaints quarantined."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from agents.config.policy_files import load
from agents.kafka.records import REPLAYS, OutgoingRecord
from agents.runtime.stage import Partition, RefusedToStart
from agents.stages import disposition
from agents.stages.lifecycle import Lifecycle
from agents.stages.resolution import Resolutions
from agents.stages.sla import Timers
from events import commands as c
from events.announcements import CALENDAR, CALENDAR_KEY, AnnounceHoliday
from events.client.partitions import partition_of
from events.codec import encode
from events.errors import Undecodable
from events.ids import complaint_id
from events.provenance import WRITER, repair_headers, state_headers, writer_of
from events.topics import TopicName
from tests.support.worlds import CITIZEN, MONDAY, report

POLICIES = load("lapor")
CHANNEL = "/channels/sms"
FIRST, SECOND = (complaint_id(CHANNEL, str(number)) for number in (1, 2))
DAY = date(2026, 3, 4)


@dataclass(frozen=True)
class Record:
    """As much of a consumer's record as the stages look at."""

    key: bytes | None
    value: bytes | None
    offset: int
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int = int(MONDAY.timestamp() * 1000)
    partition: int = 0
    topic: str = "x"


def partition(since: int | None = None) -> Partition:
    return Partition(0, 1, POLICIES, writer_since=lambda _topic: since)


@dataclass
class World:
    """A partition with two complaints, and the records of its topics."""

    topics: dict[TopicName, list[Record]] = field(default_factory=lambda: {name: [] for name in TopicName})

    def __post_init__(self) -> None:
        self.lifecycle = Lifecycle(partition())
        self.lifecycle.ready()
        for number, complaint in enumerate((FIRST, SECOND)):
            register = c.RegisterComplaint(
                tracking_id=str(1000 + number), source=CHANNEL, report_id=str(number + 1), report=report()
            )
            self.send(register, complaint, by="/stages/intake")

    def send(
        self, command: c.Command, complaint: str, *, by: str = CITIZEN, name: str = "m", replays: int = 0
    ) -> list[OutgoingRecord]:
        value = encode.encode_command(command, source=by, command_id=name, subject=complaint, time=MONDAY)
        return self.process(value, replays)

    def process(self, value: bytes, replays: int = 0) -> list[OutgoingRecord]:
        headers = ((REPLAYS, str(replays).encode()),) if replays else ()
        record = self.add(TopicName.COMMANDS, complaint=None, value=value, headers=headers)
        outputs = list(self.lifecycle.handle(record))
        self.lifecycle.commit()
        for output in outputs:
            self.add(output.topic, output.key, output.value, tuple(output.headers))
        return outputs

    def add(
        self,
        topic: TopicName,
        complaint: bytes | None,
        value: bytes | None,
        headers: tuple[tuple[str, bytes], ...] = (),
    ) -> Record:
        records = self.topics[topic]
        record = Record(complaint, value, records[-1].offset + 1 if records else 0, headers)
        records.append(record)
        return record

    def compact(self) -> None:
        """Keep the last record of each key of the state, where it lies."""
        last = {record.key: record for record in self.topics[TopicName.STATE]}
        self.topics[TopicName.STATE] = sorted(last.values(), key=lambda record: record.offset)

    def restarted(self, since: int | None = 0) -> list[str]:
        """Restart lifecycle from the state; return why records were not accepted."""
        self.lifecycle = Lifecycle(partition(since))
        reasons = []
        for record in self.topics[TopicName.STATE]:
            try:
                self.lifecycle.restore(record)
            except Undecodable as error:
                reasons.append(str(error))
        self.lifecycle.ready()
        return reasons

    def snapshot(self, complaint: str) -> bytes:
        """The value of the last record of a complaint."""
        found = [each.value for each in self.topics[TopicName.STATE] if each.key == complaint.encode()]
        assert found[-1] is not None
        return found[-1]

    def forged(self, **changes: Any) -> bytes:
        """A snapshot of the first complaint with other fields."""
        event = json.loads(self.snapshot(FIRST))
        event["data"]["complaint"] |= changes
        return json.dumps(event, separators=(",", ":")).encode()


FORGERIES: dict[str, Callable[[World], bytes | None]] = {
    "a tombstone": lambda _world: None,
    "a higher version": lambda world: world.forged(version=99),
    "an unknown policy": lambda world: world.forged(policy="of-mars/2027"),
    "an unknown field": lambda world: world.forged(unheard_of=1),
    "another status": lambda world: world.forged(status="closed"),
    "garbage": lambda _world: b"garbage",
    "garbage of the right shape": lambda _world: b'{"specversion":"1.0","data":{"complaint":{"version":7}}}',
    "another complaint's snapshot": lambda world: world.snapshot(SECOND),
}


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("kind", FORGERIES)
def test_a_foreign_state_record_quarantines_its_complaint_and_the_others_go_on(kind: str, *, compacted: bool) -> None:
    world = World()
    world.add(TopicName.STATE, FIRST.encode(), FORGERIES[kind](world))
    if compacted:
        world.compact()
    [reason] = world.restarted()
    assert reason.startswith("foreign: ")
    assert world.lifecycle.state_report().quarantined == 1
    with pytest.raises(Undecodable, match=f"quarantined: .*alur state repair {FIRST}"):
        world.send(c.WithdrawComplaint(), FIRST)
    written = world.send(c.WithdrawComplaint(), SECOND)
    assert {output.topic for output in written} == {TopicName.EVENTS, TopicName.STATE}


def test_nothing_registers_a_quarantined_complaint_again() -> None:
    world = World()
    world.add(TopicName.STATE, FIRST.encode(), None)
    world.compact()
    world.restarted()
    register = c.RegisterComplaint(tracking_id="1000", source=CHANNEL, report_id="1", report=report())
    with pytest.raises(Undecodable, match="quarantined"):
        world.send(register, FIRST, by="/stages/intake", name="again")


def test_a_repeat_of_a_refused_command_is_no_second_dead_letter() -> None:
    world = World()
    world.add(TopicName.STATE, FIRST.encode(), None)
    world.restarted()
    with pytest.raises(Undecodable):
        world.send(c.WithdrawComplaint(), FIRST)
    world.lifecycle.rollback()
    with pytest.raises(Undecodable):  # the batch is processed again: nothing has been refused yet
        world.send(c.WithdrawComplaint(), FIRST)
    world.lifecycle.commit()
    assert world.send(c.WithdrawComplaint(), FIRST) == []
    with pytest.raises(Undecodable):
        world.send(c.WithdrawComplaint(), FIRST, name="another")


def test_a_dead_letter_that_is_replayed_before_the_repair_becomes_one_again() -> None:
    world = World()
    world.add(TopicName.STATE, FIRST.encode(), None)
    world.restarted()
    for replays in (0, 1, 2):
        with pytest.raises(Undecodable):
            world.send(c.WithdrawComplaint(), FIRST, replays=replays)
        world.lifecycle.commit()


def test_a_repair_counts_whatever_version_it_takes_the_place_of() -> None:
    world = World()
    own = world.snapshot(FIRST)
    world.add(TopicName.STATE, FIRST.encode(), world.forged(version=99), state_headers(3))
    world.add(TopicName.STATE, FIRST.encode(), own, repair_headers(3))
    assert world.restarted() == []
    assert world.lifecycle.state_report().quarantined == 0
    world.send(c.WithdrawComplaint(), FIRST)
    assert world.snapshot(FIRST) != own


def test_a_record_of_the_engine_after_it_ends_the_quarantine() -> None:
    """A running lifecycle does not read the state: its next snapshot follows on its own last one."""
    world = World()
    world.add(TopicName.STATE, FIRST.encode(), world.forged(version=99))
    world.send(c.WithdrawComplaint(), FIRST)
    assert len(world.restarted()) == 1
    assert world.lifecycle.state_report().quarantined == 0


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (lambda world: world.snapshot(SECOND), f"snapshot of complaint {SECOND}"),
        (lambda world: world.forged(channel="fax"), "version 1 does not follow on version 1"),
        (lambda _world: b"garbage", "not JSON|Invalid JSON"),
    ],
)
def test_nor_is_a_record_believed_that_has_the_headers_and_does_not_follow(value: Any, reason: str) -> None:
    world = World()
    world.add(TopicName.STATE, FIRST.encode(), value(world), state_headers(3))
    [found] = world.restarted()
    assert found.startswith("foreign: ")
    assert re.search(reason, found)
    assert world.lifecycle.state_report().quarantined == 1


@pytest.mark.parametrize(
    "between",
    [
        lambda world: world.forged(version=99),
        lambda world: world.forged(channel="fax"),
        lambda world: world.snapshot(SECOND),
        lambda _world: b"garbage",
        lambda _world: None,
    ],
)
def test_versions_are_restored_at_once_only_where_each_follows_on_the_one_before(between: Any) -> None:
    world = World()
    first = Record(FIRST.encode(), world.snapshot(FIRST), 0, state_headers(0))
    forged = Record(FIRST.encode(), between(world), 1, state_headers(1))
    world.send(c.WithdrawComplaint(), FIRST)
    last = Record(FIRST.encode(), world.snapshot(FIRST), 2, state_headers(2))
    assert world.lifecycle.supersedes([first, first, last])
    assert not world.lifecycle.supersedes([first, forged, last])


def test_records_of_before_writer_numbers_are_taken_as_they_are() -> None:
    world = World()
    old = world.topics[TopicName.STATE] = [Record(r.key, r.value, r.offset) for r in world.topics[TopicName.STATE]]
    assert world.restarted(None) == []
    assert world.lifecycle.state_report().complaints == 2
    world.send(c.WithdrawComplaint(), FIRST)
    assert world.restarted(None) == []
    world.add(TopicName.STATE, SECOND.encode(), None)
    assert len(world.restarted(None)) == 1
    # compaction can take away the record that had the first number: since when there are any is kept elsewhere
    world.topics[TopicName.STATE] = [old[0], Record(SECOND.encode(), None, 7)]
    assert world.restarted(None) == []
    assert len(world.restarted(2)) == 1


def test_a_key_of_no_complaint_quarantines_nothing() -> None:
    world = World()
    world.add(TopicName.STATE, b"mars", b"x")
    world.add(TopicName.STATE, None, b"x")
    assert len(world.restarted()) == 2
    assert world.lifecycle.state_report().quarantined == 0


def test_a_complaint_of_another_partition_is_not_kept_from_being_sent_on() -> None:
    world = World()
    world.restarted()
    world.lifecycle = Lifecycle(Partition(0, 8, POLICIES, writer_since=lambda _topic: 0))
    away = next(each for each in (complaint_id(CHANNEL, str(n)) for n in range(100)) if _home(each) != 0)
    with pytest.raises(Undecodable):
        world.lifecycle.restore(Record(away.encode(), b"x", 0))
    world.lifecycle.ready()
    [sent_on] = world.send(c.WithdrawComplaint(), away)
    assert (sent_on.topic, sent_on.partition) == (TopicName.COMMANDS, _home(away))


def _home(complaint: str) -> int:
    return partition_of(complaint, 8)


class TestTheCalendar:
    def announced(self) -> World:
        world = World()
        holiday = AnnounceHoliday(day=DAY, name="Cuti bersama", decree="SKB 3 Menteri")
        world.process(self.command(holiday, "a1"))
        reschedule = c.RescheduleDeadlines(calendar=1)
        world.send(reschedule, FIRST, by="/stages/sla", name="r")
        return world

    def command(self, holiday: AnnounceHoliday, name: str) -> bytes:
        return encode.encode_command(holiday, source="/offices/panrb", command_id=name, subject=CALENDAR, time=MONDAY)

    def test_one_of_ours_that_is_still_there_stays_in_force(self) -> None:
        world = self.announced()
        world.add(TopicName.STATE, CALENDAR_KEY, None)
        assert len(world.restarted()) == 1
        assert world.lifecycle.state_report().quarantined == 0

    def test_complaints_computed_with_a_lost_calendar_are_quarantined(self) -> None:
        world = self.announced()
        assert json.loads(world.snapshot(FIRST))["data"]["complaint"]["calendar"] == 1
        world.add(TopicName.STATE, CALENDAR_KEY, None)
        world.compact()
        world.restarted()
        assert world.lifecycle.state_report().quarantined == 1
        with pytest.raises(Undecodable, match=r"quarantined: .*alur state repair calendar"):
            world.process(self.command(AnnounceHoliday(day=DAY, name="x", decree="y"), "a2"))
        assert world.send(c.WithdrawComplaint(), SECOND)


def test_a_snapshot_that_cannot_be_read_is_found_before_work_begins() -> None:
    """Older than writer numbers, and with the right head: indistinguishable from ours until decoded."""
    world = World()
    value = world.forged(policy=7)
    world.topics[TopicName.STATE] = [Record(FIRST.encode(), value, 0)]
    world.restarted(None)
    assert world.lifecycle.state_report().quarantined == 1


def test_an_open_complaint_is_checked_however_its_snapshot_is_laid_out() -> None:
    world = World()
    event = json.loads(world.forged(policy="of-mars/2027"))
    event["data"]["complaint"] = dict(sorted(event["data"]["complaint"].items(), reverse=True))
    world.topics[TopicName.STATE] = [Record(FIRST.encode(), json.dumps(event, indent=1).encode(), 0)]
    with pytest.raises(RefusedToStart, match="under policy of-mars/2027"):
        world.restarted(None)


class TestTheOtherStages:
    @pytest.mark.parametrize("kind", FORGERIES)
    def test_sla_keeps_the_clocks_it_has(self, kind: str) -> None:
        world = World()
        timers = Timers(partition())
        for record in world.topics[TopicName.STATE]:
            timers.restore(record)
        timers.ready()
        clocks = timers.state_report()
        forged = world.add(TopicName.STATE, FIRST.encode(), FORGERIES[kind](world))
        with pytest.raises(Undecodable, match="foreign: "):
            timers.handle(forged)
        with pytest.raises(Undecodable, match="foreign: "):
            timers.restore(world.add(TopicName.STATE, CALENDAR_KEY, None))
        assert timers.state_report() == clocks
        assert clocks.clocks > 0

    @pytest.mark.parametrize("since", [None, 0])
    def test_a_forged_fact_is_neither_acted_on_nor_published(self, since: int | None) -> None:
        world = World()
        world.send(c.VerifyComplaint(category="infrastruktur-jalan"), FIRST, by="/stages/verification", name="v")
        world.send(c.WithdrawComplaint(), FIRST, name="w")
        acting, publishing = disposition.handler(partition(since)), Resolutions(partition(since))
        facts = world.topics[TopicName.EVENTS]
        seen = facts if since is None else []
        for fact in seen:
            list(acting.handle(fact))
            list(publishing.handle(fact))
        forged = [Record(each.key, each.value, 100 + each.offset) for each in facts]
        for fact in forged:
            with pytest.raises(Undecodable, match="foreign: "):
                list(publishing.handle(fact))
        verified = next(fact for fact in forged if b"complaint.verified.v1" in (fact.value or b""))
        with pytest.raises(Undecodable, match="foreign: "):
            list(acting.handle(verified))
        under_another_key = Record(SECOND.encode(), facts[-1].value, 200, facts[-1].headers)
        with pytest.raises(Undecodable, match=f"foreign: .*fact of complaint {FIRST}"):
            list(publishing.handle(under_another_key))

    def test_a_foreign_story_is_not_published(self) -> None:
        world = World()
        for command, by in (
            (c.VerifyComplaint(), "/offices/panrb"),
            (c.DisposeComplaint(office="denpasar-pupr"), "/offices/panrb"),
            (c.RecordFollowUp(text="Sudah."), "/offices/denpasar-pupr"),
            (c.CloseComplaint(), "/offices/panrb"),
            (c.PublishStory(title="Kisah"), "/offices/panrb"),
        ):
            world.send(command, FIRST, by=by, name=command.NAME)
        publishing = Resolutions(partition())
        for fact in world.topics[TopicName.EVENTS]:
            stories = [each for each in publishing.handle(fact) if each.topic is TopicName.STORIES]
            publishing.commit()
            for each in stories:
                world.add(each.topic, each.key, each.value, tuple(each.headers))
        assert {writer_of(each.headers) for each in world.topics[TopicName.STORIES]} == {WRITER}
        again = Resolutions(partition())
        for story in world.topics[TopicName.STORIES]:
            again.restore(story)
        for value in (b'{"title":"forged","answer":null}', None):
            with pytest.raises(Undecodable, match="foreign: "):
                again.restore(Record(FIRST.encode(), value, 9))
        world.send(c.RateResolution(rating=4), FIRST, name="r")
        [published] = [
            each for each in again.handle(world.topics[TopicName.EVENTS][-1]) if each.topic is TopicName.RESOLUTIONS
        ]
        assert b"Kisah" in (published.value or b"")
        assert b"forged" not in (published.value or b"")
