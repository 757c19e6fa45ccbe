"""Topics of an installation: creation, check, upgrade, and their entry in the installation record."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.errors import TopicAlreadyExistsError, for_code

from agents.config.settings import Settings
from agents.kafka.protocols import AdminClient
from agents.ops.progress import partitions_of
from agents.runtime.topic_layout import (
    Difference,
    TopicDescription,
    changed_topics,
    describe_topics,
    differences,
    missing_topics,
    remedy,
)
from events.client.administration import admin_client, log_offsets
from events.client.errors import KafkaFailure, KafkaRefused
from events.client.reader import installation_values
from events.client.security import PLAINTEXT, Security
from events.installation import LAYOUT_KEY, MARKS, TEXTS_APART, TEXTS_KEY, TOPIC_REPLACED, Incident, Layout
from events.topics import ALL_TOPICS, BY_NAME, STAGES, TopicName

_ANSWER_S: Final = 10.0
_RETRY_S: Final = 0.2
_VISIBLE_S: Final = 5.0
_RETENTION: Final = "retention.ms"


class TopicsDiffer(KafkaFailure):
    """Topics have other settings than required; nothing was changed."""

    def __init__(self, differences: Sequence[Difference], ways_out: Iterable[str]) -> None:
        problems = "; ".join([*map(str, differences), *dict.fromkeys(ways_out)])
        super().__init__(f"topics exist with other settings: {problems}")
        self.differences = tuple(differences)


class LayoutDiffers(KafkaFailure):
    """Topics of the installation are missing or were replaced; nothing was changed."""


@dataclass(frozen=True)
class TopicsReport:
    """Result of `ensure_topics`: topics created, topics that existed, and a line for each change."""

    created: tuple[str, ...]
    present: tuple[str, ...]
    altered: tuple[str, ...] = ()


def broker_answers(broker: str, timeout: float = _ANSWER_S, *, security: Security = PLAINTEXT) -> bool:
    """Check whether a broker at `broker` answers within `timeout` seconds."""
    try:
        with admin_client(Settings(broker=broker, security=security), timeout) as client:
            return bool(client.describe_cluster()["brokers"])
    except KafkaFailure:
        return False


def ensure_topics(settings: Settings, only: Collection[TopicName] = ALL_TOPICS, *, mend: bool = False) -> TopicsReport:
    """Create the topics of a new installation and record them; idempotent.

    `only`: topics to describe, for a user without the right to the others. `mend` upgrades an installation: it creates
    missing topics, alters settings where no record is lost, and adds missing partitions to empty topics.

    Raises:
        TopicsDiffer: a topic has other settings that may not be altered; nothing was changed.
        LayoutDiffers: topics of the installation are missing or replaced, without `mend`.
        KafkaFailure: Kafka does not answer, or refuses, for example more replicas than brokers.
    """
    with admin_client(settings) as client:
        existing = describe_topics(client, settings, only)
        layout = _layout(settings, existing)
        if layout is not None and not mend:
            gone = missing_topics(settings, layout, existing, only)
            if lines := gone | changed_topics(settings, layout, existing):
                raise LayoutDiffers(next(iter(lines.values())))
        altered = _repair(client, settings, layout, existing) if mend else ()
        _compare(client, settings, tuple(existing))
        missing = tuple(name for name in only if name not in existing)
        if missing:
            create_topics(client, settings, missing)
            # another process may have created one of them meanwhile, with other settings
            _compare(client, settings, missing)
        if TopicName.INSTALLATION in only and (missing or mend):
            _record(settings, describe_topics(client, settings, only), fresh=not existing)
    created = tuple(settings.topic(name) for name in missing)
    return TopicsReport(created, tuple(settings.topic(name) for name in only if name in existing), altered)


def with_recorded_layout(settings: Settings, only: Collection[TopicName] = ALL_TOPICS) -> Settings:
    """Return `settings` with the partitions and replicas of the installation, if there is one. Raises `KafkaFailure`.

    Without a layout record, those of most topics count: single topics may be auto-created.
    """
    with admin_client(settings) as client:
        existing = describe_topics(client, settings, only)
        layout = _layout(settings, existing)
    about_complaints = [name for name in only if BY_NAME[name].partitions is None]
    counts = Counter(existing[name].partitions for name in about_complaints if name in existing)
    partitions, topics = counts.most_common(1)[0] if counts else (settings.partitions, 0)
    if layout is not None:
        partitions = layout.partitions
    elif topics <= len(about_complaints) // 2:
        return settings
    replicas = Counter(topic.replicas for topic in existing.values())
    return replace(settings, partitions=partitions, replication=replicas.most_common(1)[0][0])


def _layout(settings: Settings, existing: Collection[TopicName]) -> Layout | None:
    if TopicName.INSTALLATION not in existing:
        return None
    return Layout.of(installation_values(settings))


def create_topics(
    client: AdminClient, settings: Settings, names: Collection[TopicName], more: Mapping[str, str] | None = None
) -> None:
    """Create topics as declared, with the settings `more` overriding declared ones; raise KafkaRefused."""
    wanted = {
        settings.topic(name): {
            "num_partitions": BY_NAME[name].partitions_in(settings.partitions),
            "replication_factor": settings.replication,
            "configs": {**BY_NAME[name].config_on(settings.replication), **(more or {})},
        }
        for name in names
    }
    for answer in client.create_topics(wanted, raise_errors=False)["topics"]:
        if answer["error_code"] not in {0, TopicAlreadyExistsError.errno}:
            reason = answer.get("error_message") or for_code(answer["error_code"]).__name__
            raise KafkaRefused(f"topic {answer['name']} could not be created: {reason}")
    client.wait_for_topics(list(wanted))


def _compare(client: AdminClient, settings: Settings, names: Collection[TopicName]) -> None:
    deadline = time.monotonic() + _VISIBLE_S
    while differing := differences(client, settings, describe_topics(client, settings, names), settings.replication):
        if time.monotonic() > deadline:  # altered settings become visible with a delay
            raise TopicsDiffer(differing, [remedy(settings, each) for each in differing])
        time.sleep(_RETRY_S)


def _repair(
    client: AdminClient, settings: Settings, layout: Layout | None, existing: Mapping[TopicName, TopicDescription]
) -> tuple[str, ...]:
    """Alter what differs and return a line per change; alter nothing if a change would lose records."""
    if layout is not None and layout.partitions != settings.partitions:
        differs = Difference("the installation", "partitions", str(settings.partitions), str(layout.partitions))
        raise TopicsDiffer([differs], ["unset ALUR_PARTITIONS: the number is fixed when an installation is created"])
    wanted = differences(client, settings, existing, settings.replication)
    empty = _empty(client, settings, existing)
    stuck = [each for each in wanted if not _repairable(each, empty)]
    if stuck:
        raise TopicsDiffer(stuck, [_by_hand(settings, each) for each in stuck])
    configs: dict[str, dict[str, str]] = {}
    for each in wanted:
        if each.setting == "partitions":
            client.create_partitions({each.topic: int(each.expected)})
        else:
            configs.setdefault(each.topic, {})[each.setting] = each.expected
    if configs:
        alter_topics(client, configs)
    client.wait_for_topics([settings.topic(name) for name in existing])
    return tuple(f"{each.topic}: {each.setting} {each.actual} -> {each.expected}" for each in wanted)


def alter_topics(client: AdminClient, configs: Mapping[str, Mapping[str, str]]) -> None:
    """Set settings of topics, by full topic name, and keep the others. Raises KafkaRefused."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, dict(each)) for name, each in configs.items()]
    answers = client.alter_configs(resources, incremental=True)["topic"]
    if refused := [f"{name}: {answer}" for name, answer in answers.items() if answer != "OK"]:
        raise KafkaRefused(f"settings could not be altered: {'; '.join(refused)}")


