"""The topics of the system and their settings, as data.

Every topic about complaints has the same number of partitions and is keyed by complaint id with Kafka's murmur2
partitioner, so that partition *n* of each topic has the same complaints.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_DAY_MS: Final = 24 * 60 * 60 * 1000
_FOREVER: Final = "-1"
_TOMBSTONE_DAYS: Final = 3_650
_ERASED_DAYS: Final = 7

INWARD_RECORD_BYTES: Final = 1_048_576
"""Maximum size of a record (key, value and headers) from channels, officers and citizens, in bytes."""
INWARD_BATCH_BYTES: Final = INWARD_RECORD_BYTES * 5 // 4
"""Largest batch that the topics of these records take, unpacked: a record that is forwarded still fits, and one that is
too large is set aside instead of refused by the broker alone."""
OUTWARD_RECORD_BYTES: Final = 4 * INWARD_RECORD_BYTES
"""Largest batch that the other topics take, in bytes: more than what any record that is accepted leads to."""


class TopicName(StrEnum):
    """Topic names in the contract, without an environment's prefix."""

    INTAKE = "complaints.intake"
    IDENTITIES = "complaints.identities"
    COMMANDS = "complaints.commands"
    EVENTS = "complaints.events"
    TEXTS = "complaints.texts"
    STATE = "complaints.state"
    STORIES = "complaints.stories"
    ERASURES = "complaints.erasures"
    REJECTIONS = "complaints.rejections"
    RESOLUTIONS = "complaints.resolutions"
    DEAD_LETTERS = "complaints.dead-letters"
    INSTALLATION = "complaints.installation"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: its name, the settings it must have, and who may read it."""

    name: TopicName
    readers: str
    config: dict[str, str] = field(default_factory=dict)
    partitions: int | None = None
    """Number of partitions; None: that of the installation."""

    def partitions_in(self, installation: int) -> int:
        """Return the number of partitions, in an installation with `installation` partitions."""
        return installation if self.partitions is None else self.partitions

    def config_on(self, replicas: int) -> dict[str, str]:
        """Return the settings for a topic with this replication factor.

        With several replicas, more than half of them must have a record before it is acknowledged, and none that
        lacks one may lead: acknowledged records survive the loss of fewer than half. Of two, neither may be missing.
        """
        if replicas == 1:
            return self.config
        return self.config | {
            "min.insync.replicas": str(replicas // 2 + 1),
            "unclean.leader.election.enable": "false",
        }


def _kept(days: int | None) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.ms": _FOREVER if days is None else str(days * _DAY_MS),
        # retention follows the broker's clock: records with an old sender's timestamp expired within seconds
        "message.timestamp.type": "CreateTime" if days is None else "LogAppendTime",
        "max.message.bytes": str(OUTWARD_RECORD_BYTES),
    }


def _inward() -> dict[str, str]:
    return _kept(30) | {
        "max.message.bytes": str(INWARD_BATCH_BYTES),
        # the broker decompresses batches, so the limit applies to the decompressed size: 12 kB can become 400 MB
        "compression.type": "uncompressed",
    }


_SEGMENT_BYTES: Final = 32 * 1_048_576
"""The segment that is written to is never compacted. With Kafka's own 1 GiB, a stage that starts reads all snapshots of
some hundred thousand lives."""


def _compacted(within_days: int | None = None) -> dict[str, str]:
    lag = {} if within_days is None else {"max.compaction.lag.ms": str(within_days * _DAY_MS)}
    return {
        "cleanup.policy": "compact",
        "segment.bytes": str(_SEGMENT_BYTES),
        "min.cleanable.dirty.ratio": "0.3",
        "message.timestamp.type": "CreateTime",
        "max.message.bytes": str(OUTWARD_RECORD_BYTES),
        **lag,
    }


TOPICS: Final[tuple[Topic, ...]] = (
    Topic(TopicName.INTAKE, "intake", _inward()),
    # erased data must leave the disk soon, even with few writes
    Topic(TopicName.IDENTITIES, "the identity desk only", _compacted(within_days=_ERASED_DAYS)),
    # The broker's stamp on a command is the `now` of the decision on it: the log is the clock.
    Topic(TopicName.COMMANDS, "lifecycle", _inward()),
    Topic(TopicName.EVENTS, "stages, gateways, auditors", _kept(None)),
    # erased data must leave the disk, as above
    Topic(TopicName.TEXTS, "those who may read what people write", _compacted(within_days=_ERASED_DAYS)),
    # the engine deletes no complaint: a tombstone is foreign, and has to be there when lifecycle reads the topic again
    Topic(
        TopicName.STATE,
        "lifecycle, sla, gateways, boards",
        _compacted() | {"delete.retention.ms": str(_TOMBSTONE_DAYS * _DAY_MS)},
    ),
    Topic(TopicName.STORIES, "resolution", _compacted(within_days=_ERASED_DAYS)),
    Topic(TopicName.ERASURES, "intake", _compacted()),
    Topic(TopicName.REJECTIONS, "the senders", _kept(30)),
    # revoked stories must leave the disk soon: a resolution that is published again replaces the last one
    Topic(TopicName.RESOLUTIONS, "everyone", _compacted(within_days=_ERASED_DAYS)),
    Topic(TopicName.DEAD_LETTERS, "operators", _kept(90)),
    # All its records concern the installation as a whole, and need one order.
    Topic(TopicName.INSTALLATION, "stages, operators, auditors", _compacted(), partitions=1),
)

INWARD: Final = frozenset({TopicName.INTAKE, TopicName.COMMANDS})
"""Topics on which others write to the engine."""
ALL_TOPICS: Final = tuple(topic.name for topic in TOPICS)
"""The names of all topics, in the order of their declaration."""

BY_NAME: Final = {topic.name: topic for topic in TOPICS}
"""Every topic by its name."""

STAGES: Final[dict[str, TopicName]] = {
    "intake": TopicName.INTAKE,
    "lifecycle": TopicName.COMMANDS,
    "verification": TopicName.EVENTS,
    "disposition": TopicName.EVENTS,
    "sla": TopicName.STATE,
    "escalation": TopicName.EVENTS,
    "resolution": TopicName.EVENTS,
}
"""Each stage and the topic it reads: one consumer group a stage."""
FROM_MEMORY: Final = "sla"
"""The stage that reads a compacted topic from its start: its committed offset is no progress."""
