"""Intake and a report that comes again after it was erased."""

import json
from types import SimpleNamespace
from typing import Any, Final

from agents.config import policy_files
from agents.config.settings import Settings
from agents.kafka.records import OutgoingRecord
from agents.ops.erasures import announce, complete_at, made_now
from agents.runtime.stage import Partition
from agents.stages.erasures import Erasures
from agents.stages.intake import Intake
from agents.testing import Engine
from events.codec.decode import decode_command
from events.codec.encode import encode_value
from events.codec.parsing import read_ours
from events.commands import RegisterComplaint
from events.ids import complaint_id
from events.texts import ERASED, Erasure
from events.topics import TopicName
from tests.support.worlds import MONDAY

COMPLAINT: Final = complaint_id("/channels/sms", "1")
PARTITION: Final = Partition(0, 1, policy_files.load("lapor"))


def handled(erasures: Erasures) -> list[OutgoingRecord]:
    data = {
        "class": "complaint",
        "title": "Zebrawoord",
        "body": "Zebrawoord di depan rumah",
        "office": "zebrawoord",
        "attachments": ["https://example.org/zebrawoord.jpg"],
        "location": {"city": "Denpasar"},
        "reporter": {"name": "Ni Luh Zebrawoord", "subject": "p-1"},
    }
    event = {"specversion": "1.0", "type": "lapor.report.submitted.v1", "source": "/channels/sms", "id": "1"}
    stamp = int(MONDAY.timestamp() * 1000)
    record: Any = SimpleNamespace(
        topic="x", partition=0, offset=3, timestamp=stamp, key=b"x", value=json.dumps(event | {"data": data}).encode()
    )
    return list(Intake(PARTITION, lambda: erasures).handle(record))


def test_what_was_not_erased_passes() -> None:
    found = handled(Erasures(Settings(), "intake"))
    assert [each.topic for each in found] == [TopicName.IDENTITIES, TopicName.COMMANDS]


def test_an_erased_report_brings_no_identity_and_no_word() -> None:
    erasures = Erasures(Settings(), "intake")
    erasures.take(COMPLAINT.encode(), encode_value(made_now(texts=True, identity=True, by="desk", reason="Diminta.")))
    [only] = handled(erasures)
    assert only.topic is TopicName.COMMANDS
    assert b"zebrawoord" not in (only.value or b"").lower()
    command = decode_command(only.value).data
    assert isinstance(command, RegisterComplaint)
    assert (command.report.title, command.reporter_digest) == (ERASED, None)
    assert command.report.location is not None


def test_one_of_both_may_be_erased() -> None:
    erasures = Erasures(Settings(), "intake")
    erasures.take(COMPLAINT.encode(), encode_value(made_now(texts=False, identity=True, by="desk", reason="Diminta.")))
    [only] = handled(erasures)
    assert b"Zebrawoord di depan" in (only.value or b"")
    erasures.take(COMPLAINT.encode(), b"{")  # what cannot be read changes nothing
    assert erasures.of(COMPLAINT) is not None
    erasures.take(COMPLAINT.encode(), None)
    assert erasures.of(COMPLAINT) is None


def test_a_second_erasure_keeps_what_the_first_has_erased() -> None:
    with Engine(stages=()) as engine:
        announce(engine.settings, COMPLAINT, made_now(texts=False, identity=True, by="desk", reason="Diminta."))
        announce(engine.settings, COMPLAINT, made_now(texts=True, identity=False, by="desk", reason="Diminta lagi."))
        erasures = Erasures(engine.settings, "intake")
        records = list(engine.records(TopicName.ERASURES))
        for record in records:
            erasures.take(record.key, record.value)
    assert erasures.of(COMPLAINT) == (True, True)
    assert read_ours(Erasure, records[-1].value or b"").reason == "Diminta lagi."


def test_it_is_complete_when_the_longest_retention_is_over() -> None:
    assert (complete_at(MONDAY) - MONDAY).days == 97
