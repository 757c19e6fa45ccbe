"""Part a: processor time of each stage, compared with a bare aiokafka loop that moves the same bytes.

All that happens in some whole lives is recorded once, by the engine itself. Then each stage gets the records of its
topic alone, in a fresh environment, and after it a bare loop gets the same records and writes what the stage wrote.
"""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Producer

from agents.config.settings import Settings
from agents.ops.topics import ensure_topics
from events.client import read_all
from events.client.reader import Record
from events.topics import STAGES, TopicName
from tests.benchmarks.figures import Figures, Goal, say
from tests.benchmarks.lives import at_once, engine_settings, run_lives
from tests.benchmarks.loads import fresh_settings
from tests.system.workers import behind, running, wait_for

BARE: Final = Path(__file__).with_name("bare_loop.py")
_ALONE: Final = {"intake": Path(__file__).with_name("unheld_intake.py")}
"""Intake waits while `lifecycle` is behind, and here there is none."""
_GOALS: Final = {"lifecycle": 0.5}
_OTHERS: Final = 0.7


def stages_beside_bare(figures: Figures, broker: str, folder: Path, *, lives: int, rounds: int) -> None:
    """Write down for each stage its records per second of a core, and the bare loop's processor time to its own."""
    settings = engine_settings(broker, folder)
    run_lives(settings, folder, lives, at_once(1_000))
    sources = {topic: list(read_all(settings, [topic])) for topic in set(STAGES.values())}
    rates: dict[str, list[float]] = defaultdict(list)
    ratios: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for stage, topic in STAGES.items():
            records = sources[topic]
            alone, bare = _stage_and_bare(settings, folder, stage, records)
            say(f"{stage}: {alone:.2f} s of processor for {len(records):,} records; bare loop {bare}")
            rates[stage].append(len(records) / alone)
            ratios[stage].append(bare["cpu"] / alone)
    for stage in STAGES:
        figures.add(f"a. {stage} alone, records per second of one core", rates[stage])
        goal = Goal(_GOALS.get(stage, _OTHERS))
        figures.add(f"a. {stage} beside a bare loop, by processor time", ratios[stage], ".2f", goal=goal)


def _stage_and_bare(
    recorded: Settings, folder: Path, stage: str, records: Sequence[Record]
) -> tuple[float, dict[str, Any]]:
    settings = fresh_settings(recorded.broker, recorded.policy, recorded.partitions)
    ensure_topics(settings)
    with running(settings, folder, stage, programs=_ALONE) as workers:
        worker = workers[stage]
        before = worker.cpu()
        _copy(settings, STAGES[stage], records)
        wait_for(f"{stage} is through", lambda: not behind(settings)[stage], worker)
        alone = worker.cpu() - before
    return alone, _bare(settings, stage, len(records))


def _copy(settings: Settings, topic: TopicName, records: Sequence[Record]) -> None:
    """Write the records into the same partitions, with key, headers and value as they were."""
    producer = Producer({"bootstrap.servers": settings.broker, "linger.ms": 20, "queue.buffering.max.kbytes": 500_000})
    name = settings.topic(topic)
    for record in records:
        headers: list[tuple[str, str | bytes | None]] = list(record.headers.items())
        producer.produce(name, value=record.value, key=record.key, partition=record.partition, headers=headers)
        producer.poll(0)
    if producer.flush(60):
        raise SystemExit(f"{topic} could not be written")


def _bare(settings: Settings, stage: str, expected: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(BARE), stage],
        env={**os.environ, **settings.to_environment()},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    if found["records"] != expected:
        raise SystemExit(f"{expected} records were given to {stage}, and the bare loop found {found['records']}")
    return found
