"""Open transactions that block readers: their owners, and whether Kafka will end them (KIP-664).

The leader of a partition has the producers with an open transaction there, the coordinator has the transactions that it
will end, and where. One that the coordinator does not have, or not in that partition, hangs until an operator aborts
it; any other is aborted once its timeout has passed.
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
"""Time after its timeout that a transaction may still be open: the coordinator checks every ten seconds
(`transaction.abort.timed.out.transaction.cleanup.interval.ms`), and then writes its markers."""
LONGEST_TIMEOUT: Final = timedelta(minutes=15)
"""The longest timeout of a producer, by the default of `transaction.max.timeout.ms`."""
_HIDDEN: Final = (AuthorizationError, UnsupportedVersionError)
_OPEN: Final = (TransactionState.ONGOING, TransactionState.PREPARE_COMMIT, TransactionState.PREPARE_ABORT)


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """An open transaction in a partition; None stands for an unknown or hidden value."""

    source: Source
    start_offset: int
    producer_id: int | None = None
    written_at: datetime | None = None
    """When its producer last wrote to the partition."""
    transactional_id: str | None = None
    """None if the coordinator does not report it: it does not have it, or access is denied."""
    started_at: datetime | None = None
    timeout: timedelta | None = None

    @property
    def ends_at(self) -> datetime | None:
        """When Kafka aborts it unless its producer ends it before."""
        return None if self.started_at is None or self.timeout is None else self.started_at + self.timeout

    def never_ends(self, now: datetime) -> bool:
        """Check whether the transaction hangs: only an operator can abort it.

        As in `kafka-transactions.sh find-hanging`, one that the coordinator does not report is given the longest
        timeout there is: access to it may be denied.
        """
        if self.ends_at is not None:
            return now > self.ends_at + GRACE
        return self.written_at is not None and now > self.written_at + LONGEST_TIMEOUT + GRACE


def open_transactions(
    settings: ClientSettings, client: AdminClient, stuck: Mapping[Source, int]
) -> list[OpenTransaction]:
    """Return the transactions that block readers at these last stable offsets, as far as rights allow.

    Its owner needs the right to read the topic, or to describe the transactional id. Raises `KafkaFailure`.
    """
    if not stuck:
        return []
    with kafka_errors(settings):
        # the leader first: what it has open and the coordinator then does not have has ended meanwhile, or hangs
        owners = {source: _owners(client, source, offset) for source, offset in stuck.items()}
        described = _described(client)
    return [_known(source, stuck[source], owner, described) for source in sorted(stuck) for owner in owners[source]]


def _owners(client: AdminClient, source: Source, offset: int) -> list[ProducerState | None]:
    """Return the producer of the transaction that begins at `offset`: none if it has ended, None if it is hidden."""
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
            # one by one: a single one that has ended meanwhile would fail all of them
            try:
                described |= client.describe_transactions([each.transactional_id])
            except TransactionalIdNotFoundError:
                continue
    except _HIDDEN:
        pass
    return described


def _known(
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
