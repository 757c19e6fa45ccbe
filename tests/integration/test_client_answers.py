"""Results of sending: sent, refused or unconfirmed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from kafka import errors
from kafka.producer.sender import Sender

from agents.config.settings import Settings
from agents.ops.topics import ensure_topics
from events.client import (
    AnswerUnreadable,
    BrokerUnreachable,
    Channel,
    CommandClient,
    CommandRequest,
    KafkaRefused,
    NoSuchComplaint,
    Publisher,
    Reader,
    Unconfirmed,
    find_complaint,
    read_all,
    read_history,
)
from events.client.partitions import partition_of
from events.errors import Undecodable
from events.topics import TopicName
from tests.support.golden_messages import HERE, fact, golden, versions

EVENTS = TopicName.EVENTS
SPELLINGS: list[Callable[[str], str]] = [
    str.upper,
    lambda each: f"{{{each}}}",
    lambda each: f"urn:uuid:{each}",
    lambda each: each.replace("-", ""),
]
ILLEGAL: list[Callable[[str], str]] = [lambda each: f"{each}0", lambda each: each.replace("-", "--", 1), lambda _: ""]


@pytest.fixture
def topics(settings: Settings) -> Settings:
    ensure_topics(settings)
    return settings


@pytest.mark.parametrize("write", SPELLINGS)
def test_a_complaint_is_the_same_in_every_spelling(topics: Settings, write: Callable[[str], str]) -> None:
    with Publisher(topics) as publisher:
        publisher.publish_now(EVENTS, HERE, fact(HERE, 1))
    assert find_complaint(topics, write(HERE)) == HERE
    assert versions(each.complaint for each in read_history(topics, write(HERE)).history) == [(HERE, 1)]

    event = golden("lapor.complaint.withdrawn.v1") | {"causationid": "w1", "causationsource": "/citizens/1"}
    event["data"]["complaint"]["complaint_id"] = HERE
    with CommandClient(topics) as client:
        outcome = client.send(CommandRequest("withdraw-complaint", write(HERE), "/citizens/1", "w1", {}), seconds=0)
        assert outcome.position.partition == partition_of(HERE, topics.partitions)
        with Publisher(topics) as publisher:
            publisher.publish_now(EVENTS, HERE, json.dumps(event | {"subject": HERE}).encode())
        assert client.wait(outcome, 30.0).facts
    [record] = read_all(topics, [TopicName.COMMANDS])
    assert (record.key, json.loads(record.value or b"")["subject"]) == (HERE.encode(), HERE)


@pytest.mark.parametrize("write", ILLEGAL)
def test_an_invalid_complaint_id_is_refused(topics: Settings, write: Callable[[str], str]) -> None:
    with pytest.raises(NoSuchComplaint):
        find_complaint(topics, write(HERE))
    with pytest.raises(ValueError, match="UUID"):
        read_history(topics, write(HERE))
    with CommandClient(topics) as client, pytest.raises(Undecodable, match="subject"):
        client.send(CommandRequest("withdraw-complaint", write(HERE), "/citizens/1", "w1", {}))


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (errors.NotEnoughReplicasAfterAppendError, Unconfirmed),
        (errors.RequestTimedOutError, Unconfirmed),
        (errors.NotLeaderForPartitionError, Unconfirmed),
        (errors.UnknownError, Unconfirmed),
        (errors.InvalidTimestampError, KafkaRefused),
    ],
)
def test_a_record_that_the_broker_may_have_written_is_unconfirmed(
    topics: Settings, monkeypatch: pytest.MonkeyPatch, answer: Any, raised: type[Exception]
) -> None:
    """The broker has written the record but answers with an error, as it does when replicas are missing."""

    def complete(sender: Any, batch: Any, response: Any) -> None:
        if response.error_code == 0:
            response.error_code, batch.created = answer.errno, 0.0  # no time is left to try again
        original(sender, batch, response)

    with Channel(topics, "/channels/sms") as channel:
        with monkeypatch.context() as patched:
            original = Sender._complete_batch  # noqa: SLF001 -- kafka-python's, the only place where an answer comes in
            patched.setattr(Sender, "_complete_batch", complete)
            with pytest.raises(raised, match="has not confirmed the message" if raised is Unconfirmed else "refused"):
                channel.submit("1", {"class": "complaint", "title": "Lampu mati"})
        channel.submit("1", {"class": "complaint", "title": "Lampu mati"})
    assert len(list(read_all(topics, [TopicName.INTAKE]))) == 2


def test_an_unreadable_answer_does_not_mean_that_the_command_was_not_sent(
    topics: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise BrokerUnreachable(topics.broker)

    with CommandClient(topics) as client:
        monkeypatch.setattr(Reader, "poll", gone)
        with pytest.raises(AnswerUnreadable, match=r"is in the log: complaints\.commands-\d@0; its"):
            client.send(CommandRequest("withdraw-complaint", HERE, "/citizens/1", "w1", {}))
