"""Stages are killed during their work: restored from the topics, without loss or duplicate."""

import json
from functools import partial

from events.topics import STAGES
from tests.support.engines import Engine, command_event, eventually, report_event

REPORTS = 60
"""For each stage that is killed."""


def _audited(engine: Engine) -> None:
    """Read back what has come of everything."""
    found = engine.await_settled()
    assert found.counts.reports == found.counts.complaints


def _begun(engine: Engine, commands: int) -> bool:
    return len(engine.read("complaints.commands")) >= commands


def test_kill_9_of_every_stage_in_turn(stopped_engine: Engine) -> None:
    engine = stopped_engine
    engine.start()
    for round_, victim in enumerate(STAGES, start=1):
        reports = [report_event(f"{victim}-{number}", reporter=None) for number in range(REPORTS)]
        engine.send_reports(reports)
        eventually(f"work for {victim} in hand", partial(_begun, engine, (round_ - 1) * REPORTS + 1))
        engine.kill(victim)
        engine.start(victim)
    engine.await_quiet()
    statuses = {event["subject"]: event["data"]["complaint"]["status"] for event in engine.events()}
    assert len(statuses) == REPORTS * len(STAGES)
    assert "registered" not in statuses.values()
    _audited(engine)


def test_the_state_is_read_back(stopped_engine: Engine) -> None:
    """A complaint continues after a clean stop of everything, and a repeat is recognized."""
    engine = stopped_engine
    engine.start()
    complaint = engine.report("goes-on")
    engine.await_status(complaint, "disposed")
    follow_up = command_event("record-follow-up", complaint, "/offices/denpasar-pupr", {"text": "Sudah ditambal."})
    record = (complaint.encode(), json.dumps(follow_up).encode())
    engine.send_all("complaints.commands", [record])
    engine.await_status(complaint, "followed_up")
    assert set(engine.stop().values()) == {0}
    engine.send_all("complaints.commands", [record])
    engine.start()
    engine.command("close-complaint", complaint, "/offices/panrb")
    engine.await_status(complaint, "closed")
    assert engine.facts(complaint).count("followed-up") == 1
    _audited(engine)
