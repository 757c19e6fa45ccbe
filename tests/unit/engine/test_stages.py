"""The seven stages together in one process, seen from outside."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from events.topics import STAGES
from tests.support.engines import CITIZEN, Engine, eventually
from tests.support.in_memory import in_memory

ADMIN = "/offices/panrb"
HOLDER = "/offices/denpasar-pupr/officers/7"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with in_memory(tmp_path_factory.mktemp("engine"), "lapor", *STAGES) as engine:
        yield engine


def test_the_reporter_is_known_to_the_identity_desk_only(engine: Engine) -> None:
    complaint = engine.report("who-is-it")
    engine.await_status(complaint, "registered")
    identities = [json.loads(message.value()) for message in engine.read("complaints.identities")]
    known = {identity["complaint_id"]: identity["reporter"]["name"] for identity in identities}
    assert known[complaint] == "Ni Luh Contoh"
    for topic in ("commands", "events", "state", "rejections", "resolutions", "stories"):
        assert not any(b"Ni Luh Contoh" in (m.value() or b"") for m in engine.read(f"complaints.{topic}")), topic


def test_a_report_that_comes_again_is_the_same_complaint(engine: Engine) -> None:
    complaint = engine.report("again")
    for _ in range(3):
        assert engine.report("again") == complaint
    engine.await_status(complaint, "registered")
    engine.await_quiet()
    assert engine.facts(complaint) == ["registered"]


def test_an_incomplete_report_is_postponed_with_what_it_lacks(engine: Engine) -> None:
    complaint = engine.report("too-short", body="rusak", location=None)
    engine.await_status(complaint, "postponed")
    fact = engine.events(complaint=complaint)[-1]
    assert fact["data"]["missing"] == ["body", "location"]
    engine.command(
        "complete-report", complaint, CITIZEN, {"body": "Lampu jalan padam sejak Senin.", "office": "denpasar"}
    )
    engine.await_status(complaint, "registered")


@pytest.mark.parametrize(
    ("name", "source", "data", "code"),
    [
        ("record-follow-up", HOLDER, {"text": "Sudah."}, "not-permitted"),
        ("close-complaint", ADMIN, {}, "not-allowed-in-status"),
        ("verify-complaint", CITIZEN, {}, "not-permitted"),
        ("verify-complaint", ADMIN, {"categori": "jalan"}, "invalid-data"),
        ("archive-complaint", ADMIN, {"reason": "boring"}, "invalid-data"),
        ("register-complaint", ADMIN, {}, "not-permitted"),
    ],
)
def test_a_refused_command_is_answered_and_changes_nothing(
    engine: Engine, name: str, source: str, data: dict[str, Any], code: str
) -> None:
    complaint = engine.report("refused")
    before = engine.await_status(complaint, "registered")
    answer = engine.await_answer(engine.command(name, complaint, source, data))
    assert answer["type"] == "lapor.command.rejected.v1"
    assert (answer["data"]["code"], answer["data"]["status"], answer["data"]["version"]) == (code, "registered", 1)
    assert engine.snapshot(complaint) == before


@pytest.mark.parametrize("spelling", ["{}", "{{{}}}", "urn:uuid:{}"], ids=["upper case", "braces", "urn"])
def test_a_command_is_about_its_complaint_however_it_spells_the_id(engine: Engine, spelling: str) -> None:
    complaint = engine.report(f"spelling {spelling}")
    engine.await_status(complaint, "registered")
    written = spelling.format(complaint.upper())
    for data, code in (({"colour": "red"}, "invalid-data"), ({}, None)):
        answer = engine.await_answer(engine.command("verify-complaint", written, ADMIN, data))
        assert (answer["subject"], answer["data"].get("code")) == (complaint, code)
    keys = {
        message.key() for topic in ("events", "state", "rejections") for message in engine.read(f"complaints.{topic}")
    }
    assert complaint.encode() in keys
    assert written.encode() not in keys


def test_a_command_about_nothing_is_answered(engine: Engine) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    answer = engine.await_answer(engine.command("withdraw-complaint", unknown, CITIZEN))
    assert (answer["data"]["code"], answer["data"]["status"]) == ("unknown-complaint", None)


def test_a_secret_report_is_published_without_its_story(engine: Engine) -> None:
    complaint = engine.report("secret", secret=True)
    engine.await_status(complaint, "registered")
    engine.command("withdraw-complaint", complaint, CITIZEN)
    engine.await_status(complaint, "withdrawn")
    found = eventually("a resolution", lambda: engine.events("complaints.resolutions", complaint))
    assert found[0]["data"]["outcome"] == "withdrawn"
    assert found[0]["data"]["story"] is None
    assert not any(
        message.key() == complaint.encode() and message.value() for message in engine.read("complaints.stories")
    )
