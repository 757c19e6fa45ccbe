"""Repeats are decided once: facts read without offsets, reports with other content, announcements."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agents.cli.app import application
from agents.ops.audit import audit
from agents.ops.identities import StoredIdentity, erase, look_up
from events.client import Publisher
from events.ids import complaint_id
from events.topics import TopicName
from tests.support.engines import Engine, eventually
from tests.support.in_memory import InMemoryEngine, in_memory
from workflow.machine.announcements import MOST_OF_A_DAY

REPORTS = 8
DECIDING = ("verification", "disposition", "escalation")
DEMO = Path(__file__).parents[3] / "workflow" / "policy" / "demo.toml"


def alur(engine: Engine, *arguments: str) -> Result:
    runner = CliRunner(env={**engine.settings.to_environment(), "NO_COLOR": "1", "TERM": "dumb"})
    return runner.invoke(application(), list(arguments))


def reporter(engine: Engine, complaint: str) -> str | None:
    found = look_up(engine.settings, complaint)
    return found.reporter.name if isinstance(found, StoredIdentity) else None


def names(engine: Engine) -> Counter[str]:
    return Counter(event["type"].split(".")[2] for event in engine.events())


def forget_offsets(engine: InMemoryEngine, *stages: str) -> None:
    for stage in stages:
        engine.kit.log.forget_offsets(engine.settings.group(stage))


def test_stages_without_their_offsets_change_no_decision(tmp_path: Path) -> None:
    policy = tmp_path / "archiving.toml"
    policy.write_text(DEMO.read_text(encoding="utf-8").replace('"postpone"', '"postpone", "archive"'), encoding="utf-8")
    with in_memory(tmp_path, str(policy), "intake", "lifecycle", "sla") as engine:
        _decide_again(engine)


def _decide_again(engine: InMemoryEngine) -> None:
    # the same words: what comes later is a duplicate, but a person has verified it before the stage comes to it
    complaints = [engine.report(str(number), reporter=None) for number in range(REPORTS)]
    for complaint in complaints:
        engine.await_status(complaint, "registered")
        engine.command("verify-complaint", complaint, "/offices/panrb")
        engine.await_status(complaint, "verified")
    engine.start(*DECIDING)
    engine.advance(timedelta(seconds=20))
    assert names(engine)["escalated"], "a missed deadline"
    engine.stop("sla")
    engine.await_quiet({"lifecycle", *DECIDING})
    before = names(engine)
    assert not before["archived"]
    assert before["disposed"] >= REPORTS

    engine.stop(*DECIDING)
    forget_offsets(engine, *DECIDING)
    engine.start(*DECIDING)
    engine.await_quiet({"lifecycle", *DECIDING})
    assert names(engine) == before
    refused = [event["data"] for event in engine.events("complaints.rejections")]
    assert {each["code"] for each in refused if each["command_source"].startswith("/stages/")} == {"overtaken"}
    ids = [event["id"] for event in engine.events("complaints.rejections")]
    assert len(set(ids)) == len(ids)


@pytest.mark.long
def test_two_tables_with_the_same_ids_and_a_day_that_is_announced_off_and_on(
    tmp_path: Path,
) -> None:
    with in_memory(tmp_path, "lapor", "intake", "lifecycle", "sla", "resolution") as engine:
        _submit_and_announce(engine, tmp_path)


def _submit_and_announce(engine: Engine, tmp_path: Path) -> None:
    tables = {}
    for office, what in (("denpasar", "Jalan berlubang"), ("badung", "Lampu mati")):
        tables[office] = tmp_path / f"{office}.csv"
        text = f"Sudah dua pekan dan belum ada yang datang,warga {office}"
        rows = [f"{number},{what} {number},{text}" for number in range(REPORTS)]
        tables[office].write_text("\n".join(["id,title,body,name", *rows]), encoding="utf-8")
    mapped = ["--source", "/channels/tables", "--map", "name=name"]
    for table in tables.values():
        assert alur(engine, "submit", str(table), *mapped).exit_code == 0
    ours = {complaint_id("/channels/tables", str(number)) for number in range(REPORTS)}

    def answers() -> list[dict[str, Any]]:
        found = [event["data"] | {"complaint": event["subject"]} for event in engine.events("complaints.rejections")]
        return [each for each in found if each["detail"] == "content-differs"]

    eventually("each repeat is answered", lambda: len(answers()) == REPORTS)
    assert {each["complaint"] for each in answers()} == ours
    assert {(each["command_source"], each["command_type"]) for each in answers()} == {
        ("/channels/tables", "lapor.report.submitted.v1")
    }
    assert {each["command_id"] for each in answers()} == set(map(str, range(REPORTS)))
    assert "another title," in answers()[0]["message"]
    assert {reporter(engine, each) for each in ours} == {"warga denpasar"}, "who was refused takes nobody's place"
    erased = min(ours)
    assert erase(engine.settings, erased, reason="atas permintaan", by="Sari")
    assert alur(engine, "submit", str(tables["denpasar"]), *mapped).exit_code == 0
    engine.await_quiet({"intake"})
    assert {reporter(engine, each) for each in ours} == {"warga denpasar", None}
    assert erase(engine.settings, erased, reason="lagi", by="Sari"), "the repeat has one, which is not shown"
    assert not erase(engine.settings, erased, reason="lagi", by="Sari")

    day = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    count = 5 * MOST_OF_A_DAY
    with Publisher(engine.settings) as publisher:
        for number in range(count):
            event = {
                "specversion": "1.0",
                "type": "lapor.command.announce-holiday.v1",
                "source": "/offices/panrb",
                "id": f"flood-{number}",
                "subject": "calendar",
                "data": {"day": day, "day_off": not number % 2, "name": "Cuti bersama", "decree": "SKB 3 Menteri"},
            }
            for partition in range(engine.settings.partitions):
                publisher.publish(TopicName.COMMANDS, "calendar", json.dumps(event).encode(), partition=partition)
        publisher.flush()
    limited = engine.settings.partitions * (count - MOST_OF_A_DAY)

    def refused() -> Counter[str]:
        found = engine.events("complaints.rejections", "calendar")
        return Counter(event["data"]["detail"] or event["data"]["code"] for event in found)

    # from then on the day stays a working day, and half of the flood repeats that
    expected = {"announcement-limit": limited // 2, "already-announced": limited // 2}
    eventually("what is too much is refused", lambda: refused() == expected)
    engine.await_quiet({"intake", "lifecycle", "resolution"})
    found = audit(engine.settings, live=True)
    assert found.violations == []
    assert (found.counts.differing, found.lost) == (REPORTS, 0)
