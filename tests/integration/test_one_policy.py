"""One policy per installation: another is refused until rolled out, and a changed holiday moves deadlines."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.cli.app import application
from agents.config import policy_files
from agents.ops.audit import audit
from agents.runtime.process import EXIT_REFUSED
from events.client.reader import installation_values
from tests.support.engines import CITIZEN, WAIT_SECONDS, Engine, eventually, new_engine

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
    assert "or set another ALUR_PREFIX for an installation of its own" in other.log.read_text()
    assert engine.alive() == {"intake", "lifecycle", "sla"}

    status, output = alur("policy", "rollout", "--dry-run")
    assert (status, f"{holiday} becomes a day off: Cuti bersama" in output) == (0, True), output
    status, output = alur("policy", "rollout", "--wait", "60")
    assert status == 0, output
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


def test_a_policy_version_can_be_taken_back_until_a_complaint_is_under_it(engine: Engine, tmp_path: Path) -> None:
    """Going back over a version, as docs/how-to/upgrade.md has it."""
    first = LAPOR.read_text().partition("[[versions]]\neffective_from = 2026")[0]
    added = first + "\n[[versions]]\neffective_from = 2025-06-01\nbased_on = 2025-01-01\nreturn_limit = 3\n"
    engines = []
    for name, text in (("before", first), ("after", added)):
        file = tmp_path / f"{name}.toml"
        file.write_text(text)
        engines.append(Engine(replace(engine.settings, policy=str(file)), tmp_path / f"{name}.log"))
    before, after = engines

    def roll_out(old: Engine) -> None:
        done = CliRunner().invoke(application(), ("policy", "rollout"), env=old.settings.to_environment())
        assert done.exit_code == 0, done.output
        assert "policy version lapor/2025-06-01 is missing here" in done.output

    def is_refused(old: Engine, reason: str) -> None:
        old.start("lifecycle")
        assert old.processes.pop("lifecycle").wait(WAIT_SECONDS) == EXIT_REFUSED
        assert reason in old.log.read_text()

    try:
        after.start("intake", "lifecycle")
        recorded = "policy/lapor/2025-06-01"
        eventually("the version is recorded", lambda: recorded in installation_values(engine.settings))
        eventually("both work", lambda: after.log.read_text().count('"stage_ready"') == 2)
        after.stop()
        is_refused(before, "policy version lapor/2025-06-01 is missing here")

        roll_out(before)
        before.start("intake", "lifecycle")
        known = before.report("a")
        assert before.await_status(known, "registered")["policy"] == "lapor/2025-01-01"
        before.command("command-of-later", known, CITIZEN)
        [letter] = eventually("it is a dead letter", lambda: before.read("complaints.dead-letters"))
        assert ("code", b"unknown-type") in letter.headers()
        assert before.stop() == {"intake": 0, "lifecycle": 0}

        after.start("intake", "lifecycle")
        under_it = after.report("b")
        assert after.await_status(under_it, "registered")["policy"] == "lapor/2025-06-01"
        after.stop()
        roll_out(before)
        is_refused(before, "there are open complaints under policy lapor/2025-06-01")

        after.start("lifecycle")  # the way forward is open, and once these have ended, the way back
        after.await_answer(after.command("withdraw-complaint", under_it, CITIZEN))
        after.stop()
        roll_out(before)
        before.start("lifecycle")
        eventually("it works", lambda: before.log.read_text().count('"stage_ready"') == 3)
        assert before.stop() == {"lifecycle": 0}
        assert audit(engine.settings).violations == []
    finally:
        for each in engines:
            each.kill_all()
