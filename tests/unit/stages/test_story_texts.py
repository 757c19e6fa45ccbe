"""The words of published stories, looked up by the time of their fact."""

import asyncio

from aiokafka import ConsumerRecord

from agents.config import policy_files
from agents.kafka.records import OutgoingRecord
from agents.runtime.output_writer import OutputWriter
from agents.runtime.stage import Partition
from agents.stages.decision_records import DecisionRecords
from agents.stages.story_texts import StoryTexts
from agents.testing import Engine
from events.commands import PublishStory
from events.topics import TopicName
from events.vocabulary import Status
from tests.support.worlds import PANRB, to_status

APART = Partition(0, 1, policy_files.load("lapor"), texts_apart=lambda: True)


def published() -> tuple[OutgoingRecord, OutgoingRecord]:
    """The words of a story, and its fact."""
    world = to_status(Status.CLOSED)
    world.send(PublishStory(title="Jalan berlubang", findings=()), PANRB)
    last = world.history[-1]
    key = last.complaint.complaint_id.encode()
    (words, fact, _), _ = DecisionRecords(APART).of(key, (last,), 1, replayed=False)
    return words, fact


def as_read(fact: OutgoingRecord, stamp: int) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(fact.topic, 0, 0, stamp, 1, fact.key, fact.value, None, 0, 0, tuple(fact.headers))


def test_words_whose_transaction_is_still_open_are_waited_for() -> None:
    words, fact = published()
    assert words.topic is TopicName.TEXTS

    async def look_up(engine: Engine) -> StoryTexts:
        writer, texts = OutputWriter(engine.settings, "lifecycle-0"), StoryTexts()
        await writer.start()
        await writer.producer.begin_transaction()
        await writer.send(writer.batches([words]))
        stamp = int(engine.now.timestamp() * 1000)
        looking = asyncio.create_task(texts.load(engine.settings, {0: [as_read(fact, stamp)]}))
        await asyncio.sleep(0.05)
        assert not looking.done()
        await writer.producer.commit_transaction()
        await looking
        return texts

    with Engine(stages=(), partitions=1) as engine:
        found = asyncio.run(look_up(engine)).of((words.key or b"").decode())
    assert found is not None
    assert found.title == "Jalan berlubang"
