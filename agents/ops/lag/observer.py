"""Observer of consumer groups through Kafka's Admin API: needs only the right to describe groups and topics."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from kafka import TopicPartition
from kafka.admin import OffsetSpec, OffsetTimestamp

from agents.config.settings import Settings
from agents.kafka.group_progress import GroupProgress
from agents.kafka.protocols import AdminClient
from agents.ops.lag.record_age import SourceOffset, StampedOffset, stamps_at
from agents.ops.lag.samples import GroupSample, GroupState, Offsets, Source
from agents.ops.progress import partitions_of, retry_while_starting
from events.client.administration import log_offsets
from events.client.connection import kafka_errors
from events.client.errors import KafkaFailure
from events.cloudevents import log_moment
from events.topics import STAGES, TopicName

_STATES: Final = {
    "Stable": GroupState.STABLE,
    "Empty": GroupState.EMPTY,
    "Dead": GroupState.ABSENT,
    **dict.fromkeys(("PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling"), GroupState.REBALANCING),
}
"""By the coordinator's name, of classic groups and those of KIP-848."""
_UNNAMED: Final = "a member that the broker does not name"


class UnknownGroup(KafkaFailure):
    """Kafka has no consumer group with that name."""

    def __init__(self, group: str) -> None:
        super().__init__(
            f"there is no consumer group {group!r}, or this user has no right to see it: use its full name with "
            "prefix (kafka-consumer-groups.sh --list names them)"
        )


class _GroupDescription(NamedTuple):
    state: GroupState
    members: int | None
    owners: dict[Source, str]


class _Bounds(NamedTuple):
    start: int
    stable: int
    end: int


class Observation(NamedTuple):
    """A sample of each group, and one of the partitions of all groups."""

    groups: dict[str, GroupSample]
    topics: GroupSample


class GroupObserver:
    """Takes samples of groups and `topics` over one connection; `stages`: stage by group name."""

    def __init__(
        self, settings: Settings, client: AdminClient, stages: Mapping[str, str], topics: Iterable[TopicName]
    ) -> None:
        self._settings = settings
        self._client = client
        self._stages = stages
        names = {settings.topic(name) for name in (*topics, *(STAGES[stage] for stage in stages.values()))}
        with kafka_errors(settings):
            self._stage_partitions = (
                frozenset(Source(*each) for each in partitions_of(client, names)) if names else frozenset()
            )

    def observe(self, groups: Collection[str]) -> Observation:
        """Return a sample of each group; one that does not exist has no offsets. Raises `KafkaFailure`."""
        with kafka_errors(self._settings):
            # committed offsets before the ends: one beyond the end is then a fault, not a race
            committed = retry_while_starting(lambda: self._client.list_group_offsets(dict.fromkeys(groups)))
            descriptions = self._describe(groups, committed)
            topics = {group: self._topics_of(group, descriptions[group], committed.get(group, {})) for group in groups}
            bounds = self._bounds(frozenset().union(*topics.values()))
            at = datetime.now(UTC)
            offsets = {
                group: {
                    source: self._offsets(group, source, committed.get(group, {}), bounds[source], descriptions[group])
                    for source in sorted(bounds)
                    if source.topic in topics[group]
                }
                for group in groups
            }
        group_samples = {
            group: GroupSample(at, descriptions[group].state, descriptions[group].members, offsets[group])
            for group in groups
        }
        partitions = {source: Offsets(None, None, *each) for source, each in bounds.items()}
        return Observation(group_samples, GroupSample(at, GroupState.UNKNOWN, None, partitions))

    def written_at(self, positions: Collection[SourceOffset]) -> dict[SourceOffset, datetime]:
        """Return when the records at these positions were written. Raises `KafkaFailure`."""

        def ask(questions: Mapping[Source, int]) -> dict[Source, StampedOffset | None]:
            wanted = {TopicPartition(*source): OffsetTimestamp(at) for source, at in questions.items()}
            return {
                Source(*partition): (at.offset, at.timestamp) if at.offset >= 0 else None
                for partition, at in self._client.list_partition_offsets(wanted).items()
            }

        with kafka_errors(self._settings):
            stamps = stamps_at(positions, ask, int(datetime.now(UTC).timestamp() * 1000))
        return {position: log_moment(stamp) for position, stamp in stamps.items()}

    def _describe(self, groups: Collection[str], committed: Mapping[str, Any]) -> dict[str, _GroupDescription]:
        descriptions = {
            group: _GroupDescription(_state(each), len(each["members"]), _owners(each["members"]))
            for group, each in self._client.describe_groups(list(groups)).items()
        }
        # DescribeGroups reports a KIP-848 group as dead; ListGroups has its state
        newer = {
            group for group, each in descriptions.items() if each.state is GroupState.ABSENT and committed.get(group)
        }
        for each in self._client.list_groups() if newer else ():
            if each["group_id"] in newer:
                state = _state(each)
                members = 0 if state is GroupState.EMPTY else None
                descriptions[each["group_id"]] = _GroupDescription(state, members, {})
        return descriptions

    def _topics_of(
        self, group: str, description: _GroupDescription, committed: Mapping[TopicPartition, Any]
    ) -> frozenset[str]:
        """Return the topics of a group: that of the stage, else those with committed offsets or owned partitions."""
        if group in self._stages:
            return frozenset({self._settings.topic(STAGES[self._stages[group]])})
        return frozenset(each.topic for each in (*committed, *description.owners))

    def _bounds(self, topics: Collection[str]) -> dict[Source, _Bounds]:
        others = set(topics) - {source.topic for source in self._stage_partitions}
        # a group may have committed offsets on deleted topics
        existing = (
            [*self._stage_partitions, *partitions_of(self._client, others)] if others else [*self._stage_partitions]
        )
        partitions = [TopicPartition(*source) for source in existing]
        if not partitions:
            return {}
        starts = log_offsets(self._client, partitions, OffsetSpec.EARLIEST)
        stable = log_offsets(self._client, partitions, OffsetSpec.LATEST, "read_committed")
        ends = log_offsets(self._client, partitions, OffsetSpec.LATEST)
        return {Source(*each): _Bounds(starts[each], stable[each], ends[each]) for each in partitions}

    def _offsets(
        self,
        group: str,
        source: Source,
        committed: Mapping[TopicPartition, Any],
        bounds: _Bounds,
        description: _GroupDescription,
    ) -> Offsets:
        stored = committed.get(TopicPartition(*source))
        offset = stored.offset if stored is not None and stored.offset >= 0 else None
        known = offset is not None or group in self._stages
        position = GroupProgress(offset, bounds.start, bounds.end).next_offset if known else None
        if position == bounds.stable - 1 >= bounds.start and group not in self._stages:
            position = bounds.stable  # most clients commit the offset of the last transaction marker
        owner = description.owners.get(source)
        if owner is None and description.members is None and description.state is GroupState.STABLE:
            owner = _UNNAMED
        return Offsets(offset, position, *bounds, owner)


def _state(described: Mapping[str, Any]) -> GroupState:
    return _STATES.get(described["group_state"], GroupState.UNKNOWN)


def _owners(members: Iterable[Mapping[str, Any]]) -> dict[Source, str]:
    """Return the owner of each partition; empty during a rebalance, or with other group protocols."""
    return {
        Source(topic["topic"], number): f"{member['client_id']} on {member['client_host'].lstrip('/')}"
        for member in members
        if isinstance(member["member_assignment"], Mapping)
        for topic in member["member_assignment"]["assigned_partitions"]
        for number in topic["partitions"]
    }
