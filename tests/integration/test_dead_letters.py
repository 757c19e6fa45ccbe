"""Dead letters on a real broker: written with the reason, and replayed once the cause is fixed."""

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord
from kafka import KafkaProducer
from typer.testing import CliRunner, Result

from agents.cli.app import application
from agents.config import policy_files
from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.deferred_commits import DeferredCommits
from agents.kafka.records import OutgoingRecord, dead_letter
from agents.ops.audit import audit
from agents.ops.dead_letters.records import DeadLetterRecord, parse_position, read_dead_letters
from agents.ops.dead_letters.service import DeadLetterRefused, DeadLetterService
from agents.ops.topics import ensure_topics
from agents.runtime.output_writer import OutputWriter
from agents.runtime.partition_processor import PartitionProcessor
from agents.runtime.stage import Partition, Stage
from agents.runtime.worker import Worker
from agents.stages.lifecycle import Lifecycle
from events.client import Publisher, read_all
from events.client.partitions import partition_of
from events.codec.decode import decode_fact, decode_report
from events.codec.encode import encode_command
from events.errors import Undecodable
from events.ids import stage_command_id
from events.topics import OUTWARD_RECORD_BYTES, TopicName
from tests.support.engines import Engine, command_event, eventually, report_event
from workflow.stages.intake import registration

PUPR = "/offices/denpasar-pupr"


class Stumbling(Lifecycle):
    """Lifecycle with a bug: it cannot count without potholes."""

    def handle(self, record: Any) -> Iterable[OutgoingRecord]:
        if b"jumlah lubang" in record.value:
            raise ZeroDivisionError("no potholes to divide by")
        return super().handle(record)


def alur(settings: Settings, *arguments: str) -> Result:
    runner = CliRunner(env={**settings.to_environment(), "NO_COLOR": "1", "TERM": "dumb"})
    return runner.invoke(application(), list(arguments))


