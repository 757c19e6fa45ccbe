"""Parts d, e and h: what a million clocks cost, how soon a stage is ready again with them, and how late they ring."""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from kafka.admin import ConfigResource, ConfigResourceType

from agents.config.settings import Settings
from agents.ops.topics import ensure_topics
from agents.runtime.stage import Partition
from agents.stages.sla import Timers
from events.client import Reader, Record, read_all
from events.client.administration import admin_client
from events.codec.decode import decode_command
from events.commands import NoticeDeadline
from events.topics import TopicName
from tests.benchmarks.figures import Figures, Goal, quantile, say
from tests.benchmarks.kept import SNAPSHOTS_A_LIFE, histories, stored, varied
from tests.benchmarks.lives import store
from tests.benchmarks.loads import begin_at_the_start, fresh_settings, in_days, publish, snapshots
from tests.benchmarks.meter import resident_mb
from tests.system.workers import Worker, running, wait_for

WINDOW_SECONDS: Final = 60
LEAD_SECONDS: Final = 20
"""The first deadline passes so long after the stages can be expected to be ready."""
AT_A_TIME: Final = 10_000
_HELD_MS: Final = 3_600_000
_COMPACTION_SECONDS: Final = 60.0
"""The broker looks every 15 seconds for what it can compact."""


def _cost(armed: int) -> tuple[float, float, float]:
    """Return the cost in µs of arming each of `armed` clocks and of ringing each of 10,000, and their MB."""
    timers, spent, before = Timers(Partition(0, 1, None)), 0.0, resident_mb()  # type: ignore[arg-type]  # needs no policy
    start, draw = datetime.now(UTC), random.Random(1)  # noqa: S311 -- no secret

    def due(number: int) -> datetime:
        return start + timedelta(seconds=draw.uniform(0, 60) if number < AT_A_TIME else draw.uniform(60, 30 * 86_400))

    for first in range(0, armed, AT_A_TIME):
        numbers = range(first, first + AT_A_TIME)
        clocks = _one_clock(numbers, start, due)
        records = [stored(first + at, *each) for at, each in enumerate(clocks)]
        begun = time.process_time()
        for record in records:
            timers.restore(record)
        spent += time.process_time() - begun
    memory = resident_mb() - before
    begun, rung = time.process_time(), 0
    for tick in range(20 * 62):
        rung += sum(1 for _ in timers.tick(start + timedelta(seconds=tick / 20)))
    ringing = time.process_time() - begun
    say(f"{armed:,} armed: {memory:.0f} MB")
    return spent / armed * 1e6, ringing / rung * 1e6, memory


def _one_clock(numbers: range, at: datetime, due: Callable[[int], datetime]) -> Iterator[tuple[bytes, bytes]]:
    # the other clock has been breached before: what is counted is what is armed
    for key, value in snapshots(numbers, at, due, at):
        head, mark, tail = value.partition(b'"settlement":')
        yield key, head + mark + tail.replace(b'"breached":false', b'"breached":true', 1)


def costs(figures: Figures, armed: int, rounds: int) -> None:
    """Write down what it costs to arm and to ring a clock, in this process and in processor time."""
    found = [_cost(armed) for _ in range(rounds)]
    arming, ringing, memory = zip(*found, strict=True)
    figures.add(f"e. to arm a clock with {armed:,} armed, µs of processor", arming, ".1f")
    figures.add(f"e. to ring one and write its notice with {armed:,} armed, µs of processor", ringing, ".1f")
    figures.add(f"e. memory of {armed:,} clocks, MB", memory)


def recovery(figures: Figures, broker: str, folder: Path, *, stored: int, rounds: int) -> None:
    """Write down how soon the stages with a large memory are ready after kill -9 with so many open complaints.

    And `lifecycle` with as many that are settled, which `sla` forgets.
    """
    settings = fresh_settings(broker)
    ensure_topics(settings)
    store(settings, stored)
    for stage in ("lifecycle", "sla"):
        _recovered(
            figures, f"d. {stage} with {stored:,} open complaints", _ready_again(settings, folder, stage, rounds)
        )
    settings = fresh_settings(broker)
    ensure_topics(settings)
    publish(settings, TopicName.STATE, varied(range(stored), settled=True))
    begin_at_the_start(settings, "lifecycle")
    found = _ready_again(settings, folder, "lifecycle", rounds)
    _recovered(figures, f"d. lifecycle with {stored:,} settled complaints", found)


