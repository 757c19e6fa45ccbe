"""The in-memory log passes the tests of the real one, and refuses what it cannot do."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from aiokafka import TopicPartition

from agents.config.settings import Settings
from agents.kafka import clients
from agents.testing import MONDAY, Engine, Log, NotInMemory
from events.client.administration import admin_client
from events.topics import TopicName
from tests.support.log_contract import LogContract

PLACE = TopicPartition(TopicName.STATE, 0)


@pytest.fixture
def log() -> Iterator[Settings]:
    with Engine(stages=()) as engine:
        yield engine.settings


class TestInMemoryLog(LogContract):
    pass


def test_what_only_a_broker_can_do_is_refused(log: Settings) -> None:
    consumer = clients.consumer(log, "group")
    with pytest.raises(NotInMemory, match="assign"):
        consumer.subscribe([TopicName.STATE])
    with pytest.raises(NotInMemory, match="list_groups"), admin_client(log) as client:
        client.list_groups()


def test_its_time_moves_when_it_is_moved_and_not_back() -> None:
    log = Log(MONDAY)
    writer = log.writer(None)
    log.append(PLACE, [(b"a", b"1", ())], 1, writer)
    log.now += timedelta(days=3)
    log.append(PLACE, [(b"a", b"2", ())], 1, writer)
    first, second = log.records(TopicName.STATE)
    assert second.timestamp - first.timestamp == 3 * 24 * 3_600_000
    with pytest.raises(ValueError, match="does not go back"):
        log.now = MONDAY


def test_compaction_keeps_the_last_of_a_key_at_its_offset_and_expiry_moves_the_start() -> None:
    log = Log(MONDAY)
    log.append(PLACE, [(b"a", b"1", ()), (b"b", b"1", ()), (b"a", b"2", ())], 1, log.writer(None))
    log.compact(TopicName.STATE)
    assert [(each.offset, each.value) for each in log.records(TopicName.STATE)] == [(1, b"1"), (2, b"2")]
    log.delete_before(PLACE, 2)
    assert [each.offset for each in log.records(TopicName.STATE)] == [2]
    assert log.start(PLACE) == 2
