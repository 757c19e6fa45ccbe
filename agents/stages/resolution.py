"""Resolution: publishes the outcome of a closed complaint."""

from collections.abc import Iterable
from functools import partial
from typing import Final

from agents.kafka.protocols import KafkaRecord
from agents.kafka.records import OutgoingRecord
from agents.runtime.disk_map import DiskFailed, DiskMap
from agents.runtime.process import exit_with_error
from agents.runtime.stage import Partition, RefusedToStart, Stage, Stateful
from agents.stages.story_texts import StoryTexts
from events.codec.decode import complaint_key, decode_own_fact
from events.codec.encode import encode_resolution, encode_value
from events.codec.parsing import read_ours
from events.facts import Recorded, StoryPublished
from events.outcomes import Story
from events.provenance import Origin, header_value, marked
from events.texts import put_together
from events.topics import TopicName
from workflow.stages.resolution import PUBLISHED, published, publishes, story_after

NAME = "resolution"

_PUBLISHING: Final = frozenset(fact.NAME.encode() for fact in PUBLISHED)
_STORY_HEADERS: Final = marked()


class Resolutions(Stateful):
    """Handler that publishes the outcome of each closed complaint, with its story.

    Published stories have a compacted topic of their own: snapshots contain no free text, but a later rating publishes
    the story again. In memory are only recent ones (docs/adr/0029).
    """

    def __init__(self, partition: Partition, texts: StoryTexts | None = None) -> None:
        self._partition = partition
        self._texts = texts or StoryTexts()
        self._origin = Origin(partial(partition.writer_since, TopicName.STORIES))
        self._facts = Origin(partial(partition.writer_since, TopicName.EVENTS))
        self._stories = DiskMap()
        self._uncommitted: dict[bytes, bytes | None] = {}

    def restore(self, record: KafkaRecord) -> None:
        """Restore a story."""
        self._origin.check(record.offset, record.headers)
        if record.value is not None:
            read_ours(Story, record.value)
        self._keep(complaint_key(record.key), record.value)

    def ready(self) -> None:
        """Accept any restored state."""

    def handle(self, record: KafkaRecord) -> Iterable[OutgoingRecord]:
        """Return the story record if the fact changes it, and the resolution if the fact settles the complaint."""
        # every fact, even skipped ones: only this stage reports foreign facts
        self._facts.check(record.offset, record.headers)
        fact = header_value(record.headers, "fact")
        if fact is not None and fact not in _PUBLISHING:
            return
        recorded = self._with_words(decode_own_fact(record.key, record.value))
        complaint = recorded.complaint
        key = complaint.complaint_id.encode()
        id_bytes = complaint_key(key)
        stored = self._uncommitted[id_bytes] if id_bytes in self._uncommitted else self._stored(id_bytes)
        before = None if stored is None else read_ours(Story, stored)
        story = story_after(before, recorded)
        number = self._partition.number
        if story != before:
            value = self._uncommitted[id_bytes] = None if story is None else encode_value(story)
            yield OutgoingRecord(TopicName.STORIES, key, value, number, _STORY_HEADERS)
        if publishes(recorded):
            policy = self._partition.policies.governing(complaint.policy, complaint.received_at)
            public = published(recorded, story, policy)
            encoded = encode_resolution(
                public, subject=complaint.complaint_id, version=complaint.version, time=recorded.at
            )
            yield OutgoingRecord(TopicName.RESOLUTIONS, key, encoded, number)

    def _with_words(self, recorded: Recorded) -> Recorded:
        fact = recorded.fact
        if not isinstance(fact, StoryPublished) or fact.text_ref is None:
            return recorded
        return put_together(recorded, self._texts.of(fact.text_ref))

    def commit(self) -> None:
        """Apply the story changes of the batch."""
        for id_bytes, value in self._uncommitted.items():
            self._keep(id_bytes, value)
        self._uncommitted.clear()

    def rollback(self) -> None:
        """Discard the story changes of the batch."""
        self._uncommitted.clear()

    def _stored(self, id_bytes: bytes) -> bytes | None:
        try:
            return self._stories.get(id_bytes)
        except DiskFailed as error:  # not an error of the current record, which would become a dead letter
            exit_with_error(NAME, RefusedToStart(str(error)))

    def _keep(self, id_bytes: bytes, story: bytes | None) -> None:
        try:
            self._stories.put(id_bytes, story)
        except DiskFailed as error:
            exit_with_error(NAME, RefusedToStart(str(error)))


_STORIES: Final = TopicName.STORIES


def stage(texts: StoryTexts) -> Stage:
    """Return the stage; `texts` provides the words of the stories in its batch."""
    return Stage(
        NAME,
        lambda partition: Resolutions(partition, texts),
        transactional=True,
        state_topic=_STORIES,
        owned_topics=(_STORIES,),
        batch_fetches=True,
    )


STAGE: Final = stage(StoryTexts())
