"""SIGTERM while a stage is starting: it ends cleanly within seconds, whatever its start waits for."""

from pathlib import Path

import pytest

from tests.support.engines import Engine, eventually

STALLED = Path(__file__).parents[1] / "support" / "stalled_worker.py"
STEPS = {
    "layout_guard.LayoutGuard.check": "lifecycle",
    "policy_guard.PolicyGuard.check": "lifecycle",
    "watermark.Watermark.start": "sla",
    "backpressure.Backpressure.start": "intake",
    "restore.Restore.run": "lifecycle",
}
SECONDS = 10.0


@pytest.mark.parametrize("step", STEPS)
def test_a_stage_that_is_starting_stops(stopped_engine: Engine, tmp_path: Path, step: str) -> None:
    engine, stage, reached = stopped_engine, STEPS[step], tmp_path / "reached"
    engine.start_script(stage, STALLED, stage, step, str(reached))
    eventually(f"{stage} is at {step}", reached.exists)
    process = engine.processes.pop(stage)
    process.terminate()
    assert process.wait(SECONDS) == 0, engine.log.read_text()
    assert "Traceback" not in engine.log.read_text()
