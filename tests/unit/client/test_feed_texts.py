"""Complaint feed with the words of facts: they are looked up, and none is lost by a failure or brought back."""

import json
from collections.abc import Callable, Iterator

import pytest

from agents.testing import Engine
from events.client import Channel, ComplaintBatch, ComplaintFeed, feeds
from events.client.errors import KafkaRefused
from events.facts import ComplaintRegistered, FollowUpRecorded, Recorded
from events.texts import ERASED, PLACEHOLDER
from events.topics import TopicName
from tests.support.engines import command_event, report_event

WORDS = {"body": "Lubang sedalam satu jengkal di depan rumah Nyoman.", "text": "Sudah ditambal."}
Words = list[str]


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine("demo") as engine:
        yield engine


def submit(engine: Engine, report: str) -> str:
    with Channel(engine.settings, "/channels/sms") as channel:
        complaint = channel.submit(report, report_event(report, body=WORDS["body"])["data"])
    engine.settle()
    return complaint


def send(engine: Engine, name: str, complaint: str, by: str, data: dict[str, object]) -> None:
    command = command_event(name, complaint, by, data)
    engine.send(TopicName.COMMANDS, complaint.encode(), json.dumps(command).encode())
    engine.settle()


def words(facts: list[Recorded]) -> Words:
    found = []
    for recorded in facts:
        if isinstance(recorded.fact, ComplaintRegistered):
            found.append(recorded.fact.report.body)
        elif isinstance(recorded.fact, FollowUpRecorded):
            found.append(recorded.fact.text)
    return found


def read(engine: Engine, *, texts: bool = True, positions: dict[int, int] | None = None) -> Words:
    start = dict.fromkeys(range(engine.settings.partitions), 0) if positions is None else positions
    with ComplaintFeed(engine.settings, start, texts=texts) as feed:
        return words([fact for batch in feed.to_end() for fact in batch.facts])


def test_facts_have_their_words_if_these_are_asked_for(engine: Engine) -> None:
    for report in ("1", "2", "3"):
        complaint = submit(engine, report)
        send(engine, "record-follow-up", complaint, "/offices/denpasar-pupr", {"text": WORDS["text"]})
    assert sorted(read(engine)) == sorted([WORDS["body"], WORDS["text"]] * 3)
    assert read(engine, texts=False) == [PLACEHOLDER] * 6


def test_erased_words_read_so_and_those_of_others_stay(engine: Engine) -> None:
    erased, kept = submit(engine, "1"), submit(engine, "2")
    send(engine, "erase-data", erased, "/offices/panrb", {"texts": True, "identity": False, "reason": "Diminta."})
    with ComplaintFeed(engine.settings, dict.fromkeys(range(4), 0), texts=True) as feed:
        facts = [fact for batch in feed.to_end() for fact in batch.facts]
    found = {each.complaint.complaint_id: words([each]) for each in facts if isinstance(each.fact, ComplaintRegistered)}
    assert found == {erased: [ERASED], kept: [WORDS["body"]]}


@pytest.mark.parametrize("call", [lambda feed: [feed.poll()], lambda feed: list(feed.to_end())], ids=["poll", "to-end"])
def test_facts_whose_words_could_not_be_read_come_with_the_next_call(
    engine: Engine, call: Callable[[ComplaintFeed], list[ComplaintBatch]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise KafkaRefused("the broker is away")

    submit(engine, "1")
    with ComplaintFeed(engine.settings, dict.fromkeys(range(4), 0), texts=True) as feed:
        with monkeypatch.context() as patched:
            patched.setattr(feeds, "_log_ends", failing)
            with pytest.raises(KafkaRefused):
                call(feed)
        batches = call(feed)
    assert words([fact for batch in batches for fact in batch.facts]) == [WORDS["body"]]


def test_facts_that_hold_their_words_keep_them() -> None:
    with Engine("demo", texts="facts") as engine:
        submit(engine, "1")
        assert read(engine) == read(engine, texts=False) == [WORDS["body"]]
