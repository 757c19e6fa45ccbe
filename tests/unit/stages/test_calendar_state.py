"""Lifecycle and sla with an announcement between them, record by record, without a broker."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from importlib import resources
from typing import Any

import pytest

from agents.config import policy_files
from agents.kafka.records import OutgoingRecord
from agents.runtime.stage import Partition, RefusedToStart
from agents.stages import deadline_recalculation
from agents.stages.lifecycle import Lifecycle
from agents.stages.sla import Timers
from events import commands as c
from events.announcements import CALENDAR, CALENDAR_KEY, AnnounceHoliday
from events.codec import decode, encode
from events.errors import Undecodable
from events.ids import complaint_id
from events.provenance import WRITER, source_offset_of, writer_of
from events.topics import TopicName
from events.vocabulary import ClockName
from tests.support.worlds import BALI, CITIZEN, INTAKE, LAPOR, MONDAY, PANRB, SLA, days, report, wib
from workflow.policy.model import PolicySet

CHANNEL = "/channels/sms"
DAY = date(2026, 3, 4)


@dataclass
class Record:
    """As much of a consumer's record as the stages look at."""

    key: bytes | None
    value: bytes | None
    timestamp: int = 0
    partition: int = 0
    offset: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()
    topic: str = "complaints.commands"


@dataclass
class Pair:
    """One partition: what the lifecycle stage wrote, and the sla stage that reads its state."""

    policy_set: PolicySet = field(default_factory=lambda: policy_files.load("lapor"))
    now: datetime = MONDAY
    written: list[OutgoingRecord] = field(default_factory=list)
    sent: int = 0

    def __post_init__(self) -> None:
        self.lifecycle = Lifecycle(Partition(0, 1, self.policy_set))
        self.timers = Timers(Partition(0, 1, self.policy_set))
        self.lifecycle.ready()
        self.timers.ready()

    def process(self, value: bytes | None) -> list[OutgoingRecord]:
        """Let lifecycle decide on a command, and sla see the state that follows."""
        command = Record(None, value, int(self.now.timestamp() * 1000), offset=len(self.written))
        outputs = list(self.lifecycle.handle(command))
        self.lifecycle.commit()
        self.written += outputs
        for output in outputs:
            if output.topic is TopicName.STATE:
                self.timers.handle(Record(output.key, output.value))
        return outputs

    def send(self, command: c.Command, by: str, subject: str, *, message: str | None = None) -> list[OutgoingRecord]:
        self.sent += 1
        name = message or f"m{self.sent}"
        return self.process(encode.encode_command(command, source=by, command_id=name, subject=subject, time=self.now))

    def register(self, number: int) -> str:
        complaint = complaint_id(CHANNEL, str(number))
        command = c.RegisterComplaint(
            tracking_id=str(1000000 + number), source=CHANNEL, report_id=str(number), report=report()
        )
        self.send(command, INTAKE, complaint)
        return complaint

    def announce(
        self, day: date = DAY, *, day_off: bool = True, by: str = PANRB, message: str = "a1"
    ) -> list[OutgoingRecord]:
        data = AnnounceHoliday(day=day, day_off=day_off, name="Cuti bersama", decree="SKB 3 Menteri")
        return self.send(data, by, CALENDAR, message=message)

    def tick(self, now: datetime | None = None) -> list[OutgoingRecord]:
        """Let sla send what is due, and process that."""
        sent = list(self.timers.tick(now or self.now))
        for output in sent:
            self.process(output.value)
        return sent

    def compacted(self) -> list[Record]:
        """The records of the state that are left: the last of each key, where that lies."""
        last = {output.key: place for place, output in enumerate(self.written) if output.topic is TopicName.STATE}
        return [Record(self.written[place].key, self.written[place].value) for place in sorted(last.values())]

    def restart(self, policy_set: PolicySet | None = None) -> None:
        """Make both stages anew, from the state alone."""
        fresh = Partition(0, 1, policy_set or self.policy_set)
        self.lifecycle, self.timers = Lifecycle(fresh), Timers(fresh)
        for record in self.compacted():
            self.lifecycle.restore(record)
            self.timers.restore(record)
        self.lifecycle.ready()
        self.timers.ready()

    def due(self, complaint: str, clock: ClockName = ClockName.VERIFICATION) -> datetime | None:
        value = next(r.value for r in self.compacted() if r.key == complaint.encode())
        return decode.decode_snapshot(value).clocks[clock].due_at


