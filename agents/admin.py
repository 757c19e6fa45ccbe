"""Administration of Kafka: the topics with their settings, and how far each stage is behind.

kafka-python's client does the talking; what it raises leaves here as one of four errors whose message is for a person.
"""

import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final, TypeVar

from kafka import TopicPartition
from kafka.admin import ConfigFilterType, ConfigResource, ConfigResourceType, OffsetSpec
from kafka.errors import (
    BrokerResponseError,
    GroupIdNotFoundError,
    KafkaConnectionError,
    KafkaTimeoutError,
    NodeNotReadyError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)

from agents.settings import Settings
from events.client.administration import admin_client, missing_among, topic_names
from events.client.errors import KafkaFailure, KafkaRefused, TopicsMissing
from events.client.security import PLAINTEXT, Security
from events.topics import ALL_TOPICS, BY_NAME, STAGES, TOPICS, Topic, TopicName

_ANSWER_S: Final = 10.0
_RETRY_S: Final = 0.2
_ABSENT: Final = (KafkaConnectionError, KafkaTimeoutError, NodeNotReadyError)

_RESOURCES: Final = {
    "Topic": "the topic",
    "Group": "the group",
    "TransactionalId": "the transactional id",
    "Cluster": "the cluster",
}
_UNQUOTED: Final = re.compile(r"[\[\](){}'\"]|frozenset|\bset\b")

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Difference:
    """One setting of an existing topic that is not as it must be."""

    topic: str
    setting: str
    expected: str
    found: str

    def __str__(self) -> str:
        """Say it in a few words."""
        return f"{self.topic} has {self.setting}={self.found}, not {self.expected}"


class TopicsDiffer(KafkaFailure):
    """Topics exist with other settings than they must have; nothing was changed."""

    def __init__(self, differences: tuple[Difference, ...]) -> None:
        super().__init__(f"topics exist with other settings: {'; '.join(map(str, differences))}")
        self.differences = differences


@dataclass(frozen=True)
class TopicsReport:
    """What `ensure_topics` did: the topics it made, and those that were there as they should be."""

    created: tuple[str, ...]
    present: tuple[str, ...]


def broker_answers(broker: str, timeout: float = _ANSWER_S, *, security: Security = PLAINTEXT) -> bool:
    """Tell whether a Kafka broker at `broker` names its cluster within `timeout` seconds."""
    try:
        with admin_client(Settings(broker=broker, security=security), timeout) as client:
            return bool(client.describe_cluster()["brokers"])
    except KafkaFailure:
        return False


def ensure_topics(settings: Settings, only: Collection[TopicName] = ALL_TOPICS) -> TopicsReport:
    """Make the topics that do not exist; called again, it finds them all and changes nothing.

    With `only`, the others are not looked at: whoever may not see them does not need them either.

    Raises:
        BrokerUnreachable: no broker answers.
        KafkaRefused: the broker says no, for example to more replicas than there are brokers.
        TopicsDiffer: a topic exists with other settings; then no topic is made either.
    """
    names = topic_names(settings, only)
    with admin_client(settings) as client:
        missing = missing_among(client, names)
        present = tuple(name for name in names if name not in missing)
        _compare(client, settings, present)
        if missing:
            _create(client, settings, missing)
            # another process may have made one of them meanwhile, with settings of its own
            _compare(client, settings, missing)
    return TopicsReport(created=missing, present=present)


def as_laid_out(settings: Settings, only: Collection[TopicName] = ALL_TOPICS) -> Settings:
    """Return `settings` with the number of partitions and replicas that the existing topics have, if there are any.

    How many there are is decided once, when the topics are made; whoever runs the stages later need not repeat it.

    Raises:
        BrokerUnreachable: no broker answers.
        KafkaRefused: the broker says no.
    """
    names = topic_names(settings, [name for name in only if BY_NAME[name].partitions is None])
    with admin_client(settings) as client:
        missing = missing_among(client, names)
        present = [name for name in names if name not in missing]
        if not present:
            return settings
        partitions = client.describe_topics(present[:1])[0]["partitions"]
    replicas = min(len(partition["replica_nodes"]) for partition in partitions)
    return replace(settings, partitions=len(partitions), replication=replicas)


