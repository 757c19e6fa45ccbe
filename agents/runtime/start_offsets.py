"""Start offset of a partition: the committed one, if a stage committed it.

Kafka does not record who committed an offset. One set by hand (`kafka-consumer-groups --reset-offsets`) skips records
silently, or repeats processed ones. So a stage marks its commits (`agents.kafka.group_progress.mark`), and refuses an
offset without a mark until an operator accepts it.
"""

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from agents.kafka import clients
from agents.kafka.group_progress import GroupProgress, is_marked
from agents.kafka.records import OutgoingRecord
from agents.runtime.stage import RefusedToStart
from agents.runtime.worker import Worker
from events.installation import EXPIRED_UNREAD, OFFSET_LOST, Incident, begun_key, writer_key, writer_since
from events.topics import TopicName
from events.wording import number_of


class StartOffset:
    """Start of a stage in one partition: its offset, and its entries in the installation record."""

    def __init__(self, worker: Worker, source: TopicPartition) -> None:
        self._worker = worker
        self._source = source
        self._begun_key = begun_key(worker.stage.name, source.partition)

    async def record_writer_start(self) -> None:
        """Record the first offset with a writer number in this partition, unless it is known.

        The last owner, perhaps of a version without writer numbers, is fenced by now. Not written in the transaction,
        which would block readers of the record if it was left open.
        """
        if self._worker.installation is None:
            return
        number, values = self._source.partition, self._worker.installation.values
        unknown = [each for each in self._worker.stage.owned_topics if writer_since(values, each, number) is None]
        if not unknown:
            return
        partitions = {topic: TopicPartition(self._worker.settings.topic(topic), number) for topic in unknown}
        ends = await clients.log_ends(self._worker.settings, partitions.values())
        for topic, partition in partitions.items():
            await self._record(writer_key(topic, number), ends[partition])

    async def find(self, restored: int, decided: int) -> GroupProgress:
        """Return the group's checked progress in the partition.

        Args:
            restored: number of records of the state.
            decided: offset of the last command whose effect is in the state; -1 if unknown.

        Raises RefusedToStart: the committed offset is gone, was set by hand, or contradicts state or log.
        """
        consumer = self._worker.consumer
        committed = (await clients.committed(consumer, [self._source])).get(self._source)
        start = (await consumer.beginning_offsets([self._source]))[self._source]
        end = (await consumer.end_offsets([self._source]))[self._source]
        if committed is not None:
            self._check(committed, end, decided)
        elif restored:
            raise self._refused(
                f"is gone, while its memory has {number_of(restored, 'record')}: all would be decided again. Set "
                f"it to where it was (kafka-consumer-groups --reset-offsets), then run {self._accept}"
            )
        progress = GroupProgress(None if committed is None else committed.offset, start, end)
        # before the first commit, after which the loss would be undetectable
        if committed is None and end and self._begun:
            await self._report_lost(progress)
        if progress.expired:
            await self._report_expired(progress.expired)
        return progress

    async def record_begun(self) -> None:
        """Record that an offset was committed, so that a missing one later means a loss."""
        if self._worker.installation is not None and not self._begun:
            await self._record(self._begun_key, "true")

    async def after_expiry(self, offset: int) -> int:
        """Return the log start in place of the deleted `offset`, and report the unread records.

        Raises RefusedToStart: the log starts before `offset`, so the topic was recreated.
        """
        start = (await self._worker.consumer.beginning_offsets([self._source]))[self._source]
        if start <= offset:
            where = f"{self._source.topic}-{self._source.partition}"
            raise RefusedToStart(f"{where} has lost offset {offset}: was it recreated?")
        await self._report_expired(range(offset, start))
        return start

    @property
    def _begun(self) -> bool:
        installation = self._worker.installation
        return installation is not None and installation.values.get(self._begun_key) is not None

    async def _record(self, key: str, value: object) -> None:
        record = OutgoingRecord(TopicName.INSTALLATION, key.encode(), str(value).encode(), 0)
        await self._worker.writer.write([record])

    async def _report_lost(self, progress: GroupProgress) -> None:
        """Report a lost offset, as an incident without a record, so that a later loss is a new incident."""
        gone = f", what lay before {progress.start} may never have been read" if progress.start else ""
        stage, reads = self._worker.stage.name, f"it reads {number_of(progress.lag, 'record')}"
        await self._report(
            OFFSET_LOST,
            None,
            f"the committed offset of {stage} is gone: {reads} from {progress.start} on{gone}",
        )

    async def _report_expired(self, offsets: range) -> None:
        """Report records that were deleted before the stage had read them."""
        stage = self._worker.stage.name
        expired = number_of(len(offsets), "record")
        why = f"{expired} expired before {stage} has read them; their senders have to send them again"
        await self._report(EXPIRED_UNREAD, offsets, why)

    async def _report(self, kind: str, offsets: range | None, reason: str) -> None:
        first, last = (None, None) if offsets is None else (offsets.start, offsets.stop - 1)
        stage, partition = self._worker.stage, self._source.partition
        if self._worker.installation is not None:
            incident = Incident(kind, stage.name, stage.source, partition, first, last, reason)
            await self._worker.installation.report(incident)

    def _check(self, committed: OffsetAndMetadata, end: int, decided: int) -> None:
        offset = committed.offset
        if offset <= decided < end:
            raise self._refused(
                f"is {offset}, but the effect of the command at {decided} is already there: it would be decided again. "
                f"Set it to {decided + 1} (kafka-consumer-groups --reset-offsets), then run {self._accept}"
            )
        if offset > end:
            raise self._refused(
                f"is {offset}, behind the log end {end}: Kafka has lost records, or the topic was recreated. Set it to "
                f"{end} (kafka-consumer-groups --reset-offsets), then run {self._accept}"
            )
        if not is_marked(offset, committed.metadata):
            raise self._refused(
                f"is {offset}, and the stage has not committed it: it was set by hand, or by a version of alur before "
                f"offsets were marked. If it is right, run {self._accept}"
            )

    @property
    def _accept(self) -> str:
        return f"`alur offsets accept {self._worker.stage.name}`"

    def _refused(self, how: str) -> RefusedToStart:
        where = f"partition {self._source.partition} of {self._source.topic}"
        return RefusedToStart(f"the offset of group {self._worker.group} in {where} {how}")
