"""Progress of the stages: the committed offsets of their groups, compared with the ends of their topics."""

import time
from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeVar

from kafka import TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import BrokerResponseError, GroupIdNotFoundError, UnknownTopicOrPartitionError
from kafka.structs import OffsetAndMetadata

from agents.config.settings import Settings
from agents.kafka.group_progress import GroupProgress
from agents.kafka.protocols import AdminClient
from events.client.administration import admin_client, descriptions, log_offsets, missing_among, missing_error
from events.client.errors import TopicsMissing
from events.topics import STAGES

_ANSWER_S: Final = 10.0
_RETRY_S: Final = 0.2

_Result = TypeVar("_Result")


def stage_progress(settings: Settings) -> dict[str, dict[int, GroupProgress]]:
    """Return the progress of each stage in each partition of its topic. Raises `KafkaFailure`.

    In transactional topics, control records count too.
    """
    with admin_client(settings) as client:
        # committed offsets first: records that expire meanwhile do not count as unread
        offsets = {stage: committed(client, settings.group(stage)) for stage in STAGES}
        starts, ends = bounds(client, settings, {settings.topic(topic) for topic in STAGES.values()})
    progress_by_stage = {}
    for stage, topic in STAGES.items():
        own = {source: end for source, end in ends.items() if source.topic == settings.topic(topic)}
        progress = progress_of(offsets[stage], starts, own)
        progress_by_stage[stage] = {source.partition: each for source, each in progress.items()}
    return progress_by_stage


def progress_of(
    offsets: Mapping[TopicPartition, OffsetAndMetadata],
    starts: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> dict[TopicPartition, GroupProgress]:
    """Return the progress of a group with these committed offsets, in the order of the partitions."""
    return {
        source: GroupProgress(offsets[source].offset if source in offsets else None, starts[source], end)
        for source, end in sorted(ends.items())
    }


def lag(settings: Settings) -> dict[str, dict[int, int]]:
    """Return the lag of each stage by partition, in offsets; without commits, the whole log. Raises `KafkaFailure`."""
    return {
        stage: {number: each.lag for number, each in partitions.items()}
        for stage, partitions in stage_progress(settings).items()
    }


def bounds(
    client: AdminClient, settings: Settings, names: set[str]
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    """Return the log start and the log end of each partition of the topics; raise TopicsMissing."""
    if missing := missing_among(client, sorted(names)):
        raise missing_error(client, settings, missing)
    partitions = partitions_of(client, names)
    try:
        return log_offsets(client, partitions, OffsetSpec.EARLIEST), log_offsets(client, partitions, OffsetSpec.LATEST)
    except UnknownTopicOrPartitionError:  # deleted between the two calls
        raise TopicsMissing(tuple(sorted(names))) from None


def partitions_of(client: AdminClient, names: Collection[str]) -> list[TopicPartition]:
    """Return the partitions of the topics that exist; raise TopicAuthorizationFailedError."""
    topics = descriptions(client, names)
    return [TopicPartition(topic["name"], each["partition_index"]) for topic in topics for each in topic["partitions"]]


def committed(client: AdminClient, group: str) -> dict[TopicPartition, OffsetAndMetadata]:
    """Return the offsets that a group has committed; none for a group that does not exist."""
    try:
        offsets = retry_while_starting(lambda: client.list_group_offsets(group))
    except GroupIdNotFoundError:
        return {}
    return {partition: at for partition, at in offsets.get(group, {}).items() if at.offset >= 0}


def retry_while_starting(ask: Callable[[], _Result]) -> _Result:
    """Retry retriable errors, of a broker that has just started, for ten seconds at most."""
    deadline = time.monotonic() + _ANSWER_S
    while True:
        try:
            return ask()
        except BrokerResponseError as error:
            if not error.retriable or time.monotonic() > deadline:
                raise
        time.sleep(_RETRY_S)