def lag(settings: Settings) -> dict[str, dict[int, int]]:
    """Return for each stage how many offsets of each partition of its topic it has not committed yet.

    A stage that never ran is behind by all there is. In a topic that is written in transactions their markers count as
    offsets too, so a stage that commits the record it read last, instead of its position, stays one behind.

    Raises:
        BrokerUnreachable: no broker answers.
        KafkaRefused: the broker says no.
        TopicsMissing: a stage's topic does not exist.
    """
    with admin_client(settings) as client:
        ends, starts = _bounds(client, {settings.topic(topic) for topic in STAGES.values()})
        behind: dict[str, dict[int, int]] = {}
        for stage, topic in STAGES.items():
            committed = _committed(client, settings.group(stage))
            behind[stage] = {
                partition.partition: max(0, end - max(committed.get(partition, 0), starts[partition]))
                for partition, end in sorted(ends.items())
                if partition.topic == settings.topic(topic)
            }
        return behind


def _create(client: Any, settings: Settings, names: tuple[str, ...]) -> None:  # noqa: ANN401 -- as above
    wanted = {
        settings.topic(topic.name): {
            "num_partitions": topic.partitions_in(settings.partitions),
            "replication_factor": settings.replication,
            "configs": topic.config_on(settings.replication),
        }
        for topic in TOPICS
        if settings.topic(topic.name) in names
    }
    for answer in client.create_topics(wanted, raise_errors=False)["topics"]:
        if answer["error_code"] not in {0, TopicAlreadyExistsError.errno}:
            said = answer.get("error_message") or for_code(answer["error_code"]).__name__
            raise KafkaRefused(f"topic {answer['name']} could not be made: {said}")
    client.wait_for_topics(list(names))


def _compare(client: Any, settings: Settings, names: tuple[str, ...]) -> None:  # noqa: ANN401 -- as above
    """Raise `TopicsDiffer` unless each of the topics is as declared."""
    if not names:
        return
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    configs = client.describe_configs(resources, config_filter=ConfigFilterType.ALL)["topic"]
    layout = {topic["name"]: topic["partitions"] for topic in client.describe_topics(list(names))}
    differences = tuple(
        Difference(name, setting, expected, found)
        for topic in TOPICS
        if (name := settings.topic(topic.name)) in names
        for setting, expected, found in chain(
            _layout(settings, topic, layout[name]),
            (
                (key, value, str(configs[name].get(key, {}).get("value")))
                for key, value in topic.config_on(settings.replication).items()
            ),
        )
        if expected != found
    )
    if differences:
        raise TopicsDiffer(differences)


def _layout(settings: Settings, topic: Topic, partitions: list[Mapping[str, Any]]) -> tuple[tuple[str, str, str], ...]:
    replicas = min(len(partition["replica_nodes"]) for partition in partitions)
    return (
        ("partitions", str(topic.partitions_in(settings.partitions)), str(len(partitions))),
        ("replication", str(settings.replication), str(replicas)),
    )


def _bounds(
    client: Any,  # noqa: ANN401 -- as above
    names: set[str],
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    """Return the offset behind the last record and that of the first, for each partition of the topics."""
    if missing := missing_among(client, sorted(names)):
        raise TopicsMissing(missing)
    partitions = partitions_of(client, names)

    def offsets(spec: OffsetSpec) -> dict[TopicPartition, int]:
        found = client.list_partition_offsets(dict.fromkeys(partitions, spec))
        return {partition: at.offset for partition, at in found.items()}

    try:
        return offsets(OffsetSpec.LATEST), offsets(OffsetSpec.EARLIEST)
    except UnknownTopicOrPartitionError:  # deleted between the two looks
        raise TopicsMissing(tuple(sorted(names))) from None


def partitions_of(client: Any, names: Collection[str]) -> list[TopicPartition]:  # noqa: ANN401 -- as above
    """Return the partitions of those topics that exist.

    Raises:
        TopicAuthorizationFailedError: there may be one, but not for us.
    """
    found = client.describe_topics(sorted(names))
    if hidden := [topic["name"] for topic in found if topic["error_code"] == TopicAuthorizationFailedError.errno]:
        raise TopicAuthorizationFailedError(", ".join(hidden))
    return [
        TopicPartition(topic["name"], partition["partition_index"])
        for topic in found
        for partition in topic["partitions"]
    ]


def _committed(client: Any, group: str) -> dict[TopicPartition, int]:  # noqa: ANN401 -- as above
    try:
        offsets = patiently(lambda: client.list_group_offsets(group))
    except GroupIdNotFoundError:
        return {}
    return {partition: at.offset for partition, at in offsets.get(group, {}).items()}


def patiently(ask: Callable[[], _Result]) -> _Result:
    """Ask again while a young broker is still setting up what answers, ten seconds at most."""
    deadline = time.monotonic() + _ANSWER_S
    while True:
        try:
            return ask()
        except BrokerResponseError as error:
            if not error.retriable or time.monotonic() > deadline:
                raise
        time.sleep(_RETRY_S)
