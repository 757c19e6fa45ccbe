"""Asks Kafka whose transactions are open in partitions where the last stable offset does not move (KIP-664)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from kafka import TopicPartition
from kafka.admin import ProducerState, TransactionDescription, TransactionState
from kafka.errors import AuthorizationError, TransactionalIdNotFoundError, UnsupportedVersionError

from agents.kafka.protocols import AdminClient
from agents.ops.lag.samples import Source
from agents.ops.lag.transactions import OpenTransaction
from events.client import ClientSettings
from events.client.connection import kafka_errors
from events.cloudevents import log_moment

_HIDDEN: Final = (AuthorizationError, UnsupportedVersionError)
_OPEN: Final = (TransactionState.ONGOING, TransactionState.PREPARE_COMMIT, TransactionState.PREPARE_ABORT)


def open_transactions(
    settings: ClientSettings,
    client: AdminClient,
    stuck: Mapping[Source, int],
) -> list[OpenTransaction]:
    """Return the transactions that hold readers back at these last stable offsets, as far as we may see them.

    Whose they are takes the right to read the topic, or to see the transactional id; without either it stays unknown.

    Raises:
        BrokerUnreachable, KafkaRefused: Kafka says no, or nothing.
    """
    if not stuck:
        return []
    with kafka_errors(settings):
        # the leader first: what it calls open and the coordinator then does not know has ended meanwhile, or hangs
        owners = {source: _owners(client, source, offset) for source, offset in stuck.items()}
        described = _described(client)
    return [_known(source, stuck[source], owner, described) for source in sorted(stuck) for owner in owners[source]]


def _owners(client: AdminClient, source: Source, offset: int) -> list[ProducerState | None]:
    """Return who has the transaction open that begins at `offset`: nobody if it has ended, None if it is hidden."""
    partition = TopicPartition(*source)
    try:
        active = client.describe_producers([partition])[partition].active_producers
    except _HIDDEN:
        return [None]
    return [each for each in active if each.current_transaction_start_offset == offset]


def _described(client: AdminClient) -> dict[str, TransactionDescription]:
    """Return the open transactions that we may see, by their transactional id."""
    found: dict[str, TransactionDescription] = {}
    try:
        listed = client.list_transactions(state_filters=[state.value for state in _OPEN])
        for each in (listing for listings in listed.values() for listing in listings):
            # one by one: a single one that has ended meanwhile would fail all of them
            try:
                found |= client.describe_transactions([each.transactional_id])
            except TransactionalIdNotFoundError:
                continue
    except _HIDDEN:
        return found
    return found


def _known(
    source: Source, offset: int, producer: ProducerState | None, described: Mapping[str, TransactionDescription]
) -> OpenTransaction:
    written_at = None if producer is None else log_moment(producer.last_timestamp)
    producer_id = None if producer is None else producer.producer_id
    for name, each in described.items():
        if TopicPartition(*source) in each.topic_partitions and producer_id in {None, each.producer_id}:
            started_at, timeout = (
                log_moment(each.transaction_start_time_ms),
                timedelta(milliseconds=each.transaction_timeout_ms),
            )
            return OpenTransaction(source, offset, each.producer_id, written_at, name, started_at, timeout)
    return OpenTransaction(source, offset, producer_id, written_at)
