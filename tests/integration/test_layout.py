"""The layout of an installation: auto-created topics are repaired, changes under running stages stop them."""

import json
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from kafka.admin import ConfigFilterType, ConfigResource, ConfigResourceType, KafkaAdminClient
from typer.testing import CliRunner

from agents.cli.app import application
from agents.config.settings import Settings
from agents.local_broker.ephemeral import running_engine
from agents.local_broker.java import Java
from agents.local_broker.paths import BrokerPaths
from agents.ops.audit import audit, recorded_incidents
from agents.ops.topics import LayoutDiffers, ensure_topics
from events.client.reader import installation_values
from events.installation import LAYOUT_CHANGED, TOPIC_REPLACED, Layout
from events.topics import BY_NAME, TOPICS, TopicName
from tests.support.engines import CITIZEN, Engine, eventually, new_engine, report_event

ONE = {"num_partitions": 1, "replication_factor": 1}  # what a broker makes of a topic that is asked for


@pytest.fixture
def admin(broker: str) -> Iterator[Any]:
    with KafkaAdminClient(bootstrap_servers=broker) as client:
        yield client


@pytest.fixture
def engine(broker: str, tmp_path: Path) -> Iterator[Engine]:
    engine = new_engine(broker, tmp_path / "stages.log", "demo")
    yield engine
    engine.kill_all()


def alur(settings: Settings, *words: str, **more: str) -> tuple[int, str]:
    env = {name: value for name, value in settings.to_environment().items() if name != "ALUR_PARTITIONS"} | more
    done = CliRunner().invoke(application(), words, env={**env, "ALUR_PARTITIONS": more.get("ALUR_PARTITIONS", "")})
    return done.exit_code, done.output


def partitions(admin: Any, settings: Settings) -> dict[str, int]:
    found = admin.describe_topics([settings.topic(topic.name) for topic in TOPICS])
    return {topic["name"].removeprefix(settings.prefix): len(topic["partitions"]) for topic in found}


def setting(admin: Any, settings: Settings, topic: TopicName, name: str) -> str:
    resource = ConfigResource(ConfigResourceType.TOPIC, settings.topic(topic))
    found = admin.describe_configs([resource], config_filter=ConfigFilterType.ALL)["topic"]
    return str(found[settings.topic(topic)][name]["value"])


def start(engine: Engine, stage: str) -> None:
    """Start a stage on whatever log it has, and wait until it works."""
    before = engine.log.read_text().count('"partition_acquired"') if engine.log.exists() else 0
    engine.start(stage)
    eventually(f"{stage} works", lambda: engine.log.read_text().count('"partition_acquired"') > before)


def test_topics_made_by_accident_are_mended_while_they_are_empty(settings: Settings, admin: Any) -> None:
    for topic in (TopicName.INTAKE, TopicName.STORIES, TopicName.COMMANDS):
        admin.create_topics({settings.topic(topic): ONE}, wait_for_metadata=True)

    status, output = alur(settings, "topics", "create", ALUR_PARTITIONS="4")

    assert status == 0, output
    assert f"altered {settings.topic('complaints.stories')}: cleanup.policy delete -> compact" in output
    assert partitions(admin, settings) == {topic.name: topic.partitions_in(4) for topic in TOPICS}
    assert setting(admin, settings, TopicName.COMMANDS, "message.timestamp.type") == "LogAppendTime"
    layout = Layout.of(installation_values(settings))
    assert layout is not None
    assert (layout.partitions, set(layout.topics)) == (4, set(TopicName))
    # from now on its own number counts, whatever the environment has by default
    assert alur(settings, "topics", "create")[0] == 0
    status, output = alur(settings, "topics", "create", ALUR_PARTITIONS="6")
    assert (status, "the installation has partitions=4, not 6; unset ALUR_PARTITIONS: " in output) == (1, True)
    status, output = alur(settings, "topics", "create", "--partitions", "6")
    assert (status, "the installation has partitions=4, not 6; leave out --partitions: " in output) == (1, True)


def test_records_on_an_auto_created_topic_are_kept(settings: Settings, admin: Any) -> None:
    admin.create_topics({settings.topic(TopicName.INTAKE): ONE}, wait_for_metadata=True)
    Engine(replace(settings, partitions=1), Path(os.devnull)).send("complaints.intake", b"{}")

    status, output = alur(settings, "topics", "create", ALUR_PARTITIONS="4")

    name = settings.topic(TopicName.INTAKE)
    assert status == 1
    assert f"{name} has partitions=1, not 4" in output
    assert f"--alter --topic {name} --partitions 4`, then `alur topics create`" in output
    assert partitions(admin, settings)["complaints.events"] == 0
    admin.create_partitions({name: 4})
    assert alur(settings, "topics", "create", ALUR_PARTITIONS="4")[0] == 0


