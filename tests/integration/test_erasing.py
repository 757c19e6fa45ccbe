"""Erasure on a real broker: planted words go from each topic that is kept, and come back by no way."""

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.structs import OffsetAndMetadata
from typer.testing import CliRunner, Result

from agents.cli.app import application
from agents.config.settings import Settings
from agents.kafka.group_progress import mark
from agents.kafka.records import dead_letter
from agents.ops import retention
from agents.ops.audit import audit
from agents.ops.dead_letters.records import read_dead_letters
from agents.ops.dead_letters.service import DeadLetterService
from agents.ops.erasures import announce, keep_texts, made_now
from agents.ops.progress import retry_while_starting
from agents.ops.topics import ensure_topics
from agents.stages.erasures import Erasures
from events.client import ComplaintFeed, read_all, read_history
from events.client.administration import admin_client
from events.client.partitions import partition_of
from events.codec.decode import decode_snapshot
from events.errors import Undecodable
from events.facts import ComplaintRegistered
from events.ids import complaint_id
from events.installation import TEXTS_APART
from events.texts import ERASED
from events.topics import TOPICS, TopicName
from tests.support.engines import Engine, command_event, eventually, new_engine, report_event

WORDS = "zebrawoord kwaliteit nyamuk di belakang rumah nomor sembilan"
NAME = "Ketutzebrawoord"
REPORT_ID = "erased"
REPORT: dict[str, Any] = {"body": WORDS, "reporter": {"name": NAME, "subject": "p-1"}}
EXPIRING = {topic.name for topic in TOPICS if topic.config["cleanup.policy"] == "delete"} - {TopicName.EVENTS}


@pytest.fixture
def engine(broker: str, tmp_path: Path) -> Iterator[Engine]:
    engine = new_engine(broker, tmp_path / "stages.log", "demo")
    keep_texts(engine.settings, TEXTS_APART)
    engine.start(*("intake", "lifecycle", "verification", "disposition", "sla", "escalation", "resolution"))
    yield engine
    engine.kill_all()


def holding(engine: Engine, words: str) -> set[TopicName]:
    """The topics with a record that counts (the last of its key, where the topic is compacted) and has these words."""
    last: dict[object, tuple[TopicName, bytes]] = {}
    for record in read_all(engine.settings, [topic.name for topic in TOPICS]):
        compacted = record.topic not in EXPIRING | {TopicName.EVENTS}
        where = (record.topic, record.partition, record.key if compacted else record.offset)
        last[where] = record.topic, record.value or b""
    return {topic for topic, value in last.values() if words.encode() in value}


def segments(engine: Engine, *topics: TopicName) -> Iterator[tuple[Path, bytes]]:
    """Yield the files of topics as they lie on the disk of the broker; their records are not compressed."""
    names = tuple(f"{engine.settings.topic(topic)}-" for topic in topics)
    with admin_client(engine.settings) as client:
        found = client.describe_log_dirs()
    directories = {Path(each["log_dir"]) for broker in found for each in broker["log_dirs"]}
    for directory in directories:
        if not directory.is_dir():
            pytest.skip("the broker does not run on this machine")
        for partition in directory.iterdir():
            if partition.name.startswith(names):
                for file in partition.iterdir():
                    with contextlib.suppress(FileNotFoundError):  # the broker deletes segments meanwhile
                        if ".log" in file.name:
                            yield file, file.read_bytes()


def force_compaction(engine: Engine, *topics: TopicName) -> None:
    settings = {
        "segment.ms": "100",
        "min.cleanable.dirty.ratio": "0.001",
        "delete.retention.ms": "0",
        "file.delete.delay.ms": "0",
    }
    names = [engine.settings.topic(topic) for topic in topics]
    with admin_client(engine.settings) as client:
        client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, settings) for name in names], incremental=True
        )


def alur(engine: Engine, *arguments: str) -> Result:
    return CliRunner(env=engine.settings.to_environment()).invoke(application(), list(arguments))


