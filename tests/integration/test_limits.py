"""Records at the limits of size, and outputs that the broker refuses: one dead letter, and the stages go on."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from agents.config.settings import Settings
from agents.kafka import clients
from agents.ops.audit import audit
from agents.ops.dead_letters.records import DeadLetterRecord, read_dead_letters
from agents.ops.topics import ensure_topics
from agents.runtime import output_writer
from agents.runtime.failpoints import VARIABLE
from agents.stages.lifecycle import Lifecycle
from events.client.partitions import partition_of
from events.ids import complaint_id
from events.topics import INWARD_BATCH_BYTES, INWARD_RECORD_BYTES, TOPICS, TopicName
from tests.integration.test_dead_letters import PUPR, begin, command, does, facts, fails, process_commands
from tests.support.engines import CITIZEN, Engine, command_event, eventually, report_event

COMMANDS, INTAKE = "complaints.commands", "complaints.intake"
Headers = tuple[tuple[str, bytes], ...]


def _padded(event: dict[str, Any], size: int, key: bytes | None, headers: Headers = ()) -> bytes:
    """The event with blanks behind it: with key and headers so many bytes."""
    value = json.dumps(event).encode()
    beside = len(key or b"") + sum(len(name) + len(content) for name, content in headers)
    return value + b" " * (size - beside - len(value))


def _letters(engine: Engine, **wanted: str) -> list[DeadLetterRecord]:
    found = read_dead_letters(engine.settings)
    return [each for each in found if all(getattr(each, name) == value for name, value in wanted.items())]


def test_what_is_accepted_and_what_is_just_too_large(engine: Engine) -> None:
    """Also in the wrong partition: forwarding adds a key and a header to a record of the largest size."""
    accepted: list[str] = []
    refused = 0
    for headers in ((), (("h", b"x" * 500_000),), (("", b""),) * 5_000):
        for over in (0, 1):
            complaint = str(uuid.uuid4())
            event = command_event("withdraw-complaint", complaint, CITIZEN, {"reason": "selesai"})
            value = _padded(event, INWARD_RECORD_BYTES + over, None, headers)
            astray = (partition_of(complaint, engine.settings.partitions) + 1) % engine.settings.partitions
            engine.send(COMMANDS, value, headers=headers, partition=astray)
            accepted += [event["id"]] * (not over)
            report = report_event(f"limit-{len(headers)}-{over}")
            engine.send(INTAKE, _padded(report, INWARD_RECORD_BYTES + over, b"k", headers), b"k", headers=headers)
            refused += 2 * over
    # as much as the topic takes
    engine.send(INTAKE, _padded(report_event("largest"), INWARD_BATCH_BYTES - 100, b"k"), b"k")
    for sent in accepted:
        assert engine.await_answer(sent)["data"]["code"] == "unknown-complaint"
    for number in (0, 1, 5_000):
        engine.await_status(complaint_id("/channels/sms", f"limit-{number}-0"), "registered", "verified")
    eventually("letters", lambda: len(_letters(engine, code="too-large")) == refused + 1)
    [largest] = [each for each in _letters(engine, code="too-large") if each.size > INWARD_BATCH_BYTES - 1_000]
    assert largest.reason == f"{INWARD_BATCH_BYTES - 100:,} bytes with key and headers, 1,048,576 are accepted"
    assert "ask for a smaller one" in fails(engine.settings, "dead", "replay", str(largest.position))
    assert "too-large" in does(engine.settings, "dead", "list")


@contextmanager
def limited(engine: Engine, topic: str, size: int) -> Iterator[None]:
    """Set a lower size limit on a topic than the engine assumes."""
    own = next(each.config["max.message.bytes"] for each in TOPICS if each.name == topic)
    engine.limit(topic, size)
    try:
        yield
    finally:
        engine.limit(topic, int(own))


def _await_facts(engine: Engine, *reports: str) -> None:
    """Wait until there are facts about what was reported."""
    wanted = {complaint_id("/channels/sms", each) for each in reports}
    eventually("facts", lambda: wanted <= {each["subject"] for each in engine.events()})


def test_a_refused_output_becomes_a_dead_letter_and_the_rest_goes_on(engine: Engine) -> None:
    """First the command of a stage without transactions, then the words of a fact, then a dead letter.

    With a limit that is too low no stage starts: it is lowered while they run.
    """
    small, more = ([f"{name}-{number}" for number in range(20)] for name in ("small", "more"))
    with limited(engine, COMMANDS, 8_000):
        reports = [report_event("large", body="x" * 12_000), *(report_event(each) for each in small)]
        engine.send_reports([*reports[5:], *reports[:5]])
        _await_facts(engine, *small)
    [letter] = _letters(engine, code="output-refused")
    assert letter.stage == "intake"
    assert letter.reason == "an output for complaints.commands was refused: MessageSizeTooLargeError"
    with limited(engine, "complaints.texts", 8_000):
        does(engine.settings, "dead", "replay", str(letter.position))
        engine.send_reports([report_event(each) for each in more])
        _await_facts(engine, *more)
        [_, letter] = eventually("a letter", lambda: (found := _letters(engine, code="output-refused"))[1:] and found)
        assert (letter.stage, letter.open) == ("lifecycle", True)
    # nothing of it has stayed in the memory; nor after a crash right behind a refusal
    engine.stop("lifecycle")
    engine.environment = {VARIABLE: "lifecycle:after-refusal:1"}
    engine.start("lifecycle")
    engine.environment = {}
    engine.await_status(engine.report("before the crash"), "registered", "verified")
    with limited(engine, "complaints.texts", 8_000):
        does(engine.settings, "dead", "replay", str(letter.position))
        eventually("the crash", lambda: "lifecycle" not in engine.alive())
    engine.start("lifecycle")
    _await_facts(engine, "large")
    with limited(engine, "complaints.dead-letters", 5_000):
        engine.send_all(COMMANDS, [(b"k", b"not JSON " * size) for size in (1, 1_000, 2)])
        eventually("letters", lambda: len(_letters(engine, code="not-json")) == 3)
    sizes = {each.truncated_from: each.size for each in _letters(engine, code="not-json")}
    assert sizes[9_000] == 0
    engine.await_quiet()
    assert audit(engine.settings).violations == []


def test_a_letter_always_fits(engine: Engine) -> None:
    """Keys of four megabytes where four stages read, also compressed; and the stages start over them again."""
    readers = {"complaints.events": 4, "complaints.state": 1}
    for topic in (*readers, "complaints.stories"):
        engine.send(topic, b"{}", b"k" * 4_150_000)
        engine.send(topic, b"v" * 5_000_000, b"k" * 2_000_000, **{"compression.type": "gzip"})

    def of(topic: str) -> list[DeadLetterRecord]:
        return [each for each in read_dead_letters(engine.settings) if each.origin and each.origin.topic == topic]

    for topic, stages in readers.items():
        eventually(f"letters of {topic}", lambda topic=topic, stages=stages: len(of(topic)) >= 2 * stages)  # type: ignore[misc]  # a default is no parameter
    engine.stop("lifecycle", "sla", "resolution")
    engine.start("lifecycle", "sla", "resolution")
    engine.await_quiet({"lifecycle", "sla", "resolution"})
    letters = of("complaints.events")
    assert {each.key_truncated_from for each in letters} == {4_150_000, 2_000_000}
    assert {each.truncated_from for each in letters} == {None, 5_000_000}
    for each in letters[-2:]:
        assert "truncated from" in does(engine.settings, "dead", "show", str(each.position))
        assert "too long, and truncated" in fails(engine.settings, "dead", "replay", "--force", str(each.position))
        does(engine.settings, "dead", "discard", str(each.position), "--reason", "too long")
    engine.await_status(engine.report("after the keys"), "registered", "verified")


def test_a_command_whose_output_is_too_large_changes_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sizes are known before anything is sent: later commands of the batch see the complaint as it is."""
    ensure_topics(settings)
    monkeypatch.setitem(output_writer._LIMITS, TopicName.EVENTS, 5_500)  # noqa: SLF001 -- as no accepted record reaches
    monkeypatch.setattr(clients, "BATCH_BYTES", 5_000)  # below the limit, as the real one is
    complaint = begin(settings)
    command(settings, "verify-complaint", complaint, "/offices/panrb")
    command(settings, "dispose-complaint", complaint, "/offices/panrb", office="denpasar-pupr")
    for text in ("x" * 4_000, "Sudah ditambal.", "y" * 4_000):
        command(settings, "record-follow-up", complaint, PUPR, text=text)
    command(settings, "close-complaint", complaint, "/offices/panrb")
    process_commands(settings, complaint, Lifecycle)
    assert facts(settings) == ["registered", "verified", "disposed", "followed-up", "closed"]
    letters = read_dead_letters(settings)
    assert [each.code for each in letters] == ["output-too-large"] * 2
    assert "5,500 are possible" in letters[0].reason
    assert audit(settings).violations == []
