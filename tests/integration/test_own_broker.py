"""Brokers with special settings: expiry of transactional ids within seconds, a clock set back."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient

from agents.local_broker.ephemeral import running_engine
from tests.support.engines import Engine, eventually, new_engine
from tests.support.secured import own_java
from tests.system.chaos.brokers import Brokers, fake_clock

REPORTS = 40
"""Enough that each partition has some."""
NOTICES = 4


@contextmanager
def stages_of(engine: Engine) -> Iterator[Engine]:
    """End what was started."""
    try:
        yield engine
    finally:
        engine.kill_all()


def lines(engine: Engine, event: str, stage: str) -> list[dict[str, Any]]:
    found = (json.loads(line) for line in engine.log.read_text().splitlines() if line.startswith("{"))
    return [line for line in found if line.get("event") == event and line.get("stage") == stage]


def test_a_transactional_id_that_has_expired_costs_the_stage_nothing_but_that_partition(tmp_path: Path) -> None:
    forgetful = {
        "transactional.id.expiration.ms": "10000",
        "transaction.remove.expired.transaction.cleanup.interval.ms": "500",
    }
    with (
        running_engine(replace(own_java(), properties=forgetful)) as broker,
        stages_of(new_engine(broker, tmp_path / "stages.log", "lapor")) as engine,
        KafkaAdminClient(bootstrap_servers=broker) as admin,
    ):
        engine.start("intake", "lifecycle")
        complaints = [engine.report(f"before-{number}") for number in range(REPORTS)]
        engine.await_quiet({"intake", "lifecycle"})
        eventually("all ids have expired", lambda: not any(admin.list_transactions().values()))
        worker = engine.processes["lifecycle"].pid
        complaints += [engine.report(f"after-{number}") for number in range(REPORTS)]
        engine.await_quiet({"intake", "lifecycle"})
        assert {line["partition"] for line in lines(engine, "transactional_id_expired", "lifecycle")} == set(range(4))
        assert (engine.alive(), engine.processes["lifecycle"].pid) == ({"intake", "lifecycle"}, worker)
        assert Counter(event["subject"] for event in engine.events()) == Counter(complaints)


def test_with_the_clock_of_the_broker_an_hour_back_notices_come_less_and_less_often(tmp_path: Path) -> None:
    back = fake_clock("-1h")
    if back is None:
        pytest.skip("needs faketime, to set the clock of a broker")
    own_java()
    brokers = Brokers(1, tmp_path, disks=False)
    try:
        brokers.start()
        with stages_of(new_engine(brokers.address, tmp_path / "stages.log", "demo")) as engine:
            engine.start("intake", "lifecycle")
            complaint = engine.report("late")
            engine.await_status(complaint, "registered")
            engine.stop("intake", "lifecycle")
            brokers.restart(brokers.nodes[0], back)
            engine.start("lifecycle", "sla")
            notices = eventually("notices", lambda: found if len(found := notice_times(engine)) >= NOTICES else None)
            pauses = [after - before for before, after in pairwise(notices)]
            assert all(after > 1.5 * before for before, after in pairwise(pauses)), pauses
            assert [event["type"] for event in engine.events(complaint=complaint)] == ["lapor.complaint.registered.v1"]
            engine.stop("lifecycle", "sla")
            brokers.restart(brokers.nodes[0], {})
            engine.start("lifecycle", "sla")
            eventually(
                "the deadline is noticed",
                lambda: any(event["type"].endswith("breached.v1") for event in engine.events(complaint=complaint)),
            )
    finally:
        brokers.end()


def notice_times(engine: Engine) -> list[float]:
    """Return when notice of the deadline was given, by the broker's clock."""
    found = [message for message in engine.read("complaints.commands") if b"notice-deadline" in message.value()]
    due = Counter(json.loads(message.value())["id"] for message in found).most_common(1)
    return [each.timestamp()[1] / 1_000 for each in found if json.loads(each.value())["id"] == due[0][0]]
