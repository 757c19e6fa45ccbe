"""Looks at groups through Kafka's administration: no more is needed than the right to see groups and topics."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from kafka import TopicPartition
from kafka.admin import OffsetSpec, OffsetTimestamp

from agents.config.settings import Settings
from agents.kafka.group_progress import GroupProgress
from agents.kafka.protocols import AdminClient
from agents.ops.lag.control_records import ControlRecords
from agents.ops.lag.record_age import RecordPosition, StampedOffset, stamps_at
from agents.ops.lag.samples import GroupSample, GroupState, Offsets, Source
from agents.ops.topics import partitions_of, retry_while_starting
from events.client.connection import kafka_errors
from events.client.errors import KafkaFailure
from events.cloudevents import log_moment
from events.topics import STAGES, TopicName

_STATES: Final = {
    "Stable": GroupState.STABLE,
    "PreparingRebalance": GroupState.REBALANCING,
    "CompletingRebalance": GroupState.REBALANCING,
    "Assigning": GroupState.REBALANCING,
    "Reconciling": GroupState.REBALANCING,
    "Empty": GroupState.EMPTY,
    "Dead": GroupState.ABSENT,
}
"""The words of the coordinator, for classic groups and for those of KIP-848."""
_SOMEBODY: Final = "a member that the broker does not name"


class UnknownGroup(KafkaFailure):
    """Kafka knows no consumer group of that name."""

    def __init__(self, group: str) -> None:
        super().__init__(
            f"there is no consumer group {group!r}, or we may not see it: give its whole name, with its prefix "
            "(kafka-consumer-groups.sh --list names them)"
        )


class _GroupDescription(NamedTuple):
    """What the coordinator says of a group."""

    state: GroupState
    members: int | None
    owners: dict[Source, str]


class _Bounds(NamedTuple):
    start: int
    stable: int
    end: int


class Observation(NamedTuple):
    """The groups at one moment, and all partitions looked at, whoever reads them."""

    groups: dict[str, GroupSample]
    topics: GroupSample


class GroupObserver:
    """Looks at groups, again and again, through one connection.

    Args:
        settings: which broker, and which prefix.
        client: kafka-python's administration client.
        stages: the stage of ours behind a group, for those that are: it begins at the start of its topic.
        topics: topics of ours to look at whoever reads them.
    """

    def __init__(
        self,
        settings: Settings,
        client: AdminClient,
        stages: Mapping[str, str],
        topics: Iterable[TopicName],
    ) -> None:
        self._settings = settings
        self._client = client
        self._stages = stages
        names = {settings.topic(name) for name in (*topics, *(STAGES[stage] for stage in stages.values()))}
        with kafka_errors(settings):
            self._ours = frozenset(Source(*each) for each in partitions_of(client, names)) if names else frozenset()
        self._control_records = ControlRecords(settings)

    def close(self) -> None:
        """Let go of what it opened itself."""
        self._control_records.close()

    def observe(self, groups: Collection[str]) -> Observation:
        """Look at each of the groups, once; for a group that the coordinator does not know there is nothing to see.

        Raises:
            BrokerUnreachable, KafkaRefused: Kafka says no, or nothing.
        """
        with kafka_errors(self._settings):
            # first how far the groups are, then how far they could be: an offset behind the end is then really there
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
        seen = {source: Offsets(None, None, *each) for source, each in bounds.items()}
        return Observation(group_samples, GroupSample(at, GroupState.UNKNOWN, None, seen))

    def written_at(self, positions: Collection[RecordPosition]) -> dict[RecordPosition, datetime]:
        """Return when the records at these spots were written.

        Raises:
            BrokerUnreachable, KafkaRefused: Kafka says no, or nothing.
        """

        def ask(questions: Mapping[Source, int]) -> dict[Source, StampedOffset | None]:
            wanted = {TopicPartition(*source): OffsetTimestamp(at) for source, at in questions.items()}
            found = self._client.list_partition_offsets(wanted)
            return {
                Source(*partition): (at.offset, at.timestamp) if at.offset >= 0 else None
                for partition, at in found.items()
            }

        with kafka_errors(self._settings):
            stamps = stamps_at(positions, ask, int(datetime.now(UTC).timestamp() * 1000))
        return {position: log_moment(stamp) for position, stamp in stamps.items()}

    def _describe(self, groups: Collection[str], committed: Mapping[str, Any]) -> dict[str, _GroupDescription]:
        described = self._client.describe_groups(list(groups))
        descriptions = {
            group: _GroupDescription(
                _STATES.get(described_group["group_state"], GroupState.UNKNOWN),
                len(described_group["members"]),
                _owners(described_group["members"]),
            )
            for group, described_group in described.items()
        }
        # a group of the newer protocol (KIP-848) is dead to those who ask by the older: it is in the list all the same
        unheard = {
            group for group, each in descriptions.items() if each.state is GroupState.ABSENT and committed.get(group)
        }
        listed = self._client.list_groups() if unheard else ()
        for described_group in listed:
            if described_group["group_id"] in unheard:
                state = _STATES.get(described_group["group_state"], GroupState.UNKNOWN)
                descriptions[described_group["group_id"]] = _GroupDescription(
                    state, 0 if state is GroupState.EMPTY else None, {}
                )
        return descriptions

    def _topics_of(
        self, group: str, descriptions: _GroupDescription, committed: Mapping[TopicPartition, Any]
    ) -> frozenset[str]:
        """Return what a group reads: the topic of the stage, else all that it has committed in, or has been given."""
        if group in self._stages:
            return frozenset({self._settings.topic(STAGES[self._stages[group]])})
        return frozenset(each.topic for each in (*committed, *descriptions.owners))

    def _bounds(self, topics: Collection[str]) -> dict[Source, _Bounds]:
        others = set(topics) - {source.topic for source in self._ours}
        # a group keeps its offsets of a topic that has been deleted: such a one has no partitions
        there = [*self._ours, *partitions_of(self._client, others)] if others else [*self._ours]
        partitions = [TopicPartition(*source) for source in there]
        if not partitions:
            return {}

        def offsets(spec: OffsetSpec, isolation: str) -> dict[TopicPartition, int]:
            found = self._client.list_partition_offsets(dict.fromkeys(partitions, spec), isolation_level=isolation)
            return {partition: at.offset for partition, at in found.items()}

        starts = offsets(OffsetSpec.EARLIEST, "read_uncommitted")
        stable = offsets(OffsetSpec.LATEST, "read_committed")
        ends = offsets(OffsetSpec.LATEST, "read_uncommitted")
        return {Source(*each): _Bounds(starts[each], stable[each], ends[each]) for each in partitions}

    def _offsets(
        self,
        group: str,
        source: Source,
        committed: Mapping[TopicPartition, Any],
        bounds: _Bounds,
        descriptions: _GroupDescription,
    ) -> Offsets:
        found = committed.get(TopicPartition(*source))
        offset = found.offset if found is not None and found.offset >= 0 else None
        known = offset is not None or group in self._stages
        position = GroupProgress(offset, bounds.start, bounds.end).next_offset if known else None
        if position is not None and bounds.start <= position < bounds.stable:
            position = self._control_records.skip_control_records(group, source, position, bounds.stable)
        owner = descriptions.owners.get(source)
        if owner is None and descriptions.members is None and descriptions.state is GroupState.STABLE:
            owner = _SOMEBODY
        return Offsets(offset, position, *bounds, owner)


def _owners(members: Iterable[Mapping[str, Any]]) -> dict[Source, str]:
    """Return which member holds which partition; while they are shared out, or in other protocols, it is not told."""
    owners = {}
    for member in members:
        assignment = member["member_assignment"]
        if not isinstance(assignment, Mapping):
            continue
        for topic in assignment["assigned_partitions"]:
            for number in topic["partitions"]:
                owners[Source(topic["topic"], number)] = f"{member['client_id']} on {member['client_host'].lstrip('/')}"
    return owners
