"""Writer of outgoing records, with a producer that can be replaced.

After a refused batch, aiokafka continues with the next sequence number, and each later batch for that partition fails.
So a refusal replaces the producer, with the same transactional id if any. The epoch of the new one shows whether
another worker has fenced the old one.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    RecordListTooLargeError,
    UnknownError,
)

from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.protocols import KafkaBatch, KafkaProducer
from agents.kafka.records import OUTPUT_REFUSED, OUTPUT_TOO_LARGE, OutgoingRecord, Unwritable
from agents.runtime import failpoints
from events.topics import TOPICS, TopicName

_LIMITS: Final = {topic.name: int(topic.config["max.message.bytes"]) for topic in TOPICS}
# INVALID_RECORD, which aiokafka does not define
_REFUSED: Final = (MessageSizeTooLargeError, RecordListTooLargeError, UnknownError)
_REPLACED: Final = (OutOfOrderSequenceNumber, ProducerClosed)
"""Errors of a producer after the refusal of an earlier output."""

Batches = list[tuple[TopicName, int, list[KafkaBatch]]]
"""Batches by partition of a topic, in order."""


class OutputWriter:
    """Writes records with a producer that is replaced after a refusal.

    Args:
        settings: where Kafka is.
        transactional_id: of the producer; without one, writes may be concurrent.
    """

    def __init__(self, settings: Settings, transactional_id: str | None = None) -> None:
        self._settings = settings
        self._transactional_id = transactional_id
        self._replacing = asyncio.Lock()
        self._stopped = False
        self.producer: Any = None

    async def start(self) -> None:
        """Start the producer. With a transactional id, this fences the previous one."""
        self.producer = clients.producer(self._settings, self._transactional_id)
        await self.producer.start()

    async def stop(self) -> None:
        """Stop the producer, if it was started; it is no longer replaced."""
        self._stopped = True
        if self.producer is not None:
            await self.producer.stop()

    async def replace(self, refused: KafkaProducer) -> None:
        """Replace the producer `refused`, unless it has been replaced already.

        Raises KafkaError if another worker had fenced it, and is now fenced itself.
        """
        async with self._replacing:
            if self.producer is not refused:
                return
            if self._stopped:
                raise ProducerClosed
            if self._transactional_id is not None:
                await refused.abort_transaction()
            await refused.stop()
            await self.start()
            failpoints.reach("after-refusal")
            # without an open transaction, each new producer increments the epoch by one
            (last, epoch), now = _identity(refused), _identity(self.producer)
            if self._transactional_id is not None and now != (last, epoch + 1):
                raise KafkaError(f"{self._transactional_id} was used by another worker meanwhile")

    def batches(self, outputs: Sequence[OutgoingRecord]) -> Batches:
        """Return `outputs` in the client's batches, in order within a partition.

        Raises Unwritable: an output is larger than its topic accepts.
        """
        partitions: dict[tuple[TopicName, int], list[KafkaBatch]] = {}
        # filled here, since sending records one by one costs 50 % more
        for output in outputs:
            batches = partitions.setdefault((output.topic, output.partition), [])
            stamp, key, value, headers = output.timestamp, output.key, output.value, list(output.headers)
            if not batches or batches[-1].append(timestamp=stamp, key=key, value=value, headers=headers) is None:
                batches.append(self.producer.create_batch())
                batches[-1].append(timestamp=stamp, key=key, value=value, headers=headers)
                # only a batch of a single record can be so large
                if (size := batches[-1].size()) > _LIMITS[output.topic]:
                    why = f"has {size:,} bytes, {_LIMITS[output.topic]:,} are possible"
                    raise Unwritable(OUTPUT_TOO_LARGE, output.topic, why)
        return [(topic, partition, batches) for (topic, partition), batches in partitions.items()]

    async def send(self, batches: Batches) -> None:
        """Send `batches` and wait for the broker's acknowledgements.

        Raises:
            Unwritable: the broker refuses one; the producer has to be replaced.
            KafkaError: any other error.
        """
        sent = await asyncio.gather(*(self._send_to(*each) for each in batches), return_exceptions=True)
        raise_first(sent)

    async def _send_to(self, topic: TopicName, partition: int, batches: Sequence[KafkaBatch]) -> None:
        name = self._settings.topic(topic)
        sent = [await self.producer.send_batch(batch, name, partition=partition) for batch in batches]
        failpoints.reach("amid-produce")
        answers = await asyncio.gather(*sent, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, _REFUSED):
                why, transient = f"was refused: {type(answer).__name__}", isinstance(answer, UnknownError)
                raise Unwritable(OUTPUT_REFUSED, topic, why, transient=transient) from answer
        raise_first(answers)

    async def write(self, outputs: Sequence[OutgoingRecord]) -> None:
        """Write `outputs` without a transaction, replacing the producer if an output was refused.

        Raises Unwritable: an output is too large, or the broker refuses it.
        """
        while True:
            producer = self.producer
            try:
                await self.send(self.batches(outputs))
            except Unwritable as error:
                if error.refused:
                    await self.replace(producer)
                raise
            except KafkaError as error:
                if not isinstance(error, _REPLACED):
                    raise
                await self.replace(producer)  # another output of this producer was refused
            else:
                return


def _identity(producer: KafkaProducer) -> tuple[int, int]:
    manager = producer._txn_manager  # noqa: SLF001 -- no public way
    return manager.producer_id, manager.producer_epoch


def raise_first(results: Sequence[object]) -> None:
    """Raise the first error among `results`; errors other than refusals first, since they end the process."""
    errors = [each for each in results if isinstance(each, BaseException)]
    if errors:
        raise min(errors, key=lambda error: isinstance(error, Unwritable))
