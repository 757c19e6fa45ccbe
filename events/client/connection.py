"""Connections of all clients: common errors, and a check of broker and topics before the first use."""

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

from kafka.errors import AuthorizationError, KafkaError

from events.client.administration import admin_client, missing_among, missing_error, topic_names
from events.client.errors import (
    ABSENT,
    BrokerUnreachable,
    KafkaFailure,
    KafkaRefused,
    NotAllowed,
    Unconfirmed,
    is_refusal,
)
from events.client.settings import ClientSettings
from events.topics import TopicName

_ANSWER_MS: Final = 10_000
_AGAIN: Final = "send it again with the same id, which does no harm"


def require_topics(settings: ClientSettings, names: Collection[TopicName]) -> None:
    """Check that a broker answers and has these topics; call it first, since a client waits long for either.

    Raises:
        BrokerUnreachable: no broker answers.
        KafkaRefused: the broker refuses.
        TopicsMissing: some of the topics do not exist.
    """
    with admin_client(settings) as client:
        if missing := missing_among(client, topic_names(settings, names)):
            raise missing_error(client, settings, missing)


def connection(settings: ClientSettings, client: str) -> dict[str, Any]:
    """Return the configuration that producers and consumers share."""
    # the library logs each failed attempt; the raised error has the cause
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    return {
        "bootstrap_servers": settings.broker.split(","),
        "client_id": f"alur-{client}",
        "bootstrap_timeout_ms": _ANSWER_MS,
        # a metadata request for a deleted topic must not recreate it with the broker's default settings
        "allow_auto_create_topics": False,
        **settings.security.client_options(),
    }


@contextmanager
def kafka_errors(settings: ClientSettings) -> Iterator[None]:
    """Turn kafka-python's exceptions into `BrokerUnreachable`, `NotAllowed` or `KafkaRefused`."""
    try:
        yield
    except ABSENT as error:
        raise BrokerUnreachable(settings.broker) from error
    except AuthorizationError as error:
        raise NotAllowed(settings, error) from error
    except KafkaError as error:
        raise KafkaRefused(f"Kafka at {settings.broker} refused: {error}") from error


@contextmanager
def confirmation(settings: ClientSettings, next_step: str = _AGAIN) -> Iterator[None]:
    """Turn kafka-python's exceptions after a send into `Unconfirmed`, or for a refused record as `kafka_errors`.

    `next_step` is the advice for a record that may be in the log.
    """
    try:
        with kafka_errors(settings):
            yield
    except KafkaFailure as failure:
        if is_refusal(failure.__cause__):
            raise
        raise unconfirmed(settings, failure.__cause__, next_step) from failure.__cause__


def unconfirmed(settings: ClientSettings, error: BaseException | None, next_step: str = _AGAIN) -> Unconfirmed:
    """Return the error for a record that may be in the log."""
    return Unconfirmed(
        f"Kafka at {settings.broker} has not confirmed the message ({type(error).__name__}), so it may or may not be "
        f"in the log: {next_step}"
    )
