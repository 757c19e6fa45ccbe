"""`alur migrate`: an installation moves to another prefix and number of partitions, and goes on as if it had not."""

import json
import signal
import subprocess
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.config.settings import Settings
from agents.ops.audit import audit, recorded_incidents
from agents.ops.topics import ensure_topics
from agents.runtime.process import EXIT_REFUSED
from tests.support.engines import Engine, eventually, new_engine, report_event
from tests.support.forked_stage import run_alur

ADMIN = "/offices/panrb"
HOLDER = "/offices/denpasar-pupr"
CHANNEL = "/channels/sms"
Step = tuple[str, str, dict[str, Any], str]
"""A command, its sender, its data, and the status after it."""

VERIFIED: Step = ("verify-complaint", ADMIN, {}, "disposed")
ANSWERED: Step = ("record-follow-up", HOLDER, {"text": "Lubang sudah ditambal."}, "followed_up")
CLOSED: Step = ("close-complaint", ADMIN, {}, "closed")
LIVES: dict[str, list[Step]] = {
    "registered": [],
    "postponed": [("postpone-complaint", ADMIN, {"missing": ["body"], "reason": "Kurang jelas."}, "postponed")],
    "disposed": [VERIFIED],
    "returned": [VERIFIED, ("return-disposition", HOLDER, {"reason": "Bukan wewenang."}, "disposed")],
    "followed_up": [VERIFIED, ANSWERED],
    "replied": [VERIFIED, ANSWERED, ("reply-to-follow-up", CHANNEL, {"text": "Belum selesai."}, "replied")],
    "closed": [VERIFIED, ANSWERED, CLOSED],
    "archived": [("archive-complaint", ADMIN, {"reason": "spam"}, "archived")],
    "withdrawn": [("withdraw-complaint", CHANNEL, {}, "withdrawn")],
}
ONWARDS: dict[str, list[Step]] = {
    "registered": [VERIFIED, ANSWERED, CLOSED],
    "postponed": [("complete-report", CHANNEL, {"body": "Lubang sedalam satu jengkal di depan pasar."}, "registered")],
    "disposed": [ANSWERED, CLOSED],
    "returned": [ANSWERED, CLOSED],
    "followed_up": [CLOSED],
    "replied": [ANSWERED, CLOSED],
    "closed": [("rate-resolution", CHANNEL, {"rating": 2}, "closed")],
}
"""How each goes on after the migration."""