def names(outputs: Iterable[OutgoingRecord]) -> list[str]:
    return [json.loads(output.value or b"")["type"] for output in outputs]


THURSDAY, FRIDAY_ = (wib(f"2026-03-0{day}T23:59:59.999") for day in (5, 6))


def test_what_lifecycle_writes_carries_its_writer_number_and_the_offset_of_its_command() -> None:
    pair = Pair()
    pair.register(1)
    [calendar] = pair.announce()
    facts = [output for output in pair.written if output.topic is TopicName.EVENTS]
    [state] = [output for output in pair.written if output.topic is TopicName.STATE and output is not calendar]
    assert [writer_of(fact.headers) for fact in facts] == [WRITER] * len(facts)
    assert (writer_of(state.headers), source_offset_of(state.headers)) == (WRITER, 0)
    assert (writer_of(calendar.headers), source_offset_of(calendar.headers)) == (WRITER, len(facts) + 1)


def test_sla_asks_for_each_complaint_that_waits_and_lifecycle_moves_it() -> None:
    pair = Pair()
    complaints = [pair.register(number) for number in range(5)]
    assert names(pair.announce()) == ["lapor.calendar.snapshot.v1"]
    assert pair.due(complaints[0]) == THURSDAY
    assert pair.timers.due(pair.now)
    asked = pair.tick()
    assert {json.loads(output.value or b"")["subject"] for output in asked} == set(complaints)
    assert {pair.due(complaint) for complaint in complaints} == {FRIDAY_}
    assert not pair.timers.due(pair.now)
    assert names(pair.written).count("lapor.complaint.rescheduled.v1") == 10
    assert "lapor.command.rejected.v1" not in names(pair.written)


def test_a_complaint_that_was_decided_on_meanwhile_is_not_requested() -> None:
    pair = Pair()
    complaint = pair.register(1)
    pair.announce()
    outputs = pair.send(c.WithdrawComplaint(), CITIZEN, complaint)
    assert names(outputs)[:3] == ["lapor.complaint.rescheduled.v1"] * 2 + ["lapor.complaint.withdrawn.v1"]
    other = pair.register(2)
    assert pair.due(other) == FRIDAY_
    assert pair.tick() == []


def test_it_is_remembered_and_known_again_after_a_restart() -> None:
    pair = Pair()
    first = pair.register(1)
    pair.announce()
    pair.restart()
    assert pair.announce() == []
    assert names(pair.announce(message="a2")) == ["lapor.command.rejected.v1"]
    assert pair.due(pair.register(2)) == FRIDAY_
    assert len(pair.tick()) == 1
    assert pair.due(first) == FRIDAY_
    pair.restart()
    assert pair.tick() == []


def test_a_lost_request_is_repeated_by_the_next_owner() -> None:
    pair = Pair()
    complaint = pair.register(1)
    pair.announce()
    lost = list(pair.timers.tick(pair.now))
    assert len(lost) == 1
    assert list(pair.timers.tick(pair.now)) == []
    pair.restart()
    again = pair.tick()
    assert decode.decode_command(again[0].value).id == decode.decode_command(lost[0].value).id
    assert pair.due(complaint) == FRIDAY_


def test_no_command_is_sent_where_nothing_changes() -> None:
    pair = Pair()
    pair.register(1)
    pair.announce(date(2026, 3, 7))
    pair.announce(date(2026, 3, 19), message="a2")
    assert pair.tick() == []
    assert not pair.timers.due(pair.now)


