"""Texts of the stories in a batch of facts, read from `complaints.texts` before the batch is processed."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from aiokafka import TopicPartition

from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.protocols import KafkaRecord
from agents.runtime.process import exit_with_error
from events.codec.decode import decode_own_fact, decode_texts
from events.errors import Undecodable
from events.facts import StoryPublished
from events.texts import FactTexts
from events.topics import TopicName
from events.writer import header_value, writer_of

_PUBLISHED: Final = StoryPublished.NAME.encode()
_SLACK_MS: Final = 60_000
"""The words and their fact are written in one transaction: their stamps differ by milliseconds."""


class StoryTexts:
    """Texts of published stories by the key of their record; kept for one batch.

    Stories are rare: a text is found by its timestamp, and the topic is not followed.
    """

    def __init__(self, stage: str = "resolution") -> None:
        self._stage = stage
        self._found: dict[str, FactTexts] = {}

    def of(self, ref: str) -> FactTexts | None:
        """Return the text for the `text_ref` of a fact; None if it is erased."""
        return self._found.get(ref)

    async def load(self, settings: Settings, batch: Mapping[int, Sequence[KafkaRecord]]) -> None:
        """Read the texts that the facts of a batch refer to, by partition. Ends the process if that fails."""
        self._found.clear()
        try:
            await self._load(settings, batch)
        except Exception as error:  # noqa: BLE001 -- Kafka is not what it should be; nothing is committed
            exit_with_error(self._stage, error)

    async def _load(self, settings: Settings, batch: Mapping[int, Sequence[KafkaRecord]]) -> None:
        for number, records in batch.items():
            wanted = dict(_references(records))
            if wanted:
                await self._read(settings, TopicPartition(settings.topic(TopicName.TEXTS), number), wanted)

    async def _read(self, settings: Settings, partition: TopicPartition, wanted: Mapping[bytes, int]) -> None:
        """Read from the earliest requested timestamp to the latest, up to the log end when the facts were written.

        A transaction becomes visible partition by partition: open transactions are awaited.
        """
        end = (await clients.log_ends(settings, [partition]))[partition]
        async with clients.running(clients.consumer(settings)) as reader:
            reader.assign([partition])
            # a look-up by time finds only records before an open transaction: then start there
            stable = (await reader.end_offsets([partition]))[partition]
            first = await reader.offsets_for_times({partition: max(0, min(wanted.values()) - _SLACK_MS)})
            place = first.get(partition)
            reader.seek(partition, stable if place is None else place.offset)
            last, missing = max(wanted.values()) + _SLACK_MS, set(wanted)
            while missing and await reader.position(partition) < end:
                found = await reader.getmany(timeout_ms=clients.POLL_MS)
                for record in found.get(partition, ()):
                    if record.timestamp > last:
                        return
                    self._take(record, missing)

    def _take(self, record: KafkaRecord, missing: set[bytes]) -> None:
        if record.key in missing and writer_of(record.headers) is not None:
            missing.discard(record.key)
            if record.value is not None:
                with suppress(Undecodable):
                    self._found[record.key.decode()] = decode_texts(record.value)


def _references(records: Iterable[KafkaRecord]) -> Iterable[tuple[bytes, int]]:
    for record in records:
        if header_value(record.headers, "fact") != _PUBLISHED:
            continue
        try:
            fact = decode_own_fact(record.key, record.value).fact
        except Undecodable:
            continue  # the handler makes it a dead letter
        if isinstance(fact, StoryPublished) and fact.text_ref is not None:
            yield fact.text_ref.encode(), record.timestamp
