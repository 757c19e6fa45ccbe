"""The audit on real topics: what it reads, and whose unfinished work it does not take for a loss."""

import json
from datetime import UTC, datetime

import pytest

from agents import policies
from agents.admin import TopicsMissing, ensure_topics
from agents.audit import audit
from agents.client import Publisher
from agents.demo.deliveries import made_up
from agents.demo.tally import Tally
from agents.partitions import partition_of
from agents.settings import Settings
from events.codec import (
    decode_command,
    decode_report,
    encode_command,
    encode_complaint,
    encode_fact,
    encode_rejection,
    encode_snapshot,
)
from events.ids import stage_command_id
from events.outcomes import Rejection
from events.topics import TopicName
from events.vocabulary import Refusal
from workflow.decide import decide
from workflow.handlers import Rejected
from workflow.history import Code
from workflow.intake import registration

POLICY = policies.load("demo").versions[-1]
NOW = datetime(2026, 3, 16, 2, tzinfo=UTC)


def publish_registered(publisher: Publisher, raw: bytes) -> None:
    """Publish a report with all that follows from it at first, as the stages would."""
    report = decode_report(raw)
    name = report.complaint_id
    command = encode_command(
        registration(report, partition=0, offset=0),
        source="/stages/intake",
        command_id=stage_command_id(name, "register"),
        subject=name,
        time=NOW,
    )
    facts = decide(decode_command(command), None, NOW, POLICY)
    assert not isinstance(facts, Rejected)
    [recorded] = facts
    snapshot = encode_complaint(recorded.complaint)
    publisher.publish(TopicName.INTAKE, name, raw)
    publisher.publish(TopicName.COMMANDS, name, command)
    publisher.publish(TopicName.EVENTS, name, encode_fact(recorded, snapshot))
    publisher.publish(TopicName.STATE, name, encode_snapshot(recorded.complaint, snapshot))


def test_it_reads_every_topic_to_its_end(settings: Settings) -> None:
    ensure_topics(settings)
    messages = made_up(8, 3, POLICY, NOW).messages[:8]
    name, raw = messages[0]
    no = Rejection(
        command_id="c-1", command_type="t", command_source="/a", code=Refusal.NOT_PERMITTED, message="no", version=1
    )
    tally = Tally()
    with Publisher(settings) as publisher:
        for each in dict(messages).values():
            publish_registered(publisher, each)
        publisher.publish(TopicName.REJECTIONS, name, encode_rejection(no, subject=name, time=NOW))
        publisher.publish(TopicName.EVENTS, name, b"not one of ours")
        unread = json.loads(raw) | {"id": "never-read"}
        publisher.publish(TopicName.INTAKE, "any key", json.dumps(unread).encode())
        publisher.flush()
    found = audit(settings, tally)
    assert found.by_code() == {Code.UNREADABLE: 1}
    assert [str(each.place.topic) for each in found.violations] == ["complaints.events"]
    assert found.violations[0].place.partition == partition_of(name, settings.partitions)
    distinct = len(dict(messages))
    assert (found.counts.reports, found.counts.complaints) == (distinct + 1, distinct)
    assert found.counts.pending == 1  # no intake stage has ever run here
    assert len(tally.complaints) == distinct
    assert tally.rejected == 1


def test_without_topics_there_is_nothing_to_read(settings: Settings) -> None:
    with pytest.raises(TopicsMissing):
        audit(settings)
