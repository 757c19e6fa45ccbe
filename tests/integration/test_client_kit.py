"""The client library: commands sent and answered once, feeds without gap or repeat."""

import json
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from kafka import KafkaProducer

from agents.config.settings import Settings
from agents.ops.topics import ensure_topics
from events.client import (
    BrokerUnreachable,
    Channel,
    CommandClient,
    CommandRequest,
    ComplaintFeed,
    KafkaRefused,
    Publisher,
    Reader,
    ResolutionFeed,
    TopicsMissing,
    command_client,
    read_all,
)
from events.codec.decode import decode_snapshot
from events.errors import InvalidCommand, Undecodable
from events.ids import complaint_id
from events.topics import TopicName
from tests.support.engines import eventually
from tests.support.golden_messages import HERE, THERE, fact, golden, snapshot, versions

EVENTS, STATE, RESOLUTIONS = TopicName.EVENTS, TopicName.STATE, TopicName.RESOLUTIONS


@pytest.fixture
def topics(settings: Settings) -> Settings:
    """Two partitions: order within one, and records in only one of them."""
    one = Settings(settings.broker, settings.prefix, partitions=2)
    ensure_topics(one)
    return one


def in_one_transaction(settings: Settings, name: str) -> Any:
    producer = Producer({"bootstrap.servers": settings.broker, "transactional.id": f"{settings.prefix}{name}"})
    producer.init_transactions()
    producer.begin_transaction()
    return producer


def test_the_present_waits_for_a_snapshot_whose_fact_can_be_seen_already(topics: Settings) -> None:
    """A transaction becomes visible partition by partition: here the fact is, and its snapshot is not yet."""
    with Publisher(topics) as publisher:
        publisher.publish_now(STATE, HERE, snapshot(HERE, 1))
        publisher.publish_now(EVENTS, HERE, fact(HERE, 2))
        late = in_one_transaction(topics, "late")
        options = {"key": HERE.encode(), "partition": publisher.publish_now(STATE, HERE, snapshot(HERE, 1)).partition}
        late.produce(topics.topic(STATE), snapshot(HERE, 2), **options)
        late.flush()
    timer = threading.Timer(1.5, late.commit_transaction)
    timer.start()

    with ComplaintFeed(topics, {}) as feed:
        batches = list(feed.to_end())
    timer.join()

    assert [each for batch in batches for each in batch.facts] == []
    assert versions(each for batch in batches for each in batch.present)[-1] == (HERE, 2)


def test_a_fact_that_becomes_visible_late_does_not_follow_its_snapshot(topics: Settings) -> None:
    """The other way round: here the snapshot can be seen, and its fact not yet."""
    with Publisher(topics) as publisher:
        publisher.publish_now(EVENTS, HERE, fact(HERE, 1))
        late = in_one_transaction(topics, "late")
        place = publisher.publish_now(STATE, HERE, snapshot(HERE, 2))
        late.produce(topics.topic(EVENTS), fact(HERE, 2), key=HERE.encode(), partition=place.partition)
        late.flush()
    timer = threading.Timer(1.5, late.commit_transaction)
    timer.start()

    with ComplaintFeed(topics, {}) as feed:
        batches = list(feed.to_end())
        timer.join()
        batches += feed.to_end()
        with Publisher(topics) as publisher:
            publisher.publish_now(EVENTS, HERE, fact(HERE, 3))
        batches += feed.to_end()

    assert versions(each for batch in batches for each in batch.present) == [(HERE, 2)]
    assert versions(each.complaint for batch in batches for each in batch.facts) == [(HERE, 3)]


