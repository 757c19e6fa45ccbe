"""Offsets that no stage has committed, and offsets whose records are gone: neither is accepted silently."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Producer
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.structs import OffsetAndMetadata

from agents.ops.audit import recorded_incidents
from agents.runtime.process import EXIT_REFUSED
from events.installation import EXPIRED_UNREAD, OFFSET_LOST, OFFSETS_ACCEPTED
from events.topics import STAGES
from tests.support.engines import CITIZEN, Engine, command_event, eventually, new_engine
from tests.support.forked_stage import run_alur

COMMANDS = 95
REPORTS = 12


@pytest.fixture(scope="module")
def engine(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine under the real policy that the tests stop, reset and start again, one after the other."""
    engine = new_engine(broker, tmp_path_factory.mktemp("offsets") / "stages.log", "lapor")
    yield engine
    engine.kill_all()


@pytest.fixture
def admin(broker: str) -> Iterator[Any]:
    with KafkaAdminClient(bootstrap_servers=broker) as client:
        yield client


def sources(engine: Engine, stage: str) -> list[TopicPartition]:
    topic = engine.settings.topic(STAGES[stage])
    return [TopicPartition(topic, number) for number in range(engine.settings.partitions)]


def committed(engine: Engine, admin: Any, stage: str) -> dict[TopicPartition, int]:
    group = engine.settings.group(stage)
    return {source: found.offset for source, found in admin.list_group_offsets(group)[group].items()}


def reset(engine: Engine, admin: Any, stage: str, offsets: dict[TopicPartition, int]) -> None:
    """As kafka-consumer-groups --reset-offsets does."""
    wanted = {source: OffsetAndMetadata(offset, "", -1) for source, offset in offsets.items()}

    def probe() -> bool:
        admin.alter_group_offsets(engine.settings.group(stage), wanted)
        return committed(engine, admin, stage) == offsets

    eventually("Kafka has noticed that the stage has ended", probe)