def alur(settings: Settings, *arguments: str, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    return run_alur({**settings.to_environment(), "ALUR_FAILPOINT": failpoint}, *arguments)


def moved(engine: Engine, partitions: int) -> Engine:
    settings = replace(engine.settings, prefix=f"t{uuid.uuid4().hex[:12]}.", partitions=partitions)
    return Engine(settings, engine.log.with_name("moved.log"))


def migrating(engine: Engine, target: Engine, *more: str, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    count = str(target.settings.partitions)
    arguments = ("migrate", "--to", target.settings.prefix, "--partitions", count, *more)
    return alur(engine.settings, *arguments, failpoint=failpoint)


def last_snapshots(engine: Engine) -> dict[str, dict[str, Any]]:
    return {event["subject"]: event["data"]["complaint"] for event in engine.events()}


def contents(engine: Engine, topic: str) -> Counter[tuple[Any, ...]]:
    """The contents of a topic: keys, values and timestamps, in any partition."""
    return Counter((each.key(), each.value(), each.timestamp()[1]) for each in engine.read(topic))


@pytest.fixture
def engine(broker: str, tmp_path: Path) -> Iterator[Engine]:
    engine = new_engine(broker, tmp_path / "stages.log", "lapor")
    yield engine
    engine.kill_all()


@pytest.fixture
def lives(engine: Engine) -> dict[str, str]:
    """A complaint of each kind, an announced holiday, refusals and dead letters; then all stages are stopped."""
    engine.start()
    found = {kind: engine.report(kind, title=f"Jalan {kind}") for kind in LIVES}
    for kind, steps in LIVES.items():
        engine.await_status(found[kind], "registered")
        go(engine, found[kind], steps)
    published = {"title": "Jalan berlubang", "answer": "Sudah ditambal."}
    engine.await_answer(engine.command("publish-story", found["closed"], ADMIN, published))
    day = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()
    announced = alur(engine.settings, "calendar", "announce", day, "--name", "Libur", "--decree", "Keppres 1")
    assert announced.returncode == 0, announced.stderr
    engine.await_answer(engine.command("close-complaint", found["registered"], ADMIN))
    engine.send("complaints.intake", b"no report", b"kept")
    engine.send("complaints.commands", b"no command", b"dealt-with")
    letters = eventually("two dead letters", lambda: (n := engine.read("complaints.dead-letters"))[1:] and n)
    letter = next(each for each in letters if each.key() == b"dealt-with")
    place = f"complaints.dead-letters-{letter.partition()}@{letter.offset()}"
    discarded = alur(engine.settings, "dead", "discard", place, "--reason", "uji coba")
    assert discarded.returncode == 0, discarded.stderr
    engine.await_quiet()
    engine.stop()
    return found


def go(engine: Engine, complaint: str, steps: list[Step]) -> None:
    for name, by, data, status in steps:
        if by == HOLDER:
            by = f"/offices/{last_snapshots(engine)[complaint]['office']}"  # noqa: PLW2901 -- a return moves it
        engine.await_answer(engine.command(name, complaint, by, data))
        engine.await_status(complaint, status)


@pytest.mark.parametrize("partitions", [7, 2])
def test_open_complaints_go_on_at_another_prefix(engine: Engine, lives: dict[str, str], partitions: int) -> None:
    target = moved(engine, partitions)
    before = last_snapshots(engine)
    dry = migrating(engine, target, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "nothing was written" in dry.stdout
    for failpoint in ("after-produce:1", "after-commit:2", "after-produce:3", "after-commit:4", "after-offsets:1"):
        assert migrating(engine, target, failpoint=f"migrate:{failpoint}").returncode == -signal.SIGKILL
    target.start("lifecycle")
    assert target.processes.pop("lifecycle").wait(30) == EXIT_REFUSED  # before all is there
    done = migrating(engine, target)
    assert done.returncode == 0, done.stderr
    assert "the audits agree: 9 complaints" in done.stdout
    assert "complaints.dead-letters: 1 record, 2 left out" in done.stdout
    for topic in ("events", "identities", "stories", "rejections", "resolutions"):
        assert contents(target, f"complaints.{topic}") == contents(engine, f"complaints.{topic}"), topic
    assert "is complete" in migrating(engine, target).stdout

    target.start()
    target.await_quiet()
    after = last_snapshots(target)
    assert after == before  # nothing was decided twice, and no deadline has moved
    assert len(target.events("complaints.resolutions")) == len(engine.events("complaints.resolutions"))
    for kind, steps in ONWARDS.items():
        go(target, lives[kind], steps)
    new = [target.report(f"new-{number}", title=f"Jalan baru {number}") for number in range(12)]
    for complaint in new:
        target.await_status(complaint, "registered")
    for kind in ("registered", "withdrawn"):  # a channel sends again what it sent before
        target.send("complaints.intake", json.dumps(sent_again(kind)).encode())
    tracking = [each["tracking_id"] for each in last_snapshots(target).values()]
    assert len(set(tracking)) == len(tracking) == 21
    identities = Counter(each.key() for each in target.read("complaints.identities"))
    assert identities.most_common(1)[0][1] == 1  # also those of the repeats have numbers of their own
    rejections = Counter(each["id"] for each in target.events("complaints.rejections"))
    assert rejections.most_common(1)[0][1] == 1
    target.await_settled()
    assert recorded_incidents(target.settings) == []
    assert audit(engine.settings).violations == []


def sent_again(kind: str) -> dict[str, Any]:
    return report_event(kind, title=f"Jalan {kind}")


def test_deadlines_that_pass_meanwhile_are_breached_once(stopped_engine: Engine) -> None:
    """Under the policy in seconds: what came due while nothing ran is due at the new prefix, and brought further."""
    engine = stopped_engine
    engine.start()
    complaints = [engine.report(f"due-{number}", title=f"Jalan {number}") for number in range(8)]
    due = {each: engine.await_status(each, "disposed")["clocks"]["follow_up"]["due_at"] for each in complaints}
    engine.await_quiet()
    engine.stop()
    target = moved(engine, 5)
    done = migrating(engine, target)
    assert done.returncode == 0, done.stderr
    latest = max(map(datetime.fromisoformat, due.values()))
    eventually("the deadlines pass", lambda: datetime.now(UTC) > latest)
    target.start()

    def breaches() -> dict[str, str]:
        names = [each for each in target.events() if each["type"] == "lapor.complaint.breached.v1"]
        return {each["subject"]: each["data"]["due_at"] for each in names if each["data"]["clock"] == "follow_up"}

    eventually("all are breached", lambda: breaches().keys() == set(complaints))
    assert breaches() == due
    for complaint in complaints:
        go(target, complaint, [ANSWERED, CLOSED])
    eventually("each is published", lambda: len(target.events("complaints.resolutions")) == len(complaints))
    target.await_settled()
    target.kill_all()


def test_each_obstacle_to_a_migration_is_named(engine: Engine) -> None:
    engine.start()
    engine.await_status(engine.report("one"), "registered")
    engine.await_quiet()
    target, used = moved(engine, 3), moved(engine, 3)
    assert migrating(engine, target).stderr.startswith("alur: intake runs: ")
    engine.stop()
    without = Engine(replace(engine.settings, key_file=None), engine.log)
    unsigned = migrating(without, target).stderr
    assert unsigned.startswith("alur: ALUR_KEY_FILE is not set here, but the stages have one")
    ensure_topics(used.settings)
    used.report("another")
    assert "is in use, and not by a migration" in migrating(engine, used).stderr
    assert migrating(engine, engine).returncode == 2
    assert migrating(engine, target, failpoint="migrate:after-commit:3").returncode == -signal.SIGKILL
    assert "other numbers of partitions" in migrating(engine, replace_partitions(target, 4)).stderr
    engine.report("late")
    assert "intake has 1 record of" in migrating(engine, target).stderr
    engine.start()
    engine.await_quiet()
    engine.stop()
    late = migrating(engine, target)
    assert "have new records since the migration began" in late.stderr
    assert "and start again" in late.stderr


def replace_partitions(engine: Engine, partitions: int) -> Engine:
    return Engine(replace(engine.settings, partitions=partitions), engine.log)
