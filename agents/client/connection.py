"""What all clients share: one way to fail, and a look at whether there is anything to talk to."""

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

from kafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError, NodeNotReadyError

from agents.admin import BrokerUnreachable, KafkaRefused, TopicsMissing, topics_missing
from agents.settings import Settings
from events.topics import TopicName

_ANSWER_MS: Final = 10_000
_ABSENT: Final = (KafkaConnectionError, KafkaTimeoutError, NodeNotReadyError)


def require_topics(settings: Settings, names: Collection[TopicName]) -> None:
    """Return if a broker answers and has these topics; ask before anything else, since a client waits long for either.

    Raises:
        BrokerUnreachable: no broker answers.
        KafkaRefused: the broker says no.
        TopicsMissing: some of the topics do not exist.
    """
    wanted = {settings.topic(name) for name in names}
    missing = tuple(name for name in topics_missing(settings) if name in wanted)
    if missing:
        raise TopicsMissing(missing)


def connection(settings: Settings, client: str) -> dict[str, Any]:
    """Return the configuration that producers and consumers share."""
    # the library logs each failed attempt; the error that comes of it says the same once
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    return {
        "bootstrap_servers": settings.broker.split(","),
        "client_id": f"alur-{client}",
        "bootstrap_timeout_ms": _ANSWER_MS,
    }


@contextmanager
def kafka_errors(broker: str) -> Iterator[None]:
    """Turn what kafka-python raises into `BrokerUnreachable` or `KafkaRefused`."""
    try:
        yield
    except _ABSENT as error:
        raise BrokerUnreachable(broker) from error
    except KafkaError as error:
        raise KafkaRefused(f"Kafka at {broker} refused: {error}") from error
