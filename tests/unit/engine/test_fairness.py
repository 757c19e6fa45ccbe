"""Deadlines are fair by the log: a command counts when it reached it, whatever was running then."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from events.topics import STAGES
from tests.support.engines import command_event
from tests.support.in_memory import InMemoryEngine, in_memory

HOLDER = "/offices/denpasar-pupr"
DECIDERS = ("lifecycle", "sla")
A_MOMENT = timedelta(milliseconds=1)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[InMemoryEngine]:
    with in_memory(tmp_path, "demo", *STAGES) as engine:
        yield engine


def _disposed(engine: InMemoryEngine, *report_ids: str) -> list[tuple[str, datetime]]:
    """Complaints that an office has to follow up, and until when."""
    complaints = [engine.report(each) for each in report_ids]
    snapshots = [engine.await_status(each, "disposed") for each in complaints]
    due = [datetime.fromisoformat(each["clocks"]["follow_up"]["due_at"]) for each in snapshots]
    return list(zip(complaints, due, strict=True))


def _follow_up(engine: InMemoryEngine, complaint: str, **options: Any) -> str:
    event = command_event("record-follow-up", complaint, HOLDER, {"text": "Sudah ditambal."})
    engine.send("complaints.commands", json.dumps(event).encode(), complaint.encode(), **options)
    return str(event["id"])


@pytest.mark.long
@pytest.mark.parametrize("partitioner", ["murmur2_random", "consistent_random"])
def test_in_time_by_the_log_while_stages_are_down(engine: InMemoryEngine, partitioner: str) -> None:
    """Also with librdkafka's own partitioner, whose commands mostly have to be forwarded first."""
    waiting = _disposed(engine, *(f"in-time-{number}" for number in range(6)))
    engine.stop(*DECIDERS)
    for complaint, _ in waiting:
        _follow_up(engine, complaint, partitioner=partitioner)
    assert engine.now < min(due for _, due in waiting)
    engine.advance_to(max(due for _, due in waiting) + A_MOMENT)
    engine.start(*DECIDERS)
    for complaint, _ in waiting:
        snapshot = engine.await_status(complaint, "followed_up", "closed")
        assert snapshot["breaches"] == 0
        assert "breached" not in engine.facts(complaint)


def test_in_time_by_the_log_while_only_the_timer_ran(engine: InMemoryEngine) -> None:
    """The sla stage waits with its notice until lifecycle has processed what came before the deadline."""
    waiting = _disposed(engine, *(f"timer-ran-{number}" for number in range(6)))
    engine.stop("lifecycle")
    for complaint, _ in waiting:
        _follow_up(engine, complaint, partitioner="consistent_random")
    assert engine.now < min(due for _, due in waiting)
    engine.advance_to(max(due for _, due in waiting) + A_MOMENT)
    engine.start("lifecycle")
    for complaint, _ in waiting:
        assert engine.await_status(complaint, "followed_up", "closed")["breaches"] == 0


def test_too_late_by_the_log_although_no_timer_fired(engine: InMemoryEngine) -> None:
    [(complaint, due)] = _disposed(engine, "too-late")
    engine.stop("sla")
    engine.advance_to(due + A_MOMENT)
    answer = engine.await_answer(_follow_up(engine, complaint))
    assert answer["type"] == "lapor.complaint.breached.v1"
    facts = engine.facts(complaint)
    assert facts[facts.index("breached") + 1] == "followed-up"
    assert engine.await_status(complaint, "followed_up")["breaches"] == 1
