"""Start offset of a partition: the committed one, if the stage committed it.

An offset that was set by hand (`kafka-consumer-groups --reset-offsets`) looks like any other to Kafka. Towards the end
it skips records in silence, towards the beginning it repeats what was done. So a stage marks its commits
(`agents.kafka.group_progress.mark`), and an offset without a mark is refused until an operator accepts it.
"""

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.group_progress import GroupProgress, is_marked
from agents.kafka.protocols import KafkaConsumer
from agents.runtime.stage import RefusedToStart, Stage
from events.installation import EXPIRED_UNREAD, OFFSET_LOST, Incident


def expired_unread(stage: Stage, source: TopicPartition, offsets: range) -> Incident:
    """Return the incident of records that were deleted before the stage has read them."""
    return Incident(
        EXPIRED_UNREAD,
        stage.name,
        stage.source,
        source.partition,
        offsets.start,
        offsets.stop - 1,
        f"{len(offsets)} records expired before {stage.name} has read them; their senders have to send them again",
    )


def offset_lost(stage: Stage, source: TopicPartition, progress: GroupProgress) -> Incident:
    """Return the incident of a stage that has committed an offset, which Kafka no longer has.

    It is about no record: a second loss, after the first was acknowledged, is another incident.
    """
    gone = f", what lay before {progress.start} may never have been read" if progress.start else ""
    return Incident(
        OFFSET_LOST,
        stage.name,
        stage.source,
        source.partition,
        None,
        None,
        f"the committed offset of {stage.name} is gone: {progress.lag} records from {progress.start} on are read{gone}",
    )


class StartOffset:
    """Start offset of a stage in one partition of its topic."""

    def __init__(self, settings: Settings, stage: str, source: TopicPartition) -> None:
        self._stage = stage
        self._source = source
        self._group = settings.group(stage)

    async def progress(self, consumer: KafkaConsumer, *, restored: int, decided: int) -> GroupProgress:
        """Return how far the group has come with the partition.

        Args:
            consumer: of the group.
            restored: how many records of its memory the stage has read.
            decided: offset of the last command whose effect is in that memory; -1 if it is not known.

        Raises:
            RefusedToStart: the committed offset is gone, was set by somebody else, or contradicts memory or log.
        """
        found = (await clients.committed(consumer, [self._source])).get(self._source)
        start = (await consumer.beginning_offsets([self._source]))[self._source]
        end = (await consumer.end_offsets([self._source]))[self._source]
        if found is not None:
            self._check(found, end, decided)
        elif restored:
            raise self._refused(
                f"is gone, while its memory has {restored} records: all would be decided again. Set it to where it was "
                f"(kafka-consumer-groups --reset-offsets), then run {self._accept}"
            )
        return GroupProgress(None if found is None else found.offset, start, end)

    def _check(self, found: OffsetAndMetadata, end: int, decided: int) -> None:
        offset = found.offset
        if offset <= decided < end:
            raise self._refused(
                f"is {offset}, but the effect of the command at {decided} is already there: it would be decided again. "
                f"Set it to {decided + 1} (kafka-consumer-groups --reset-offsets), then run {self._accept}"
            )
        if offset > end:
            raise self._refused(
                f"is {offset}, behind the log end {end}: Kafka has lost records, or the topic was made anew. Set it to "
                f"{end} (kafka-consumer-groups --reset-offsets), then run {self._accept}"
            )
        if not is_marked(offset, found.metadata):
            raise self._refused(
                f"is {offset}, and the stage has not committed it: it was set by hand, or by a version of alur before "
                f"offsets were marked. If it is right, run {self._accept}"
            )

    @property
    def _accept(self) -> str:
        return f"`alur offsets accept {self._stage}`"

    def _refused(self, how: str) -> RefusedToStart:
        where = f"partition {self._source.partition} of {self._source.topic}"
        return RefusedToStart(f"the offset of group {self._group} in {where} {how}")
