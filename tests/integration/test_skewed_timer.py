"""A timer whose clock is wrong: the log decides when a deadline has passed."""

from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines import Engine, eventually


@pytest.mark.parametrize("skew", [120.0, -3.0])
def test_a_timer_whose_clock_is_wrong_is_never_early(stopped_engine: Engine, skew: float) -> None:
    engine = stopped_engine
    engine.start("intake", "lifecycle", "verification", "disposition")
    engine.start_script("sla", Path(__file__).parents[1] / "support" / "skewed_worker.py", "sla", str(skew))
    complaint = engine.report(f"skewed-{skew}")
    clocks = engine.await_status(complaint, "disposed")["clocks"]
    due = datetime.fromisoformat(clocks["follow_up"]["due_at"])

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
