"""Engine in one process: the seven stages on an in-memory log, with a manual clock.

Handlers, partition processors, transactions and dead letters are those of production. Omitted is what concerns a broker
or several processes: groups, the guards of topics and policy, backpressure, tracing.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

from aiokafka import ConsumerRecord, TopicPartition
from pydantic_core import to_json

from agents.config import policy_files
from agents.config.settings import Settings
from agents.kafka.protocols import KafkaConsumer, KafkaProducer
from agents.testing._kit_clients import KitAdmin, KitConsumer, KitProducer
from agents.testing._running_stage import RunningStage
from agents.testing._stage_clients import InMemoryConsumer, InMemoryProducer
from agents.testing.in_memory_log import Log
from events.client.lookup import read_history
from events.client.partitions import partition_of
from events.client.substitutes import SUBSTITUTES
from events.facts import Recorded
from events.installation import LAYOUT_KEY, TEXTS_APART, TEXTS_KEY, Layout
from events.topics import ALL_TOPICS, STAGES, TopicName
from workflow.policy.model import PolicySet

MONDAY: Final = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
"""Nine o'clock in Jakarta, on a working day."""
_ADDRESSES: Final = count(1)
_MILLISECOND: Final = timedelta(milliseconds=1)
_MINUTE: Final = timedelta(minutes=1)


class Engine(AbstractContextManager["Engine"]):
    """The stages, their log and their clock; a context manager, for one thread.

    Clients of `events.client` with its `settings` connect to it. It processes records when `settle` or `advance` is
    called, or while such a client waits for an answer.

    Args:
        policy: name or file.
        now: first time of the log, timezone-aware.
        partitions: of each topic.
        stages: running stages; others can be started later.
        key_file: of the installation; by default, keys are derived and no secret.
        texts: location of free text, `apart` from the facts or in `facts`.
    """

    def __init__(  # noqa: PLR0913 -- the settings of an installation
        self,
        policy: str = "demo",
        *,
        now: datetime = MONDAY,
        partitions: int = 4,
        stages: tuple[str, ...] = tuple(STAGES),
        key_file: str | None = None,
        texts: str = TEXTS_APART,
    ) -> None:
        address = f"in-memory-{next(_ADDRESSES)}:1"
        self.settings = Settings(broker=address, policy=policy, partitions=partitions, key_file=key_file)
        """For clients of this engine."""
        self.policies: PolicySet = policy_files.load(policy)
        self.log = Log(now, partitions)
        self._runner = asyncio.Runner()
        self._running: dict[str, RunningStage] = {}
        SUBSTITUTES[address] = self
        layout = Layout(partitions, {str(topic): self.settings.topic(topic) for topic in ALL_TOPICS})
        for key, value in {LAYOUT_KEY: layout.to_value(), TEXTS_KEY: texts}.items():
            self.send(TopicName.INSTALLATION, key.encode(), to_json(value), partition=0)
        self.start(*stages)

    def __exit__(self, *_: object) -> None:
        """Stop the stages and discard the log."""
        self.stop(*self._running)
        self._runner.close()
        del SUBSTITUTES[self.settings.broker]

    @property
    def now(self) -> datetime:
        """Present time of the log."""
        return self.log.now

    @property
    def running(self) -> tuple[str, ...]:
        """Names of the running stages."""
        return tuple(self._running)

    def start(self, *stages: str) -> None:
        """Start stages, which restore their state and resume after their last commit; raise RefusedToStart."""
        for name in stages:
            running = RunningStage(name, self.settings, self.policies, self.log)
            self._runner.run(running.start())
            self._running[name] = running

    def stop(self, *stages: str) -> None:
        """Stop stages; unprocessed records stay in the log."""
        for name in stages:
            self._runner.run(self._running.pop(name).stop())

    def send(
        self,
        topic: TopicName,
        key: bytes | None,
        value: bytes | None,
        *,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int | None = None,
    ) -> None:
        """Append any record, by default to the partition of its key, as any producer could."""
        name = self.settings.topic(topic)
        number = partition_of((key or b"").decode(), self.log.topics[name]) if partition is None else partition
        size = len(key or b"") + len(value or b"")
        self.log.append(TopicPartition(name, number), [(key, value, headers)], size, self.log.writer(None))

    def settle(self) -> None:
        """Process all records and due timers, and all that results from them, without advancing the clock."""
        self._runner.run(self._settle())

    def advance(self, by: timedelta) -> None:
        """Advance the clock, processing everything at each deadline on the way."""
        self._runner.run(self._advance(self.now + by))

    def history(self, complaint: str) -> list[Recorded]:
        """Process everything, and return the facts about a complaint, each with the snapshot after it."""
        self.settle()
        return read_history(self.settings, complaint).history

    def records(self, topic: TopicName) -> Iterator[ConsumerRecord[bytes, bytes]]:
        """Yield the committed records of a topic."""
        return self.log.records(self.settings.topic(topic))

    async def _process(self) -> None:
        while sum([await each.process() for each in self._running.values()]):
            pass

    async def _settle(self) -> None:
        await self._process()
        await self._ring()

    async def _advance(self, until: datetime) -> None:
        await self._process()
        if "lifecycle" not in self._running:
            # as in production: no notice before all earlier records are processed
            self.log.now = until
        while await self._ring() or self.now < until:
            alarms = [alarm for each in self._running.values() if (alarm := each.next_alarm()) is not None]
            first = min(alarms, default=until)
            if first <= self.now:
                # a deadline passes with the next millisecond; a rejected notice is repeated later
                first = self.now + (_MILLISECOND if self.now - first < _MILLISECOND else _MINUTE)
            self.log.now = max(self.now, min(until, first))

    async def _ring(self) -> bool:
        """Send the due notices; return False if there were none."""
        rung = False
        while "lifecycle" in self._running and sum([await each.tick() for each in self._running.values()]):
            rung = True
            await self._process()
        return rung

    # clients for the address of this engine: `events.client.substitutes`

    def stage_consumer(self, group: str | None, isolation: str, reset: str) -> KafkaConsumer:
        """Return a consumer for a stage."""
        return InMemoryConsumer(self.log, group, isolation, reset)

    def stage_producer(self, transactional_id: str | None) -> KafkaProducer:
        """Return a producer for a stage."""
        return InMemoryProducer(self.log, transactional_id)

    def consumer(self) -> KitConsumer:
        """Return a consumer for the client kit."""
        return KitConsumer(self.log, self.settle)

    def producer(self) -> KitProducer:
        """Return a producer for the client kit."""
        return KitProducer(self.log)

    def admin(self) -> AbstractContextManager[Any]:
        """Return an administration client."""
        return KitAdmin(self.log)
