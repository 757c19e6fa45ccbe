"""Comparison of topics with their declaration and the installation record.

Number of partitions and topic ids are fixed when an installation is created. Added partitions or a recreated topic
would move complaints to partitions without their state.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from kafka.admin import ConfigFilterType, ConfigResource, ConfigResourceType

from agents.config.settings import Settings
from agents.kafka.protocols import AdminClient
from events.client.administration import admin_client, descriptions
from events.client.errors import KafkaFailure
from events.installation import Layout
from events.topics import BY_NAME, TopicName

WATCH_EVERY_SECONDS: Final = 3.0
REPAIR: Final = "`alur topics create`"


@dataclass(frozen=True, slots=True)
class TopicDescription:
    """An existing topic."""

    id: str
    """Kafka's topic id: a recreated topic has another."""
    partitions: int
    replicas: int
    """Of the partition with the fewest."""


@dataclass(frozen=True)
class Difference:
    """One setting of an existing topic that differs from the declaration."""

    topic: str
    setting: str
    expected: str
    actual: str

    def __str__(self) -> str:
        """Return the difference in a few words."""
        return f"{self.topic} has {self.setting}={self.actual}, not {self.expected}"


def describe_topics(
    client: AdminClient, settings: Settings, names: Collection[TopicName]
) -> dict[TopicName, TopicDescription]:
    """Return the existing ones of the topics. Raises TopicAuthorizationFailedError: one may exist without access."""
    by_name = {settings.topic(name): name for name in names}
    existing = {
        by_name[each["name"]]: TopicDescription(
            str(each["topic_id"]),
            len(each["partitions"]),
            min((len(partition["replica_nodes"]) for partition in each["partitions"]), default=0),
        )
        for each in descriptions(client, by_name)
    }
    return {name: existing[name] for name in names if name in existing}


def watch_topics(
    settings: Settings,
    names: Collection[TopicName],
    stop: threading.Event,
    tell: Callable[[dict[TopicName, TopicDescription]], None],
) -> None:
    """Describe the topics every few seconds until `stop` is set; blocks its thread."""
    while not stop.is_set():
        with suppress(KafkaFailure), admin_client(settings) as client:
            while not stop.wait(WATCH_EVERY_SECONDS):
                tell(describe_topics(client, settings, names))
        stop.wait(WATCH_EVERY_SECONDS)


def missing_topics(
    settings: Settings, layout: Layout, existing: Collection[TopicName], names: Iterable[TopicName]
) -> dict[TopicName, str]:
    """Return a line for each topic of the installation that no longer exists."""
    return {
        name: f"topic {settings.topic(name)} is gone: {REPAIR} recreates it, without its content"
        for name in names
        if name in layout.topics and name not in existing
    }


def changed_topics(
    settings: Settings, layout: Layout, existing: Mapping[TopicName, TopicDescription]
) -> dict[TopicName, str]:
    """Return a line for each topic that was replaced, or has another number of partitions."""
    lines = {}
    for name, topic in existing.items():
        expected = BY_NAME[name].partitions_in(layout.partitions)
        if layout.topics.get(name, topic.id) != topic.id:
            lines[name] = (
                f"topic {settings.topic(name)} has id={topic.id}, not {layout.topics[name]}: it was deleted and "
                f"recreated; stop all stages, restore what is missing, then {REPAIR} takes it for the installation's"
            )
        elif topic.partitions != expected:
            difference = Difference(settings.topic(name), "partitions", str(expected), str(topic.partitions))
            lines[name] = f"topic {difference}: {remedy(settings, difference)}"
    return lines


def remedy(settings: Settings, difference: Difference) -> str:
    """Return the remedy for a difference."""
    if difference.setting != "partitions":
        return f"{REPAIR} alters it where that loses nothing"
    anew = f"`kafka-topics --bootstrap-server {settings.broker} --delete --topic {difference.topic}`, then {REPAIR}"
    if int(difference.actual) > int(difference.expected):
        return (
            f"partitions cannot be removed, see docs/how-to/runbook.md#alurincident; if nothing in it is needed, {anew}"
        )
    if difference.topic == settings.topic(TopicName.INTAKE):  # reports may be in any partition
        alter = f"--alter --topic {difference.topic} --partitions {difference.expected}"
        return f"`kafka-topics --bootstrap-server {settings.broker} {alter}`, then {REPAIR}"
    return f"{REPAIR} adds them while the topic is empty; if nothing in it is needed, {anew}"


def differences(
    client: AdminClient,
    settings: Settings,
    existing: Mapping[TopicName, TopicDescription],
    replication: int | None = None,
) -> tuple[Difference, ...]:
    """Return how existing topics differ from their declaration and from `settings`; `replication`: None for any."""
    if not existing:
        return ()
    resources = [ConfigResource(ConfigResourceType.TOPIC, settings.topic(name)) for name in existing]
    configs = client.describe_configs(resources, config_filter=ConfigFilterType.ALL)["topic"]
    compared = []
    for name, topic in existing.items():
        declared, full = BY_NAME[name], settings.topic(name)
        compared.append(
            Difference(full, "partitions", str(declared.partitions_in(settings.partitions)), str(topic.partitions))
        )
        compared.append(Difference(full, "replication", str(replication or topic.replicas), str(topic.replicas)))
        compared += [
            Difference(full, setting, expected, str(configs[full].get(setting, {}).get("value")))
            for setting, expected in declared.config_on(replication or topic.replicas).items()
        ]
    return tuple(each for each in compared if each.expected != each.actual)
