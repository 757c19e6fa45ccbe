"""Topics are created once, as declared; differences are named and not changed."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import ConfigFilterType, ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.structs import OffsetAndMetadata

from agents.config.settings import Settings
from agents.local_broker.node import address, free_ports
from agents.ops.progress import lag, retry_while_starting
from agents.ops.topics import TopicsDiffer, broker_answers, ensure_topics
from agents.runtime.topic_layout import Difference
from events.client.administration import topics_missing
from events.client.errors import BrokerUnreachable, KafkaRefused, TopicsMissing
from events.topics import STAGES, TOPICS


@pytest.fixture
def admin(broker: str) -> Iterator[Any]:
    with KafkaAdminClient(bootstrap_servers=broker) as client:
        yield client


@pytest.fixture
def nowhere(settings: Settings) -> Settings:
    return replace(settings, broker=address(free_ports(1)[0]))


def names(settings: Settings) -> tuple[str, ...]:
    return tuple(settings.topic(topic.name) for topic in TOPICS)


def send(settings: Settings, topic: str, partition: int, count: int) -> None:
    producer = KafkaProducer(bootstrap_servers=settings.broker, acks="all")
    for _ in range(count):
        producer.send(settings.topic(topic), b"{}", partition=partition)
    producer.close()


def test_topics_are_made_with_the_settings_they_are_declared_with(settings: Settings, admin: Any) -> None:
    assert topics_missing(settings) == names(settings)

    report = ensure_topics(settings)

    assert report.created == names(settings)
    assert topics_missing(settings) == ()
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names(settings)]
    configs = admin.describe_configs(resources, config_filter=ConfigFilterType.ALL)["topic"]
    for topic in TOPICS:
        found = configs[settings.topic(topic.name)]
        assert {key: found[key]["value"] for key in topic.config} == topic.config
    counts = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics(list(names(settings)))}
    assert counts == {settings.topic(topic.name): topic.partitions_in(4) for topic in TOPICS}


def test_existing_topics_are_left_unchanged(settings: Settings) -> None:
    ensure_topics(settings)

    report = ensure_topics(settings)

    assert report.created == ()
    assert report.present == names(settings)


def test_missing_topics_are_created_beside_existing_ones(settings: Settings, admin: Any) -> None:
    first = TOPICS[0]
    there = {"num_partitions": 4, "replication_factor": 1, "configs": dict(first.config)}
    admin.create_topics({settings.topic(first.name): there}, wait_for_metadata=True)

    report = ensure_topics(settings)

    assert report.present == names(settings)[:1]
    assert report.created == names(settings)[1:]


def test_another_number_of_partitions_is_refused_by_name(settings: Settings) -> None:
    ensure_topics(settings)

    with pytest.raises(TopicsDiffer) as refusal:
        ensure_topics(replace(settings, partitions=6))

    assert refusal.value.differences == tuple(
        Difference(settings.topic(topic.name), "partitions", "6", "4") for topic in TOPICS if topic.partitions is None
    )


def test_other_settings_are_refused_by_name_and_nothing_is_made(settings: Settings, admin: Any) -> None:
    commands = settings.topic("complaints.commands")
    admin.create_topics({commands: {"num_partitions": 4, "replication_factor": 1}}, wait_for_metadata=True)

    with pytest.raises(TopicsDiffer, match=r"message\.timestamp\.type=CreateTime, not LogAppendTime") as refusal:
        ensure_topics(settings)

    assert {difference.topic for difference in refusal.value.differences} == {commands}
    assert "\n" not in str(refusal.value)
    assert set(topics_missing(settings)) == {*names(settings)} - {commands}


def test_more_replicas_than_brokers_are_refused_in_the_brokers_words(settings: Settings) -> None:
    with pytest.raises(KafkaRefused, match="replication factor"):
        ensure_topics(replace(settings, replication=30))


def test_a_stage_that_never_ran_is_behind_by_everything(settings: Settings) -> None:
    ensure_topics(settings)
    send(settings, "complaints.intake", partition=2, count=3)

    behind = lag(settings)

    assert behind["intake"] == {0: 0, 1: 0, 2: 3, 3: 0}
    assert set(behind) == set(STAGES)
    assert all(sum(partitions.values()) == 0 for stage, partitions in behind.items() if stage != "intake")


def test_lag_shrinks_with_what_a_stage_has_committed(settings: Settings, admin: Any) -> None:
    ensure_topics(settings)
    send(settings, "complaints.events", partition=1, count=5)
    seen = {TopicPartition(settings.topic("complaints.events"), 1): OffsetAndMetadata(4, "", -1)}
    retry_while_starting(lambda: admin.alter_group_offsets(settings.group("escalation"), seen))

    behind = lag(settings)

    assert behind["escalation"] == {0: 0, 1: 1, 2: 0, 3: 0}
    assert behind["verification"] == {0: 0, 1: 5, 2: 0, 3: 0}


def test_lag_of_missing_topics_names_the_command_that_creates_them(settings: Settings) -> None:
    with pytest.raises(TopicsMissing, match="alur topics create"):
        lag(settings)


def test_a_missing_broker_is_reported_in_one_line_with_the_remedy(nowhere: Settings) -> None:
    assert not broker_answers(nowhere.broker, timeout=1.0)
    for ask in (topics_missing, ensure_topics, lag):
        with pytest.raises(BrokerUnreachable) as refusal:
            ask(nowhere)
        assert str(refusal.value) == (
            f"no Kafka broker answers at {nowhere.broker}: start one with `alur broker start` or set ALUR_BROKER"
        )


def test_a_broker_answers(broker: str) -> None:
    assert broker_answers(broker)
    assert broker_answers(f"{address(free_ports(1)[0])},{broker}")
