"""The explanation of a deadline that an announced holiday moved, from the topics."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from agents.cli.app import application
from agents.config import policy_files
from agents.ops.audit import audit
from agents.runtime import policy_digests
from agents.runtime.installation import change_now
from events.topics import STAGES
from tests.support.engines import command_event, eventually
from tests.support.in_memory import InMemoryEngine, in_memory
from workflow.deadlines.working_days import Calendar


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[InMemoryEngine]:
    with in_memory(tmp_path, "lapor", *STAGES) as engine:
        yield engine


def announce(engine: Any, day: str, name: str) -> None:
    """Announce a day off as the contract has it: the same command in each partition."""
    data = {"day": day, "name": name, "decree": "SKB 3 Menteri"}
    event = command_event("announce-holiday", "calendar", "/offices/panrb", data)
    for partition in range(engine.settings.partitions):
        engine.send("complaints.commands", json.dumps(event).encode(), b"calendar", partition=partition)


def explained(engine: Any, complaint: str) -> dict[str, Any]:
    runner = CliRunner(env={**engine.settings.to_environment(), "NO_COLOR": "1", "TERM": "dumb"})
    result = runner.invoke(application(), ["explain", complaint, "verification", "--json"])
    assert result.exit_code == 0, result.stderr
    [explanation] = json.loads(result.stdout)["explanations"]
    found: dict[str, Any] = explanation
    return found


def test_the_day_breakdown_has_what_was_announced(engine: Any) -> None:
    complaint = engine.report(uuid.uuid4().hex)
    engine.await_status(complaint, "registered")
    [before] = explained(engine, complaint)["runs"]
    today = datetime.now(UTC).astimezone(ZoneInfo("Asia/Jakarta")).date()
    day = Calendar().add_working_days(today + timedelta(days=1), 1).isoformat()

    announce(engine, day, "Hari pemungutan suara")
    eventually("the deadline moves", lambda: "rescheduled" in engine.facts(complaint))
    explanation = explained(engine, complaint)

    assert explanation["agrees"]
    [run] = explanation["runs"]
    assert [step["what"] for step in run["steps"]] == ["started", "rescheduled"]
    assert (run["announced"], before["announced"]) == (1, 0)
    assert run["due_at"] > before["due_at"]
    assert [each["reason"] for each in run["days"] if each["date"] == day] == ["Hari pemungutan suara"]


def test_a_year_is_shown_as_the_installation_counts_it(engine: Any) -> None:
    installed = engine.settings
    kept = policy_digests.described(policy_files.load("lapor"), datetime.now(UTC).date())
    [key] = [each for each in kept if each.startswith(policy_digests.DAYS_OFF)]
    year = min(kept[key])
    monday = next(day for day in working_days(int(year)) if day not in kept[key][year])
    kept[key] = {**kept[key], year: {**kept[key][year], monday: "Hari yang ditetapkan"}}
    change_now(installed, lambda _: kept)
    runner = CliRunner(env={**installed.to_environment(), "NO_COLOR": "1", "TERM": "dumb"})
    result = runner.invoke(application(), ["calendar", "show", year, "--json"])
    assert result.exit_code == 0, result.stderr
    assert "Hari yang ditetapkan" in result.stdout
    policy = audit(installed).policy_of(policy_files.load("lapor").versions[-1].version)
    assert policy is not None
    assert not policy.calendar.is_working_day(date.fromisoformat(monday))


def working_days(year: int) -> list[str]:
    days = (date(year, 6, 1) + timedelta(days=number) for number in range(30))
    return [day.isoformat() for day in days if day.weekday() == 0]
