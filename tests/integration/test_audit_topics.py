"""The audit on real topics: what it reads, and that unprocessed input is not a loss."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agents.cli.app import application
from agents.config import policy_files
from agents.config.settings import Settings
from agents.demo.deliveries import generated
from agents.demo.tally import Tally
from agents.ops.audit import audit
from agents.ops.topics import ensure_topics
from events.client import Publisher
from events.client.administration import admin_client
from events.client.errors import TopicsMissing
from events.client.partitions import partition_of
from events.codec.decode import decode_command, decode_report
from events.codec.encode import (
    encode_command,
    encode_complaint,
    encode_fact,
    encode_rejection,
    encode_snapshot,
    encode_texts,
    encode_value,
)
from events.commands import WithdrawComplaint
from events.ids import stage_command_id
from events.outcomes import Rejection
from events.reports import Reporter, ReporterIdentity
from events.texts import FactTexts
from events.topics import TopicName
from events.vocabulary import Refusal
from workflow.audit.complaint_history import Code
from workflow.machine.decide import decide
from workflow.machine.handlers import Rejected
from workflow.stages.intake import registration

GOLDEN = Path(__file__).parents[1] / "golden" / "v1"
POLICY = policy_files.load("demo").versions[-1]
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
    messages = generated(8, 3, POLICY, NOW).messages[:8]
    name, raw = messages[0]
    rejection = Rejection(
        command_id="c-1", command_type="t", command_source="/a", code=Refusal.NOT_PERMITTED, message="no", version=1
    )
    tally = Tally()
    with Publisher(settings) as publisher:
        for each in dict(messages).values():
            publish_registered(publisher, each)
        publisher.publish(
            TopicName.REJECTIONS, name, encode_rejection(rejection, subject=name, time=NOW, partition=0, offset=7)
        )
        publisher.publish(TopicName.EVENTS, name, b"not one of ours")
        unread = json.loads(raw) | {"id": "never-read"}
        publisher.publish(TopicName.INTAKE, "any key", json.dumps(unread).encode())
        publisher.flush()
    found = audit(settings, tally)
    assert found.by_code() == {Code.UNREADABLE: 1}
    assert [str(each.position.topic) for each in found.violations] == ["complaints.events"]
    assert found.violations[0].position.partition == partition_of(name, settings.partitions)
    distinct = len(dict(messages))
    assert (found.counts.reports, found.counts.complaints) == (distinct + 1, distinct)
    assert found.counts.pending == 1  # no intake stage has ever run here
    assert len(tally.complaints) == distinct
    assert tally.rejected == 1


def test_without_topics_there_is_nothing_to_read(settings: Settings) -> None:
    with pytest.raises(TopicsMissing):
        audit(settings)


class TestCommand:
    """`alur audit`."""

    @staticmethod
    def run(settings: Settings, *arguments: str) -> Result:
        runner = CliRunner(env={**settings.to_environment(), "NO_COLOR": "1", "TERM": "dumb"})
        return runner.invoke(application(), ["audit", *arguments])

    def test_what_holds(self, settings: Settings) -> None:
        ensure_topics(settings)
        messages = dict(generated(8, 3, POLICY, NOW).messages[:8])
        with Publisher(settings) as publisher:
            for raw in messages.values():
                publish_registered(publisher, raw)
        result = self.run(settings)
        assert result.exit_code == 0, result.output
        last = result.stdout.splitlines()[-1]
        assert last.startswith(f"audit: reports={len(messages)} complaints={len(messages)} facts={len(messages)} ")
        assert last.endswith(" violations=0 lost=0 doubled=0")
        assert "not checked (--identities)" in result.stdout

    def test_each_violation_has_its_place(self, settings: Settings) -> None:
        ensure_topics(settings)
        name, raw = generated(1, 3, POLICY, NOW).messages[0]
        with Publisher(settings) as publisher:
            publish_registered(publisher, raw)
            place = publisher.publish_now(TopicName.EVENTS, name, b"not one of ours")
        result = self.run(settings, "--live")
        assert result.exit_code == 1
        assert f"complaints.events-{place.partition}@{place.offset} unreadable: " in result.stdout
        assert " violations=1 lost=0 doubled=0" in result.stdout.splitlines()[-1]

    def test_an_identity_that_shows(self, settings: Settings) -> None:
        ensure_topics(settings)
        name, raw = generated(1, 3, POLICY, NOW).messages[0]
        who = ReporterIdentity(complaint_id=name, reporter=Reporter(name="Ni Luh Contoh", phone="0800-000-000"))
        by_phone = WithdrawComplaint(reason="Salam, Ni Luh Contoh")
        command = encode_command(by_phone, source="/citizens/0800-000-000", command_id="1", subject=name, time=NOW)
        with Publisher(settings) as publisher:
            publish_registered(publisher, raw)
            publisher.publish(TopicName.IDENTITIES, name, encode_value(who))
            publisher.publish(TopicName.STORIES, name, b'{"title": "Ni Luh Contoh", "by": "Ni Luh Contoh"}')
            words = FactTexts(text="Salam, Ni Luh Contoh", evidence=("https://a.example/0800-000-000.jpg",))
            publisher.publish(
                TopicName.TEXTS, f"{name}/2", encode_texts(words), partition=partition_of(name, settings.partitions)
            )
            place = publisher.publish_now(TopicName.COMMANDS, name, command)
        assert self.run(settings).exit_code == 0
        result = self.run(settings, "--identities")
        assert result.exit_code == 1
        lines = [line for line in result.stdout.splitlines() if "identity-exposed" in line]
        assert lines == [
            f"complaints.{where} identity-exposed: shows who reports, in {field} (complaint {name})"
            for where, field in (
                (f"texts-{place.partition}@0", "evidence"),
                (f"commands-{place.partition}@{place.offset}", "source"),
                (f"stories-{place.partition}@0", "by"),
            )
        ]
        assert "searched: complaints.commands, complaints.events, complaints.texts, " in result.stdout
        assert "not searched: complaints.intake" in result.stdout

    def test_an_identifier_in_what_is_published(self, settings: Settings) -> None:
        ensure_topics(settings)
        name = generated(1, 3, POLICY, NOW).messages[0][0]
        who = ReporterIdentity(complaint_id=name, reporter=Reporter(name="Ni Luh Contoh"))
        event = json.loads((GOLDEN / "lapor.resolution.published.v1.json").read_text()) | {"subject": name}
        with Publisher(settings) as publisher:
            publisher.publish(TopicName.IDENTITIES, name, encode_value(who))
            for answer in ("Hubungi 0812-3456-7890.", "Terima kasih Ibu Contoh, B 1234 XY."):
                event["data"]["story"] = {"title": "Jalan berlubang", "answer": answer}
                place = publisher.publish_now(TopicName.RESOLUTIONS, name, json.dumps(event).encode())
        result = self.run(settings, "--identities")
        found = [line for line in result.stdout.splitlines() if "identifier-published" in line]
        # of the last one only: those before it are compacted away
        expected = (
            f"complaints.resolutions-{place.partition}@{place.offset} identifier-published: the published story has "
        )
        assert found == [f"{expected}1 x plate, 1 x reporter-name (complaint {name})"]


def test_a_topic_that_has_been_given_more_partitions_hides_nothing_of_the_others(settings: Settings) -> None:
    ensure_topics(settings)
    with admin_client(settings) as client:
        client.create_partitions({settings.topic(TopicName.COMMANDS): settings.partitions + 1})
    assert audit(settings).violations == []
