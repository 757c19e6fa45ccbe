"""What all clients share: one way to fail, and a look at whether there is anything to talk to."""

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

from kafka.errors import AuthorizationError, KafkaConnectionError, KafkaError, KafkaTimeoutError, NodeNotReadyError

from events.client.administration import topics_missing
from events.client.errors import BrokerUnreachable, KafkaRefused, NotAllowed, TopicsMissing
from events.client.settings import ClientSettings
from events.topics import TopicName

_ANSWER_MS: Final = 10_000
_ABSENT: Final = (KafkaConnectionError, KafkaTimeoutError, NodeNotReadyError)


def require_topics(settings: ClientSettings, names: Collection[TopicName]) -> None:
    """Return if a broker answers and has these topics; ask before anything else, since a client waits long for either.

    Raises:
        BrokerUnreachable: no broker answers.
        KafkaRefused: the broker says no.
        TopicsMissing: some of the topics do not exist.
    """
    if missing := topics_missing(settings, names):
        raise TopicsMissing(missing)


def connection(settings: ClientSettings, client: str) -> dict[str, Any]:
    """Return the configuration that producers and consumers share."""
    # the library logs each failed attempt; the error that comes of it says the same once
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    return {
        "bootstrap_servers": settings.broker.split(","),
        "client_id": f"alur-{client}",
        "bootstrap_timeout_ms": _ANSWER_MS,
        **settings.security.client_options(),
    }


@contextmanager
def kafka_errors(settings: ClientSettings) -> Iterator[None]:
    """Turn what kafka-python raises into `BrokerUnreachable`, `NotAllowed` or `KafkaRefused`."""
    try:
        yield
    except _ABSENT as error:
        raise BrokerUnreachable(settings.broker) from error
    except AuthorizationError as error:
        raise NotAllowed(settings, error) from error
    except KafkaError as error:
        raise KafkaRefused(f"Kafka at {settings.broker} refused: {error}") from error
