"""Broken input on every topic that a stage reads: a dead letter with its reason, while valid records are processed."""

import json
from collections import Counter
from typing import Any

import pytest
from kafka import KafkaProducer

from agents.ops.audit import audit
from events.ids import complaint_id
from events.topics import STAGES, TopicName
from tests.support.engines import CITIZEN, Engine, command_event, eventually, report_event

MEGABYTE = 1_000_000

_GOOD_REPORT = report_event("broken-input")
_COMPLAINT = "6c0f2a52-4b0f-5d0c-9d6b-4b0a3a5f1c11"
_GOOD_COMMAND = command_event("withdraw-complaint", _COMPLAINT, CITIZEN, {"reason": "selesai"})


def _with(event: dict[str, Any], **data: Any) -> bytes:
    return json.dumps({**event, "data": {**event["data"], **data}}).encode()


NO_MESSAGE: dict[str, bytes | None] = {
    "no value": None,
    "empty": b"",
    "not JSON": b"halo, jalan rusak",
    "half a message": json.dumps(_GOOD_REPORT).encode()[:200],
    "not UTF-8": b'{"specversion": "1.0", "type": "\xff\xfe"}',
    "NUL bytes": b"\x00" * 64,
    "a list": b"[1, 2, 3]",
    "a number": b"42",
    "an empty object": b"{}",
    "an unknown type": json.dumps({**_GOOD_REPORT, "type": "com.example.other.v1"}).encode(),
    "a type that is no string": json.dumps({**_GOOD_REPORT, "type": ["x"]}).encode(),
    "a megabyte of text": b'"' + b"x" * MEGABYTE + b'"',
    "deeply nested": b"[" * 50_000,
}
BROKEN_REPORTS: dict[str, bytes] = {
    "no class": json.dumps({**_GOOD_REPORT, "data": {"title": "x"}}).encode(),
    "neither title nor body": _with(_GOOD_REPORT, title=" ", body=None),
    "an unknown field": _with(_GOOD_REPORT, secrt=True),
    "a list for a title": _with(_GOOD_REPORT, title=["x"]),
    "the year 0": _with(_GOOD_REPORT, event_date="0000-01-01"),
    "a NUL in the text": _with(_GOOD_REPORT, body="jalan\x00rusak di depan pasar"),
    "a megabyte in a field": _with(_GOOD_REPORT, body="x" * (MEGABYTE - 2_000)),
    "no such latitude": _with(_GOOD_REPORT, location={"lat": 1e9, "lon": 0}),
    "data that is a list": json.dumps({**_GOOD_REPORT, "data": []}).encode(),
    "another specversion": json.dumps({**_GOOD_REPORT, "specversion": "0.3"}).encode(),
    "no id": json.dumps({key: value for key, value in _GOOD_REPORT.items() if key != "id"}).encode(),
}
BROKEN_ENVELOPES: dict[str, bytes] = {
    "no subject": json.dumps({key: value for key, value in _GOOD_COMMAND.items() if key != "subject"}).encode(),
    "a subject that is no id": json.dumps({**_GOOD_COMMAND, "subject": "7"}).encode(),
    "a time of the year 0": json.dumps({**_GOOD_COMMAND, "time": "0000-01-01T00:00:00Z"}).encode(),
    "an unknown command": json.dumps({**_GOOD_COMMAND, "type": "lapor.command.please.v1"}).encode(),
}
REFUSED_COMMANDS: dict[str, bytes] = {
    "an unknown field": _with(_GOOD_COMMAND, foo=1),
    "a number for a text": _with(_GOOD_COMMAND, reason=5),
    "a megabyte in a field": _with(_GOOD_COMMAND, reason="x" * (MEGABYTE - 2_000)),
    "a NUL in the text": _with(_GOOD_COMMAND, reason="\x00"),
    "data that is a list": json.dumps({**_GOOD_COMMAND, "data": []}).encode(),
}


def _letters(engine: Engine, topic: str) -> list[Any]:
    found = []
    for message in engine.read("complaints.dead-letters"):
        headers = dict(message.headers())
        if headers["topic"].decode() == engine.settings.topic(topic):
            found.append((message, headers))
    return found


def _goes_through(engine: Engine, report_id: str) -> None:
    complaint = engine.report(report_id)
    engine.await_status(complaint, "registered")
    engine.command("withdraw-complaint", complaint, CITIZEN)
    engine.await_status(complaint, "withdrawn")
    eventually("its resolution", lambda: engine.events("complaints.resolutions", complaint))