def test_an_installation_from_before_is_upgraded_and_joined_by_its_first_stage(engine: Engine, admin: Any) -> None:
    settings = engine.settings
    admin.delete_topics([settings.topic(TopicName.INSTALLATION)])
    old = {"message.timestamp.type": "CreateTime", "max.message.bytes": "1048576"}
    resource = ConfigResource(ConfigResourceType.TOPIC, settings.topic(TopicName.INTAKE), old)
    admin.alter_configs([resource], incremental=True)
    eventually("it is altered", lambda: {key: setting(admin, settings, TopicName.INTAKE, key) for key in old} == old)

    status, output = alur(settings, "topics", "create")

    assert status == 0, output
    assert "message.timestamp.type CreateTime -> LogAppendTime" in output
    for key, value in BY_NAME[TopicName.INTAKE].config.items():
        assert setting(admin, settings, TopicName.INTAKE, key) == value
    # a record that is lost is written anew by the first stage that finds all as it should be
    admin.delete_topics([settings.topic(TopicName.INSTALLATION)])
    eventually("it is gone", lambda: partitions(admin, settings)["complaints.installation"] == 0)
    one = BY_NAME[TopicName.INSTALLATION]
    name = settings.topic(TopicName.INSTALLATION)
    admin.create_topics({name: {**ONE, "configs": one.config}}, wait_for_metadata=True)
    engine.start("intake", "lifecycle")
    engine.await_status(engine.report("a"), "registered")
    layout = Layout.of(installation_values(settings))
    assert layout is not None
    assert layout.partitions == 4


def test_partitions_that_are_added_stop_the_stages_before_anything_is_registered_twice(
    engine: Engine, admin: Any
) -> None:
    engine.start("intake", "lifecycle")
    reports = [f"r{number}" for number in range(10)]
    complaints = [engine.report(each) for each in reports]
    for each in complaints:
        engine.await_status(each, "registered")

    admin.create_partitions({engine.settings.topic("complaints.commands"): 8})
    for each in reports:
        engine.report(each)  # channels send again what they are not sure of

    both = ("intake", "lifecycle")
    eventually("the stages have stopped", lambda: not engine.alive())
    assert [engine.processes.pop(stage).returncode for stage in both] == [78, 78]
    output = engine.log.read_text()
    assert "complaints.commands has partitions=8, not 4" in output
    engine.start(*both)  # and they do not begin again
    eventually("the stages have refused", lambda: not engine.alive())
    assert [engine.processes.pop(stage).returncode for stage in both] == [78, 78]
    registered = [event["subject"] for event in engine.events() if ".registered." in event["type"]]
    assert sorted(registered) == sorted(complaints)
    incidents = {each.topic: each for each in recorded_incidents(engine.settings)}
    assert incidents["complaints.commands"].kind == LAYOUT_CHANGED
    pending = audit(engine.settings).counts.pending
    for complaint in complaints:
        engine.command("withdraw-complaint", complaint, CITIZEN)  # most go to an added partition
    assert audit(engine.settings).counts.pending == pending + len(complaints)
    assert alur(engine.settings, "topics", "create")[0] == 1
    with pytest.raises(LayoutDiffers, match="partitions cannot be removed"):
        ensure_topics(engine.settings)


def test_a_topic_that_is_made_anew_stops_its_stages_until_it_is_accepted(engine: Engine, admin: Any) -> None:
    settings, name = engine.settings, engine.settings.topic(TopicName.STORIES)
    start(engine, "resolution")

    admin.delete_topics([name])
    eventually("it is gone", lambda: partitions(admin, settings)["complaints.stories"] == 0)
    admin.create_topics({name: ONE}, wait_for_metadata=True)

    eventually("the stage has stopped", lambda: not engine.alive())
    assert engine.processes.pop("resolution").returncode == 78
    assert "it was deleted and recreated" in engine.log.read_text()
    with pytest.raises(LayoutDiffers, match="deleted and recreated"):
        ensure_topics(settings)
    assert alur(settings, "topics", "create")[0] == 0
    assert partitions(admin, settings)["complaints.stories"] == 4
    assert TOPIC_REPLACED in {each.kind for each in recorded_incidents(settings)}
    ensure_topics(settings)
    start(engine, "resolution")


def test_a_report_with_an_old_stamp_is_kept_and_no_client_of_ours_makes_a_topic(tmp_path: Path) -> None:
    java = Java.find(os.environ, BrokerPaths.from_environment(os.environ).cache)
    if java is None:
        pytest.skip("needs Java: a container's broker cannot be given properties to begin with")
    java.fetch(lambda _line: None)
    properties = {"log.retention.check.interval.ms": "1000", "auto.create.topics.enable": "true"}
    with running_engine(replace(java, properties=properties)) as broker:
        engine = new_engine(broker, tmp_path / "stages.log", "demo")
        try:
            old = [int((time.time() - 40 * 86_400) * 1000), int(time.time())]  # a month ago; seconds for milliseconds
            complaints = []
            for number, stamp in enumerate(old):
                report = report_event(f"old-{number}")
                sender = Producer({"bootstrap.servers": broker})
                sender.produce(engine.settings.topic("complaints.intake"), json.dumps(report).encode(), timestamp=stamp)
                assert sender.flush(30) == 0
                complaints.append(str(uuid.uuid5(uuid.NAMESPACE_URL, f"{report['source']}#{report['id']}")))
            start(engine, "resolution")
            engine.start("intake", "lifecycle")
            for each in complaints:
                engine.await_status(each, "registered")
            with KafkaAdminClient(bootstrap_servers=broker) as admin:
                gone = engine.settings.topic(TopicName.STORIES)
                admin.delete_topics([gone])
                eventually("resolution has stopped", lambda: "resolution" not in engine.alive())
                assert partitions(admin, engine.settings)["complaints.stories"] == 0
        finally:
            engine.kill_all()
