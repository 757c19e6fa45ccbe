"""Transactional writer of records; its transactional id fences any earlier writer."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

from kafka import KafkaProducer

from agents.config.settings import Settings
from events.client.connection import confirmation, connection, kafka_errors
from events.client.publisher import abandon
from events.topics import OUTWARD_RECORD_BYTES, RecordPosition, TopicName

_ANSWER_S: Final = 30


class TransactionalWriter(AbstractContextManager["TransactionalWriter"]):
    """A producer of committed records; a context manager. Raises `KafkaFailure`."""

    def __init__(self, settings: Settings, client: str, transactional_id: str) -> None:
        self._settings = settings
        with kafka_errors(settings):
            self._producer: Any = KafkaProducer(
                **connection(settings, client),
                transactional_id=transactional_id,
                max_request_size=OUTWARD_RECORD_BYTES,
                max_block_ms=_ANSWER_S * 1000,
            )
            self._producer.init_transactions()

    def __exit__(self, *failure: object) -> None:
        if failure[0]:
            abandon(self._producer)
        else:
            self._producer.close(timeout=_ANSWER_S)

    @contextmanager
    def transaction(self, next_step: str) -> Iterator[None]:
        """Commit what the block sends, or nothing; `next_step` is the advice for an unconfirmed commit."""
        with kafka_errors(self._settings):
            self._producer.begin_transaction()
            try:
                yield
            except BaseException:
                self._producer.abort_transaction()
                raise
        with confirmation(self._settings, next_step):
            self._producer.commit_transaction()

    def send(
        self,
        topic: TopicName,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]],
    ) -> RecordPosition:
        """Send a record, and return its position."""
        name = self._settings.topic(topic)
        future = self._producer.send(name, key=key, value=value, partition=partition, headers=list(headers))
        return RecordPosition(topic, partition, future.get(timeout=_ANSWER_S).offset)
