"""Erasure on a real broker: planted words go from each topic that is kept, and come back by no way."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType
from typer.testing import CliRunner

from agents.cli.app import application
from agents.ops.audit import audit
from agents.ops.erasures import keep_texts
from events.client import read_all, read_dossier
from events.client.administration import admin_client
from events.facts import ComplaintRegistered
from events.installation import TEXTS_APART
from events.texts import ERASED
from events.topics import TOPICS, TopicName
from tests.support.engines import Engine, eventually, new_engine

WORDS = "zebrawoord kwaliteit nyamuk di belakang rumah nomor sembilan"
NAME = "Ketutzebrawoord"
EXPIRING = {topic.name for topic in TOPICS if topic.config["cleanup.policy"] == "delete"} - {TopicName.EVENTS}


@pytest.fixture
def engine(broker: str, tmp_path: Path) -> Iterator[Engine]:
    engine = new_engine(broker, tmp_path / "stages.log", "demo")
    keep_texts(engine.settings, TEXTS_APART)
    engine.start(*("intake", "lifecycle", "verification", "disposition", "sla", "escalation", "resolution"))
    yield engine
    for stage in list(engine.processes):
        engine.kill(stage)


def holding(engine: Engine, words: str) -> set[TopicName]:
    """The topics with a record that counts (the last of its key, where the topic is compacted) and has these words."""
    last: dict[object, tuple[TopicName, bytes]] = {}
    for record in read_all(engine.settings, [topic.name for topic in TOPICS]):
        compacted = record.topic not in EXPIRING | {TopicName.EVENTS}
        where = (record.topic, record.partition, record.key if compacted else record.offset)
        last[where] = record.topic, record.value or b""
    return {topic for topic, value in last.values() if words.encode() in value}


def force_compaction(engine: Engine, *topics: TopicName) -> None:
    settings = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.001", "delete.retention.ms": "0"}
    names = [engine.settings.topic(topic) for topic in topics]
    with admin_client(engine.settings) as client:
        client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, settings) for name in names], incremental=True
        )


def test_erased_words_are_gone_and_stay_gone(engine: Engine) -> None:
    report: dict[str, Any] = {"body": WORDS, "reporter": {"name": NAME, "subject": "p-1"}}
    complaint = engine.report("erased", **report)
    engine.await_status(complaint, "disposed")
    kept = {TopicName.INTAKE, TopicName.COMMANDS}
    assert holding(engine, WORDS) == {*kept, TopicName.TEXTS}
    assert holding(engine, NAME) == {TopicName.INTAKE, TopicName.IDENTITIES}
    [first, *_] = read_dossier(engine.settings, complaint).history
    assert isinstance(first.fact, ComplaintRegistered)
    assert first.fact.report.body == WORDS

    settings = engine.settings
    environment = {"ALUR_BROKER": settings.broker, "ALUR_PREFIX": settings.prefix, "ALUR_POLICY": settings.policy}
    asked = ["privacy", "erase", complaint, "--reason", "Diminta pelapor.", "--wait", "60"]
    done = CliRunner().invoke(application(), asked, env=environment)
    assert done.exit_code == 0, done.output
    assert "complete on" in done.output

    assert engine.report("erased", **report) == complaint
    engine.await_quiet()
    assert holding(engine, WORDS) <= kept
    assert holding(engine, NAME) <= {TopicName.INTAKE}
    [first, *_] = read_dossier(settings, complaint).history
    assert isinstance(first.fact, ComplaintRegistered)
    assert first.fact.report.body == ERASED
    assert "data-erased" in engine.facts(complaint)

    engine.stop("lifecycle")
    engine.start("lifecycle")  # with what it restores
    engine.await_quiet()
    found = audit(settings)
    assert [str(each) for each in found.violations] == []

    force_compaction(engine, TopicName.TEXTS, TopicName.IDENTITIES, TopicName.STATE)

    def compacted() -> bool:
        engine.report(f"other-{time.monotonic_ns()}", reporter={"name": "Lain"})  # rolls the segments
        whole = [record.value or b"" for record in read_all(settings, [TopicName.TEXTS, TopicName.IDENTITIES])]
        return not any(WORDS.encode() in value or NAME.encode() in value for value in whole)

    eventually("what was erased is compacted away", compacted, 90)


def test_words_in_facts_cannot_be_erased(engine: Engine) -> None:
    keep_texts(engine.settings, "facts")
    settings = replace(engine.settings)
    environment = {"ALUR_BROKER": settings.broker, "ALUR_PREFIX": settings.prefix, "ALUR_POLICY": settings.policy}
    asked = ["privacy", "erase", "419535e9-5c83-5206-857a-a7517e758cf7", "--reason", "Diminta."]
    done = CliRunner().invoke(application(), asked, env=environment)
    assert done.exit_code == 1
    assert "nothing is erased" in done.output
