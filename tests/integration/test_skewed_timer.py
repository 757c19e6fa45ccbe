"""A timer whose clock is wrong: the log decides when a deadline has passed."""

import re
from dataclasses import replace
from datetime import datetime
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines import Engine, eventually


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
        assert early, "a clock that is ahead gives notice too early, and the notice is refused"
        one = early[0]["data"]["command_id"]
        asked = [datetime.fromisoformat(each["time"]) for each in early if each["data"]["command_id"] == one]
        pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(asked)]
        assert all(later > 1.5 * earlier for earlier, later in pairwise(pauses)), pauses