def _repairable(difference: Difference, empty: Collection[str]) -> bool:
    expected, actual = difference.expected, difference.actual
    if difference.setting == "partitions":
        return difference.topic in empty and int(actual) < int(expected)
    if difference.setting == _RETENTION and difference.topic not in empty:
        return expected == "-1" or (actual != "-1" and int(actual) < int(expected))
    return difference.setting != "replication"


def _by_hand(settings: Settings, difference: Difference) -> str:
    if difference.setting == "replication":
        return "`kafka-reassign-partitions` changes replicas; or set ALUR_REPLICATION to their number"
    if difference.setting != _RETENTION:
        return remedy(settings, difference)
    return (
        f"a shorter {_RETENTION} loses records: if intended, `kafka-configs --bootstrap-server {settings.broker} "
        f"--alter --topic {difference.topic} --add-config {_RETENTION}={difference.expected}`"
    )


def _empty(client: AdminClient, settings: Settings, existing: Mapping[TopicName, TopicDescription]) -> set[str]:
    """Return the names of topics to which nothing has ever been written."""
    names = {settings.topic(name) for name in existing}
    partitions = partitions_of(client, names)
    ends = log_offsets(client, partitions, OffsetSpec.LATEST) if partitions else {}
    return names - {partition.topic for partition, end in ends.items() if end}


def _record(settings: Settings, existing: Mapping[TopicName, TopicDescription], *, fresh: bool) -> None:
    """Record the topics in the installation record; a replaced topic is an incident."""
    from agents.runtime.installation import change_now  # noqa: PLC0415 -- imports aiokafka, which few commands need

    ids = {str(name): topic.id for name, topic in existing.items()}

    def decide(values: Mapping[str, Any]) -> dict[str, Any]:
        before = Layout.of(values)
        noted = {} if before is None else before.topics
        decided: dict[str, Any] = {LAYOUT_KEY: Layout(settings.partitions, {**noted, **ids}).to_value()}
        if fresh:
            decided |= {f"{MARKS}{stage}": True for stage in STAGES} | {TEXTS_KEY: TEXTS_APART}
        for name in (name for name, topic in ids.items() if noted.get(name, topic) != topic):
            reason = (
                f"topic {settings.prefix}{name} was gone or replaced (id {noted[name]}, now {ids[name]}): what was in "
                "it is lost unless you have restored it"
            )
            incident = Incident(TOPIC_REPLACED, "alur topics create", name, None, None, None, reason, datetime.now(UTC))
            decided[incident.key] = incident.to_value()
        return decided

    change_now(settings, decide)
