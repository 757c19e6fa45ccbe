"""Acceptance of committed offsets that no stage has committed: after an upgrade, or an operator's reset."""

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from kafka import TopicPartition
from kafka.errors import NoError
from kafka.structs import OffsetAndMetadata

from agents.config.settings import Settings
from agents.kafka.group_progress import is_marked, mark
from agents.kafka.protocols import AdminClient
from agents.ops.progress import committed, retry_while_starting
from events.client import require_topics
from events.client.administration import admin_client
from events.client.errors import KafkaFailure
from events.installation import MARKS, OFFSETS_ACCEPTED, Incident
from events.topics import STAGES, TopicName

_NO_MEMBERS: Final = frozenset({"Empty", "Dead"})
_LEAVING_SECONDS: Final = 10.0
"""Longer than the session timeout (6 s), until which a killed worker is a member."""
_ASK_AGAIN_SECONDS: Final = 0.5


class StageRunning(KafkaFailure):
    """The offsets of a stage cannot be set while one of its workers runs; the message is one line."""


class AcceptedOffset(NamedTuple):
    """An offset that is now marked as the stage's own."""

    stage: str
    topic: str
    """Topic name on Kafka, with its prefix."""
    partition: int
    offset: int


def accept(settings: Settings, stages: Collection[str]) -> list[AcceptedOffset]:
    """Mark the unmarked committed offsets of `stages`, and return them.

    Raises StageRunning if a group has members, before any change.
    """
    require_topics(settings, [TopicName.INSTALLATION])
    with admin_client(settings) as client:
        require_stopped(client, settings, stages)
        return [each for stage in stages for each in _accept(client, settings, settings.group(stage), stage)]


def require_stopped(client: AdminClient, settings: Settings, stages: Collection[str]) -> None:
    """Wait until killed workers of `stages` have left their groups; raise StageRunning if any worker runs."""
    groups = {settings.group(stage): stage for stage in stages}
    deadline = time.monotonic() + _LEAVING_SECONDS
    while running := _with_members(client, groups):
        if time.monotonic() > deadline:
            raise StageRunning(f"{groups[running[0]]} runs: group {running[0]} has members. Stop all its workers first")
        time.sleep(_ASK_AGAIN_SECONDS)


def _with_members(client: AdminClient, groups: Collection[str]) -> list[str]:
    described = client.describe_groups(list(groups))
    return [group for group in groups if described[group]["group_state"] not in _NO_MEMBERS]


def _accept(client: AdminClient, settings: Settings, group: str, stage: str) -> list[AcceptedOffset]:
    topic = settings.topic(STAGES[stage])
    wanted = {
        source: OffsetAndMetadata(stored.offset, mark(stored.offset), stored.leader_epoch)
        for source, stored in sorted(committed(client, group).items())
        if source.topic == topic and not is_marked(stored.offset, stored.metadata)
    }
    accepted = [AcceptedOffset(stage, source.topic, source.partition, each.offset) for source, each in wanted.items()]
    if not accepted:
        return accepted
    _report(settings, accepted)
    set_offsets(client, group, wanted)
    return accepted


def set_offsets(client: AdminClient, group: str, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
    """Commit offsets of a group without members; raise BrokerResponseError if one is refused."""
    for source, error in retry_while_starting(lambda: client.alter_group_offsets(group, offsets)).items():
        if error is not NoError:
            raise error(f"offset of group {group} in {source.topic}-{source.partition}")


def _report(settings: Settings, accepted: Sequence[AcceptedOffset]) -> None:
    """Report an incident for each offset, except those of earlier versions, which did not mark offsets."""
    from agents.runtime.installation import change_now  # noqa: PLC0415 -- imports aiokafka, for this command only

    now = datetime.now(UTC)
    incidents = {
        each: Incident(
            OFFSETS_ACCEPTED,
            each.stage,
            STAGES[each.stage],
            each.partition,
            each.offset,
            each.offset,
            f"offset {each.offset} was set by hand and accepted: records before it may be unread, "
            "later ones may have been read before",
            at=now,
        )
        for each in accepted
    }
    marks = {f"{MARKS}{each.stage}": True for each in accepted}

    def decide(values: Mapping[str, Any]) -> dict[str, Any]:
        by_hand = [incident for each, incident in incidents.items() if values.get(f"{MARKS}{each.stage}")]
        return marks | {incident.key: incident.to_value() for incident in by_hand}

    change_now(settings, decide)