def after_lives(figures: Figures, broker: str, folder: Path, *, lives: int, rounds: int) -> None:
    """Write down how soon stages are ready after kill -9 with all snapshots of so many whole lives in the topic.

    First with all of them, compaction held, and then as the broker has compacted them with the settings of our topics.
    """
    settings = fresh_settings(broker)
    ensure_topics(settings)
    _hold_compaction(settings, _HELD_MS)
    written = publish(settings, TopicName.STATE, histories(lives))
    begin_at_the_start(settings, "lifecycle")
    for when in ("uncompacted", "compacted"):
        left = sum(1 for _ in read_all(settings, [TopicName.STATE]))
        figures.add(f"h. records of {written:,}, {when}", [left])
        for stage in ("lifecycle", "sla"):
            what = f"h. {stage} after {lives:,} whole lives of {SNAPSHOTS_A_LIFE} snapshots, {when}"
            _recovered(figures, what, _ready_again(settings, folder, stage, rounds))
        if when == "uncompacted":
            _hold_compaction(settings, 0)
            time.sleep(_COMPACTION_SECONDS)


def _hold_compaction(settings: Settings, milliseconds: int) -> None:
    """Keep the broker from compacting the state while its records are younger than that."""
    configs = {"min.compaction.lag.ms": str(milliseconds)}
    with admin_client(settings) as client:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, settings.topic(TopicName.STATE), configs)])


def _recovered(figures: Figures, what: str, found: Iterable[tuple[float, ...]]) -> None:
    seconds, spent, now, most = zip(*found, strict=True)
    goal = Goal(30, at_least=False)
    figures.add(f"{what}, seconds until ready after kill -9", seconds, ".1f", goal=goal)
    figures.add(f"{what}, seconds of processor for it", spent, ".1f")
    figures.add(f"{what}, MB resident", now)
    figures.add(f"{what}, MB at the most", most, goal=Goal(2_500, at_least=False))


def _ready_again(settings: Settings, folder: Path, stage: str, rounds: int) -> Iterator[tuple[float, ...]]:
    """Kill and restart a stage; return seconds until it is ready, processor seconds, and its present and peak MB."""
    worker = Worker(stage, settings, folder)
    worker.await_ready()
    for _ in range(rounds):
        worker.kill()
        worker = Worker(stage, settings, folder)
        yield worker.await_ready(), worker.cpu(), *worker.memory()
    worker.kill()


@dataclass(frozen=True, slots=True)
class Falling:
    """Deadlines that are to pass: those of the complaints `numbers`, from `start` on, within `seconds`."""

    numbers: range
    start: datetime
    seconds: int

    def due(self, number: int) -> datetime:
        """Return when that of one complaint does, to the millisecond."""
        return self.start + timedelta(milliseconds=number * 7_919 % (self.seconds * 1_000 or 1))


def lateness(settings: Settings, folder: Path, falling: Falling) -> list[float]:
    """Let deadlines pass while the stages run; return by how much notice of each was late, by the log's stamp."""
    snaps = snapshots(falling.numbers, datetime.now(UTC), falling.due, in_days(40))
    publish(settings, TopicName.STATE, snaps)
    begin_at_the_start(settings, "lifecycle")
    with Reader(settings, [TopicName.COMMANDS]) as reader, running(settings, folder, "sla", "lifecycle") as workers:
        reader.skip_to_end()
        ahead = (falling.start - datetime.now(UTC)).total_seconds()
        say(f"{len(falling.numbers):,} fall due within {falling.seconds} s, the first in {ahead:.0f} s")
        if ahead < 0:
            raise SystemExit("the stages were not ready in time: nothing can be said about lateness")
        found: list[Record] = []
        rung: set[bytes | None] = set()

        def all_rung() -> bool:
            for record in reader.poll():
                found.append(record)
                rung.add(record.key)
            return len(rung) == len(falling.numbers)

        wait_for("all have rung", all_rung, *workers.values(), seconds=ahead + 900)
    late_by: dict[tuple[UUID, datetime], float] = {}
    for record in found:
        event = decode_command(record.value)
        assert isinstance(event.data, NoticeDeadline)
        due = event.data.due_at
        late_by.setdefault((event.subject, due), (record.at - due).total_seconds())
    seconds = list(late_by.values())
    if any(each <= 0 for each in seconds):
        raise SystemExit(f"{sum(each <= 0 for each in seconds)} deadlines were given notice of before they had passed")
    return seconds


def late(figures: Figures, broker: str, folder: Path, *, due: int, rounds: int) -> None:
    """Record the delay of notices for deadlines that pass within a minute, and at one moment."""
    for within, count in ((WINDOW_SECONDS, due), (0, due // 5)):
        found = []
        for _ in range(rounds):
            settings = fresh_settings(broker)
            ensure_topics(settings)
            start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=LEAD_SECONDS + count // 5_000)
            found.append(lateness(settings, folder, Falling(range(count), start, within)))
        what = f"e. {count:,} due " + (f"within {within} s" if within else "at one moment") + ", seconds late, "
        goal = Goal(1, at_least=False) if within else None
        figures.add(f"{what}p50", [quantile(each, 0.5) for each in found], ".3f")
        figures.add(f"{what}p99", [quantile(each, 0.99) for each in found], ".3f", goal=goal)
        figures.add(f"{what}at most", [max(each) for each in found], ".3f")