def test_only_what_is_new_is_looked_at() -> None:
    pair = Pair()
    pair.announce(date(2026, 3, 3))
    pair.register(1)
    pair.announce(date(2026, 6, 3), message="a2")
    assert pair.tick() == []
    pair.restart()
    assert pair.tick() == []


def test_very_many_are_asked_for_little_by_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline_recalculation, "SENT_AT_ONCE", 3)
    pair = Pair()
    complaints = [pair.register(number) for number in range(8)]
    pair.announce()
    assert [len(pair.tick()) for _ in range(4)] == [3, 3, 2, 0]
    assert {pair.due(complaint) for complaint in complaints} == {FRIDAY_}


def test_very_many_are_looked_at_little_by_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline_recalculation, "EXAMINED_AT_ONCE", 3)
    pair = Pair()
    for number in range(8):
        pair.register(number)
    pair.announce(date(2026, 6, 3))
    assert [len(pair.tick()) for _ in range(3)] == [0, 0, 0]
    assert not pair.timers.due(pair.now)


class TestRefusals:
    def rejection(self, outputs: list[OutgoingRecord]) -> dict[str, Any]:
        [output] = outputs
        assert output.key == CALENDAR_KEY
        assert output.topic is TopicName.REJECTIONS
        event: dict[str, Any] = json.loads(output.value or b"")
        assert event["subject"] == CALENDAR
        refused: dict[str, Any] = event["data"]
        assert refused["status"] is None
        return refused

    def test_announcements_of_other_senders(self) -> None:
        assert self.rejection(Pair().announce(by=BALI))["code"] == "not-permitted"

    @pytest.mark.parametrize(
        ("data", "says"),
        [
            ({"day": "15 Mei", "name": "x", "decree": "y"}, "data.day: "),
            ({"day": "2026-05-15", "name": "x"}, "data.decree: required"),
            ({"day": "2026-05-15", "name": "", "decree": "y"}, "data.name: "),
            ({"day": "2026-05-15", "name": "x", "decree": "y", "to": 1}, "data.to: unknown field"),
            ("none", "data: "),
        ],
    )
    def test_announcements_with_invalid_data(self, data: object, says: str) -> None:
        value = json.loads(
            encode.encode_command(
                AnnounceHoliday(day=DAY, name="x", decree="y"),
                source=PANRB,
                command_id="1",
                subject=CALENDAR,
                time=MONDAY,
            )
        )
        refused = self.rejection(Pair().process(json.dumps(value | {"data": data}).encode()))
        assert refused["code"] == "invalid-data"
        assert refused["message"].startswith(says)

    @pytest.mark.parametrize("subject", [None, "holidays", complaint_id(CHANNEL, "1"), 7])
    def test_another_subject_is_no_announcement(self, subject: object) -> None:
        value = {"specversion": "1.0", "type": "lapor.command.announce-holiday.v1", "source": PANRB, "id": "1"}
        value["data"] = {"day": "2026-05-15", "name": "x", "decree": "y"}  # type: ignore[assignment]
        if subject is not None:
            value["subject"] = subject  # type: ignore[assignment]
        with pytest.raises(Undecodable, match="subject"):
            Pair().process(json.dumps(value).encode())

    def test_a_complaint_that_speaks_of_it_is_one_all_the_same(self) -> None:
        pair = Pair()
        complaint = pair.register(1)
        command = c.WithdrawComplaint(reason='"type": "lapor.command.announce-holiday.v1"')
        assert names(pair.send(command, CITIZEN, complaint))[0] == "lapor.complaint.withdrawn.v1"

    def test_other_commands_are_about_a_complaint(self) -> None:
        raw = encode.encode_command(
            c.WithdrawComplaint(), source=CITIZEN, command_id="1", subject=CALENDAR, time=MONDAY
        )
        with pytest.raises(Undecodable, match="subject"):
            Pair().process(raw)


