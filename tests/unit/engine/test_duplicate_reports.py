"""The same report through two channels: archived where the policy allows it to a machine, else processed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agents.ops.audit import audit
from events.client.partitions import partition_of
from events.ids import complaint_id
from events.installation import TEXTS_APART, TEXTS_IN_FACTS, TEXTS_KEY
from events.topics import STAGES, TopicName
from tests.support.engines import Engine, eventually, report_event
from tests.support.in_memory import InMemoryEngine, in_memory

DEMO = Path(__file__).parents[3] / "workflow" / "policy" / "demo.toml"
SMS, WEB = "/channels/sms", "/channels/web"
SAME = 300


@contextmanager
def archiving_engine(tmp_path: Path, texts: str) -> Iterator[InMemoryEngine]:
    """Run an engine whose policy leaves it to a machine to archive."""
    text = DEMO.read_text(encoding="utf-8")
    policy = tmp_path / "archiving.toml"
    policy.write_text(text.replace('"verify", "postpone"', '"verify", "postpone", "archive"'), encoding="utf-8")
    assert policy.read_text(encoding="utf-8") != text
    with in_memory(tmp_path, str(policy), *STAGES, texts=texts) as engine:
        yield engine


@pytest.fixture(params=[TEXTS_APART, TEXTS_IN_FACTS])
def archiving(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[InMemoryEngine]:
    with archiving_engine(tmp_path, request.param) as engine:
        yield engine


def elsewhere(engine: Engine, complaint: str, source: str) -> str:
    """Return the id of a report that lies in another partition than `complaint`."""
    count = engine.settings.partitions
    names = (f"again-{number}" for number in range(1_000))
    home = partition_of(complaint, count)
    return next(name for name in names if partition_of(complaint_id(source, name), count) != home)


@pytest.mark.long
def test_the_later_one_is_archived_also_after_a_restart(archiving: InMemoryEngine) -> None:
    engine = archiving
    first = engine.report("first", SMS)
    engine.await_status(first, "disposed")
    again = {"title": "JALAN BERLUBANG, di depan Pasar Badung!", "reporter": None}
    second = engine.report(elsewhere(engine, first, WEB), WEB, **again)
    engine.await_status(second, "archived")
    archived = engine.events(complaint=second)[-1]
    assert archived["type"] == "lapor.complaint.archived.v1"
    data = archived["data"]
    assert (data["reason"], data["duplicate_of"], data["by"]) == ("duplicate", first, "/stages/verification")

    engine.kill("verification")
    third = engine.report("third", "/channels/x", **again)
    other = engine.report("other", WEB, body="Sudah sebulan lampu di jalan ini mati, gelap sekali.")
    engine.start("verification")
    engine.await_status(third, "archived")
    assert engine.events(complaint=third)[-1]["data"]["duplicate_of"] == first
    engine.await_status(other, "disposed")
    on_purpose = engine.report("on-purpose", WEB, **again, follows=first)
    engine.await_status(on_purpose, "disposed")
    # of what has ended, nothing is a duplicate: who takes a report back may send it again
    engine.command("withdraw-complaint", first, SMS)
    engine.await_status(first, "withdrawn")
    engine.await_quiet()
    fourth = engine.report("fourth", "/channels/x", **again)
    engine.await_status(fourth, "disposed")
    fifth = engine.report("fifth", WEB, **again)
    engine.await_status(fifth, "archived")
    assert engine.events(complaint=fifth)[-1]["data"]["duplicate_of"] == fourth
    for name, by, status, data in [
        ("record-follow-up", "/offices/denpasar-pupr", "followed_up", {"text": "Sudah ditambal."}),
        ("close-complaint", "/offices/panrb", "closed", {}),
        ("reopen-complaint", "/offices/panrb", "disposed", {"reason": "Belum."}),
    ]:
        engine.command(name, fourth, by, data)
        engine.await_status(fourth, status)
    engine.await_quiet()
    sixth = engine.report("sixth", "/channels/x", **again)
    engine.await_status(sixth, "archived")
    assert engine.events(complaint=sixth)[-1]["data"]["duplicate_of"] == fourth
    engine.command("restore-complaint", fifth, "/offices/panrb", {"reason": "Lain tempat."})
    engine.await_status(fifth, "disposed")
    assert engine.stop("verification") == {"verification": 0}
    engine.await_quiet({"lifecycle", "resolution"})
    assert audit(engine.settings, live=True).violations == []


def test_a_report_that_repeats_one_from_before_the_texts_lay_apart_is_found(archiving: InMemoryEngine) -> None:
    engine = archiving
    first = engine.report("first", SMS)
    engine.await_status(first, "disposed")
    [value] = [record.value for record in engine.kit.records(TopicName.INSTALLATION) if record.key == b"texts"]
    other = TEXTS_IN_FACTS if TEXTS_APART.encode() in (value or b"") else TEXTS_APART
    engine.kit.send(TopicName.INSTALLATION, TEXTS_KEY.encode(), json.dumps(other).encode(), partition=0)
    second = engine.report("second", WEB, reporter=None)
    engine.await_status(second, "archived")
    assert engine.events(complaint=second)[-1]["data"]["duplicate_of"] == first


def test_an_erased_report_has_no_duplicates(tmp_path: Path) -> None:
    with archiving_engine(tmp_path, TEXTS_APART) as engine:
        first = engine.report("first", SMS)
        engine.await_status(first, "disposed")
        engine.command("erase-data", first, "/offices/panrb", {"texts": True, "identity": True, "reason": "Diminta."})
        engine.await_quiet()
        signatures = [b"signature" in (each.value or b"") for each in engine.kit.records(TopicName.TEXTS)]
        assert signatures.count(True) == 1  # and a tombstone behind it
        second = engine.report("second", WEB, reporter=None)
        engine.await_status(second, "disposed")


@pytest.mark.long
def test_nothing_is_held_back_where_it_is_for_a_person(tmp_path: Path) -> None:
    with in_memory(tmp_path, "demo", "intake", "lifecycle", "verification") as engine, capture_logs() as logs:
        names = _report_the_same(engine)
    pairs = [(each["complaint"], each["original"]) for each in logs if each["event"] == "duplicate_suspected"]
    assert pairs
    assert all(complaint != original and {complaint, original} <= names for complaint, original in pairs)


def _report_the_same(engine: Engine) -> set[str]:
    reports = [report_event(f"same-{number}", reporter=None) for number in range(SAME)]
    engine.send_reports(reports)

    def verified() -> bool:
        return len([each for each in engine.events() if each["type"] == "lapor.complaint.verified.v1"]) == SAME

    eventually(f"all {SAME} are verified", verified)
    return {complaint_id(SMS, report["id"]) for report in reports}
