"""The engine in one process: stages, clock and restarts, and a replay of what it has decided."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agents.ops.erasures import announce, made_now
from agents.testing import HISTORY, Engine, replay
from events.client import Channel, read_all
from events.installation import FIRST_POSITIONS, TEXTS_APART, TEXTS_KEY
from events.topics import STAGES, TopicName
from events.vocabulary import ClockName
from tests.support.engines import command_event, report_event
from workflow.policy.model import Policy

LAPOR = Path(__file__).parents[3] / "workflow/policy/lapor.toml"
DISPOSED = ["registered", "verified", "disposed"]


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine() as engine:
        yield engine


def submit(engine: Engine, report_id: str = "1") -> str:
    with Channel(engine.settings, "/channels/sms") as channel:
        return channel.submit(report_id, report_event(report_id, title=f"Jalan {report_id} berlubang")["data"])


def facts(engine: Engine, complaint: str) -> list[str]:
    return [recorded.fact.NAME for recorded in engine.history(complaint)]


def policy_of(engine: Engine) -> Policy:
    return engine.policies.versions[-1]


def test_a_deadline_is_missed_when_the_clock_passes_it_and_not_before(engine: Engine) -> None:
    complaint = submit(engine)
    assert facts(engine, complaint) == DISPOSED
    due = engine.history(complaint)[-1].complaint.clocks[ClockName.FOLLOW_UP].due_at
    assert due is not None
    engine.advance(due - engine.now)
    assert "breached" not in facts(engine, complaint)
    engine.advance(timedelta(milliseconds=1))
    assert facts(engine, complaint)[-2:] == ["breached", "escalated"]
    [breached] = [each for each in engine.history(complaint) if each.fact.NAME == "breached"]
    assert breached.at - due <= timedelta(milliseconds=1)


def test_each_deadline_on_the_way_has_its_own_time(engine: Engine) -> None:
    complaint = submit(engine)
    engine.advance(timedelta(days=30))
    times = [each.at for each in engine.history(complaint)]
    assert times == sorted(times)
    assert len(set(times)) > len(DISPOSED)
    assert engine.now == times[0] + timedelta(days=30)


def test_without_lifecycle_no_notice_is_given_and_deadlines_are_caught_up_with(engine: Engine) -> None:
    complaint = submit(engine)
    engine.settle()
    engine.stop("lifecycle")
    engine.advance(timedelta(days=30))
    assert facts(engine, complaint) == DISPOSED
    engine.start("lifecycle")
    engine.advance(timedelta(milliseconds=1))
    assert "breached" in facts(engine, complaint)


def test_stages_read_their_memory_back(engine: Engine) -> None:
    first = submit(engine)
    engine.settle()
    engine.stop(*engine.running)
    second = submit(engine, "2")
    engine.start("lifecycle", "intake", "sla", "verification", "disposition", "escalation", "resolution")
    assert facts(engine, first) == facts(engine, second) == DISPOSED
    submit(engine)
    assert facts(engine, first) == DISPOSED, "the same report again"


def test_an_invalid_command_becomes_a_dead_letter(engine: Engine) -> None:
    engine.send(TopicName.COMMANDS, b"x", b"no command")
    with capture_logs() as logs:
        engine.settle()
    [letter] = engine.records(TopicName.DEAD_LETTERS)
    assert letter.value == b"no command"
    assert [each["event"] for each in logs] == ["dead_letter_written"]


@pytest.fixture
def history() -> Iterator[Engine]:
    with Engine("lapor") as engine:
        for number in range(3):
            complaint = submit(engine, str(number))
            engine.settle()
            for name, by, data in [
                ("verify-complaint", "/offices/panrb", {}),
                ("record-follow-up", "/offices/badung", {"text": "Sudah."}),
            ]:
                command = command_event(name, complaint, by, data)
                engine.send(TopicName.COMMANDS, complaint.encode(), json.dumps(command).encode())
        engine.advance(timedelta(days=40))
        yield engine


def test_the_same_rules_decide_the_same(history: Engine) -> None:
    found = replay(read_all(history.settings, HISTORY), history.settings)
    assert (found.complaints, found.incomplete, found.divergences) == (3, (), ())


@pytest.mark.long
def test_other_rules_are_found_at_the_first_decision_that_differs(history: Engine, tmp_path: Path) -> None:
    changed, text = tmp_path / "lapor.toml", LAPOR.read_text()
    assert 'follow_up = "5 working days"' in text
    changed.write_text(text.replace('follow_up = "5 working days"', 'follow_up = "6 working days"'))
    found = replay(read_all(history.settings, HISTORY), replace(history.settings, policy=str(changed)))
    assert {each.path for each in found.divergences} == {"data.complaint.clocks.follow_up.due_at"}
    assert {each.command.partition("#")[0] for each in found.divergences} == {"/stages/disposition"}
    assert len({each.complaint for each in found.divergences}) == 3


def test_a_stage_that_no_longer_acts_is_found(history: Engine, tmp_path: Path) -> None:
    changed, text = tmp_path / "lapor.toml", LAPOR.read_text()
    changed.write_text(text.replace('machine = ["postpone", "dispose"]', 'machine = ["postpone"]'))
    found = replay(read_all(history.settings, HISTORY), replace(history.settings, policy=str(changed)))
    assert {(each.recorded, each.decided) for each in found.divergences} == {
        ("lapor.command.dispose-complaint.v1", "nothing")
    }


def test_a_complaint_whose_registration_has_expired_is_named_and_not_compared(history: Engine) -> None:
    records = [each for each in read_all(history.settings, HISTORY) if each.topic is not TopicName.COMMANDS]
    found = replay(records, history.settings)
    assert found.complaints == 0
    assert len(found.incomplete) == 3
    assert found.divergences == ()


def test_a_migrated_installation_with_texts_apart_is_replayed() -> None:
    with Engine("lapor") as engine:
        for key, value in [(TEXTS_KEY, TEXTS_APART), (FIRST_POSITIONS, {"complaints.commands": 500})]:
            engine.send(TopicName.INSTALLATION, key.encode(), json.dumps(value).encode(), partition=0)
        engine.stop(*engine.running)
        engine.start(*STAGES)
        complaint = submit(engine)
        engine.settle()
        for name in ("verify-complaint", "close-complaint"):
            command = command_event(name, complaint, "/offices/panrb", {})
            engine.send(TopicName.COMMANDS, complaint.encode(), json.dumps(command).encode())
        engine.settle()
        [rejected] = engine.records(TopicName.REJECTIONS)
        assert b"/rejected/" in (rejected.value or b"")
        assert len(list(engine.records(TopicName.TEXTS))) == 1
        found = replay(read_all(engine.settings, HISTORY), engine.settings)
    assert (found.complaints, found.incomplete, found.divergences) == (1, (), ())


def test_a_story_is_published_with_words_that_lie_apart() -> None:
    with Engine("lapor") as engine:
        engine.send(TopicName.INSTALLATION, TEXTS_KEY.encode(), json.dumps(TEXTS_APART).encode(), partition=0)
        complaint = submit(engine)
        engine.settle()
        for name, by, data in [
            ("verify-complaint", "/offices/panrb", {}),
            ("dispose-complaint", "/offices/panrb", {"office": "denpasar-pupr"}),
            ("record-follow-up", "/offices/denpasar-pupr", {"text": "Sudah."}),
            ("close-complaint", "/offices/panrb", {}),
            ("publish-story", "/offices/panrb", {"title": "Judul yang disunting", "answer": "Sudah."}),
        ]:
            command = command_event(name, complaint, by, data)
            engine.send(TopicName.COMMANDS, complaint.encode(), json.dumps(command).encode())
            engine.settle()
        last = list(engine.records(TopicName.RESOLUTIONS))[-1]
        assert b"Judul yang disunting" in (last.value or b"")
        assert not [each for each in engine.records(TopicName.EVENTS) if b"disunting" in (each.value or b"")]


def test_an_erased_identity_is_not_brought_back_by_a_repeat(engine: Engine) -> None:
    complaint = submit(engine)
    engine.settle()
    before = len(list(engine.records(TopicName.IDENTITIES)))
    announce(engine.settings, complaint, made_now(texts=False, identity=True, by="desk", reason="Diminta."))
    assert submit(engine) == complaint
    engine.settle()
    assert len(list(engine.records(TopicName.IDENTITIES))) == before == 1
