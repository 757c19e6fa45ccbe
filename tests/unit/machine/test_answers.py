"""Each command gets exactly one answer: facts, or a rejection with an id of its own. Only a repeat gets none."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from agents.config import policy_files
from agents.config.keys import Keys
from agents.kafka.records import OutgoingRecord
from agents.runtime.stage import Partition
from agents.stages.lifecycle import Lifecycle
from events import commands as c
from events.announcements import CALENDAR, AnnounceHoliday
from events.client.partitions import partition_of
from events.codec.decode import decode_snapshot
from events.codec.encode import encode_command
from events.ids import complaint_id, stage_command_id
from events.outcomes import RejectionEvent
from events.reports import ReportContent, ReportSubmitted
from events.topics import TopicName
from events.vocabulary import ClockName, Detail, Refusal
from tests.support.tables import Rows, every
from tests.support.worlds import (
    APPEAL,
    ARCHIVE,
    CHANNEL,
    CITIZEN,
    CLOSE,
    COMPLETE,
    DENPASAR,
    DISPOSE,
    ESCALATION,
    FOLLOW_UP,
    GRANT,
    INTAKE,
    MONDAY,
    PANRB,
    POSTPONE,
    PROGRESS,
    PUPR,
    RATE,
    REJECT,
    REOPEN,
    REPLY,
    REQUEST,
    RESTORE,
    RETURN,
    SLA,
    VERIFY,
    WITHDRAW,
    report,
)

COMPLAINT = complaint_id(CHANNEL, "1")
KEYS = Keys.derived("test")


def register(**changes: Any) -> c.RegisterComplaint:
    return c.RegisterComplaint(tracking_id="1000000", source=CHANNEL, report_id="1", report=report(**changes))


@dataclass
class LifecycleStage:
    """Lifecycle with one partition, given commands one by one."""

    keys: Keys = KEYS
    partitions: int = 1
    offsets: Any = field(default_factory=count)
    lifecycle: Lifecycle = field(init=False)
    now: datetime = MONDAY

    def __post_init__(self) -> None:
        self.lifecycle = self.begun(self.keys)

    def begun(self, keys: Keys) -> Lifecycle:
        return Lifecycle(Partition(0, self.partitions, policy_files.load("lapor"), keys=keys))

    def restart(self, keys: Keys, state: list[OutgoingRecord]) -> None:
        """Begin anew from what was written, with other keys."""
        self.lifecycle = self.begun(keys)
        for output in state:
            self.lifecycle.restore(SimpleNamespace(key=output.key, value=output.value, offset=0, headers=()))

    def later(self, span: timedelta) -> None:
        """Let time pass."""
        self.now += span

    def send(self, command: c.Command, by: str, message: str, subject: str = COMPLAINT) -> list[OutgoingRecord]:
        value = encode_command(command, source=by, command_id=message, subject=subject, time=MONDAY)
        return self.raw(value)

    def raw(self, value: bytes) -> list[OutgoingRecord]:
        offset = next(self.offsets)
        stamp = int(self.now.timestamp() * 1000) + offset
        place = {"topic": "complaints.commands", "partition": 0, "offset": offset}
        record = SimpleNamespace(value=value, key=None, timestamp=stamp, headers=(), **place)
        outputs = list(self.lifecycle.handle(record))
        self.lifecycle.commit()
        return outputs

    def register(self, **changes: Any) -> list[OutgoingRecord]:
        return self.send(register(**changes), INTAKE, stage_command_id(COMPLAINT, "register"))


def rejections(outputs: list[OutgoingRecord]) -> list[RejectionEvent]:
    return [
        RejectionEvent.model_validate_json(each.value or b"") for each in outputs if each.topic is TopicName.REJECTIONS
    ]


NOTICE = c.NoticeDeadline(clock=ClockName.VERIFICATION, due_at=MONDAY)
HOLIDAY = AnnounceHoliday(day=date(2026, 3, 6), name="Cuti bersama", decree="SKB 3 Menteri")
# the answer of a registered complaint to each, from any sender: some are accepted, most are refused
EACH: list[tuple[c.Command, str]] = [
    (register(), INTAKE),
    (VERIFY, PANRB),
    (POSTPONE, PANRB),
    (ARCHIVE, PANRB),
    (RESTORE, PANRB),
    (REOPEN, CITIZEN),
    (COMPLETE, CITIZEN),
    (WITHDRAW, CITIZEN),
    (DISPOSE, PANRB),
    (RETURN, PUPR),
    (FOLLOW_UP, PUPR),
    (PROGRESS, PUPR),
    (REJECT, PANRB),
    (REPLY, CITIZEN),
    (CLOSE, PANRB),
    (APPEAL, CITIZEN),
    (RATE, CITIZEN),
    (c.ChangePrivacy(secret=True), CITIZEN),
    (c.PublishStory(title="Jalan berlubang"), PANRB),
    (c.UnpublishStory(), PANRB),
    (c.EraseData(texts=True, reason="Diminta pelapor."), PANRB),
    (REQUEST, PUPR),
    (GRANT, DENPASAR),
    (NOTICE, SLA),
    (c.EscalateComplaint(rung=1, office="denpasar"), ESCALATION),
    (c.RescheduleDeadlines(calendar=1), SLA),
    (HOLIDAY, PANRB),
    (HOLIDAY, CITIZEN),
]


def test_the_table_has_every_command() -> None:
    assert {type(command) for command, _ in EACH} == {*c.COMMANDS, AnnounceHoliday}


@every(Rows(EACH))
def test_every_kind_of_command_twice(command: c.Command, by: str) -> None:
    subject = CALENDAR if isinstance(command, AnnounceHoliday) else COMPLAINT
    stage = LifecycleStage()
    stage.register()
    first = stage.send(command, by, "m1", subject)
    again = stage.send(command, by, "m1", subject)
    other = stage.send(command, by, "m2", subject)
    facts = [each for each in first if each.topic is not TopicName.REJECTIONS]
    refused = rejections(first)
    assert bool(facts) != bool(refused), "one answer"
    assert len(refused) <= 1
    if facts:
        assert again == [], "a repeat of what had its effect"
    else:
        [one], [two] = refused, rejections(again)
        assert one.data == two.data, "decided on again, with the same outcome"
        assert one.id != two.id, "and the sender gets an answer once more"
    assert other, "another command gets its own answer"
    names = [each.id for each in [*refused, *rejections(again), *rejections(other)]]
    assert len(set(names)) == len(names)


def test_the_same_place_gives_the_same_id() -> None:
    one, two = LifecycleStage(), LifecycleStage()
    for stage in (one, two):
        stage.register()
    assert one.send(REPLY, CITIZEN, "m1") == two.send(REPLY, CITIZEN, "m1")


def test_data_that_cannot_be_read_are_answered_each_time_and_last() -> None:
    stage = LifecycleStage()
    value = json.loads(encode_command(RATE, source=CITIZEN, command_id="m1", subject=COMPLAINT, time=MONDAY))
    raw = json.dumps(value | {"data": {"rating": 6}}).encode()
    [one], [two] = rejections(stage.raw(raw)), rejections(stage.raw(raw))
    assert (one.data.code, one.id != two.id) == (Refusal.UNKNOWN_COMPLAINT, True)
    stage.register()
    [rejection] = rejections(stage.raw(raw))
    assert rejection.data.code is Refusal.NOT_ALLOWED_IN_STATUS
    [rejection] = rejections(stage.raw(raw.replace(b"/citizens/anonymous", b"/offices/badung")))
    assert rejection.data.code is Refusal.NOT_PERMITTED
    [rejection] = rejections(stage.raw(raw.replace(b"rate-resolution", b"withdraw-complaint")))
    assert (rejection.data.code, rejection.data.status) == (Refusal.INVALID_DATA, "registered")
    assert "data.rating" in rejection.data.message


def test_a_command_in_another_partition_is_answered_at_home() -> None:
    stage = LifecycleStage(partitions=4)
    strangers = [complaint_id(CHANNEL, str(number)) for number in range(40)]
    away = next(each for each in strangers if partition_of(each, 4) == 3)
    [sent_on] = stage.send(REPLY, CITIZEN, "m1", away)
    assert (sent_on.topic, sent_on.partition) == (TopicName.COMMANDS, 3)


class TestRepeatsOfReports:
    def test_the_same_content_is_no_news(self) -> None:
        stage = LifecycleStage()
        assert stage.register()
        assert stage.register() == []

    def test_other_content_is_rejected_to_the_channel(self) -> None:
        stage = LifecycleStage()
        stage.register()
        [rejection] = rejections(stage.register(title="Lampu jalan mati", office="denpasar"))
        assert (rejection.data.code, rejection.data.detail) == (Refusal.INVALID_DATA, Detail.CONTENT_DIFFERS)
        assert (rejection.data.command_source, rejection.data.command_id) == (CHANNEL, "1")
        assert rejection.data.command_type == ReportSubmitted.TYPE
        assert str(rejection.subject) == COMPLAINT
        assert "another title, office," in rejection.data.message
        assert (rejection.data.status, rejection.data.version) == ("registered", 1)
        counted = stage.lifecycle._partition.metrics.decisions  # noqa: SLF001 -- what is exposed
        assert counted["submitted", "content-differs"] == 1

    def test_each_field_is_compared(self) -> None:
        changes: dict[str, Any] = {
            "class": {"class_": "aspiration"},
            "title": {"title": "x"},
            "body": {"body": "Lubang besar sejak dua pekan, sudah ada yang jatuh"},
            "category": {"category": None},
            "event_date": {"event_date": date(2026, 3, 1)},
            "location": {"location": None},
            "office": {"office": "denpasar"},
            "anonymous": {"anonymous": True},
            "secret": {"secret": True},
            "attachments": {"attachments": ("https://example.org/1.jpg",)},
            "follows": {"follows": "1041007"},
        }
        named = {info.alias or name for name, info in ReportContent.model_fields.items()}
        assert changes.keys() == named
        stage = LifecycleStage()
        stage.register()
        for name, change in changes.items():
            whole = report().model_copy(update=change)
            command = register().model_copy(update={"report": whole})
            [rejection] = rejections(stage.send(command, INTAKE, stage_command_id(COMPLAINT, "register")))
            assert f"another {name}," in rejection.data.message

    def test_what_it_was_completed_with_does_not_count(self) -> None:
        stage = LifecycleStage()
        stage.register()
        stage.send(POSTPONE, PANRB, "m1")
        stage.send(c.CompleteReport(title="Lampu jalan mati"), CITIZEN, "m2")
        assert stage.register() == []
        assert len(rejections(stage.register(title="Lampu jalan mati"))) == 1

    @pytest.mark.parametrize(("keys", "answers"), [(("new", "old"), 1), (("new",), 0)])
    def test_digests_of_an_old_key_are_compared_while_it_is_there(self, keys: tuple[str, ...], answers: int) -> None:
        made: Callable[[str], tuple[str, bytes]] = lambda name: (name, name.encode() * 8)  # noqa: E731
        stage = LifecycleStage(Keys((made("old"),)))
        state = [each for each in stage.register() if each.topic is TopicName.STATE]
        stage.restart(Keys(tuple(map(made, keys))), state)
        assert len(rejections(stage.register(title="Lampu jalan mati"))) == answers
        assert stage.register() == []

    def test_nothing_can_be_read_out_of_digests(self) -> None:
        other = c.RegisterComplaint(tracking_id="2", source=CHANNEL, report_id="2", report=report())
        found = []
        for command in (register(), other):
            subject = complaint_id(CHANNEL, command.report_id)
            outputs = LifecycleStage().send(command, INTAKE, stage_command_id(subject, "register"), subject)
            [state] = [each for each in outputs if each.topic is TopicName.STATE]
            found.append(decode_snapshot(state.value).report.content_digests or "")
        mine, theirs = found
        assert mine.rpartition(":")[0] == theirs.rpartition(":")[0] == "derived"
        slots = [{each.rpartition(":")[2][at : at + 4] for each in found} for at in range(0, 40, 4)]
        assert all(len(pair) == 2 for pair in slots), "the same content in two complaints"
