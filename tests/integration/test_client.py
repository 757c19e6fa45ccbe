"""The client of people's tools: it reads what is in the log, and detects its end."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import Producer

from agents.config.settings import Settings
from agents.ops.topics import ensure_topics
from events.client import (
    NoSuchComplaint,
    Publisher,
    Reader,
    extents,
    find_complaint,
    read_all,
    read_history,
    require_topics,
)
from events.client.errors import BrokerUnreachable, KafkaRefused, TopicsMissing
from events.client.partitions import partition_of
from events.topics import TopicName

EVENTS = TopicName.EVENTS
COMPLAINT = "7f1c0f4e-6a0e-5a41-9c0e-0d8f3c1f2a11"


@pytest.fixture
def topics(settings: Settings) -> Settings:
    ensure_topics(settings)
    return settings


def transactional(settings: Settings) -> Any:
    producer = Producer({"bootstrap.servers": settings.broker, "transactional.id": f"{settings.prefix}test"})
    producer.init_transactions()
    return producer


def test_what_is_published_lies_where_kafkas_own_partitioner_puts_it(topics: Settings) -> None:
    accepted: list[object] = []
    keys = [f"complaint-{number}" for number in range(50)]
    with Publisher(topics) as publisher:
        for key in keys:
            publisher.publish(EVENTS, key, b"{}", accepted=accepted.append)
        publisher.flush()
        place = publisher.publish_now(EVENTS, COMPLAINT, b"{}")

    assert len(accepted) == 50
    assert place.partition == partition_of(COMPLAINT, topics.partitions)
    found = {record.key: record for record in read_all(topics, [EVENTS])}
    assert set(found) == {key.encode() for key in [*keys, COMPLAINT]}
    assert all(record.partition == partition_of(str(key, "ascii"), 4) for key, record in found.items() if key)
    assert found[COMPLAINT.encode()].headers == {"content-type": b"application/cloudevents+json"}
    assert extents(topics, [EVENTS])[EVENTS].partitions == 4
    assert extents(topics, [EVENTS])[EVENTS].offsets == 51


@pytest.mark.parametrize("size", [1_048_500, 2_000_000])
def test_a_message_that_is_too_large_is_refused_by_itself(topics: Settings, size: int) -> None:
    refused: list[str] = []
    accepted: list[object] = []
    with Publisher(topics) as publisher:
        publisher.publish(TopicName.INTAKE, "a", b"x" * size, accepted=accepted.append, refused=refused.append)
        publisher.publish(TopicName.INTAKE, "a", b"small", accepted=accepted.append, refused=refused.append)
        publisher.flush()

        assert refused == [f"{size:,} bytes are too many for one message"]
        assert len(accepted) == 1
        with pytest.raises(KafkaRefused, match="too many"):
            publisher.publish_now(TopicName.INTAKE, "a", b"x" * size)


def test_only_what_is_committed_is_read_and_markers_are_no_end(topics: Settings) -> None:
    producer = transactional(topics)
    name = topics.topic(EVENTS)
    for value, commits in ((b"kept", True), (b"dropped", False), (b"kept too", True)):
        producer.begin_transaction()
        producer.produce(name, value, key=b"a")
        _ = producer.commit_transaction() if commits else producer.abort_transaction()
    producer.begin_transaction()
    producer.produce(name, b"open", key=b"a")
    producer.flush()

    with Reader(topics, [EVENTS]) as reader:
        assert [record.value for record in reader.to_end()] == [b"kept", b"kept too"]
        assert reader.poll(0.0) == []
        producer.commit_transaction()
        assert [record.value for record in reader.poll(30.0)] == [b"open"]
        assert list(reader.to_end()) == []


def test_skipping_to_a_future_moment_leads_to_the_end_or_nowhere(topics: Settings) -> None:
    with Publisher(topics) as publisher:
        publisher.publish_now(EVENTS, "a", b"old")
    past, future = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

    def read(skip: Callable[[Reader], None]) -> list[bytes | None]:
        with Reader(topics, [EVENTS]) as reader:
            skip(reader)
            return [record.value for record in reader.to_end()]

    assert read(lambda reader: reader.skip_to_moment_or_end(past, EVENTS)) == [b"old"]
    assert read(lambda reader: reader.skip_to_moment_or_stay(past)) == [b"old"]
    assert read(lambda reader: reader.skip_to_moment_or_end(future, EVENTS)) == []
    assert read(lambda reader: reader.skip_to_moment_or_stay(future)) == [b"old"]


def test_a_reader_can_start_at_the_end(topics: Settings) -> None:
    with Publisher(topics) as publisher, Reader(topics, [EVENTS, TopicName.STATE]) as reader:
        publisher.publish_now(EVENTS, "a", b"old")
        publisher.publish_now(TopicName.STATE, "a", b"old state")
        reader.skip_to_end(EVENTS)
        publisher.publish_now(EVENTS, "a", b"new")

        assert {record.value for record in reader.to_end()} == {b"new", b"old state"}


def test_an_unknown_complaint_has_an_empty_history(topics: Settings) -> None:
    with Publisher(topics) as publisher:
        publisher.publish_now(EVENTS, COMPLAINT, b"rubbish")
        publisher.publish_now(TopicName.REJECTIONS, COMPLAINT, b"rubbish")

    known = read_history(topics, COMPLAINT)
    assert (known.history, known.refusals) == ([], [])


@pytest.mark.parametrize("identifier", ["1000001", "nonsense", ""])
def test_an_id_without_complaint_is_refused(topics: Settings, identifier: str) -> None:
    with pytest.raises(NoSuchComplaint):
        find_complaint(topics, identifier)


def test_a_complaint_id_is_accepted_in_any_spelling(topics: Settings) -> None:
    assert find_complaint(topics, COMPLAINT.upper()) == COMPLAINT


def test_missing_topics_and_brokers_are_different_errors(settings: Settings) -> None:
    with pytest.raises(TopicsMissing, match=settings.topic(EVENTS)):
        require_topics(settings, [EVENTS])
    with pytest.raises(BrokerUnreachable):
        require_topics(Settings(broker="127.0.0.1:1"), [EVENTS])
