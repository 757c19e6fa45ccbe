"""Administration client: checks that a broker answers, grants access and has the topics.

It wraps kafka-python's administration client, and converts its exceptions to a few errors with messages for people.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import AuthorizationError, KafkaError, TopicAuthorizationFailedError, UnknownTopicOrPartitionError

from events.client.connection_check import refusal_of
from events.client.errors import ABSENT, AccessRefused, BrokerUnreachable, KafkaRefused, NotAllowed, TopicsMissing
from events.client.settings import ClientSettings
from events.client.substitutes import SUBSTITUTES
from events.topics import ALL_TOPICS, TOPICS, TopicName

_ANSWER_S: Final = 10.0


def topics_missing(settings: ClientSettings, only: Collection[TopicName] = ALL_TOPICS) -> tuple[str, ...]:
    """Return the engine's topics that do not exist, in the order of their declaration; raise a KafkaFailure."""
    with admin_client(settings) as client:
        return missing_among(client, topic_names(settings, only))


class _Client(KafkaAdminClient):  # type: ignore[misc]  # kafka-python ships no types
    """Client that stops its thread if the broker is unreachable, which kafka-python's does not."""

    def __init__(self, **configs: object) -> None:
        try:
            super().__init__(**configs)
        except KafkaError:
            self._closed = False
            self.close()
            raise


@contextmanager
def admin_client(settings: ClientSettings, timeout: float = _ANSWER_S) -> Iterator[Any]:
    """Return kafka-python's administration client; raise BrokerUnreachable, or for denied access AccessRefused.

    Inside the block, a missing right raises NotAllowed, another refusal KafkaRefused.
    """
    if (substitute := SUBSTITUTES.get(settings.broker)) is not None:
        with substitute.admin() as in_memory:
            yield in_memory
        return
    # the client logs each failed attempt; the raised error has the cause
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    broker = settings.broker
    check_access(settings, timeout)
    try:
        with _Client(
            bootstrap_servers=broker.split(","),
            client_id="alur-admin",
            bootstrap_timeout_ms=int(timeout * 1000),
            request_timeout_ms=int(timeout * 1000),
            **settings.security.client_options(),
        ) as client:
            yield client
    except ABSENT as error:
        raise BrokerUnreachable(broker) from error
    except AuthorizationError as error:
        raise NotAllowed(settings, error) from error
    except (KafkaError, RuntimeError) as error:  # RuntimeError: raised by the client for a cluster without a controller
        raise KafkaRefused(f"Kafka at {broker} refused: {error}") from error


def check_access(settings: ClientSettings, timeout: float = _ANSWER_S) -> None:
    """Return if one of the brokers grants access; raise AccessRefused or BrokerUnreachable."""
    refusals = []
    for address in settings.broker.split(","):
        try:
            refusal = refusal_of(address, settings.security, timeout)
        except OSError:
            continue
        if refusal is None:
            return
        refusals.append(f"Kafka at {address} does not let us in: {refusal}")
    if refusals:
        raise AccessRefused(refusals[0])
    raise BrokerUnreachable(settings.broker)


def topic_names(settings: ClientSettings, only: Collection[TopicName]) -> tuple[str, ...]:
    """Return the topic names with this environment's prefix, in the order in which the topics are declared."""
    return tuple(settings.topic(topic.name) for topic in TOPICS if topic.name in only)


def missing_error(client: KafkaAdminClient, settings: ClientSettings, missing: tuple[str, ...]) -> TopicsMissing:
    """Return the error for missing topics; it lists other prefixes if no installation has this one."""
    ends = TopicName.COMMANDS
    prefixes = {name.removesuffix(ends) for name in client.list_topics() if name.endswith(ends)}
    return TopicsMissing(missing, () if settings.prefix in prefixes else prefixes)


def missing_among(client: KafkaAdminClient, names: Collection[str]) -> tuple[str, ...]:
    """Return the topics among `names` that do not exist; raise TopicAuthorizationFailedError."""
    existing = {each["name"] for each in descriptions(client, names)}
    return tuple(name for name in names if name not in existing)


def descriptions(client: KafkaAdminClient, names: Iterable[str]) -> list[Mapping[str, Any]]:
    """Return Kafka's descriptions of the topics that exist, by full name; raise TopicAuthorizationFailedError."""
    # by name: a list of all topics omits those without access
    described = client.describe_topics(sorted(names))
    if hidden := [each["name"] for each in described if each["error_code"] == TopicAuthorizationFailedError.errno]:
        raise TopicAuthorizationFailedError(", ".join(hidden))
    return [each for each in described if each["error_code"] != UnknownTopicOrPartitionError.errno]


def log_offsets(
    client: KafkaAdminClient,
    partitions: Collection[TopicPartition],
    spec: OffsetSpec,
    isolation: str = "read_uncommitted",
) -> dict[TopicPartition, int]:
    """Return the start or the end of the log of each partition; with `read_committed` the last stable offset."""
    answers = client.list_partition_offsets(dict.fromkeys(partitions, spec), isolation_level=isolation)
    return {partition: at.offset for partition, at in answers.items()}
