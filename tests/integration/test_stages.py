"""The seven stages together, seen from outside."""

import asyncio
import json
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from kafka import KafkaProducer

from tests.support.engines import CITIZEN, Engine, command_event, eventually, report_event

ADMIN = "/offices/panrb"
HOLDER = "/offices/denpasar-pupr/officers/7"

A_RECORD_OF_EVERYTHING: list[tuple[str, str, dict[str, Any], str]] = [
    ("verify-complaint", ADMIN, {}, "verified"),
    ("record-follow-up", HOLDER, {"text": "Tim sudah menambal lubang."}, "followed-up"),
    ("reply-to-follow-up", CITIZEN, {"text": "Masih berlubang."}, "replied"),
    ("request-extension", HOLDER, {"working_days": 2, "reason": "menunggu aspal"}, "extension-requested"),
    ("decide-extension", "/offices/denpasar", {"approved": True}, "extended"),
    ("record-follow-up", HOLDER, {"text": "Sudah diaspal."}, "followed-up"),
    ("close-complaint", ADMIN, {}, "closed"),
    ("rate-resolution", CITIZEN, {"rating": 4}, "rated"),
]


def test_a_complaint_from_report_to_rating(engine: Engine) -> None:
    complaint = engine.report("whole-life")
    for name, source, data, fact in A_RECORD_OF_EVERYTHING:
        if name == "record-follow-up":
            engine.await_status(complaint, "disposed", "replied")
        else:
            engine.await_status(complaint, "registered", "disposed", "followed_up", "replied", "closed")
        answer = engine.await_answer(engine.command(name, complaint, source, data))
        assert answer["type"] == f"lapor.complaint.{fact}.v1", answer["data"]
    facts = engine.events(complaint=complaint)
    assert [event["data"]["complaint"]["version"] for event in facts] == list(range(1, len(facts) + 1))
    assert engine.facts(complaint)[:3] == ["registered", "verified", "disposed"]
    assert facts[2]["data"]["office"] == "denpasar-pupr"

    def resolutions() -> list[dict[str, Any]] | None:
        found = engine.events("complaints.resolutions", complaint)
        return found if len(found) == 2 else None

    closed, rated = eventually("a resolution for the closing and one for the rating", resolutions)
    assert closed["data"]["story"] is rated["data"]["story"] is None
    assert (closed["data"]["outcome"], closed["data"]["on_time"], closed["data"]["rating"]) == ("resolved", True, None)
    assert rated["data"]["rating"] == 4
    assert rated["sequence"] > closed["sequence"]


def test_the_reporter_is_known_to_the_identity_desk_only(engine: Engine) -> None:
    complaint = engine.report("who-is-it")
    engine.await_status(complaint, "registered")
    identities = [json.loads(message.value()) for message in engine.read("complaints.identities")]
    known = {identity["complaint_id"]: identity["reporter"]["name"] for identity in identities}
    assert known[complaint] == "Ni Luh Contoh"
    for topic in ("commands", "events", "state", "rejections", "resolutions", "stories"):
        assert not any(b"Ni Luh Contoh" in (m.value() or b"") for m in engine.read(f"complaints.{topic}")), topic


def test_any_client_any_partitioner(engine: Engine) -> None:
    """aiokafka, kafka-python, and librdkafka with its own default partitioner, which is not Kafka's."""
    topic = engine.settings.topic("complaints.intake")
    values = {name: json.dumps(report_event(name)).encode() for name in ("aiokafka", "kafka-python", "librdkafka")}

    async def by_aiokafka() -> None:
        async with AIOKafkaProducer(bootstrap_servers=engine.settings.broker) as producer:
            await producer.send_and_wait(topic, values["aiokafka"], key=b"any")

    asyncio.run(by_aiokafka())
    with KafkaProducer(bootstrap_servers=engine.settings.broker) as producer:
        producer.send(topic, values["kafka-python"]).get(30)
    engine.send("complaints.intake", values["librdkafka"], b"librdkafka", partitioner="consistent_random")

    for name in values:
        complaint = engine.report(name)  # a repeat: same source, same id
        engine.await_status(complaint, "registered")
        command = json.dumps(command_event("verify-complaint", complaint, ADMIN, {}))
        engine.send("complaints.commands", command.encode(), complaint.encode(), partitioner="consistent_random")
        engine.await_status(complaint, "disposed")
        assert engine.facts(complaint) == ["registered", "verified", "disposed"]


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
        ("record-follow-up", HOLDER, {"text": "Sudah."}, "not-allowed-in-status"),
        ("verify-complaint", CITIZEN, {}, "not-permitted"),
        ("verify-complaint", ADMIN, {"categori": "jalan"}, "invalid-data"),
        ("archive-complaint", ADMIN, {"reason": "boring"}, "invalid-data"),
        ("register-complaint", ADMIN, {}, "invalid-data"),
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
