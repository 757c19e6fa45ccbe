"""Deadlines are fair by the log: a command counts when it reached it, whatever was running then."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines import Engine, command_event, eventually

HOLDER = "/offices/denpasar-pupr"
DECIDERS = ("lifecycle", "sla")


@pytest.fixture
def engine(stopped_engine: Engine, tmp_path: Path) -> Engine:
    """An engine whose offices have longer to follow up than a slow machine needs to stop a stage."""
    demo = (resources.files("workflow") / "policy" / "demo.toml").read_text()
    policy = tmp_path / "patient.toml"
    policy.write_text(re.sub(r'^follow_up = "\d+ seconds"', 'follow_up = "14 seconds"', demo, flags=re.MULTILINE))
    stopped_engine.settings = replace(stopped_engine.settings, policy=str(policy))
    return stopped_engine


def _disposed(engine: Engine, *report_ids: str) -> list[tuple[str, datetime]]:
    """Complaints that an office has to follow up, and until when."""
    complaints = [engine.report(each) for each in report_ids]
    snapshots = [engine.await_status(each, "disposed") for each in complaints]
    due = [datetime.fromisoformat(each["clocks"]["follow_up"]["due_at"]) for each in snapshots]
    return list(zip(complaints, due, strict=True))


def _pass(moment: datetime) -> None:
    """Wait until a deadline has passed; there is nothing to poll, since nothing runs that would notice."""
    eventually(f"{moment} passes", lambda: datetime.now(UTC) > moment)


def _follow_up(engine: Engine, complaint: str, **options: Any) -> str:
    event = command_event("record-follow-up", complaint, HOLDER, {"text": "Sudah ditambal."})
    engine.send("complaints.commands", json.dumps(event).encode(), complaint.encode(), **options)
    return str(event["id"])


@pytest.mark.parametrize("partitioner", ["murmur2_random", "consistent_random"])
def test_in_time_by_the_log_while_stages_are_down(engine: Engine, partitioner: str) -> None:
    """Also for librdkafka's own partitioner, with which most commands have to be sent on first."""
    engine.start()
    waiting = _disposed(engine, *(f"in-time-{number}" for number in range(6)))
    engine.stop(*DECIDERS)
    for complaint, _ in waiting:
        _follow_up(engine, complaint, partitioner=partitioner)
    assert datetime.now(UTC) < min(due for _, due in waiting), "the machine is too slow for this test"
    _pass(max(due for _, due in waiting))
    engine.start(*DECIDERS)
    for complaint, _ in waiting:
        snapshot = engine.await_status(complaint, "followed_up", "closed")
        assert snapshot["breaches"] == 0
        assert "breached" not in engine.facts(complaint)


def test_in_time_by_the_log_while_only_the_timer_ran(engine: Engine) -> None:
    """The sla stage waits with its notice until lifecycle has processed what came before the deadline."""
    engine.start()
    waiting = _disposed(engine, *(f"timer-ran-{number}" for number in range(6)))
    engine.stop("lifecycle")
    for complaint, _ in waiting:
        _follow_up(engine, complaint, partitioner="consistent_random")
    assert datetime.now(UTC) < min(due for _, due in waiting), "the machine is too slow for this test"
    _pass(max(due for _, due in waiting))
    engine.start("lifecycle")
    for complaint, _ in waiting:
        assert engine.await_status(complaint, "followed_up", "closed")["breaches"] == 0


def test_too_late_by_the_log_although_no_timer_fired(engine: Engine) -> None:
    engine.start()
    [(complaint, due)] = _disposed(engine, "too-late")
    engine.stop("sla")
    _pass(due)
    answer = engine.await_answer(_follow_up(engine, complaint))
    assert answer["type"] == "lapor.complaint.breached.v1"
    facts = engine.facts(complaint)
    assert facts[facts.index("breached") + 1] == "followed-up"
    assert engine.await_status(complaint, "followed_up")["breaches"] == 1


@pytest.mark.parametrize("skew", [120.0, -3.0])
def test_a_timer_whose_clock_is_wrong_is_never_early(engine: Engine, skew: float) -> None:
    engine.start("intake", "lifecycle", "verification", "disposition")
    engine.start_script("sla", Path(__file__).parents[1] / "support" / "skewed_worker.py", "sla", str(skew))
    [(complaint, due)] = _disposed(engine, f"skewed-{skew}")

    def breached() -> list[dict[str, Any]]:
        facts = engine.events(complaint=complaint)
        return [fact for fact in facts if fact["type"].endswith("breached.v1") and fact["data"]["clock"] == "follow_up"]

    fact = eventually("a breach", breached)[0]
    assert datetime.fromisoformat(fact["time"]) > due
    if skew > 0:
        early = [e for e in engine.events("complaints.rejections", complaint) if e["data"]["code"] == "not-due"]
        assert early, "a clock that is ahead gives notice too early, and is told so"
        one = early[0]["data"]["command_id"]
        asked = [datetime.fromisoformat(each["time"]) for each in early if each["data"]["command_id"] == one]
        pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(asked)]
        assert all(later > 1.5 * earlier for earlier, later in pairwise(pauses)), pauses
