"""Lag on a real broker: what is frozen, deserted, lost or held back is named, and what keeps up is left alone."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from engines import Engine, eventually, report_event
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.structs import OffsetAndMetadata

from agents.lag import GroupLag, LagReport, LagWatcher, Severity, Status, UnknownGroup, measure
from agents.lag.looks import GroupState
from agents.settings import Settings

WINDOW = 3.0
CAUGHT_UP, STALLED, HELD, DROPPED, LOST = range(5)
"""Partitions of the topic, by what is the matter with them."""


@pytest.fixture
def admin(broker: str) -> Iterator[Any]:
    with KafkaAdminClient(bootstrap_servers=broker) as client:
        yield client


class Strangers:
    """A topic and groups that have nothing to do with complaints."""

    def __init__(self, settings: Settings, admin: Any) -> None:
        self.settings, self.admin = settings, admin
        self.topic = f"{settings.prefix}orders"
        admin.create_topics({self.topic: {"num_partitions": 5, "replication_factor": 1}}, wait_for_metadata=True)
        self.producer = Producer({"bootstrap.servers": settings.broker})

    def send(self, *partitions: int, count: int = 1) -> None:
        for partition in partitions:
            for _ in range(count):
                self.producer.produce(self.topic, b"an order", partition=partition)
        assert self.producer.flush(30) == 0

    def commit(self, group: str, places: dict[int, int]) -> str:
        name = f"{self.settings.prefix}{group}"
        offsets = {TopicPartition(self.topic, number): OffsetAndMetadata(at, "", -1) for number, at in places.items()}
        self.admin.alter_group_offsets(name, offsets)
        return name

    def open_transaction(self, partition: int) -> Producer:
        """Begin a transaction, write, and do no more."""
        producer = Producer(
            {"bootstrap.servers": self.settings.broker, "transactional.id": f"{self.settings.prefix}forgetful"}
        )
        producer.init_transactions(30)
        producer.begin_transaction()
        producer.produce(self.topic, b"half an order", partition=partition)
        assert producer.flush(30) == 0
        return producer


@pytest.fixture
def strangers(settings: Settings, admin: Any) -> Strangers:
    return Strangers(settings, admin)


def by_partition(group: GroupLag) -> dict[int, Status]:
    return {each.partition: each.status for each in group.partitions}


def test_any_group_is_judged_by_how_it_moves(settings: Settings, admin: Any, strangers: Strangers) -> None:
    strangers.send(CAUGHT_UP, STALLED, HELD, DROPPED, LOST, count=4)
    forgetful = strangers.open_transaction(HELD)
    strangers.send(HELD)
    fine = strangers.commit("fine", {CAUGHT_UP: 4})
    deserted = strangers.commit("deserted", {CAUGHT_UP: 4, DROPPED: 1, HELD: 4, LOST: 2})
    admin.delete_records({TopicPartition(strangers.topic, LOST): 3})
    frozen = f"{settings.prefix}frozen"
    strangers.commit("frozen", {STALLED: 1})
    member = Consumer(
        {"bootstrap.servers": settings.broker, "group.id": frozen, "enable.auto.commit": False, "client.id": "m1"}
    )
    member.subscribe([strangers.topic])
    # it joins, is given a record, and does nothing more; its heartbeats go on
    eventually("the member has joined", lambda: member.poll(0.1) and member.assignment())

    found = measure(settings, [fine, deserted, frozen], window=WINDOW, every=0.5)

    groups = {group.group: group for group in found.groups}
    assert found.complete
    assert found.severity is Severity.ERROR
    assert (groups[fine].status, groups[fine].lag, groups[fine].members) == (Status.HANGING, 0, 0)
    assert by_partition(groups[fine])[CAUGHT_UP] is Status.OK
    assert (groups[deserted].state, groups[deserted].status) == (GroupState.EMPTY, Status.LOST)
    assert by_partition(groups[deserted]) == {
        CAUGHT_UP: Status.OK,
        STALLED: Status.OK,  # it has committed nothing there: who knows where it would begin
        HELD: Status.HANGING,
        DROPPED: Status.STOPPED,
        LOST: Status.LOST,
    }
    assert by_partition(groups[frozen])[STALLED] is Status.STALLED
    stalled = groups[frozen].partitions[STALLED]
    assert stalled.owner == "m1 on 127.0.0.1"
    assert (stalled.lag, stalled.rate_out, stalled.drain) == (3, 0.0, None)
    assert WINDOW < stalled.age < 60
    assert {(each.status, each.group, each.partitions) for each in found.findings} == {
        (Status.LOST, deserted, (LOST,)),
        (Status.EMPTY, deserted, (HELD, DROPPED, LOST)),
        (Status.STALLED, frozen, (STALLED,)),
        (Status.HANGING, None, (HELD,)),
    }
    [hanging] = [each for each in found.findings if each.status is Status.HANGING]
    assert f"a transaction of '{settings.prefix}forgetful'" in hanging.what
    assert "2 offsets" in hanging.what
    assert "Kafka aborts it" in hanging.todo

    forgetful.abort_transaction(30)
    member.close()
    again = measure(settings, [fine], window=WINDOW, every=0.5)
    assert (again.groups[0].status, again.findings, again.complete) == (Status.OK, (), False)
    with pytest.raises(UnknownGroup, match="no consumer group"):
        measure(settings, [f"{settings.prefix}nobody"])


def test_markers_alone_are_no_lag(settings: Settings, strangers: Strangers) -> None:
    producer = strangers.open_transaction(CAUGHT_UP)
    producer.commit_transaction(30)
    # as a client commits that goes by the last record, and does not see the marker behind it
    behind = strangers.commit("marked", {CAUGHT_UP: 1})

    found = measure(settings, [behind], window=WINDOW, every=0.2)

    assert (found.groups[0].status, found.groups[0].lag, found.complete) == (Status.OK, 0, False)


def test_a_frozen_stage_is_named_and_so_is_what_waits_for_it(stopped_engine: Engine) -> None:
    engine = stopped_engine
    engine.start("lifecycle", "intake", "sla")
    with LagWatcher(engine.settings, window=WINDOW) as watcher:

        def settled(**wanted: Status) -> LagReport | None:
            found = watcher.sample()
            seen = {group.stage: group.status for group in found.groups}
            return found if all(seen[stage] is status for stage, status in wanted.items()) else None

        def stages_have_members() -> bool:
            members = {group.stage: group.members for group in watcher.sample().groups}
            return all(members[stage] for stage in ("lifecycle", "intake", "sla"))

        eventually("the stages have joined", stages_have_members)
        engine.send_reports([report_event("1"), report_event("2")])
        eventually("they are registered", lambda: len(engine.events()) == 2)
        assert eventually("nobody is at fault", lambda: settled(lifecycle=Status.OK, intake=Status.OK, sla=Status.OK))
        os.kill(engine.processes["lifecycle"].pid, signal.SIGSTOP)
        engine.send_reports([report_event(str(number)) for number in range(10, 30)])

        found = eventually("it is stalled", lambda: settled(lifecycle=Status.STALLED))
        lifecycle = next(group for group in found.groups if group.stage == "lifecycle")
        [finding] = [each for each in found.findings if each.group == lifecycle.group]
        assert "has not moved" in finding.what
        assert "kill -9 it" in finding.todo
        assert lifecycle.members == 1
        assert lifecycle.waiting is not None
        assert lifecycle.waiting.startswith(f"up to {lifecycle.lag} commands not decided on")
        # the clocks of the complaints that were registered before, in seconds under this policy
        assert lifecycle.deadlines is not None
        assert lifecycle.deadlines.passed + lifecycle.deadlines.due > 0
        assert not lifecycle.deadlines.drained
        found = eventually("the group has put it out", lambda: settled(lifecycle=Status.EMPTY))
        assert any(each.todo == "start a worker: alur run lifecycle" for each in found.findings)
