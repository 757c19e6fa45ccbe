"""Erasures for intake, which must be read before it processes a report.

`alur privacy erase` announces an erasure, then reads the log end of the intake topic, waits until intake has committed
it, and erases once more. Intake reads the erasures to their end between the fetch and the processing of each batch. So
no batch brings erased data back: either intake reads them after the announcement, and knows the erasure, or before.
Then the batch was fetched earlier still, and lies before the log end for which the command waits. Reading them in
parallel with the fetch would break this: a report that arrives a moment later could be in the batch, behind that end.
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
from events.codec.parsing import read_ours
from events.errors import Undecodable
from events.texts import Erasure
from events.topics import TopicName

_FETCHING: Final = clients.Fetching(1, wait_ms=10)
"""A broker answers the requests of a connection in turn: the one for the ends waits until the last fetch is over."""


class Erased(NamedTuple):
    """Erased data of a complaint."""

    texts: bool
    identity: bool


_SHARED: Final = {(texts, identity): Erased(texts, identity) for texts in (False, True) for identity in (False, True)}
"""One object of each kind: with a retention there are erasures of all complaints that ended long ago."""


class Erasures:
    """The erasures of all partitions: a report may lie in another partition of its topic than its complaint."""

    def __init__(self, settings: Settings, stage: str) -> None:
        self._settings = settings
        self._stage = stage
        self._topic = settings.topic(TopicName.ERASURES)
        self._known: dict[bytes, Erased] = {}  # by the 16 bytes of the complaint id: 100 bytes each
        self._consumer: KafkaConsumer | None = None
        self._partitions: list[TopicPartition] = []

    def of(self, complaint: str) -> Erased | None:
        """Return the erased data of a complaint; None if nothing was erased."""
        return self._known.get(UUID(complaint).bytes)

    def take(self, key: bytes | None, value: bytes | None) -> None:
        """Apply one record; an invalid one changes nothing."""
        with suppress(Undecodable, ValueError):
            name = UUID((key or b"").decode()).bytes
            if value is None:
                self._known.pop(name, None)
            else:
                found = read_ours(Erasure, value)
                self._known[name] = _SHARED[found.texts, found.identity]

    async def catch_up(self) -> None:
        """Read all present erasures, so that none is missing for any report read before this call.

        Ends the process if that is not possible. An installation without the topic has erased nothing.
        """
        try:
            await self._catch_up()
        except (KafkaError, OSError) as error:
            exit_with_error(self._stage, error)

    async def stop(self) -> None:
        """Close the connection."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def _catch_up(self) -> None:
        """Request all log ends, in one request to each broker; fetch only from partitions with new records."""
        if self._consumer is None:
            self._consumer = clients.consumer(self._settings, fetching=_FETCHING)
            await self._consumer.start()
        consumer = self._consumer
        if not self._partitions and not await self._assign(consumer):
            return
        ends = await consumer.end_offsets(self._partitions)
        moved = behind = await _behind(consumer, ends)
        consumer.resume(*moved)
        while behind:
            for records in (await consumer.getmany(timeout_ms=clients.POLL_MS)).values():
                for record in records:
                    self.take(record.key, record.value)
            behind = await _behind(consumer, ends)
        consumer.pause(*moved)

    async def _assign(self, consumer: KafkaConsumer) -> bool:
        cluster = await consumer._client.fetch_all_metadata()  # noqa: SLF001 -- a consumer without topics knows of none
        self._partitions = [
            TopicPartition(self._topic, number) for number in cluster.partitions_for_topic(self._topic) or ()
        ]
        if self._partitions:
            consumer.assign(self._partitions)
            consumer.pause(*self._partitions)
            await consumer.seek_to_beginning(*self._partitions)
        return bool(self._partitions)


async def _behind(consumer: KafkaConsumer, ends: Mapping[TopicPartition, int]) -> list[TopicPartition]:
    return [each for each, end in ends.items() if await consumer.position(each) < end]
