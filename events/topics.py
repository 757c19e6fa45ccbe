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
"""Maximum decompressed batch of those topics: more than a record, so that a forwarded one fits, and a record above the
limit becomes a dead letter instead of being refused."""
OUTWARD_RECORD_BYTES: Final = 4 * INWARD_RECORD_BYTES
"""Maximum batch of the other topics in bytes: more than the outputs of any accepted record."""


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
class RecordPosition:
    """Position of a record in the log, as in ``complaints.events-3@17``."""

    topic: TopicName
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}@{self.offset}"


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

        With several replicas, a majority must have a record before it is acknowledged, and no replica without it may
        become leader: acknowledged records survive the loss of a minority.
        """
        if replicas == 1:
            return self.config
        return self.config | {
            "min.insync.replicas": str(replicas // 2 + 1),
            "unclean.leader.election.enable": "false",
        }


def _retained_for(days: int | None) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.ms": _FOREVER if days is None else str(days * _DAY_MS),
        # with timestamps of senders, old ones would make records expire within seconds
        "message.timestamp.type": "CreateTime" if days is None else "LogAppendTime",
        "max.message.bytes": str(OUTWARD_RECORD_BYTES),
    }


def _inward() -> dict[str, str]:
    return _retained_for(30) | {
        "max.message.bytes": str(INWARD_BATCH_BYTES),
        # the broker decompresses batches, so that the limit applies to their real size: 12 kB can become 400 MB
        "compression.type": "uncompressed",
    }


_SEGMENT_BYTES: Final = 32 * 1_048_576
"""Small, since the active segment is never compacted: with Kafka's default of 1 GiB, a stage that starts would read all
snapshots of some hundred thousand complaints."""


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
    # The broker's timestamp of a command is the `now` of its decision.
    Topic(TopicName.COMMANDS, "lifecycle", _inward()),
    Topic(TopicName.EVENTS, "stages, gateways, auditors", _retained_for(None)),
    # erased data must leave the disk, as above
    Topic(TopicName.TEXTS, "those who may read what people write", _compacted(within_days=_ERASED_DAYS)),
    # tombstones are foreign or repairs, which lifecycle must see when it restores
    Topic(
        TopicName.STATE,
        "lifecycle, sla, gateways, boards",
        _compacted() | {"delete.retention.ms": str(_TOMBSTONE_DAYS * _DAY_MS)},
    ),
    Topic(TopicName.STORIES, "resolution", _compacted(within_days=_ERASED_DAYS)),
    Topic(TopicName.ERASURES, "intake", _compacted()),
    Topic(TopicName.REJECTIONS, "the senders", _retained_for(30)),
    # replaced resolutions, with revoked stories, must leave the disk soon
    Topic(TopicName.RESOLUTIONS, "everyone", _compacted(within_days=_ERASED_DAYS)),
    Topic(TopicName.DEAD_LETTERS, "operators", _retained_for(90)),
    # Its records need one order.
    Topic(TopicName.INSTALLATION, "stages, operators, auditors", _compacted(), partitions=1),
)

INWARD: Final = frozenset({TopicName.INTAKE, TopicName.COMMANDS})
"""Topics to which others write."""
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
"""Source topic by stage; each stage is one consumer group."""
FROM_MEMORY: Final = "sla"
"""The stage that reads its topic from the start, so that its committed offset is not its progress."""
