"""An older installation with open complaints is upgraded by the steps of docs/how-to/upgrade.md."""

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agents.config.keys import Keys
from agents.config.settings import Settings
from events.ids import complaint_id
from tests.support.engines import Engine, eventually
from tests.support.forked_stage import run_alur
from tests.support.installations import Installation, restore

INSTALLATIONS = Path(__file__).parents[1] / "golden" / "installations"
STEPS = (("topics", "create"), ("offsets", "accept"))
START_S = 240.0

Complaints = dict[str, dict[str, Any]]


def last_snapshots(events: list[dict[str, Any]]) -> Complaints:
    return {event["subject"]: event["data"]["complaint"] for event in events}


def passed(complaints: Complaints, moment: datetime) -> set[tuple[str, str, str]]:
    """The clocks that run although they were due before `moment`."""
    return {
        (name, clock, run["due_at"])
        for name, complaint in complaints.items()
        for clock, run in complaint["clocks"].items()
        if run["due_at"]
        and not run["paused"]
        and not run["breached"]
        and datetime.fromisoformat(run["due_at"]) < moment
    }


@pytest.mark.parametrize("file", sorted(INSTALLATIONS.iterdir()), ids=lambda file: file.name.partition(".jsonl")[0])
def test_open_complaints_go_on_after_an_upgrade(file: Path, broker: str, tmp_path: Path) -> None:
    old = Installation.load(file)
    prefix, keys = f"t{uuid.uuid4().hex[:12]}.", str(tmp_path / "keys")
    Keys.generate(keys)
    settings = Settings(broker, prefix, policy=old.policy, partitions=old.partitions, key_file=keys)
    restore(old, settings)
    engine = Engine(settings, tmp_path / "stages.log")
    before = last_snapshots(old.values("complaints.events"))
    for step in STEPS:
        done = run_alur(settings.to_environment(), *step)
        assert done.returncode == 0, done.stderr

    started = datetime.now(UTC)
    engine.start()
    try:
        # a report that came while nothing ran, and a command before there was its complaint
        unread = complaint_id("/channels/sms", "unread")
        eventually("what came meanwhile is read", lambda: engine.snapshot(unread), START_S)
        assert [each["data"]["code"] for each in engine.events("complaints.rejections", unread)] == [
            "unknown-complaint"
        ]
        eventually("no deadline is forgotten", lambda: not passed(last_snapshots(engine.events()), started), START_S)
        open_ones = [name for name, each in before.items() if each["status"] == "disposed"]
        answer = _asked(engine, open_ones[0])
        assert answer["subject"] == open_ones[0]
        engine.await_settled()
    finally:
        engine.kill_all()

    after = last_snapshots(engine.events())
    assert before.keys() <= after.keys()
    _check_history(engine, old)
    for name, complaint in before.items():
        for clock, run in complaint["clocks"].items():
            kept = after[name]["clocks"].get(clock, run)
            assert kept["due_at"] == run["due_at"] or after[name]["version"] > complaint["version"], (name, clock)


def _asked(engine: Engine, complaint: str) -> dict[str, Any]:
    holder = f"/offices/{last_snapshots(engine.events())[complaint]['office']}"
    return engine.await_answer(engine.command("record-follow-up", complaint, holder, {"text": "Sudah ditangani."}))


def _check_history(engine: Engine, old: Installation) -> None:
    """What was written before is there as it was, and each version once."""
    versions: dict[str, list[int]] = {}
    for event in engine.events():
        versions.setdefault(event["subject"], []).append(event["data"]["complaint"]["version"])
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())
    values = [message.value() for message in engine.read("complaints.events")]
    recorded = [
        each.value.encode("latin-1") for each in old.records if each.topic == "complaints.events" and each.value
    ]
    assert set(recorded) <= set(values)
