"""Publisher: writes a message once, acknowledged by all replicas."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError, RecordListTooLargeError

from events.client.connection import confirmation, connection, kafka_errors, unconfirmed
from events.client.errors import BrokerUnreachable, KafkaRefused
from events.client.settings import ClientSettings
from events.client.substitutes import SUBSTITUTES
from events.codec.encode import HEADERS
from events.topics import INWARD_RECORD_BYTES, RecordPosition, TopicName

_DELIVERY_MS: Final = 30_000
_SILENCE_S: Final = 35.0
"""Seconds without a confirmation after which `flush` fails.

kafka-python 3.0 may keep a batch for ever after an outage, in spite of its delivery timeout."""
_LOOK_S: Final = 0.5
_TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)


def acknowledged_producer(settings: ClientSettings, client: str, **options: int) -> KafkaProducer:
    """Return an idempotent producer of kafka-python, acknowledged by all replicas."""
    if (substitute := SUBSTITUTES.get(settings.broker)) is not None:
        return substitute.producer()
    with kafka_errors(settings):
        return KafkaProducer(**connection(settings, client), acks="all", enable_idempotence=True, **options)


def abandon(producer: Any) -> None:  # noqa: ANN401 -- a producer of kafka-python, or of the in-memory log
    """Close a producer without waiting for undelivered records."""
    try:
        producer.close(timeout=0)
    except KafkaTimeoutError:  # by a flush, while the producer's thread still runs
        producer._sender.force_close()  # noqa: SLF001 -- closing again would flush again


class Publisher(AbstractContextManager["Publisher"]):
    """Sends messages in the background, idempotently, acknowledged by all replicas; a context manager.

    Records go to the partition of Kafka's own partitioner (murmur2). `linger_ms` trades latency for throughput;
    `silence_s` limits how long `flush` waits for the next confirmation.
    """

    def __init__(self, settings: ClientSettings, *, linger_ms: int = 0, silence_s: float = _SILENCE_S) -> None:
        self._settings = settings
        self._linger_ms = linger_ms
        self._silence_s = silence_s
        self._confirmed = 0
        self._failure: KafkaError | None = None
        self._reported = False
        self._producer: Any = self._connected()

    def _connected(self) -> KafkaProducer:
        return acknowledged_producer(
            self._settings,
            "publisher",
            linger_ms=self._linger_ms,
            max_request_size=INWARD_RECORD_BYTES,
            delivery_timeout_ms=_DELIVERY_MS,
            request_timeout_ms=_DELIVERY_MS // 2,
            max_block_ms=_DELIVERY_MS,
        )

    def __exit__(self, *failure: object) -> None:
        try:
            if not any(failure) and not self._reported:
                self.flush()
        finally:
            abandon(self._producer)

    def publish(  # noqa: PLR0913 -- a message, its partition, and callbacks
        self,
        topic: TopicName,
        key: str,
        value: bytes,
        *,
        partition: int | None = None,
        accepted: Callable[[RecordPosition], None] = lambda _: None,
        refused: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Send a message in the background; `accepted` or `refused` is called with the result, in another thread.

        `partition`: by default that of the key. `refused` gets the reason why this message cannot be stored; errors
        that concern every message are raised here or by `flush`.

        Raises:
            BrokerUnreachable: the broker has not answered for 30 seconds; this message was not sent.
            Unconfirmed: an earlier message may be in the log.
            KafkaRefused: the broker refuses this message or an earlier one.
        """
        self._raise_failure()
        try:
            with kafka_errors(self._settings):
                future = self._producer.send(
                    self._settings.topic(topic),
                    key=key.encode(),
                    value=value,
                    headers=list(HEADERS),
                    partition=partition,
                )
        except KafkaRefused as error:
            if not isinstance(error.__cause__, _TOO_LARGE):
                raise
            refused(_too_large(value))
            return
        future.add_callback(
            lambda stored: self._accepted(RecordPosition(topic, stored.partition, stored.offset), accepted)
        )
        future.add_errback(lambda error: self._failed(error, value, refused))

    def publish_now(self, topic: TopicName, key: str, value: bytes) -> RecordPosition:
        """Publish one message and return its position, once it is acknowledged.

        After a failure the publisher can be used again, with a new connection.

        Raises:
            Unconfirmed: the broker has not confirmed it within 35 seconds; it may be in the log.
            KafkaRefused: the broker refuses it, for example for its size; it is not in the log.
        """
        positions: list[RecordPosition] = []
        reasons: list[str] = []
        try:
            if self._failure is not None:
                self._begin_anew()
            self.publish(topic, key, value, accepted=positions.append, refused=reasons.append)
            self.flush()
        except BrokerUnreachable as error:
            raise unconfirmed(self._settings, error.__cause__) from error
        if reasons:
            raise KafkaRefused(f"Kafka at {self._settings.broker} refused the message: {reasons[0]}")
        return positions[0]

    def flush(self) -> None:
        """Wait until all messages are confirmed or refused; raise Unconfirmed or KafkaRefused."""
        with confirmation(self._settings):
            self._await_confirmations()
        self._raise_failure()

    def _await_confirmations(self) -> None:
        """Wait until no message is unconfirmed, or one has failed, or none was confirmed for `silence_s` seconds."""
        confirmed, until = self._confirmed, time.monotonic() + self._silence_s
        while self._failure is None:
            try:
                self._producer.flush(timeout=_LOOK_S)
            except KafkaTimeoutError as error:
                if confirmed != self._confirmed:
                    confirmed, until = self._confirmed, time.monotonic() + self._silence_s
                elif time.monotonic() > until:
                    self._failure = error
            else:
                return

    def _begin_anew(self) -> None:
        # undelivered batches of an idempotent producer would delay or corrupt the next ones
        abandon(self._producer)
        self._producer = self._connected()
        self._failure, self._reported = None, False

    def _accepted(self, position: RecordPosition, accepted: Callable[[RecordPosition], None]) -> None:
        self._confirmed += 1
        accepted(position)

    def _failed(self, error: KafkaError, value: bytes, refused: Callable[[str], None]) -> None:
        if isinstance(error, _TOO_LARGE):
            refused(_too_large(value))
        elif self._failure is None:
            self._failure = error

    def _raise_failure(self) -> None:
        if self._failure is not None:
            self._reported = True
            with confirmation(self._settings):
                raise self._failure


def _too_large(value: bytes) -> str:
    return f"{len(value):,} bytes are too many for one message"
