"""One policy per installation: another is refused until rolled out, and a changed holiday moves deadlines."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.cli.app import application
from agents.config import policy_files
from tests.support.engines import Engine, eventually, new_engine

LAPOR = Path(__file__).parents[2] / "workflow" / "policy" / "lapor.toml"


@pytest.fixture
def engine(broker: str, tmp_path: Path) -> Iterator[Engine]:
    engine = new_engine(broker, tmp_path / "stages.log", "lapor")
    yield engine
    engine.kill_all()


def test_another_policy_is_refused_until_it_is_rolled_out_and_open_deadlines_follow(
    engine: Engine, tmp_path: Path
) -> None:
    calendar = policy_files.load("lapor").versions[0].calendar
    holiday = calendar.add_working_days(datetime.now(UTC).date(), 2)
    changed = tmp_path / "changed.toml"
    changed.write_text(
        LAPOR.read_text().replace("return_limit = 2", "return_limit = 3")
        + f'\n[calendar]\n[calendar.extra]\n{holiday} = "Cuti bersama"\n'
    )
    other = Engine(replace(engine.settings, policy=str(changed)), tmp_path / "other.log")

    def alur(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(application(), words, env=other.settings.to_environment())
        return done.exit_code, done.output

    engine.start("intake", "lifecycle", "sla")
    complaint = engine.report("a")
    engine.await_status(complaint, "registered")

    other.start("intake", "lifecycle")
    eventually("the others are refused", lambda: not other.alive())
    assert [other.processes.pop(stage).returncode for stage in ("intake", "lifecycle")] == [78, 78]
    assert "policy version lapor/" in other.log.read_text()
    assert "is another here" in other.log.read_text()
    assert engine.alive() == {"intake", "lifecycle", "sla"}

    status, said = alur("policy", "rollout", "--dry-run")
    assert (status, f"{holiday} becomes a day off: Cuti bersama" in said) == (0, True), said
    status, said = alur("policy", "rollout", "--wait", "60")
    assert status == 0, said
    eventually("the stages of before have stopped", lambda: not engine.alive())
    assert {process.returncode for process in engine.processes.values()} == {78}
    engine.processes.clear()

    other.start("intake", "lifecycle", "sla")
    try:
        eventually("the deadline has moved", lambda: "rescheduled" in engine.facts(complaint))
        assert other.alive() == {"intake", "lifecycle", "sla"}
        assert alur("policy", "rollout", "--dry-run") == (0, "nothing was changed (--dry-run)\n")
    finally:
        other.kill_all()
