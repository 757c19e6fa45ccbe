"""Erasures for intake: a redelivered report must not bring erased data back.

`alur privacy erase` records the erasure, waits until intake has committed the present log end of its topic, and erases
once more. Intake reads all erasures between the fetch and the processing of each batch. So a batch either is processed
with the erasure, or was fetched before it was recorded, and its data are erased the second time. Reading erasures in
parallel with the fetch would break this: the batch could contain a report behind the log end.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final, NamedTuple
from uuid import UUID

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.protocols import KafkaConsumer
from agents.runtime.process import exit_with_error
from events.codec.decode import complaint_key
from events.codec.parsing import read_ours
from events.errors import Undecodable
from events.texts import Erasure
from events.topics import TopicName

_FETCHING: Final = clients.Fetching(1, wait_ms=10)
"""Short, since a broker answers one request of a connection after another: a pending fetch delays that for log ends."""


class Erased(NamedTuple):
    """Erased data of a complaint."""

    texts: bool
    identity: bool


_SHARED: Final = {(texts, identity): Erased(texts, identity) for texts in (False, True) for identity in (False, True)}
"""One object per combination: with a retention, most settled complaints have an erasure."""


class Erasures:
    """Erasures of all partitions: a report and its complaint may be in different partitions."""

    def __init__(self, settings: Settings, stage: str) -> None:
        self._settings = settings
        self._stage = stage
        self._topic = settings.topic(TopicName.ERASURES)
        self._by_complaint: dict[bytes, Erased] = {}  # by the 16 bytes of the id; 100 bytes each
        self._consumer: KafkaConsumer | None = None
        self._partitions: list[TopicPartition] = []

    def of(self, complaint: str) -> Erased | None:
        """Return the erased data of a complaint; None if nothing was erased."""
        return self._by_complaint.get(UUID(complaint).bytes)

    def take(self, key: bytes | None, value: bytes | None) -> None:
        """Apply one record; an invalid one changes nothing."""
        with suppress(Undecodable):
            id_bytes = complaint_key(key)
            if value is None:
                self._by_complaint.pop(id_bytes, None)
            else:
                erasure = read_ours(Erasure, value)
                self._by_complaint[id_bytes] = _SHARED[erasure.texts, erasure.identity]

    async def catch_up(self) -> None:
        """Read all present erasures; none if the topic is missing. Ends the process on failure."""
        try:
            await self._catch_up()
        except (KafkaError, OSError) as error:
            exit_with_error(self._stage, error)

    async def stop(self) -> None:
        """Close the connection."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def _catch_up(self) -> None:
        """Request all log ends at once, then fetch only from partitions with new records."""
        if self._consumer is None:
            self._consumer = clients.consumer(self._settings, fetching=_FETCHING)
            await self._consumer.start()
        consumer = self._consumer
        if not self._partitions and not await self._assign(consumer):
            return
        ends = await consumer.end_offsets(self._partitions)
        moved = behind = await _unread_partitions(consumer, ends)
        consumer.resume(*moved)
        while behind:
            for records in (await consumer.getmany(timeout_ms=clients.POLL_MS)).values():
                for record in records:
                    self.take(record.key, record.value)
            behind = await _unread_partitions(consumer, ends)
        consumer.pause(*moved)

    async def _assign(self, consumer: KafkaConsumer) -> bool:
        cluster = await consumer._client.fetch_all_metadata()  # noqa: SLF001 -- a consumer without topics has no metadata
        self._partitions = [
            TopicPartition(self._topic, number) for number in cluster.partitions_for_topic(self._topic) or ()
        ]
        if self._partitions:
            consumer.assign(self._partitions)
            consumer.pause(*self._partitions)
            await consumer.seek_to_beginning(*self._partitions)
        return bool(self._partitions)


async def _unread_partitions(consumer: KafkaConsumer, ends: Mapping[TopicPartition, int]) -> list[TopicPartition]:
    return [each for each, end in ends.items() if await consumer.position(each) < end]