class TestPolicyChange:
    """Two versions: complaints keep theirs. A policy that would break an open complaint does not start."""

    def test_complaints_keep_the_version_they_were_received_under(self) -> None:
        day = date(2026, 7, 1)
        stricter = LAPOR.model_copy(
            update={
                "effective_from": day,
                "version": f"lapor/{day}",
                "clocks": LAPOR.clocks.model_copy(update={"verification": LAPOR.clocks.escalation}),
            }
        )
        pair = Pair(PolicySet("lapor", (LAPOR, stricter)), now=wib("2026-06-30T23:59:59"))
        old = pair.register(1)
        assert pair.due(old) == wib("2026-07-03T23:59:59.999")
        pair.now += timedelta(seconds=1)
        new = pair.register(2)
        assert pair.due(new) == wib("2026-07-03T23:59:59.999")
        pair.now += days(1)
        pair.restart()
        pair.send(c.PostponeComplaint(missing=("location",), reason="Di mana?"), PANRB, old)
        pair.send(c.CompleteReport(title="Jalan berlubang"), CITIZEN, old)
        assert pair.due(old) == wib("2026-07-07T23:59:59.999")
        pair.send(c.PostponeComplaint(missing=("location",), reason="Di mana?"), PANRB, new)
        pair.send(c.CompleteReport(title="Jalan berlubang"), CITIZEN, new)
        assert pair.due(new) == wib("2026-07-06T23:59:59.999")
        pinned = [decode.decode_snapshot(record.value).policy for record in pair.compacted()]
        assert pinned == ["lapor/2025-01-01", "lapor/2026-07-01"]

    def test_a_version_that_is_gone(self) -> None:
        pair = Pair()
        pair.register(1)
        later = LAPOR.model_copy(update={"version": "lapor/2026-07-01"})
        with pytest.raises(
            RefusedToStart, match=r"under policy lapor/2025-01-01, which ALUR_POLICY=lapor does not have"
        ):
            pair.restart(PolicySet("lapor", (later,)))

    def test_an_office_that_is_gone(self, tmp_path: Any) -> None:
        pair = Pair()
        complaint = pair.register(1)
        pair.send(c.VerifyComplaint(), PANRB, complaint)
        pair.send(c.DisposeComplaint(office="denpasar-pupr"), PANRB, complaint)
        without = self.without_office("denpasar-pupr", tmp_path)
        with pytest.raises(
            RefusedToStart, match="with the office denpasar-pupr, which ALUR_POLICY=lapor does not know"
        ):
            pair.restart(without)
        pair.send(c.WithdrawComplaint(), CITIZEN, complaint)
        pair.restart(without)

    def test_an_office_that_the_reporter_chose_is_gone(self, tmp_path: Any) -> None:
        pair = Pair()
        command = c.RegisterComplaint(
            tracking_id="1", source=CHANNEL, report_id="1", report=report(office="denpasar-pupr")
        )
        pair.send(command, INTAKE, complaint_id(CHANNEL, "1"))
        with pytest.raises(RefusedToStart, match="with the office denpasar-pupr"):
            pair.restart(self.without_office("denpasar-pupr", tmp_path))

    def test_announcements_that_are_gone(self) -> None:
        pair = Pair()
        pair.announce()
        pair.register(1)
        pair.written = [output for output in pair.written if output.key != CALENDAR_KEY]
        with pytest.raises(RefusedToStart, match=r"with 1 announcements, and 0 are left"):
            pair.restart()

    @staticmethod
    def without_office(office: str, folder: Any) -> PolicySet:
        packaged = resources.files("workflow") / "policy"
        text = (packaged / "offices.toml").read_text(encoding="utf-8")
        (folder / "offices.toml").write_text(text.replace(f'"{office}"', f'"{office}-baru"'), encoding="utf-8")
        own = folder / "lapor.toml"
        own.write_text('offices = "offices.toml"\n' + (packaged / "lapor.toml").read_text("utf-8"), encoding="utf-8")
        return policy_files.load(str(own))


def test_sla_gets_what_the_calendar_asks() -> None:
    pair = Pair()
    pair.register(1)
    pair.announce()
    [output] = pair.timers.tick(pair.now)
    command = decode.decode_command(output.value)
    assert (command.source, command.data) == (SLA, c.RescheduleDeadlines(calendar=1))
