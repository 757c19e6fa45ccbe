"""A stage on the in-memory log, without a group: it owns all partitions and works when called."""

from datetime import datetime
from importlib import import_module
from typing import NoReturn

from aiokafka import TopicPartition

from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.deferred_commits import DeferredCommits
from agents.observability.metrics import Metrics
from agents.runtime.installation import Installation
from agents.runtime.output_writer import OutputWriter
from agents.runtime.partition_processor import PartitionProcessor
from agents.runtime.stage import Stage, next_alarm
from agents.runtime.worker import Worker
from agents.stages import intake, resolution, verification
from agents.stages.duplicate_index import DuplicateIndex
from agents.stages.erasures import Erasures
from agents.stages.story_texts import StoryTexts
from agents.testing.in_memory_log import Log
from events.topics import TopicName
from workflow.policy.model import PolicySet


class _Record(Installation):
    """Installation record that is read on request, and not followed in the background."""

    def __init__(self, settings: Settings, stage: str, log: Log) -> None:
        super().__init__(settings, stage)
        self._topic = log, settings.topic(TopicName.INSTALLATION)

    def refresh(self) -> None:
        log, topic = self._topic
        self._apply(list(log.records(topic)))


class RunningStage:
    """A stage with its processors, from `start` to `stop`."""

    def __init__(self, name: str, settings: Settings, policies: PolicySet, log: Log) -> None:
        self._settings = settings
        self._policies = policies
        self._log = log
        self._texts = StoryTexts()
        self._erasures = Erasures(settings, name)
        self._record = _Record(settings, name, log)
        self._duplicates: DuplicateIndex | None = None
        if name == verification.NAME:
            self._duplicates = DuplicateIndex(
                settings, policies, name, keys=settings.keys, writer_since=self._record.writer_since
            )
        self.stage = self._stage(name)
        self._processors: dict[TopicPartition, PartitionProcessor] = {}
        consumer = clients.consumer(settings, settings.group(name), reset="none")
        self._reports = clients.consumer(settings)
        commits, writer = DeferredCommits(consumer, _raise), OutputWriter(settings)
        self._worker = Worker(self.stage, settings, consumer, writer, commits, Metrics(name), installation=self._record)

    def _stage(self, name: str) -> Stage:
        if (duplicates := self._duplicates) is not None:
            return verification.stage(lambda: duplicates)
        if name == resolution.NAME:
            return resolution.stage(self._texts)
        if name == intake.NAME:
            return intake.stage(lambda: self._erasures)
        stage: Stage = import_module(f"agents.stages.{name}").STAGE
        return stage

    async def start(self) -> None:
        """Acquire all partitions."""
        await self._worker.writer.start()
        await self._worker.consumer.start()
        source, count = self._settings.topic(self.stage.source), self._settings.partitions
        partitions = [TopicPartition(source, number) for number in range(count)]
        self._worker.consumer.assign(partitions)
        topics = [self._settings.topic(each) for each in (TopicName.EVENTS, TopicName.TEXTS)]
        self._reports.assign([TopicPartition(topic, number) for topic in topics for number in range(count)])
        keys = self._settings.keys()
        self._record.refresh()
        for each in partitions:
            partition = self._worker.partition(each.partition, count, self._policies, keys)
            processor = PartitionProcessor(self._worker, each, partition)
            self._record.refresh()
            await processor.acquire()
            self._record.refresh()
            self._processors[each] = processor

    async def stop(self) -> None:
        """Release all partitions."""
        for processor in self._processors.values():
            await processor.release()
        await self._worker.commits.flush()
        await self._worker.consumer.stop()
        await self._worker.writer.stop()

    async def process(self) -> bool:
        """Process one poll; return False if there were no records."""
        self._record.refresh()
        batch = await self._worker.consumer.getmany(timeout_ms=0, max_records=clients.RECORDS_PER_POLL)
        if self._duplicates is not None:
            await self._index_reports(self._duplicates)
        if self.stage.name == intake.NAME:
            for each in self._log.records(self._settings.topic(TopicName.ERASURES)):
                self._erasures.take(each.key, each.value)
        if self.stage.name == resolution.NAME:
            await self._texts.load(self._settings, {source.partition: records for source, records in batch.items()})
        for source, records in batch.items():
            await self._processors[source].process(records)
        for source in self._processors.keys() - batch.keys():
            await self._processors[source].skip_to(await self._worker.consumer.position(source))
        await self._worker.commits.flush()
        if self._duplicates is not None:
            self._duplicates.log_suspected()
        return bool(batch)

    async def _index_reports(self, duplicates: DuplicateIndex) -> None:
        """Index facts and texts of all partitions, in place of the followers in production."""
        for source, records in (await self._reports.getmany(timeout_ms=0)).items():
            for record in records:
                duplicates.hand_over(TopicName(source.topic.removeprefix(self._settings.prefix)), record)

    def next_alarm(self) -> datetime | None:
        """Return the time of the earliest timer; None if the stage has none."""
        return next_alarm(each.handler for each in self._processors.values())

    async def tick(self) -> bool:
        """Write the due outputs; return True if there were any."""
        if self.stage.tick_seconds is None:
            return False
        due = [each for each in self._processors.values() if each.due(self._log.now)]
        return bool(sum([await each.tick(self._log.now) for each in due]))


def _raise(error: Exception) -> NoReturn:
    raise error