def replay(engine: Engine, topic: TopicName, key: str, value: dict[str, Any]) -> None:
    """Replay a dead letter of a record that was never processed."""
    settings, raw = engine.settings, json.dumps(value).encode()
    number, nowhere = partition_of(key, settings.partitions), 1_000_000
    sizes = len(key), len(raw)
    record = ConsumerRecord(settings.topic(topic), number, nowhere, 0, 0, key.encode(), raw, None, *sizes, ())
    letter = dead_letter("test", record, Undecodable("not-json", "planted"))
    engine.send(TopicName.DEAD_LETTERS, letter.value, letter.key, headers=letter.headers, partition=number)
    [last] = [each for each in read_dead_letters(settings) if each.open]
    with DeadLetterService(settings, "test") as service:
        for each in service.records_at([last.position]):
            service.replay(each)


def the_channel_sends_the_report_again(engine: Engine, _complaint: str) -> None:
    engine.report(REPORT_ID, **REPORT)


def a_dead_letter_of_the_report_is_replayed(engine: Engine, _complaint: str) -> None:
    replay(engine, TopicName.INTAKE, REPORT_ID, report_event(REPORT_ID, **REPORT))


def a_dead_letter_of_an_answer_is_replayed(engine: Engine, complaint: str) -> None:
    answer = command_event("record-follow-up", complaint, "/offices/denpasar-pupr", {"text": WORDS})
    replay(engine, TopicName.COMMANDS, complaint, answer)


def intake_starts_over(engine: Engine, _complaint: str) -> None:
    topic = engine.settings.topic(TopicName.INTAKE)
    begun = {
        TopicPartition(topic, each): OffsetAndMetadata(0, mark(0), -1) for each in range(engine.settings.partitions)
    }
    engine.stop("intake")
    with admin_client(engine.settings) as client:
        retry_while_starting(lambda: client.alter_group_offsets(engine.settings.group("intake"), begun))
    engine.start("intake")


def lifecycle_restores(engine: Engine, _complaint: str) -> None:
    engine.stop("lifecycle")
    engine.start("lifecycle")


WAYS_BACK = (
    the_channel_sends_the_report_again,
    a_dead_letter_of_the_report_is_replayed,
    a_dead_letter_of_an_answer_is_replayed,
    intake_starts_over,
    lifecycle_restores,
)


def test_erased_words_are_gone_and_stay_gone(engine: Engine) -> None:
    settings = engine.settings
    complaint = engine.report(REPORT_ID, **REPORT)
    engine.await_status(complaint, "disposed")
    assert holding(engine, WORDS) == {TopicName.INTAKE, TopicName.COMMANDS, TopicName.TEXTS}
    assert holding(engine, NAME) == {TopicName.INTAKE, TopicName.IDENTITIES}
    assert body_of(engine, complaint) == WORDS
    digests = digests_of(engine, complaint)

    done = alur(engine, "privacy", "erase", complaint, "--reason", "Diminta pelapor.", "--wait", "60")
    assert done.exit_code == 0, done.output
    assert "complete on" in done.output
    assert "data-erased" in engine.facts(complaint)

    for way in WAYS_BACK:
        way(engine, complaint)
        engine.await_quiet()
        for planted in (WORDS, NAME, digests):
            assert holding(engine, planted) <= EXPIRING, way.__name__
        assert body_of(engine, complaint) == ERASED, way.__name__
    with ComplaintFeed(settings, {}) as subscriber:
        assert WORDS not in repr(list(subscriber.to_end()))
    found = audit(settings, live=True, identities=True)
    assert [str(each) for each in found.violations] == []
    assert found.erased == {complaint: ("identity", "texts")}

    force_compaction(engine, *(each.name for each in TOPICS if each.config["cleanup.policy"] == "compact"))
    kept = [each.name for each in TOPICS if each.name not in EXPIRING]

    def compacted() -> bool:
        # rolls the segments
        engine.report(f"other-{time.monotonic_ns()}", body=f"Lain {time.monotonic_ns()}", reporter={"name": "Lain"})
        planted = [each.encode() for each in (WORDS, NAME, digests)]
        return not any(each in content for _, content in segments(engine, *kept) for each in planted)

    assert any(WORDS.encode() in content for _, content in segments(engine, TopicName.INTAKE))
    eventually("what was erased is on no disk", compacted, 150)


def body_of(engine: Engine, complaint: str) -> str:
    [first, *_] = read_history(engine.settings, complaint).history
    assert isinstance(first.fact, ComplaintRegistered)
    return first.fact.report.body


