"""A foreign producer writes to the engine's topics: no stage stops, nothing is adopted, and it can be repaired."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agents.cli.app import application
from agents.ops.audit import audit
from agents.runtime.process import EXIT_TRY_AGAIN
from events.topics import STAGES
from tests.support.engines import CITIZEN, Engine, eventually, new_engine
from workflow.audit.complaint_history import Code

STATE, EVENTS = "complaints.state", "complaints.events"
KINDS = ("tombstone", "version", "policy", "field", "garbage", "shape", "other")


@pytest.fixture
def waiting(broker: str, tmp_path: Path) -> Iterator[Engine]:
    """An engine in which complaints wait for people."""
    engine = new_engine(broker, tmp_path / "stages.log", "lapor")
    engine.start()
    engine.await_quiet()
    yield engine
    engine.kill_all()


def alur(engine: Engine, *arguments: str) -> Result:
    runner = CliRunner(env={**engine.settings.to_environment(), "NO_COLOR": "1", "TERM": "dumb"})
    return runner.invoke(application(), list(arguments))


def does(engine: Engine, *arguments: str) -> str:
    result = alur(engine, *arguments)
    assert result.exit_code == 0, result.output
    return result.output


def lines(engine: Engine, event: str) -> list[dict[str, Any]]:
    found = (json.loads(line) for line in engine.log.read_text().splitlines() if line.startswith("{"))
    return [line for line in found if line.get("event") == event]


def letters(engine: Engine, code: str) -> list[Any]:
    found = engine.read("complaints.dead-letters")
    return [each for each in found if ("code", code.encode()) in (each.headers() or ())]


def last_state(engine: Engine, complaint: str) -> dict[str, Any]:
    values = [each.value() for each in engine.read(STATE) if each.key() == complaint.encode()]
    found: dict[str, Any] = json.loads(values[-1])
    return found


def forge(engine: Engine, kind: str, complaint: str, other: str) -> None:
    """Write a record under the complaint's key as a misconfigured producer might."""
    event = last_state(engine, complaint)
    changes: dict[str, dict[str, Any]] = {
        "version": {"version": 99},
        "policy": {"policy": "mars/1"},
        "field": {"more": 1},
    }
    event["data"]["complaint"] |= changes.get(kind, {})
    values = {
        "tombstone": None,
        "garbage": b"garbage",
        "shape": b'{"specversion":"1.0","data":{"complaint":{"status":"disposed"}}}',
        "other": json.dumps(last_state(engine, other)).encode(),
    }
    engine.send(STATE, values.get(kind, json.dumps(event).encode()), complaint.encode())


def forge_fact(engine: Engine, complaint: str) -> None:
    """Write that a complaint has been archived, which would be published."""
    event = engine.events(complaint=complaint)[-1]
    event["type"] = "lapor.complaint.archived.v1"
    event["data"]["complaint"] |= {"status": "archived", "outcome": "archived", "version": 2, "working_days": 0}
    event["data"] = {
        "by": "/offices/mars",
        "reason": "spam",
        "duplicate_of": None,
        "working_days": 0,
        "complaint": event["data"]["complaint"],
    }
    engine.send(EVENTS, json.dumps(event).encode(), complaint.encode())


def test_foreign_records_stop_no_stage_and_their_damage_is_repaired(waiting: Engine) -> None:
    engine = waiting
    hit = {kind: engine.report(f"hit-{kind}") for kind in KINDS}
    spared, bystander = engine.report("spared"), engine.report("bystander")
    for complaint in (*hit.values(), spared, bystander):
        engine.await_status(complaint, "registered")
    engine.await_quiet()

    for kind, complaint in hit.items():
        forge(engine, kind, complaint, bystander)
    forge(engine, "version", spared, bystander)
    engine.send(STATE, None, b"calendar")
    forge_fact(engine, bystander)

    def dead_lettered() -> bool:
        found = [dict(each.headers()) for each in letters(engine, "foreign")]
        by_topic = [(each["stage"], each["topic"].decode().removeprefix(engine.settings.prefix)) for each in found]
        return by_topic.count((b"sla", STATE)) == len(KINDS) + 2 and (b"resolution", EVENTS) in by_topic

    eventually("what is foreign is set aside", dead_lettered)
    # a running lifecycle has the complaint in memory, and writes over it
    engine.command("withdraw-complaint", spared, CITIZEN)
    engine.await_status(spared, "withdrawn")
    engine.await_quiet()
    assert engine.alive() == set(STAGES)
    assert [each["subject"] for each in engine.events("complaints.resolutions")] == [spared]
    named = {(line["topic"], line["partition"], line["offset"]) for line in lines(engine, "foreign_record")}
    assert len(named) == len(KINDS) + 3

    assert engine.stop("lifecycle") == {"lifecycle": 0}
    engine.start("lifecycle")
    for complaint in hit.values():
        engine.command("withdraw-complaint", complaint, CITIZEN)
    engine.command("withdraw-complaint", bystander, CITIZEN)
    engine.await_status(bystander, "withdrawn")
    refused = eventually(
        "their commands are set aside", lambda: len(found := letters(engine, "quarantined")) == len(KINDS) and found
    )
    assert {each.key().decode() for each in refused} == set(hit.values())
    found = audit(engine.settings, live=True)
    assert {each.complaint for each in found.violations if each.code is Code.QUARANTINED} == {*hit.values(), None}
    assert {each.code for each in found.violations} == {Code.QUARANTINED}
    assert found.counts.foreign == len(KINDS) + 3

    for complaint in hit.values():
        assert "would put version 1 in place of" in does(engine, "state", "repair", complaint, "--dry-run")
        assert "version 1 is at complaints.state-" in does(engine, "state", "repair", complaint)
    again = alur(engine, "state", "repair", bystander)
    assert (again.exit_code, "is not quarantined" in again.output) == (1, True)
    does(engine, "state", "repair", "calendar")
    does(engine, "dead", "replay", *does(engine, "dead", "list", "-q", "--code", "quarantined").split())
    assert engine.processes.pop("lifecycle").wait(60) == EXIT_TRY_AGAIN  # fenced by the repair
    engine.start("lifecycle")
    for complaint in hit.values():
        engine.await_status(complaint, "withdrawn")
    assert engine.await_settled().counts.foreign == len(KINDS) + 3
