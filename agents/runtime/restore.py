"""Restoration of a partition's state from its compacted topic.

Before compaction the topic has all snapshots of each complaint, and decoding one takes several times as long as
fetching it. So only the last version of a key within a window is decoded.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import structlog
from aiokafka import TopicPartition

from agents.kafka import clients
from agents.kafka.protocols import KafkaRecord
from agents.kafka.records import NO_VALUE, Unwritable, code_of, coordinates, dead_letter, is_foreign
from agents.runtime.batch import dead_letters_refused
from agents.runtime.stage import Stateful
from agents.runtime.worker import Worker
from events.provenance import source_offset_of, writer_of
from events.topics import TopicName

log = structlog.get_logger()

WINDOW_BYTES: Final = 16 * 1_048_576
"""Size of a window, in bytes of values."""


_FOREIGN_LOGGED: Final = 20
"""Maximum log lines on foreign records of a partition: a misconfigured producer may have written a million."""


class ForeignLog:
    """Rate-limited log lines about the foreign records of a partition."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._count = 0

    def report(self, record: KafkaRecord, error: Exception) -> None:
        """Log a foreign record, up to a limit."""
        self._count += 1
        if self._count <= _FOREIGN_LOGGED:
            log.error("foreign_record", alert=True, stage=self._stage, reason=str(error), **coordinates(record))

    def summarize(self, topic: str) -> None:
        """Log the total, if it exceeds the limit."""
        if self._count > _FOREIGN_LOGGED:
            log.error("foreign_records", alert=True, stage=self._stage, topic=topic, count=self._count)


class RestoreWindow:
    """Records in log order, grouped by key at the position of the last record of each.

    Only the engine's own records are grouped: a record without a writer number may be foreign, and keeps its position.
    So does the first record with a writer number, since records without one are foreign from there on.
    """

    def __init__(self) -> None:
        self._versions: dict[bytes | int | None, list[KafkaRecord]] = {}
        self._size = 0
        self._marked = False

    @property
    def full(self) -> bool:
        """Return True when the window is full."""
        return self._size >= WINDOW_BYTES

    def add(self, records: Iterable[KafkaRecord]) -> None:
        """Add the next records."""
        for record in records:
            self._size += len(record.value or b"")
            marked = writer_of(record.headers) is not None
            if self._marked and marked:
                versions = self._versions.pop(record.key, [])
                versions.append(record)
                self._versions[record.key] = versions
            else:
                self._marked = self._marked or marked
                # keyed by offset, which equals no record key: grouped with no other record
                self._versions[record.offset] = [record]

    def drain(self) -> Iterator[list[KafkaRecord]]:
        """Remove and return the records of each key, oldest first."""
        versions, self._versions, self._size = self._versions, {}, 0
        yield from versions.values()


class Restore:
    """Restoration of one partition, with its findings."""

    def __init__(self, worker: Worker, handler: Stateful, source: TopicPartition, foreign: ForeignLog) -> None:
        self._worker = worker
        self._handler = handler
        self._source = source
        self._foreign = foreign
        self.end = 0
        """End of the state topic."""
        self.records = 0
        """Records restored."""
        self.decided = -1
        """Offset of the last command whose effect is in the state; -1 if unknown."""

    async def run(self) -> None:
        """Restore the state up to its present end.

        Raises RefusedToStart: the handler cannot work with this state, or a dead letter cannot be written.
        """
        window = RestoreWindow()
        async for records in clients.read_to_end(self._worker.settings, self._source):
            window.add(records)
            self.end = records[-1].offset + 1
            if window.full:
                await self._restore(window)
        await self._restore(window)
        self._foreign.summarize(self._source.topic)
        self._handler.ready()

    async def _restore(self, window: RestoreWindow) -> None:
        for versions in window.drain():
            if len(versions) > 1 and self._handler.supersedes(versions) and self._restored(versions[-1]):
                self._count(versions)
                continue
            for record in versions:
                await self._restore_one(record)

    def _restored(self, record: KafkaRecord) -> bool:
        try:
            self._handler.restore(record)
        except Exception:  # noqa: BLE001 -- the caller retries one version after the other
            return False
        return True

    async def _restore_one(self, record: KafkaRecord) -> None:
        """Restore a record; if it is unreadable, the previous one of its key stays valid."""
        try:
            self._handler.restore(record)
        except Exception as error:  # noqa: BLE001 -- a single record must not keep a stage from starting
            if is_foreign(error):  # no dead letter at each restore: `alur audit` reports it from the topic
                self._worker.metrics.foreign.inc()
                self._foreign.report(record, error)
                return
            log.error("state_record_unreadable", alert=True, reason=str(error), **coordinates(record))  # noqa: TRY400 -- the dead letter has it
            await self._write_dead_letter(record, error)
            return
        if record.value is not None or writer_of(record.headers) is None:
            self._count([record])  # not the tombstone of a repair, which follows from no command

    def _count(self, versions: list[KafkaRecord]) -> None:
        self.records += len(versions)
        offset = source_offset_of(versions[-1].headers) if self._worker.stage.source is TopicName.COMMANDS else None
        self.decided = self.decided if offset is None else max(self.decided, offset)

    async def _write_dead_letter(self, record: KafkaRecord, error: Exception) -> None:
        """Write a dead letter without a transaction, since there is no batch."""
        self._worker.metrics.dead_letters.labels(code_of(error)).inc()
        stage, write = self._worker.stage.name, self._worker.writer.write
        try:
            await write([dead_letter(stage, record, error)])
        except Unwritable:
            try:
                await write([dead_letter(stage, record, error, NO_VALUE)])
            except Unwritable as refused:
                raise dead_letters_refused(refused) from refused