def _await_dead_letters(engine: Engine, topic: str, broken: dict[str, Any], readers: set[str]) -> None:
    engine.send_all(topic, [(name.encode(), value) for name, value in broken.items()])
    expected = {(reader, name) for reader in readers for name in broken}

    def seen() -> bool:
        return expected <= {(h["stage"].decode(), (m.key() or b"").decode()) for m, h in _letters(engine, topic)}

    eventually(f"dead letters of {topic}", seen)
    for message, headers in _letters(engine, topic):
        name = message.key().decode()
        if name in broken:
            assert message.value() == broken[name]
            # where only the engine writes, nothing is read further that it did not write
            ours = topic in {"complaints.events", "complaints.state"}
            expected_codes = {"foreign"} if ours else {"empty", "not-json", "not-an-object", "unknown-type", "invalid"}
            assert headers["code"].decode() in expected_codes, name
            assert headers["reason"], name
            assert {"partition", "offset", "failed-at"} <= set(headers)


def test_reports(engine: Engine) -> None:
    _goes_through(engine, "before-broken-reports")
    _await_dead_letters(engine, "complaints.intake", NO_MESSAGE | BROKEN_REPORTS, {"intake"})
    _goes_through(engine, "after-broken-reports")


def test_commands(engine: Engine) -> None:
    _await_dead_letters(engine, "complaints.commands", NO_MESSAGE | BROKEN_ENVELOPES, {"lifecycle"})
    _goes_through(engine, "after-broken-commands")


@pytest.mark.parametrize("name", REFUSED_COMMANDS)
def test_invalid_commands_are_rejected(engine: Engine, name: str) -> None:
    complaint = engine.report("refused-commands")
    engine.await_status(complaint, "registered")
    event = {**json.loads(REFUSED_COMMANDS[name]), "id": name, "subject": complaint}
    engine.send("complaints.commands", json.dumps(event).encode(), complaint.encode())
    answer = engine.await_answer(name)
    assert answer["data"]["code"] == "invalid-data"
    assert answer["data"]["message"].startswith("data")


def test_facts(engine: Engine) -> None:
    readers = {stage for stage, topic in STAGES.items() if topic is TopicName.EVENTS}
    _await_dead_letters(engine, "complaints.events", NO_MESSAGE, readers)
    _goes_through(engine, "after-broken-facts")


def test_snapshots_also_when_the_stages_start_over_them(stopped_engine: Engine) -> None:
    broken = NO_MESSAGE
    engine = stopped_engine
    engine.start("intake", "lifecycle", "sla", "resolution")
    before = engine.report("before-broken-snapshots")
    engine.await_status(before, "registered")
    engine.send_all("complaints.stories", [(name.encode(), value) for name, value in broken.items()])
    _await_dead_letters(engine, "complaints.state", broken, {"sla"})
    assert set(engine.stop("lifecycle", "sla", "resolution").values()) == {0}
    engine.start("lifecycle", "sla", "resolution")
    engine.command("withdraw-complaint", before, CITIZEN)
    engine.await_status(before, "withdrawn")
    eventually("its resolution", lambda: engine.events("complaints.resolutions", before))
    _goes_through(engine, "after-broken-snapshots")
    assert engine.alive() == {"intake", "lifecycle", "sla", "resolution"}


class _NoText(str):
    """The name of a header as only a client that does not look could send it."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


def test_what_our_client_would_not_send_or_cannot_unpack(stopped_engine: Engine) -> None:
    """Neither a record without any content nor a header name that is not text hides the value."""
    engine = stopped_engine
    before = engine.report("before")
    odd, behind = report_event("odd name"), report_event("same batch")
    sender = KafkaProducer(bootstrap_servers=engine.settings.broker, linger_ms=1_000)
    for topic in ("complaints.intake", "complaints.commands"):
        for number in range(engine.settings.partitions):
            engine.send(topic, None, None)  # anywhere
            place = {"topic": engine.settings.topic(topic), "partition": number}
            sender.send(value=b"2", key=b"odd", headers=[(_NoText("x"), b"y")], **place)
            sender.flush()
    place = {"topic": engine.settings.topic("complaints.intake"), "partition": 0}
    for event, headers in ((odd, [(_NoText("x"), b"y")]), (behind, [])):
        sender.send(value=json.dumps(event).encode(), key=b"one batch", headers=headers, **place)
    sender.flush()
    engine.start("intake", "lifecycle")
    together = [complaint_id(each["source"], each["id"]) for each in (odd, behind)]
    for complaint in (before, *together, engine.report("after")):
        engine.await_status(complaint, "registered")
    letters = 2 * 2 * engine.settings.partitions
    eventually("a letter each", lambda: len(engine.read("complaints.dead-letters")) >= letters)
    found = engine.read("complaints.dead-letters")
    codes = Counter((message.key(), message.value(), dict(message.headers())["code"]) for message in found)
    each = letters // 2
    assert codes == {(None, None, b"empty"): each, (b"odd", b"2", b"not-an-object"): each}
    assert engine.alive() == {"intake", "lifecycle"}
    engine.await_quiet({"intake", "lifecycle"})
    assert audit(engine.settings).violations == []
