"""The engine of the tests on an in-memory log: the same view from outside, without processes and without waiting."""

import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiokafka import ConsumerRecord

from agents import testing
from agents.config.keys import Keys
from events.client.partitions import partition_of
from events.installation import TEXTS_APART
from events.topics import STAGES, TopicName
from tests.support.engines import Engine

A_MOMENT = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Message:
    """A record as librdkafka's messages show it."""

    record: ConsumerRecord[bytes, bytes]

    def key(self) -> bytes | None:
        return self.record.key

    def value(self) -> bytes | None:
        return self.record.value


class InMemoryEngine(Engine):
    """An engine whose stages work when something is read, sent or awaited; the clock moves in `advance` only."""

    def __init__(self, kit: testing.Engine, log: Path) -> None:
        super().__init__(kit.settings, log)
        self.kit = kit

    @property
    def now(self) -> datetime:
        return self.kit.now

    def advance_to(self, moment: datetime) -> None:
        self.kit.advance(moment - self.kit.now)

    def advance(self, by: timedelta) -> None:
        self.kit.advance(by)

    def start(self, *stages: str) -> None:
        self.kit.start(*(stages or tuple(STAGES)))

    def kill(self, stage: str) -> None:
        self.kit.stop(stage)

    def stop(self, *stages: str) -> dict[str, int]:
        self.kit.settle()
        ending = stages or self.kit.running
        self.kit.stop(*ending)
        return dict.fromkeys(ending, 0)

    def alive(self) -> set[str]:
        return set(self.kit.running)

    def send_all(
        self,
        topic: str,
        records: list[tuple[bytes | None, bytes | None]],
        *,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int = -1,
        partitioner: str = "murmur2_random",
        **options: Any,
    ) -> None:
        assert not options
        self.kit.advance(A_MOMENT)  # no two senders share a stamp
        for key, value in records:
            number = partition if partition >= 0 else self._partition(partitioner, key or b"")
            self.kit.send(TopicName(topic), key, value, headers=headers, partition=number)

    def _partition(self, partitioner: str, key: bytes) -> int:
        if partitioner == "consistent_random":  # librdkafka's own
            return zlib.crc32(key) % self.settings.partitions
        return partition_of(key.decode(), self.settings.partitions)

    def read(self, topic: str) -> list[Any]:
        self.kit.settle()
        return [Message(record) for record in self.kit.records(TopicName(topic))]

    def await_quiet(self, stages: Collection[str] = tuple(STAGES), seconds: float = 0) -> None:
        del stages, seconds
        self.kit.settle()


@contextmanager
def in_memory(tmp_path: Path, policy: str, *stages: str, texts: str = TEXTS_APART) -> Iterator[InMemoryEngine]:
    """Run `stages` under a policy, from now on."""
    key_file = tmp_path / "keys"
    Keys.generate(key_file)
    with testing.Engine(policy, now=datetime.now(UTC), stages=stages, key_file=str(key_file), texts=texts) as kit:
        yield InMemoryEngine(kit, tmp_path / "stages.log")
