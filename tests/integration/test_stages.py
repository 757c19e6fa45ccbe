"""The seven stages together on Kafka, seen from outside; tests/unit/engine has what depends on the rules alone."""

import asyncio
import json
from typing import Any

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