def alur(engine: Engine, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_alur({**engine.environment, **engine.settings.to_environment()}, *arguments)


def refused(engine: Engine, stage: str) -> str:
    """Start a stage that has to refuse; return the reason it gives."""
    engine.start(stage)
    assert engine.processes.pop(stage).wait(30) == EXIT_REFUSED
    return str(lines(engine, stage, "start_refused")[-1]["reason"])


def lines(engine: Engine, stage: str, event: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in engine.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in found if line.get("event") == event and line.get("stage") == stage]


def withdraw(engine: Engine, complaints: list[str]) -> None:
    asked = [complaints[number % len(complaints)] for number in range(COMMANDS)]
    events = [command_event("withdraw-complaint", each, CITIZEN, {"reason": "selesai"}) for each in asked]
    engine.send_all("complaints.commands", [(each["subject"].encode(), json.dumps(each).encode()) for each in events])


def test_an_offset_set_to_the_end_or_to_the_beginning_is_refused_until_it_is_accepted(
    engine: Engine, admin: Any
) -> None:
    engine.start()
    complaints = [engine.report(f"r{number}") for number in range(REPORTS)]
    engine.await_quiet()
    assert engine.stop("lifecycle") == {"lifecycle": 0}
    right = committed(engine, admin, "lifecycle")
    withdraw(engine, complaints)
    ends = {
        source: found.offset
        for source, found in admin.list_partition_offsets(
            dict.fromkeys(sources(engine, "lifecycle"), OffsetSpec.LATEST)
        ).items()
    }
    reset(engine, admin, "lifecycle", ends)
    assert "`alur offsets accept lifecycle`" in refused(engine, "lifecycle")
    reset(engine, admin, "lifecycle", right)
    assert "the stage has not committed it" in refused(engine, "lifecycle"), "it is right, and nobody has said so"
    accepted = alur(engine, "offsets", "accept", "lifecycle")
    assert accepted.returncode == 0, accepted.stderr
    assert f"accepted offset {right[sources(engine, 'lifecycle')[0]]} of " in accepted.stdout
    engine.start("lifecycle")
    engine.await_quiet()
    answers = engine.events("complaints.rejections")
    assert len(answers) == COMMANDS - REPORTS, "each of the commands is answered"

    assert engine.stop("resolution") == {"resolution": 0}
    published, right = len(engine.events("complaints.resolutions")), committed(engine, admin, "resolution")
    assert published == REPORTS
    reset(engine, admin, "resolution", dict.fromkeys(right, 0))
    assert "`alur offsets accept resolution`" in refused(engine, "resolution")
    reset(engine, admin, "resolution", right)
    assert alur(engine, "offsets", "accept", "resolution").returncode == 0
    engine.start("resolution")
    engine.await_quiet()
    assert len(engine.events("complaints.resolutions")) == published
    accepted_by_hand = [each for each in recorded_incidents(engine.settings) if each.kind == OFFSETS_ACCEPTED]
    assert {each.stage for each in accepted_by_hand} == {"lifecycle", "resolution"}


def test_the_offsets_of_a_running_stage_are_not_accepted(engine: Engine) -> None:
    done = alur(engine, "offsets", "accept", "sla", "lifecycle")
    assert done.returncode == 1
    assert done.stderr.startswith("alur: sla runs: group ")
    assert done.stderr.count("\n") == 1


def test_records_that_expired_unread_are_an_error_at_takeover_and_while_running(engine: Engine, admin: Any) -> None:
    engine.await_quiet()
    [first, *_] = sources(engine, "intake")
    engine.kill("intake")
    before = committed(engine, admin, "intake")[first]
    _send_to(engine, first.partition, 5)
    admin.delete_records({first: before + 3})
    engine.start("intake")
    engine.await_quiet(["intake"])
    assert expired(engine) == [("intake", before, before + 2)]

    process = engine.processes["intake"]
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.5)  # a request for records that is under way is answered with none
    _send_to(engine, first.partition, 4)
    admin.delete_records({first: before + 7})
    process.send_signal(signal.SIGCONT)
    engine.await_quiet(["intake"])
    assert expired(engine) == [("intake", before, before + 2), ("intake", before + 5, before + 6)]
    assert committed(engine, admin, "intake")[first] == before + 9


def test_offsets_that_kafka_has_lost_are_an_incident_and_a_first_start_is_none(engine: Engine, admin: Any) -> None:
    deciding = ["intake", "verification", "disposition", "escalation"]
    engine.await_quiet()
    assert lost(engine) == set(), "all have started for the first time, and all but one again"
    facts = len(engine.events())
    engine.stop(*deciding)
    groups, gone = [engine.settings.group(stage) for stage in deciding], {"OK", "GroupIdNotFoundError"}
    eventually("the groups are gone", lambda: set(admin.delete_groups(groups).values()) <= gone)
    engine.start(*deciding)
    engine.await_quiet()
    assert lost(engine) == {(stage, source.partition) for stage in deciding for source in sources(engine, stage)}
    assert len(engine.events()) == facts
    audited = alur(engine, "audit")
    assert audited.returncode == 1
    assert "the committed offset of verification is gone: " in audited.stdout


def lost(engine: Engine) -> set[tuple[str, int | None]]:
    return {(each.stage, each.partition) for each in recorded_incidents(engine.settings) if each.kind == OFFSET_LOST}


def expired(engine: Engine) -> list[tuple[str, int | None, int | None]]:
    found = [each for each in recorded_incidents(engine.settings) if each.kind == EXPIRED_UNREAD]
    return [(each.stage, each.first_offset, each.last_offset) for each in found]


def _send_to(engine: Engine, partition: int, count: int) -> None:
    producer = Producer({"bootstrap.servers": engine.settings.broker})
    for number in range(count):
        producer.produce(engine.settings.topic("complaints.intake"), value=b"%d" % number, partition=partition)
    assert producer.flush(30) == 0
