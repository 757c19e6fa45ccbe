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
from events.provenance import header_value, writer_of
from events.texts import FactTexts
from events.topics import TopicName

_STAGE: Final = "resolution"
_PUBLISHED: Final = StoryPublished.NAME.encode()
_SLACK_MS: Final = 60_000
"""Tolerance: texts and their fact are written in one transaction, within milliseconds."""


class StoryTexts:
    """Texts of published stories by the key of their record; kept for one batch.

    Stories are rare, so each text is looked up by timestamp instead of following the topic.
    """

    def __init__(self) -> None:
        self._texts: dict[str, FactTexts] = {}

    def of(self, ref: str) -> FactTexts | None:
        """Return the text for the `text_ref` of a fact; None if it is erased."""
        return self._texts.get(ref)

    async def load(self, settings: Settings, batch: Mapping[int, Sequence[KafkaRecord]]) -> None:
        """Read the texts that the facts of a batch refer to, by partition. Ends the process if that fails."""
        self._texts.clear()
        try:
            await self._load(settings, batch)
        except Exception as error:  # noqa: BLE001 -- any failure ends the process before a commit
            exit_with_error(_STAGE, error)

    async def _load(self, settings: Settings, batch: Mapping[int, Sequence[KafkaRecord]]) -> None:
        for number, records in batch.items():
            wanted = dict(_references(records))
            if wanted:
                await self._read(settings, TopicPartition(settings.topic(TopicName.TEXTS), number), wanted)

    async def _read(self, settings: Settings, partition: TopicPartition, wanted: Mapping[bytes, int]) -> None:
        """Read from the earliest requested timestamp to the latest, up to the log end when the facts were written.

        Waits for open transactions, which become visible partition by partition.
        """
        end = (await clients.log_ends(settings, [partition]))[partition]
        async with clients.running(clients.consumer(settings)) as reader:
            reader.assign([partition])
            # the look-up by time does not see open transactions: start at the first one
            stable = (await reader.end_offsets([partition]))[partition]
            offsets = await reader.offsets_for_times({partition: max(0, min(wanted.values()) - _SLACK_MS)})
            first = offsets.get(partition)
            reader.seek(partition, stable if first is None else first.offset)
            last, missing = max(wanted.values()) + _SLACK_MS, set(wanted)
            while missing and await reader.position(partition) < end:
                fetched = await reader.getmany(timeout_ms=clients.POLL_MS)
                for record in fetched.get(partition, ()):
                    if record.timestamp > last:
                        return
                    self._take(record, missing)

    def _take(self, record: KafkaRecord, missing: set[bytes]) -> None:
        if record.key in missing and writer_of(record.headers) is not None:
            missing.discard(record.key)
            if record.value is not None:
                with suppress(Undecodable):
                    self._texts[record.key.decode()] = decode_texts(record.value)


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
