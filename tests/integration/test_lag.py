"""Lag on a real broker: frozen, empty, lost and blocked groups are named, healthy ones are not."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import NoError
from kafka.structs import OffsetAndMetadata
from typer.testing import CliRunner

from agents.cli.app import application
from agents.config.settings import Settings
from agents.ops.lag import GroupLag, LagReport, LagStatus, LagWatcher, Severity, measure
from agents.ops.lag.samples import GroupState
from agents.ops.progress import retry_while_starting
from events.topics import STAGES
from tests.support.engines import Engine, eventually, report_event

WINDOW = 3.0
LIFECYCLE = list(STAGES).index("lifecycle")
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

        def committed() -> bool:
            # a young broker is still setting up what keeps the offsets
            found = retry_while_starting(lambda: self.admin.alter_group_offsets(name, offsets))
            return all(each is NoError for each in found.values())

        eventually(f"the offsets of {name} are set", committed)
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


def alur(settings: Settings, *arguments: str) -> tuple[int, str]:
    """Exit status and output of `alur lag`."""
    runner = CliRunner(env={**settings.to_environment(), "NO_COLOR": "1", "TERM": "dumb"})
    result = runner.invoke(application(), ["lag", *arguments])
    return result.exit_code, result.output


def by_partition(group: GroupLag) -> dict[int, LagStatus]:
    return {each.partition: each.status for each in group.partitions}


def test_any_group_gets_its_status_from_its_progress(settings: Settings, admin: Any, strangers: Strangers) -> None:
    strangers.send(CAUGHT_UP, STALLED, HELD, DROPPED, LOST, count=4)
    forgetful = strangers.open_transaction(HELD)
    strangers.send(HELD)
    fine = strangers.commit("fine", {CAUGHT_UP: 4})
    deserted = strangers.commit("deserted", {CAUGHT_UP: 4, DROPPED: 1, HELD: 4, LOST: 1})
    admin.delete_records({TopicPartition(strangers.topic, LOST): 2})
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
    assert (groups[fine].status, groups[fine].lag, groups[fine].members) == (LagStatus.HANGING, 0, 0)
    assert by_partition(groups[fine])[CAUGHT_UP] is LagStatus.OK
    assert (groups[deserted].state, groups[deserted].status) == (GroupState.EMPTY, LagStatus.LOST)
    assert by_partition(groups[deserted]) == {
        CAUGHT_UP: LagStatus.OK,
        STALLED: LagStatus.OK,  # it has committed nothing there: its start position is unknown
        HELD: LagStatus.HANGING,
        DROPPED: LagStatus.STOPPED,
        LOST: LagStatus.LOST,
    }
    assert by_partition(groups[frozen])[STALLED] is LagStatus.STALLED
    stalled = groups[frozen].partitions[STALLED]
    assert stalled.owner == "m1 on 127.0.0.1"
    assert (stalled.lag, stalled.rate_out, stalled.drain) == (3, 0.0, None)
    assert WINDOW < stalled.age < 60
    assert {(each.status, each.group, each.partitions) for each in found.findings} == {
        (LagStatus.LOST, deserted, (LOST,)),
        (LagStatus.EMPTY, deserted, (HELD, DROPPED, LOST)),
        (LagStatus.STALLED, frozen, (STALLED,)),
        (LagStatus.HANGING, None, (HELD,)),
    }
    [hanging] = [each for each in found.findings if each.status is LagStatus.HANGING]
    assert f"a transaction of '{settings.prefix}forgetful'" in hanging.what
    assert "2 offsets" in hanging.what
    assert "Kafka aborts it" in hanging.todo

    forgetful.abort_transaction(30)
    member.close()
    status, output = alur(settings, "--group", fine, "--json")
    again = LagReport.model_validate_json(output)
    assert (status, again.groups[0].status, again.findings, again.complete) == (0, LagStatus.OK, (), False)
    status, output = alur(settings, "--group", f"{settings.prefix}nobody")
    assert status == 1
    assert "there is no consumer group" in output


def test_transaction_markers_alone_are_not_lag(settings: Settings, strangers: Strangers) -> None:
    producer = strangers.open_transaction(CAUGHT_UP)
    producer.commit_transaction(30)
    # as a client commits that goes by the last record, and does not see the marker behind it
    behind = strangers.commit("marked", {CAUGHT_UP: 1})

    found = measure(settings, [behind], window=WINDOW, every=0.2)

    assert (found.groups[0].status, found.groups[0].lag, found.complete) == (LagStatus.OK, 0, False)


def test_a_frozen_stage_is_named_and_so_is_what_waits_for_it(stopped_engine: Engine) -> None:
    engine = stopped_engine
    engine.start("lifecycle", "intake")
    engine.send_reports([report_event("1"), report_event("2")])
    eventually("they are registered", lambda: len(engine.events()) == 2)
    with LagWatcher(engine.settings, window=WINDOW) as watcher:

        def lifecycle_is(*wanted: LagStatus) -> LagReport | None:
            found = watcher.sample()
            return found if found.groups[LIFECYCLE].status in wanted else None

        eventually("it is not behind", lambda: lifecycle_is(LagStatus.OK))
        os.kill(engine.processes["lifecycle"].pid, signal.SIGSTOP)
        engine.send_reports([report_event(str(number)) for number in range(10, 30)])

        # whichever comes first: the window is over, or the group has put the frozen worker out
        found = eventually("it is at fault", lambda: lifecycle_is(LagStatus.STALLED, LagStatus.EMPTY))
        lifecycle = found.groups[LIFECYCLE]
        [finding] = [each for each in found.findings if each.group == lifecycle.group]
        assert "has not moved" in finding.what
        assert lifecycle.waiting is not None
        assert lifecycle.waiting.startswith(f"up to {lifecycle.lag} commands not decided")
        # the clocks of the complaints that were registered before, in seconds under this policy
        assert lifecycle.deadlines is not None
        assert lifecycle.deadlines.passed + lifecycle.deadlines.due > 0
        assert not lifecycle.deadlines.drained
        found = eventually("the group has put it out", lambda: lifecycle_is(LagStatus.EMPTY))
        assert "has no members (the last on " in next(str(each) for each in found.findings if "empty" in str(each))
    status, output = alur(engine.settings, "--window", "2")
    assert status == 1
    assert f"empty: {lifecycle.group} has no members and has not moved for" in output
    assert "start a worker: alur run lifecycle; if its process still exists, it is frozen: kill -9 it" in output
    assert output.splitlines()[-1].startswith("lag: groups=7 ")
