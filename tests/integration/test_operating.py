"""What docs/how-to has for operators: keys and offices, on a real broker."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agents.cli.app import application
from agents.ops.audit import audit
from tests.support.engines import CITIZEN, Engine, eventually, new_engine, report_event

STAGES = ("intake", "lifecycle")
ADMIN, HOLDER = "/offices/panrb", "/offices/denpasar-pupr"


@pytest.fixture
def engine(broker: str, tmp_path: Path) -> Iterator[Engine]:
    engine = new_engine(broker, tmp_path / "stages.log", "lapor")
    yield engine
    engine.kill_all()


def alur(engine: Engine, *words: str) -> str:
    done = CliRunner().invoke(application(), words, env=engine.settings.to_environment())
    assert done.exit_code == 0, done.output
    return done.output


def does(engine: Engine, name: str, complaint: str, source: str, **data: Any) -> str:
    """Send a command; return the name of its fact, or the code of its refusal."""
    answer = engine.await_answer(engine.command(name, complaint, source, data))
    return str(answer["data"].get("code") or answer["type"].split(".")[2])


def registered(engine: Engine, name: str, **data: Any) -> str:
    complaint = engine.report(name, title=f"Laporan {name}", **data)
    engine.await_status(complaint, "registered")
    return complaint


def restarted(engine: Engine, *keys: str) -> None:
    """Stop all stages, and start them with these lines in the key file."""
    assert not any(engine.stop().values()), engine.log.read_text()
    Path(str(engine.settings.key_file)).write_text("".join(keys))
    engine.start(*STAGES)


def test_keys_are_rotated_and_reporters_keep_their_rights_while_both_are_there(engine: Engine) -> None:
    [old] = Path(str(engine.settings.key_file)).read_text().splitlines(keepends=True)
    new = f"new:{base64.b64encode(os.urandom(32)).decode()}\n"
    engine.start(*STAGES)
    first, last, open_one = (registered(engine, name) for name in ("first", "last", "open"))

    restarted(engine, old, new)  # all accept the new one before any signs with it
    assert does(engine, "withdraw-complaint", first, CITIZEN) == "withdrawn"
    restarted(engine, new, old)
    under_new = registered(engine, "new")
    assert does(engine, "withdraw-complaint", last, CITIZEN) == "withdrawn"
    # a delivery of before is compared with the key of before
    engine.send("complaints.intake", json.dumps(report_event("open", title="Judul lain")).encode(), b"open")
    eventually("it is known, with other content", lambda: engine.events("complaints.rejections", open_one))

    restarted(engine, new)  # too early for the complaint that is open
    assert does(engine, "withdraw-complaint", under_new, CITIZEN) == "withdrawn"
    assert does(engine, "withdraw-complaint", open_one, CITIZEN) == "not-permitted"
    assert does(engine, "withdraw-complaint", open_one, "/channels/sms") == "withdrawn"
    found = audit(engine.settings)
    assert (found.violations, found.counts.complaints, found.counts.dead) == ([], 4, 0)


def test_complaints_pass_from_one_office_in_operation_to_another(engine: Engine) -> None:
    engine.start(*STAGES)
    one, two, three = (registered(engine, name) for name in ("one", "two", "three"))
    secret = registered(engine, "secret", secret=True)
    for complaint in (one, two, three, secret):
        assert does(engine, "verify-complaint", complaint, ADMIN) == "verified"
        assert does(engine, "dispose-complaint", complaint, ADMIN, office="denpasar-pupr") == "disposed"
    # officers of one office need no handover: the office holds the complaint
    assert does(engine, "record-follow-up", one, f"{HOLDER}/officers/a", text="Tim ke lokasi.") == "followed-up"
    due = {each: clock_of(engine, each) for each in (one, two)}

    listed = alur(engine, "list", "--office", "denpasar-pupr", "--no-units", "--format", "csv", "--limit", "0")
    numbers = [line.partition(",")[0] for line in listed.splitlines()[1:]]
    snapshots = [engine.snapshot(each) for each in (one, two, three)]
    assert sorted(numbers) == sorted(each["tracking_id"] for each in snapshots if each)
    alur(engine, "send", "dispose-complaint", "--as", ADMIN, "--office", "denpasar", "--complaint", three)
    dry = alur(engine, "office", "close", "denpasar-pupr", "--to", "denpasar-dlhk", "--dry-run")
    assert (engine.snapshot(secret) or {})["tracking_id"] in dry, "no list by office has it"
    output = alur(engine, "office", "close", "denpasar-pupr", "--to", "denpasar-dlhk")

    assert "moved 3 complaints of denpasar-pupr to denpasar-dlhk" in output
    assert "has no last day" in output
    held = {each: engine.snapshot(each) for each in (one, two, three, secret)}
    assert {each: found["office"] for each, found in held.items() if found} == {
        one: "denpasar-dlhk",
        two: "denpasar-dlhk",
        three: "denpasar",
        secret: "denpasar-dlhk",
    }
    assert [found["status"] for found in held.values() if found] == ["followed_up", *["disposed"] * 3]
    assert {each: clock_of(engine, each) for each in (one, two)} == due
    assert audit(engine.settings).violations == []


def clock_of(engine: Engine, complaint: str) -> Any:
    """Return when the complaint has to be settled."""
    snapshot = engine.snapshot(complaint)
    assert snapshot is not None
    return snapshot["clocks"]["settlement"]["due_at"]
