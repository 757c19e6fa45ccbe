"""Open transactions that block readers: their owners, and whether Kafka will end them (KIP-664).

The partition leader lists the producers with an open transaction, the transaction coordinator the transactions that it
will end. A transaction that the coordinator does not list for the partition hangs until an operator aborts it; any
other is aborted after its timeout.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kafka import TopicPartition
from kafka.admin import ProducerState, TransactionDescription, TransactionState
from kafka.errors import AuthorizationError, TransactionalIdNotFoundError, UnsupportedVersionError

from agents.kafka.protocols import AdminClient
from agents.ops.lag.samples import Source
from events.client import ClientSettings
from events.client.connection import kafka_errors
from events.cloudevents import log_moment

GRACE: Final = timedelta(seconds=60)
"""Time that the abort of a timed-out transaction may take: the coordinator checks every ten seconds
(`transaction.abort.timed.out.transaction.cleanup.interval.ms`), then writes markers."""
LONGEST_TIMEOUT: Final = timedelta(minutes=15)
"""Default of `transaction.max.timeout.ms`, the longest timeout of a producer."""
_HIDDEN: Final = (AuthorizationError, UnsupportedVersionError)
_OPEN: Final = (TransactionState.ONGOING, TransactionState.PREPARE_COMMIT, TransactionState.PREPARE_ABORT)


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """An open transaction in a partition; None: unknown, or access denied."""

    source: Source
    start_offset: int
    producer_id: int | None = None
    written_at: datetime | None = None
    """When its producer last wrote to the partition."""
    transactional_id: str | None = None
    started_at: datetime | None = None
    timeout: timedelta | None = None

    @property
    def ends_at(self) -> datetime | None:
        """When its timeout is over, and Kafka aborts it."""
        return None if self.started_at is None or self.timeout is None else self.started_at + self.timeout

    def never_ends(self, now: datetime) -> bool:
        """Check whether the transaction hangs: only an operator can abort it.

        As in `kafka-transactions.sh find-hanging`, the longest timeout is assumed for one that the coordinator does not
        report, since access to it may be denied.
        """
        if self.ends_at is not None:
            return now > self.ends_at + GRACE
        return self.written_at is not None and now > self.written_at + LONGEST_TIMEOUT + GRACE


def open_transactions(
    settings: ClientSettings, client: AdminClient, stuck: Mapping[Source, int]
) -> list[OpenTransaction]:
    """Return the transactions that block readers at these last stable offsets. Raises `KafkaFailure`.

    Their owners are hidden without the right to read the topic or to describe the transactional id.
    """
    if not stuck:
        return []
    with kafka_errors(settings):
        # the leader first: a transaction that the coordinator then does not list has ended, or hangs
        owners = {source: _owners(client, source, offset) for source, offset in stuck.items()}
        described = _described(client)
    return [
        _transaction(source, stuck[source], owner, described) for source in sorted(stuck) for owner in owners[source]
    ]


def _owners(client: AdminClient, source: Source, offset: int) -> list[ProducerState | None]:
    """Return the producer of the transaction that begins at `offset`; [None] if hidden, empty if it has ended."""
    partition = TopicPartition(*source)
    try:
        active = client.describe_producers([partition])[partition].active_producers
    except _HIDDEN:
        return [None]
    return [each for each in active if each.current_transaction_start_offset == offset]


def _described(client: AdminClient) -> dict[str, TransactionDescription]:
    """Return the open transactions that are visible, by transactional id."""
    described: dict[str, TransactionDescription] = {}
    try:
        listed = client.list_transactions(state_filters=[state.value for state in _OPEN])
        for each in (listing for listings in listed.values() for listing in listings):
            # one by one: one that has ended meanwhile would fail the whole request
            try:
                described |= client.describe_transactions([each.transactional_id])
            except TransactionalIdNotFoundError:
                continue
    except _HIDDEN:
        pass
    return described


def _transaction(
    source: Source, offset: int, producer: ProducerState | None, described: Mapping[str, TransactionDescription]
) -> OpenTransaction:
    written_at = None if producer is None else log_moment(producer.last_timestamp)
    producer_id = None if producer is None else producer.producer_id
    for name, each in described.items():
        if TopicPartition(*source) in each.topic_partitions and producer_id in {None, each.producer_id}:
            started_at = log_moment(each.transaction_start_time_ms)
            timeout = timedelta(milliseconds=each.transaction_timeout_ms)
            return OpenTransaction(source, offset, each.producer_id, written_at, name, started_at, timeout)
    return OpenTransaction(source, offset, producer_id, written_at)