def digests_of(engine: Engine, complaint: str) -> str:
    [*_, last] = [
        record.value for record in read_all(engine.settings, [TopicName.STATE]) if record.key == complaint.encode()
    ]
    found = decode_snapshot(last).report.content_digests
    assert found is not None
    return found


def test_complaints_that_ended_before_the_retention_are_erased(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no retention is set" in alur(engine, "privacy", "expire").output
    assert "for 1 day after" in alur(engine, "privacy", "retention", "1").output
    ended = [engine.report(f"ended-{number}", **REPORT | {"body": f"{WORDS} {number}"}) for number in range(3)]
    kept = engine.report("open", body="Tetap ada di sini selama belum selesai.", reporter={"name": "Namayangtetap"})
    for each in (*ended, kept):
        engine.await_status(each, "disposed")
    for each in ended:
        engine.command("withdraw-complaint", each, "/channels/sms", {"reason": "Zebrawoord sudah selesai."})
        engine.await_status(each, "withdrawn")
    assert alur(engine, "privacy", "expire").output.startswith("erased 0 complaints")

    monkeypatch.setattr(retention, "erase_after", lambda _values: timedelta(seconds=0))
    counted = alur(engine, "privacy", "expire", "--dry-run")
    assert counted.output.startswith("due: 3 complaints that ended before "), counted.output
    assert "; the oldest, " in counted.output
    assert TopicName.TEXTS in holding(engine, WORDS)
    done = alur(engine, "privacy", "expire")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("erased 3 complaints that ended before ")
    for planted in (WORDS, NAME, "Zebrawoord sudah"):
        assert holding(engine, planted) <= EXPIRING
    assert TopicName.IDENTITIES in holding(engine, "Namayangtetap")
    assert body_of(engine, kept).startswith("Tetap ada")
    again = alur(engine, "privacy", "expire")
    assert again.output.startswith("erased 0 complaints"), again.output
    engine.await_quiet()
    assert [str(each) for each in audit(engine.settings, live=True).violations] == []


def test_texts_in_facts_are_not_erased_by_the_retention(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_texts(engine.settings, "facts")
    complaint = engine.report(REPORT_ID, **REPORT)
    engine.await_status(complaint, "disposed")
    engine.command("withdraw-complaint", complaint, "/channels/sms", {"reason": "Sudah selesai."})
    engine.await_status(complaint, "withdrawn")
    keep_texts(engine.settings, TEXTS_APART)
    monkeypatch.setattr(retention, "erase_after", lambda _values: timedelta(seconds=0))
    done = alur(engine, "privacy", "expire")
    assert done.exit_code == 1
    assert f"facts of 1 more, such as {complaint}, hold their words" in done.output
    assert "data-erased" not in engine.facts(complaint)


def test_words_in_facts_cannot_be_erased(engine: Engine) -> None:
    keep_texts(engine.settings, "facts")
    done = alur(engine, "privacy", "erase", "419535e9-5c83-5206-857a-a7517e758cf7", "--reason", "Diminta.")
    assert done.exit_code == 1
    assert "nothing is erased" in done.output


def test_intake_sees_each_erasure_and_waits_for_none(settings: Settings) -> None:
    ensure_topics(settings)
    complaints = [complaint_id("/channels/sms", str(number)) for number in range(20)]

    async def pause_of_a_batch() -> float:
        """Announce the erasures one by one; return the median time to find that there is no new one."""
        erasures, took = Erasures(settings, "intake"), []
        await erasures.catch_up()
        for complaint in complaints:
            await asyncio.sleep(0.05)  # a fetch is on its way by now, if nothing holds it back
            started = time.monotonic()
            await erasures.catch_up()
            took.append(time.monotonic() - started)
            made = made_now(texts=True, identity=False, by="desk", reason="Diminta.")
            await asyncio.to_thread(announce, settings, complaint, made)
            await erasures.catch_up()
            assert erasures.of(complaint) == (True, False)
        await erasures.stop()
        return sorted(took)[len(took) // 2]

    assert asyncio.run(pause_of_a_batch()) < 0.2, "no fetch is waited for"
