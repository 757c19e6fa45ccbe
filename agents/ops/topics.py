"""Administration of Kafka: the topics with their settings, and how far each stage is behind.

kafka-python's client does the talking; what it raises leaves here as one of four errors whose message is for a person.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.errors import (
    BrokerResponseError,
    GroupIdNotFoundError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from kafka.structs import OffsetAndMetadata

from agents.config.settings import Settings
from agents.kafka.group_progress import GroupProgress
from agents.kafka.protocols import AdminClient
from agents.runtime.topic_layout import (
    Difference,
    TopicDescription,
    changed_topics,
    describe_topics,
    differences,
    missing_topics,
    remedy,
)
from events.client.administration import admin_client, missing_among
from events.client.errors import KafkaFailure, KafkaRefused, TopicsMissing
from events.client.reader import installation_values
from events.client.security import PLAINTEXT, Security
from events.installation import LAYOUT_KEY, MARKS, TOPIC_REPLACED, Incident, Layout
from events.topics import ALL_TOPICS, BY_NAME, STAGES, TopicName

_ANSWER_S: Final = 10.0
_RETRY_S: Final = 0.2
_SETTLES_S: Final = 5.0
_RETENTION: Final = "retention.ms"

_Result = TypeVar("_Result")


class TopicsDiffer(KafkaFailure):
    """Topics exist with other settings than they must have; nothing was changed."""

    def __init__(self, differences: Sequence[Difference], ways_out: Iterable[str]) -> None:
        found = "; ".join([*map(str, differences), *dict.fromkeys(ways_out)])
        super().__init__(f"topics exist with other settings: {found}")
        self.differences = tuple(differences)


class LayoutDiffers(KafkaFailure):
    """Topics of the installation are gone, or are not the ones that it was made with; nothing was changed."""


@dataclass(frozen=True)
class TopicsReport:
    """What `ensure_topics` did: the topics it made, those that were there, and what it altered, a line each."""

    created: tuple[str, ...]
    present: tuple[str, ...]
    altered: tuple[str, ...] = ()


def broker_answers(broker: str, timeout: float = _ANSWER_S, *, security: Security = PLAINTEXT) -> bool:
    """Tell whether a Kafka broker at `broker` names its cluster within `timeout` seconds."""
    try:
        with admin_client(Settings(broker=broker, security=security), timeout) as client:
            return bool(client.describe_cluster()["brokers"])
    except KafkaFailure:
        return False


def ensure_topics(settings: Settings, only: Collection[TopicName] = ALL_TOPICS, *, mend: bool = False) -> TopicsReport:
    """Make the topics of a new installation, and note them in its record; called again, it changes nothing.

    With `only`, the others are not looked at: whoever may not see them does not need them either. With `mend`, what an
    existing installation lacks is made too, settings are altered where that loses nothing, and empty topics get the
    partitions that they lack: this is how an installation is upgraded.

    Raises:
        BrokerUnreachable: no broker answers.
        KafkaRefused: the broker says no, for example to more replicas than there are brokers.
        TopicsDiffer: a topic exists with other settings, and may not or cannot be altered; then nothing is.
        LayoutDiffers: topics of the installation are gone or replaced, without `mend`.
    """
    with admin_client(settings) as client:
        found = describe_topics(client, settings, only)
        layout = _layout(settings, found)
        if layout is not None and not mend and (lines := _lines(settings, layout, found, only)):
            raise LayoutDiffers(lines[0])
        altered = _repair(client, settings, layout, found) if mend else ()
        _compare(client, settings, tuple(found))
        missing = tuple(name for name in only if name not in found)
        if missing:
            _create(client, settings, missing)
            # another process may have made one of them meanwhile, with settings of its own
            _compare(client, settings, missing)
        if TopicName.INSTALLATION in only and (missing or mend):
            _record(settings, describe_topics(client, settings, only), fresh=not found)
    created = tuple(settings.topic(name) for name in missing)
    return TopicsReport(created, tuple(settings.topic(name) for name in only if name in found), altered)


def with_recorded_layout(settings: Settings, only: Collection[TopicName] = ALL_TOPICS) -> Settings:
    """Return `settings` with the number of partitions and replicas that the installation has, if there is one.

    How many there are is decided once, when the topics are made; whoever runs the stages later need not repeat it. An
    installation from before there was a record has them if most of its topics agree: a topic or two may stand there
    by accident.

    Raises:
        BrokerUnreachable: no broker answers.
        KafkaRefused: the broker says no.
    """
    with admin_client(settings) as client:
        found = describe_topics(client, settings, only)
        layout = _layout(settings, found)
    about_complaints = [name for name in only if BY_NAME[name].partitions is None]
    counts = Counter(found[name].partitions for name in about_complaints if name in found)
    partitions, topics = counts.most_common(1)[0] if counts else (settings.partitions, 0)
    if layout is not None:
        partitions = layout.partitions
    elif topics <= len(about_complaints) // 2:
        return settings
    replicas = Counter(topic.replicas for topic in found.values())
    return replace(settings, partitions=partitions, replication=replicas.most_common(1)[0][0])


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
            offsets = committed(client, settings.group(stage))
            begins = {partition: at.offset for partition, at in offsets.items()}
            behind[stage] = {
                partition.partition: GroupProgress(begins.get(partition), starts[partition], end).lag
                for partition, end in sorted(ends.items())
                if partition.topic == settings.topic(topic)
            }
        return behind


def _layout(settings: Settings, found: Collection[TopicName]) -> Layout | None:
    if TopicName.INSTALLATION not in found:
        return None
    return Layout.of(installation_values(settings))


def _lines(
    settings: Settings, layout: Layout, found: Mapping[TopicName, TopicDescription], only: Collection[TopicName]
) -> list[str]:
    return [*missing_topics(settings, layout, found, only).values(), *changed_topics(settings, layout, found).values()]


def _create(client: AdminClient, settings: Settings, names: Collection[TopicName]) -> None:
    wanted = {
        settings.topic(name): {
            "num_partitions": BY_NAME[name].partitions_in(settings.partitions),
            "replication_factor": settings.replication,
            "configs": BY_NAME[name].config_on(settings.replication),
        }
        for name in names
    }
    for answer in client.create_topics(wanted, raise_errors=False)["topics"]:
        if answer["error_code"] not in {0, TopicAlreadyExistsError.errno}:
            said = answer.get("error_message") or for_code(answer["error_code"]).__name__
            raise KafkaRefused(f"topic {answer['name']} could not be made: {said}")
    client.wait_for_topics(list(wanted))


def _compare(client: AdminClient, settings: Settings, names: Collection[TopicName]) -> None:
    """Raise `TopicsDiffer` unless each of the topics is as declared."""
    deadline = time.monotonic() + _SETTLES_S
    while found := differences(client, settings, describe_topics(client, settings, names), settings.replication):
        if time.monotonic() > deadline:  # what was altered is seen a moment later
            raise TopicsDiffer(found, [remedy(settings, each) for each in found])
        time.sleep(_RETRY_S)


def _repair(
    client: AdminClient,
    settings: Settings,
    layout: Layout | None,
    found: Mapping[TopicName, TopicDescription],
) -> tuple[str, ...]:
    """Alter what differs; return a line for each change.

    Raises:
        TopicsDiffer: something would lose records, or cannot be altered; then nothing is.
    """
    if layout is not None and layout.partitions != settings.partitions:
        differs = Difference("the installation", "partitions", str(settings.partitions), str(layout.partitions))
        raise TopicsDiffer([differs], ["leave out ALUR_PARTITIONS: the number is fixed when an installation is made"])
    wanted = differences(client, settings, found, settings.replication)
    empty = _empty(client, settings, found)
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
        resources = [ConfigResource(ConfigResourceType.TOPIC, name, each) for name, each in configs.items()]
        answers = client.alter_configs(resources, incremental=True)["topic"]
        if refused := [f"{name}: {answer}" for name, answer in answers.items() if answer != "OK"]:
            raise KafkaRefused(f"settings could not be altered: {'; '.join(refused)}")
    client.wait_for_topics([settings.topic(name) for name in found])
    return tuple(f"{each.topic}: {each.setting} {each.found} -> {each.expected}" for each in wanted)


def _repairable(difference: Difference, empty: Collection[str]) -> bool:
    expected, found = difference.expected, difference.found
    if difference.setting == "partitions":
        return difference.topic in empty and int(found) < int(expected)
    if difference.setting == _RETENTION and difference.topic not in empty:
        return expected == "-1" or (found != "-1" and int(found) < int(expected))
    return difference.setting != "replication"


def _by_hand(settings: Settings, difference: Difference) -> str:
    if difference.setting == "replication":
        return "`kafka-reassign-partitions` changes replicas; or say how many there are in ALUR_REPLICATION"
    if difference.setting != _RETENTION:
        return remedy(settings, difference)
    return (
        f"a shorter {_RETENTION} loses records: if that is meant, `kafka-configs --bootstrap-server {settings.broker} "
        f"--alter --topic {difference.topic} --add-config {_RETENTION}={difference.expected}`"
    )


def _empty(client: AdminClient, settings: Settings, found: Mapping[TopicName, TopicDescription]) -> set[str]:
    """Return the names of the topics into which nothing has ever been written."""
    names = {settings.topic(name) for name in found}
    partitions = partitions_of(client, names)
    ends = client.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST)) if partitions else {}
    return names - {partition.topic for partition, at in ends.items() if at.offset}


def _record(settings: Settings, found: Mapping[TopicName, TopicDescription], *, fresh: bool) -> None:
    """Note the topics as the installation's; one that stands in the place of another is an incident."""
    from agents.runtime.installation import change_now  # noqa: PLC0415 -- takes aiokafka along, which few commands need

    ids = {str(name): topic.id for name, topic in found.items()}

    def decide(values: Mapping[str, Any]) -> dict[str, Any]:
        before = Layout.of(values)
        noted = {} if before is None else before.topics
        decided: dict[str, Any] = {LAYOUT_KEY: Layout(settings.partitions, {**noted, **ids}).to_value()}
        if fresh:
            decided |= {f"{MARKS}{stage}": True for stage in STAGES}
        for name in (name for name, topic in ids.items() if noted.get(name, topic) != topic):
            reason = (
                f"topic {settings.prefix}{name} was gone or replaced (id {noted[name]}, now {ids[name]}): what was in "
                "it is lost unless you have restored it"
            )
            incident = Incident(TOPIC_REPLACED, "alur topics create", name, None, None, None, reason, datetime.now(UTC))
            decided[incident.key] = incident.to_value()
        return decided

    change_now(settings, decide)


def _bounds(
    client: AdminClient,
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


def partitions_of(client: AdminClient, names: Collection[str]) -> list[TopicPartition]:
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


def committed(client: AdminClient, group: str) -> dict[TopicPartition, OffsetAndMetadata]:
    """Return the offsets that a group has committed; none for a group that Kafka does not know."""
    try:
        offsets = retry_while_starting(lambda: client.list_group_offsets(group))
    except GroupIdNotFoundError:
        return {}
    return {partition: at for partition, at in offsets.get(group, {}).items() if at.offset >= 0}


def retry_while_starting(ask: Callable[[], _Result]) -> _Result:
    """Ask again while a young broker is still setting up what answers, ten seconds at most."""
    deadline = time.monotonic() + _ANSWER_S
    while True:
        try:
            return ask()
        except BrokerResponseError as error:
            if not error.retriable or time.monotonic() > deadline:
                raise
        time.sleep(_RETRY_S)
