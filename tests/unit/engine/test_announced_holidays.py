"""A holiday announced while complaints are open: applied in log order, durable, and audited."""

import json
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner, Result

from agents.cli.app import application
from agents.ops.audit import audit
from events.topics import STAGES
from tests.support.engines import CITIZEN, Engine, eventually
from tests.support.in_memory import InMemoryEngine, in_memory
from workflow.deadlines.working_days import Calendar

COMPLAINTS = 12
WIB = ZoneInfo("Asia/Jakarta")


def alur(engine: Engine, *arguments: str) -> Result:
    runner = CliRunner(env={**engine.settings.to_environment(), "NO_COLOR": "1", "TERM": "dumb"})
    return runner.invoke(application(), list(arguments))


def announce(engine: Engine, day: date, *more: str) -> Result:
    arguments = [day.isoformat(), "--name", "Hari pemungutan suara", "--decree", "Keppres 1", "--wait", "30", *more]
    return alur(engine, "calendar", "announce", *arguments)


def working_days_from_now(count: int) -> date:
    return Calendar().add_working_days(datetime.now(UTC).astimezone(WIB).date(), count)


def due(snapshot: dict[str, Any] | None) -> datetime | None:
    clocks = snapshot["clocks"] if snapshot else {}
    return datetime.fromisoformat(clocks["verification"]["due_at"]) if "verification" in clocks else None


def local_days(engine: Engine, complaints: Sequence[str]) -> set[date]:
    snapshots = {event["subject"]: event["data"]["complaint"] for event in engine.events()}
    found = {due(snapshots.get(complaint)) for complaint in complaints}
    return {moment.astimezone(WIB).date() for moment in found if moment is not None}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[InMemoryEngine]:
    with in_memory(tmp_path, "lapor", *STAGES) as engine:
        yield engine


@pytest.fixture
def open_complaints(engine: Engine) -> list[str]:
    """Complaints in every partition that wait for an administrator; all stages run."""
    found = [engine.report(name, title=f"Jalan berlubang {name}") for name in map(str, range(COMPLAINTS))]
    eventually("all are registered", lambda: {event["subject"] for event in engine.events()} == set(found))
    return found


@pytest.mark.long
def test_announced_while_complaints_are_open(engine: Engine, open_complaints: list[str]) -> None:
    before, holiday, after = (working_days_from_now(count) for count in (3, 2, 4))
    assert local_days(engine, open_complaints) == {before}

    result = announce(engine, holiday)
    assert result.exit_code == 0, result.stderr
    assert f"in force in all {engine.settings.partitions} partitions" in result.stdout
    eventually("all deadlines move", lambda: local_days(engine, open_complaints) == {after})
    names = Counter((event["subject"], event["type"].split(".")[2]) for event in engine.events())
    assert all(names[each, "registered"] == 1 and names[each, "rescheduled"] == 2 for each in open_complaints)
    assert names.total() == 3 * COMPLAINTS
    fact = next(event for event in engine.events() if event["type"] == "lapor.complaint.rescheduled.v1")
    assert fact["data"]["reason"] == f"{holiday} is a day off: Hari pemungutan suara (Keppres 1)"
    assert fact["data"]["old_due_at"] < fact["data"]["due_at"]

    for stage in ("lifecycle", "sla"):
        engine.kill(stage)
        engine.start(stage)
    later = engine.report(uuid.uuid4().hex)
    engine.await_status(later, "registered")
    assert local_days(engine, [later]) == {after}
    assert engine.facts(later) == ["registered"]

    repeated = announce(engine, holiday)
    assert repeated.exit_code == 0
    assert repeated.stdout.startswith("known since ")
    again = announce(engine, holiday, "--id", "another")
    assert again.exit_code == 1
    assert again.stderr.startswith("alur: refused, already-announced: ")
    by_a_stranger = announce(engine, working_days_from_now(20), "--as", "/offices/bali")
    assert "refused, not-permitted: " in by_a_stranger.stderr
    nonsense = announce(engine, holiday, "--name", " ")
    assert nonsense.exit_code == 2
    assert nonsense.stderr.startswith("alur: --name: ")

    shown = json.loads(alur(engine, "calendar", "show", str(holiday.year), "--json").stdout)
    assert [each["day"] for each in shown["announced"]] == [holiday.isoformat()]
    assert str(holiday.day) in alur(engine, "calendar", "show", str(holiday.year)).stdout
    assert "rescheduled" in alur(engine, "show", open_complaints[0]).stdout
    assert alur(engine, "watch", "--once").exit_code == 0

    engine.await_quiet()
    found = audit(engine.settings)
    assert found.violations == []
    assert found.counts.complaints == COMPLAINTS + 1
    assert found.counts.pending == 0


def test_a_holiday_that_is_taken_back(engine: Engine, open_complaints: list[str]) -> None:
    before, holiday = working_days_from_now(3), working_days_from_now(2)
    assert announce(engine, holiday).exit_code == 0
    eventually("all deadlines move", lambda: local_days(engine, open_complaints) != {before})
    assert announce(engine, holiday, "--working-day").exit_code == 0
    eventually("all deadlines move back", lambda: local_days(engine, open_complaints) == {before})
    engine.await_quiet()
    assert audit(engine.settings).violations == []


@pytest.mark.long
def test_announced_while_nothing_runs(engine: Engine, open_complaints: list[str]) -> None:
    """An announcement counts from its position in the log, however late it is read; a pending one is not lost."""
    engine.await_quiet()
    engine.stop()
    waiting = announce(engine, working_days_from_now(2), "--wait", "1")
    assert waiting.exit_code == 3
    assert audit(engine.settings).counts.pending == engine.settings.partitions
    engine.command("withdraw-complaint", open_complaints[0], CITIZEN)
    engine.start()
    eventually("all deadlines move", lambda: local_days(engine, open_complaints[1:]) == {working_days_from_now(4)})
    engine.await_status(open_complaints[0], "withdrawn")
    assert engine.facts(open_complaints[0]) == ["registered", "rescheduled", "rescheduled", "withdrawn"]
    engine.await_quiet()
    assert audit(engine.settings).violations == []