def does(settings: Settings, *arguments: str) -> str:
    result = alur(settings, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def fails(settings: Settings, *arguments: str) -> str:
    result = alur(settings, *arguments)
    assert result.exit_code != 0, result.output
    [line] = result.stderr.splitlines()
    return line


def begin(settings: Settings) -> str:
    """Publish a report and the command that registers it, as intake would; return the complaint."""
    raw = json.dumps(report_event("parked", reporter=None)).encode()
    report = decode_report(raw)
    name = report.complaint_id
    command = encode_command(
        registration(report, partition=0, offset=0),
        source="/stages/intake",
        command_id=stage_command_id(name, "register"),
        subject=name,
        time=datetime.now(UTC),
    )
    with Publisher(settings) as publisher:
        publisher.publish_now(TopicName.INTAKE, name, raw)
        publisher.publish_now(TopicName.COMMANDS, name, command)
    return name


def command(settings: Settings, name: str, complaint: str, source: str, **data: Any) -> None:
    event = command_event(name, complaint, source, data)
    with Publisher(settings) as publisher:
        publisher.publish_now(TopicName.COMMANDS, complaint, json.dumps(event).encode())


def process_commands(settings: Settings, complaint: str, handler: Callable[[Partition], Lifecycle]) -> None:
    """Own the partition of the complaint until its commands are processed."""

    async def own() -> None:
        number = partition_of(complaint, settings.partitions)
        source = TopicPartition(settings.topic(TopicName.COMMANDS), number)
        consumer = clients.consumer(settings, settings.group("lifecycle"))
        await consumer.start()
        consumer.assign([source])
        stage = Stage("lifecycle", handler, transactional=True, state_topic=TopicName.STATE)
        partition = Partition(number, settings.partitions, policy_files.load(settings.policy), keys=settings.keys())
        commits = DeferredCommits(consumer, print)
        worker = Worker(stage, settings, consumer, OutputWriter(settings), commits)
        processor = PartitionProcessor(worker, source, partition)
        await processor.acquire()
        end = (await consumer.end_offsets([source]))[source]
        async with asyncio.timeout(60):
            while await consumer.position(source) < end:
                for records in (await consumer.getmany(source, timeout_ms=200)).values():
                    await processor.process(records)
            await processor.skip_to(end)
        await processor.release()
        await consumer.stop()

    asyncio.run(own())


def facts(settings: Settings) -> list[str]:
    return [decode_fact(record.value).fact.NAME for record in read_all(settings, [TopicName.EVENTS])]


def write_dead_letter(
    settings: Settings, topic: TopicName, value: bytes, error: Exception, **headers: bytes
) -> DeadLetterRecord:
    """Write a dead letter as a stage does; return it as it is read."""
    record: Any = ConsumerRecord(
        topic=settings.topic(topic),
        partition=1,
        offset=7,
        timestamp=0,
        timestamp_type=0,
        key=b"k",
        value=value,
        checksum=None,
        serialized_key_size=1,
        serialized_value_size=len(value),
        headers=tuple(headers.items()),
    )
    output = dead_letter("verification", record, error)
    producer = KafkaProducer(bootstrap_servers=settings.broker, max_request_size=OUTWARD_RECORD_BYTES)
    producer.send(
        settings.topic(output.topic),
        key=output.key,
        value=output.value,
        partition=output.partition,
        headers=list(output.headers),
    ).get(30)
    producer.close()
    return read_dead_letters(settings)[-1]


def test_a_bug_parks_the_command_and_the_complaint_goes_on(settings: Settings) -> None:
    settings = replace(settings, policy="lapor")  # demo would close the complaint while a slow machine gets here
    ensure_topics(settings)
    complaint = begin(settings)
    command(settings, "verify-complaint", complaint, "/offices/panrb")
    command(settings, "dispose-complaint", complaint, "/offices/panrb", office="denpasar-pupr")
    command(settings, "record-follow-up", complaint, PUPR, text="jumlah lubang: 0")
    command(settings, "record-follow-up", complaint, PUPR, text="Sudah ditambal.")
    process_commands(settings, complaint, Stumbling)
    assert facts(settings) == ["registered", "verified", "disposed", "followed-up"]
    [letter] = read_dead_letters(settings)
    assert (letter.stage, letter.code, letter.replays) == ("lifecycle", "bug", 0)
    assert letter.reason == "ZeroDivisionError: no potholes to divide by"
    assert letter.traceback is not None
    assert "in handle" in letter.traceback
    shown = does(settings, "dead", "show", str(letter.position))
    assert "ZeroDivisionError" in shown
    assert "jumlah lubang: 0" in shown

    # as long as the bug is there it is parked again, and counted
    assert f"{letter.position} (lifecycle, bug) to complaints.commands-" in does(
        settings, "dead", "replay", str(letter.origin), "--by", "Putu"
    )
    process_commands(settings, complaint, Stumbling)
    first, again = read_dead_letters(settings)
    assert (first.position, first.open, str(first.disposition).endswith(" by Putu")) == (letter.position, False, True)
    assert (again.open, again.replays) == (True, 1)
    assert does(settings, "dead", "list", "-q", "--code", "bug") == f"{again.position}\n"

    # mended
    does(settings, "dead", "replay", str(again.position))
    process_commands(settings, complaint, Lifecycle)
    assert facts(settings).count("followed-up") == 2
    assert not [each for each in read_dead_letters(settings) if each.open]
    found = audit(settings)
    assert found.violations == []
    assert (found.counts.dead, found.counts.resolved_letters) == (2, 2)


def test_the_bytes_and_the_key_come_back_as_they_were(settings: Settings) -> None:
    ensure_topics(settings)
    raw = b'\x00\xff{"halo": 1}'
    letter = write_dead_letter(settings, TopicName.INTAKE, raw, Undecodable("not-json", "no"), replays=b"3")
    assert letter.replays == 3
    with DeadLetterService(settings, "Made") as service:
        [found] = service.records_at([letter.position])
        returned = service.replay(found)
    [record] = list(read_all(settings, [TopicName.INTAKE]))
    assert (record.key, record.value, record.partition) == (b"k", raw, 1)
    assert (record.partition, record.offset) == (returned.partition, returned.offset)
    assert record.headers["replayed-from"].decode() == str(letter.position)
    assert record.headers["replays"] == b"4"
    # once is enough, unless one insists
    assert "was replayed to" in fails(settings, "dead", "replay", str(letter.position))
    assert " to complaints.intake-1@" in does(settings, "dead", "replay", str(letter.position), "--force")


def test_a_letter_from_a_stage_topic_is_replayed_only_with_force(settings: Settings) -> None:
    ensure_topics(settings)
    letter = write_dead_letter(settings, TopicName.EVENTS, b"x", Undecodable("not-json", "no"))
    assert "where only a stage writes" in fails(settings, "dead", "replay", str(letter.position))
    assert list(read_all(settings, [TopicName.EVENTS])) == []
    does(settings, "dead", "replay", str(letter.position), "--force")
    assert [record.value for record in read_all(settings, [TopicName.EVENTS])] == [b"x"]


def test_a_truncated_letter_is_not_replayed(settings: Settings) -> None:
    ensure_topics(settings)
    letter = write_dead_letter(settings, TopicName.INTAKE, b" " * 5_000_000, Undecodable("not-json", "no"))
    assert letter.truncated_from == 5_000_000
    assert letter.size < 5_000_000
    assert "too long, and truncated" in fails(settings, "dead", "replay", str(letter.position), "--force")


def test_a_letter_is_discarded_with_a_reason_and_a_record(settings: Settings) -> None:
    ensure_topics(settings)
    letter = write_dead_letter(settings, TopicName.INTAKE, b"x", Undecodable("not-json", "no"))
    place = str(letter.position)
    assert "Missing option '--reason'" in fails(settings, "dead", "discard", place)
    assert fails(settings, "dead", "discard", place, "--reason", " ").startswith("alur: --reason: give one")
    does(settings, "dead", "discard", place, "--reason", "uji coba", "--by", "Wayan")
    *_, record = read_all(settings, [TopicName.DEAD_LETTERS])
    assert (record.key, record.value, record.partition) == (b"k", None, letter.position.partition)
    headers = {name: value.decode() for name, value in record.headers.items()}
    assert headers == {"discards": place, "reason": "uji coba", "by": "Wayan"}
    assert "0 listed; of 1 dead letter in all, open: 0" in does(settings, "dead", "list")
    assert "discarded (uji coba) by Wayan" in does(settings, "dead", "list", "--all")
    assert "nothing is left to discard" in fails(settings, "dead", "discard", place, "--reason", "lagi")
    found = audit(settings)
    assert found.violations == []
    assert (found.counts.dead, found.counts.resolved_letters) == (1, 1)


def test_letters_are_filtered_by_code_topic_stage_and_age(settings: Settings) -> None:
    ensure_topics(settings)
    bug = write_dead_letter(settings, TopicName.EVENTS, b"x", ZeroDivisionError("0"))
    other = write_dead_letter(settings, TopicName.INTAKE, b"y", Undecodable("empty", "no value"))
    places = {"bug": f"{bug.position}\n", "empty": f"{other.position}\n"}
    for option, value, expected in (
        ("--code", "bug", places["bug"]),
        ("--topic", "intake", places["empty"]),
        ("--topic", settings.topic(TopicName.EVENTS), places["bug"]),
        ("--stage", "verification", places["bug"] + places["empty"]),
        ("--stage", "sla", ""),
        ("--since", "1h", places["bug"] + places["empty"]),
        ("--since", "2999-01-01T00:00:00Z", ""),
    ):
        assert does(settings, "dead", "list", "-q", option, value) == expected, (option, value)
    # two letters were found at one place of one topic by now
    again = write_dead_letter(settings, TopicName.EVENTS, b"x", ZeroDivisionError("0"))
    ambiguous = fails(settings, "dead", "discard", str(bug.origin), "--reason", "dua")
    assert f"{bug.position} (verification), {again.position} (verification)" in ambiguous
    assert does(settings, "dead", "show", str(other.position), "--raw") == "y"
    assert "there is no dead letter at" in fails(settings, "dead", "show", "complaints.dead-letters-0@99")
    assert "is not a position" in fails(settings, "dead", "show", "here")
    assert "neither an age" in fails(settings, "dead", "list", "--since", "kemarin")
    assert "has no time zone" in fails(settings, "dead", "list", "--since", "2026-03-16")
    assert "there is no topic 'x'" in fails(settings, "dead", "list", "--topic", "x")


def test_a_second_dead_letter_service_fences_the_first(settings: Settings) -> None:
    ensure_topics(settings)
    letter = write_dead_letter(settings, TopicName.INTAKE, b"x", Undecodable("not-json", "no"))
    with DeadLetterService(settings, "first") as first:
        [mine] = first.records_at([letter.position])
        with DeadLetterService(settings, "second") as second:
            second.replay(second.records_at([letter.position])[0])
            with pytest.raises(DeadLetterRefused, match="was replayed"):
                second.replay(second.records_at([letter.position])[0])
        with pytest.raises(Exception, match=r"refused|fenced|Fenced|epoch"):
            first.replay(mine)
    assert len(list(read_all(settings, [TopicName.INTAKE]))) == 1


def test_a_stage_keeps_the_count(stopped_engine: Engine) -> None:
    engine = stopped_engine
    engine.start("intake")
    engine.send("complaints.intake", b"halo, jalan rusak", b"k")

    def newest(replays: int) -> DeadLetterRecord | None:
        return next((each for each in read_dead_letters(engine.settings) if each.replays == replays), None)

    for count in range(3):
        letter: DeadLetterRecord = eventually(f"a letter with count {count}", lambda count=count: newest(count))  # type: ignore[misc]  # a default is no parameter
        assert letter.code == "not-json"
        does(engine.settings, "dead", "replay", str(letter.position))
    assert parse_position(engine.settings, engine.settings.topic("complaints.intake-0@1")).topic is TopicName.INTAKE
