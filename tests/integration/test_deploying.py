"""Stopping and deploying: a worker finishes its batch and leaves at once, and two versions run side by side."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from agents.runtime.process import EXIT_REFUSED
from events.provenance import WRITER, writer_of
from events.topics import STAGES
from tests.support.engines import CITIZEN, Engine, eventually, report_event

HANDOVER_SECONDS = 15.0
"""Two are promised; a machine that runs the other tests beside this one has its own idea of time."""
STOP_SECONDS = 0.9
"""Of most stages: a worker of the library alone sleeps for a second at its end."""
BACKLOG_SECONDS = 300.0
"""In which the stages do what has piled up while they were replaced, on a machine that is busy with other tests."""

UPGRADE_ORDER = ("verification", "disposition", "sla", "escalation", "resolution", "lifecycle", "intake")
NEWER = Path(__file__).parents[1] / "support" / "newer_lifecycle.py"
NEWER_ARGUMENTS = ("worker", "-l", "error", "--without-web")


def lines(engine: Engine, event: str, stage: str) -> list[dict[str, Any]]:
    """What a stage has logged under a name."""
    found = (json.loads(line) for line in engine.log.read_text().splitlines() if line.startswith("{"))
    return [line for line in found if line.get("event") == event and line.get("stage") == stage]


@contextmanager
def load(engine: Engine) -> Iterator[Callable[[], int]]:
    """Reports all the time; gives how many there were.

    Fifty a second, which a machine bears that runs other tests beside: what it does not bear piles up while the stages
    are replaced, and each complaint goes on making work, since the deadlines of the demonstration pass.
    """
    over, count = threading.Event(), 0

    def publish() -> None:
        nonlocal count
        while not over.wait(0.2):
            reports = [report_event(f"rolling-{count + number}", reporter=None) for number in range(10)]
            engine.send_reports(reports)
            count += len(reports)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield lambda: count
    finally:
        over.set()
        thread.join()


@pytest.fixture
def successors(stopped_engine: Engine, tmp_path: Path) -> Iterator[Engine]:
    """A second set of processes for the same topics."""
    others = Engine(stopped_engine.settings, tmp_path / "successors.log")
    yield others
    others.kill_all()


def _audited(engine: Engine, reports: int, *others: Engine) -> None:
    engine.await_quiet(seconds=BACKLOG_SECONDS)
    found = engine.await_settled(*others)
    assert found.counts.dead == 0
    assert found.counts.complaints == reports


def test_every_stage_is_replaced_under_load(
    stopped_engine: Engine, successors: Engine, record_property: Callable[[str, object], None]
) -> None:
    """In the order of docs/how-to/upgrade.md, one at a time."""
    engine = stopped_engine
    stops: list[float] = []
    engine.start()
    engine.await_quiet()
    with load(engine) as reports:
        for stage in UPGRADE_ORDER:
            if stage == "lifecycle":
                successors.start_script(stage, NEWER, *NEWER_ARGUMENTS)
            else:
                successors.start(stage)
            eventually(f"{stage} has joined", partial(lines, successors, "partitions_assigned", stage))
            own = {line["partition"] for line in lines(successors, "partition_acquired", stage)}
            stopped_at = time.time()
            assert engine.stop(stage) == {stage: 0}
            stops.append(time.time() - stopped_at)
            left = set(range(engine.settings.partitions)) - own

            def taken(stage: str = stage, left: set[int] = left) -> list[float]:
                found = {
                    line["partition"]: line["timestamp"] for line in lines(successors, "partition_acquired", stage)
                }
                times = [datetime.fromisoformat(found[number]).timestamp() for number in left if number in found]
                return times if len(times) == len(left) else []

            if left:
                seconds = max(eventually(f"the partitions of {stage} have another owner", taken)) - stopped_at
                record_property(f"{stage}_handover_seconds", round(seconds, 2))
                assert seconds < HANDOVER_SECONDS, stage
        assert reports() > 0
    assert median(stops) < STOP_SECONDS, stops
    assert set(STAGES) == set(UPGRADE_ORDER)
    _audited(engine, reports(), successors)
    assert WRITER + 1 in _writers(engine)


def _writers(engine: Engine) -> set[int | None]:
    return {writer_of(record.headers()) for record in engine.read("complaints.state")}


def test_a_newer_lifecycle_is_understood_and_not_written_over(stopped_engine: Engine) -> None:
    engine = stopped_engine
    engine.start("intake", "verification", "disposition", "sla", "escalation", "resolution")
    engine.start_script("lifecycle", NEWER, *NEWER_ARGUMENTS)
    complaint = engine.report("newer")
    engine.await_status(complaint, "disposed")
    assert engine.stop("lifecycle") == {"lifecycle": 0}
    assert _writers(engine) == {WRITER + 1}

    engine.start("lifecycle")
    assert engine.processes.pop("lifecycle").wait(60) == EXIT_REFUSED
    [refusal] = lines(engine, "start_refused", "lifecycle")
    assert "newer version (writer 2, this one is 1)" in refusal["reason"]
    assert _writers(engine) == {WRITER + 1}

    engine.start_script("lifecycle", NEWER, *NEWER_ARGUMENTS)
    engine.command("withdraw-complaint", complaint, CITIZEN)
    engine.await_status(complaint, "withdrawn")
    eventually("its resolution", lambda: engine.events("complaints.resolutions", complaint))
    _audited(engine, 1)