def test_an_interrupted_publisher_ends_at_once_with_what_interrupted_it(topics: Settings) -> None:
    publisher = Publisher(topics, linger_ms=10_000)

    def interrupted() -> None:
        with publisher:
            publisher.publish(STATE, HERE, snapshot(HERE, 1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    sender = publisher._producer._sender  # noqa: SLF001 -- the thread of the Kafka client, which it does not show
    eventually("its thread has ended", lambda: not sender.is_alive())


def test_feeds_that_begin_while_transactions_become_visible_neither_repeat_nor_lose(topics: Settings) -> None:
    done = threading.Event()

    def write() -> None:
        producer = in_one_transaction(topics, "writer")
        for version in range(1, 10_000):
            for each in (HERE, THERE):
                producer.produce(topics.topic(EVENTS), fact(each, version), key=each.encode())
                producer.produce(topics.topic(STATE), snapshot(each, version), key=each.encode())
            producer.commit_transaction()
            if done.is_set():
                return
            producer.begin_transaction()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            _follow(topics)
    finally:
        done.set()
        writer.join()


def _follow(topics: Settings) -> None:
    known: dict[str, int] = {}
    with ComplaintFeed(topics, {}) as feed:
        for batch in (*feed.to_end(), *feed.to_end(), feed.poll()):
            known |= {each.complaint_id: each.version for each in batch.present}
            for each in (recorded.complaint for recorded in batch.facts):
                assert each.version == known.get(each.complaint_id, 0) + 1
                known[each.complaint_id] = each.version


def test_facts_during_the_first_read_are_in_it_and_later_ones_follow_once(topics: Settings) -> None:
    with Publisher(topics) as publisher:
        for each in (HERE, THERE):
            publisher.publish_now(EVENTS, each, fact(each, 1))
            publisher.publish_now(STATE, each, snapshot(each, 1))
        publisher.publish_now(STATE, "calendar", b"none of the complaints")

        feed = ComplaintFeed(topics, {})
        seen = list(feed.poll().present)
        # after the state was read, and before the facts are
        publisher.publish_now(EVENTS, HERE, fact(HERE, 2))
        positions: dict[int, int] = {}
        while len(positions) < topics.partitions:
            batch = feed.poll()
            seen += batch.present
            assert batch.facts == ()
            positions |= batch.positions
        standing = dict(versions(seen))
        assert standing == {HERE: 2, THERE: 1}

        publisher.publish_now(EVENTS, THERE, fact(THERE, 2))
        complaints = [recorded.complaint for batch in feed.to_end() for recorded in batch.facts]
        assert versions(complaints) == [(THERE, 2)]
        feed.__exit__(None, None, None)

        # a subscriber that did not store the above reads it again, from its stored position
        with ComplaintFeed(topics, positions) as again:
            batches = list(again.to_end())
        assert versions(recorded.complaint for batch in batches for recorded in batch.facts) == [(THERE, 2)]
        assert [each for batch in batches for each in batch.present] == []


def test_the_present_is_whole_though_the_broker_was_away_while_it_was_read(topics: Settings) -> None:
    with Publisher(topics) as publisher:
        for each in (HERE, THERE):
            publisher.publish_now(EVENTS, each, fact(each, 1))
            publisher.publish_now(EVENTS, each, fact(each, 2))
            publisher.publish_now(STATE, each, snapshot(each, 2))

    with ComplaintFeed(topics, {}) as feed:
        there, feed._settings = feed._settings, replace(topics, broker="127.0.0.1:1")  # noqa: SLF001 -- no broker at this address
        with pytest.raises(BrokerUnreachable):
            feed.poll()
        feed._settings = there  # noqa: SLF001 -- as above
        # a reader that stops half-way has not read the rest either
        seen = list(next(feed.to_end()).present)
        for batch in feed.to_end():
            seen += batch.present
            assert batch.facts == (), "told as if it had happened since"
    assert sorted(versions(seen)) == sorted([(HERE, 2), (THERE, 2)])


class _NoText(str):
    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


def test_records_of_foreign_producers_block_no_reader(topics: Settings) -> None:
    """On such a header kafka-python fails at each poll; of such a stamp there is no date. The broker takes both."""
    value = json.dumps(golden("lapor.resolution.published.v1") | {"subject": HERE}).encode()
    with closing(KafkaProducer(bootstrap_servers=topics.broker)) as stranger:
        stranger.send(topics.topic(RESOLUTIONS), b"rubbish", b"x", headers=[(_NoText("x"), b"y")], partition=0)
        stranger.send(topics.topic(RESOLUTIONS), value, HERE.encode(), partition=0, timestamp_ms=-(10**15))
        stranger.flush()
    with ResolutionFeed(topics, {}) as feed:
        batches = list(feed.to_end())
    assert [each.offset for batch in batches for each in batch.unread] == [0]
    assert [each.complaint_id for batch in batches for each in batch.resolutions] == [HERE]


def test_resolutions_resume_where_the_reader_stopped_and_foreign_ones_are_reported(topics: Settings) -> None:
    event = golden("lapor.resolution.published.v1")
    with Publisher(topics) as publisher:
        publisher.publish_now(RESOLUTIONS, HERE, json.dumps(event | {"subject": HERE}).encode())
        publisher.publish_now(RESOLUTIONS, HERE, b"rubbish")
        publisher.publish_now(RESOLUTIONS, HERE, json.dumps(event | {"type": "lapor.resolution.praised.v9"}).encode())
        with ResolutionFeed(topics, {}) as feed:
            [batch] = feed.to_end()
        assert [each.complaint_id for each in batch.resolutions] == [HERE]
        assert [(each.topic, each.offset) for each in batch.unread] == [(RESOLUTIONS, 1)]

        publisher.publish_now(RESOLUTIONS, HERE, json.dumps(event | {"subject": THERE}).encode())
        with ResolutionFeed(topics, batch.positions) as feed:
            [batch] = feed.to_end()
            assert feed.poll(0.0).resolutions == ()
        assert [each.complaint_id for each in batch.resolutions] == [THERE]


@pytest.mark.parametrize("feed", [ResolutionFeed, ComplaintFeed])
def test_positions_of_another_topic_are_refused(topics: Settings, feed: Any) -> None:
    with pytest.raises(KafkaRefused, match=r"position 7 is not in .*, partition 1, which goes from 0 to 0"):
        list(feed(topics, {0: 0, 1: 7}).to_end())


def test_a_report_is_sent_with_the_same_id_each_time_and_an_invalid_one_is_not_sent(topics: Settings) -> None:
    with Channel(topics, "/channels/sms") as channel:
        first, again = (channel.submit("1", {"class": "complaint", "title": "Lampu mati"}) for _ in range(2))
        with pytest.raises(Undecodable, match=r"data\.title: .*; data\.colour: unknown field"):
            channel.submit("2", {"class": "complaint", "title": "x" * 301, "colour": "red"})
        assert first == again == channel.complaint_id("1") == complaint_id("/channels/sms", "1")

    records = list(read_all(topics, [TopicName.INTAKE]))
    assert {record.key for record in records} == {first.encode()}


def test_a_result_states_what_is_known_of_its_command(topics: Settings) -> None:
    order = CommandRequest("withdraw-complaint", HERE, "/citizens/1", "w1", {})
    with CommandClient(topics) as client:
        outcome = client.send(order, seconds=0.3)
        assert not outcome.decided
        assert str(outcome).endswith("but not decided after 0.3 s: does lifecycle run?")

        # what came of it meanwhile is found by who sends it again, and asks for it
        event = golden("lapor.complaint.withdrawn.v1") | {"causationid": "w1", "causationsource": "/citizens/1"}
        event["data"]["complaint"]["complaint_id"] = HERE
        before = datetime.fromtimestamp(0, UTC)
        with Publisher(topics) as publisher:
            publisher.publish_now(EVENTS, HERE, json.dumps(event | {"subject": HERE}).encode())
        assert not client.send(order, seconds=0.3).decided
        assert str(client.send(order, seconds=30.0, repeats_since=before)) == "withdraw-complaint: withdrawn"
        assert not client.send(order, seconds=0.3, repeats_since=datetime(2100, 1, 1, tzinfo=UTC)).decided

        with pytest.raises(InvalidCommand, match="colour: unknown field"):
            client.send(CommandRequest("withdraw-complaint", HERE, "/citizens/1", "w2", {"colour": "red"}))
        with pytest.raises(Undecodable, match="is not a command of the contract"):
            client.send(CommandRequest("paint-complaint", HERE, "/citizens/1", "w2", {}))
    assert len(list(read_all(topics, [TopicName.COMMANDS]))) == 4


def _open() -> int:
    """How many connections to the broker this process has."""
    sockets = {each for number in Path("/proc/self/fd").iterdir() if (each := _target(number)).startswith("socket:")}
    established = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(f"socket:[{fields[9]}]" in sockets for fields in established if fields[3] == "01")


def _target(number: Path) -> str:
    try:
        return str(number.readlink())
    except FileNotFoundError:  # the listing itself had it open
        return ""


def _refused(topics: Settings) -> None:
    with pytest.raises(KafkaRefused, match="position 999 is not in"):
        ResolutionFeed(topics, {0: 999})


def _unread(topics: Settings) -> None:
    with pytest.raises(TopicsMissing):
        Reader(replace(topics, prefix="nobodys."), [TopicName.EVENTS])


def _half(topics: Settings) -> None:
    with pytest.raises(TopicsMissing):
        CommandClient(replace(topics, prefix="nobodys."))


@pytest.mark.parametrize("fails", [_refused, _unread, _half])
def test_a_failed_start_leaves_no_connection_open(
    topics: Settings, monkeypatch: pytest.MonkeyPatch, fails: Callable[[Settings], None]
) -> None:
    # the topics went away after they had been looked for
    monkeypatch.setattr(command_client, "require_topics", lambda *_: None)
    before = _open()
    for _ in range(3):
        fails(topics)
    eventually("no more is open than before", lambda: _open() <= before, 10)


@pytest.mark.parametrize("kit", [lambda s: Channel(s, "/channels/sms"), CommandClient, lambda s: ResolutionFeed(s, {})])
def test_without_topics_nothing_starts(settings: Settings, kit: Any) -> None:
    with pytest.raises(TopicsMissing):
        kit(settings)


def test_the_snapshots_of_these_tests_are_valid() -> None:
    assert decode_snapshot(snapshot(HERE, 3)).version == 3
