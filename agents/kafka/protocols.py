"""Typed protocols of the Kafka clients: the part of aiokafka and kafka-python that the agents use.

Neither client ships types. `agents.kafka.clients` and `events.client` build the real ones; fakes in tests satisfy the
same protocols. Values whose own shape is the client's affair, such as batch builders, stay `Any`.
"""

from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Any, Protocol

from aiokafka import TopicPartition


class KafkaRecord(Protocol):
    """A record as aiokafka's `ConsumerRecord` holds it."""

    @property
    def topic(self) -> str:
        """The topic's name on the broker, with its prefix."""

    @property
    def partition(self) -> int:
        """The number of the partition."""

    @property
    def offset(self) -> int:
        """The offset in the partition."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since 1970: the log's append time."""

    @property
    def key(self) -> bytes | None:
        """The key as it was written."""

    @property
    def value(self) -> bytes | None:
        """The value as it was written; None in a tombstone."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Names and values, in the order in which they were written."""


class KafkaConsumer(Protocol):
    """aiokafka's consumer."""

    _client: Any
    _coordinator: Any

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Leave the group and disconnect."""

    def subscribe(self, topics: Sequence[str], *, listener: object = None) -> None:
        """Join the group."""

    def assign(self, partitions: Collection[TopicPartition]) -> None:
        """Read these partitions without a group."""

    def assignment(self) -> Collection[TopicPartition]:
        """Return the partitions that are assigned now."""

    def pause(self, *partitions: TopicPartition) -> None:
        """Fetch nothing of these partitions."""

    def resume(self, *partitions: TopicPartition) -> None:
        """Fetch again."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Continue at `offset`."""

    async def seek_to_beginning(self, *partitions: TopicPartition) -> bool:
        """Continue at the log start."""

    async def position(self, partition: TopicPartition) -> int:
        """Return the offset of the next record."""

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int | None = None
    ) -> Mapping[TopicPartition, Sequence[KafkaRecord]]:
        """Return the next records, at most `max_records`."""
        ...

    async def commit(self, offsets: Mapping[TopicPartition, object]) -> None:
        """Commit offsets."""

    async def beginning_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the log starts."""
        ...

    async def end_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the log ends, or last stable offsets."""
        ...

    async def offsets_for_times(self, timestamps: Mapping[TopicPartition, int]) -> dict[TopicPartition, Any]:
        """Return the first offset at or after each time."""
        ...

    def highwater(self, partition: TopicPartition) -> int | None:
        """Return the log end as of the last fetch."""

    def last_poll_timestamp(self, partition: TopicPartition) -> int | None:
        """Return when the broker last answered, in milliseconds."""


class KafkaProducer(Protocol):
    """aiokafka's producer."""

    client: Any
    _txn_manager: Any

    async def start(self) -> None:
        """Connect; with a transactional id, fence the former owner."""

    async def stop(self) -> None:
        """Send what is pending and disconnect."""

    def create_batch(self) -> Any:  # noqa: ANN401 -- the client's own builder
        """Return an empty batch."""

    async def send_batch(self, batch: object, topic: str, *, partition: int) -> Awaitable[object]:
        """Send a batch; the result awaits the acknowledgement."""
        ...

    async def send_and_wait(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int | None = None,
        *,
        headers: Sequence[tuple[str, bytes]] | None = None,
    ) -> Any:  # noqa: ANN401 -- the client's own metadata
        """Send a record and await its acknowledgement."""

    async def begin_transaction(self) -> None:
        """Begin a transaction."""

    async def commit_transaction(self) -> None:
        """Commit the transaction."""

    async def abort_transaction(self) -> None:
        """Abort the transaction."""

    async def send_offsets_to_transaction(self, offsets: Mapping[TopicPartition, object], group_id: str) -> None:
        """Commit offsets in the transaction."""


class AdminClient(Protocol):
    """kafka-python's administration client."""

    def describe_cluster(self) -> Mapping[str, Any]:
        """Return brokers and controller."""
        ...

    def describe_topics(self, topics: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Return an entry for each topic, with an error code for those that are missing or hidden."""
        ...

    def describe_configs(self, resources: Sequence[object], *, config_filter: object) -> Mapping[str, Any]:
        """Return the settings of each resource."""
        ...

    def create_topics(self, topics: Mapping[str, Any], *, raise_errors: bool) -> Mapping[str, Any]:
        """Create topics; the answer has an error code for each."""
        ...

    def create_partitions(self, partitions: Mapping[str, Any]) -> object:
        """Add partitions."""

    def alter_configs(self, resources: Sequence[object], *, incremental: bool) -> Mapping[str, Any]:
        """Change settings."""
        ...

    def wait_for_topics(self, topics: Sequence[str]) -> object:
        """Wait until all brokers know the topics."""

    def list_partition_offsets(self, specs: Mapping[Any, Any], **options: object) -> Mapping[Any, Any]:
        """Return offsets by position or time."""
        ...

    def list_group_offsets(self, groups: str | Mapping[str, Any]) -> Mapping[str, Any]:
        """Return committed offsets by group."""
        ...

    def alter_group_offsets(self, group: str, offsets: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """Commit offsets for a group without members."""
        ...

    def describe_groups(self, groups: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return state and members by group."""
        ...

    def list_groups(self) -> Sequence[Mapping[str, Any]]:
        """Return all groups that are visible."""
        ...

    def describe_producers(self, partitions: Sequence[object]) -> Mapping[Any, Any]:
        """Return active producers by partition."""
        ...

    def list_transactions(self, **filters: object) -> Any:  # noqa: ANN401 -- the client's own listing
        """Return transactions by state."""

    def describe_transactions(self, transactional_ids: Sequence[str]) -> Mapping[str, Any]:
        """Return state and partitions by transactional id."""
        ...
