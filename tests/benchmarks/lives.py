"""Parts b, c, f and g: whole lives from report to rating through all stages.

A life is: report, verified, disposed, followed up, replied, followed up, closed, rated. In a closed loop so many lives
go on at once, and a new one begins when one is over; in an open loop reports come by the clock, whatever has become of
those before.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agents.config.settings import Settings
from agents.ops.audit import audit
from agents.ops.topics import ensure_topics
from events.client import read_all
from events.topics import STAGES, TopicName
from tests.benchmarks.figures import say
from tests.benchmarks.loads import begin_at_the_start, fresh_settings, in_days, publish, snapshots
from tests.benchmarks.meter import Meter
from tests.benchmarks.people import COMMANDS_A_LIFE, People, people
from tests.system.workers import Worker, behind, wait_for

Pace = Callable[[float, int], float]
"""Given the seconds since the start and the lives that are over: how many reports there should have been by now."""
_PATIENCE_SECONDS = 400.0
_LEAST, _MOST = 0.1, 0.9
"""The share of lives between which their rate is counted: neither the beginning nor the end."""


def at_once(lives: int) -> Pace:
    """Run a number of concurrent lives."""
    return lambda _, over: over + lives


def steadily(rate: float) -> Pace:
    """Submit reports at a steady rate."""
    return lambda seconds, _: seconds * rate


def burst(rate: float, calm: float, seconds: float, times: int = 10) -> Pace:
    """Submit `rate` reports a second, and after `calm` seconds `times` as many for `seconds`."""
    return lambda now, _: rate * (now + (times - 1) * min(max(0.0, now - calm), seconds))


@dataclass(frozen=True, slots=True)
class Run:
    """Result of a number of lives."""

    public: People
    rate: float
    """Lives a second that came to their end, without the first tenth and the last."""
    cpu: dict[str, float]
    """Processor milliseconds of a life, by process."""
    seconds: float
    begun: float
    """By the monotonic clock."""


def run_lives(settings: Settings, folder: Path, lives: int, pace: Pace, each: int = 1) -> Run:
    """Run lives through `each` workers of each stage."""
    with staffed(settings, folder, each) as workers, people(settings) as public:
        meter, begun, submitted = Meter(workers), time.monotonic(), 0
        while public.rated < lives:
            elapsed = time.monotonic() - begun
            due = min(lives, int(pace(elapsed, public.rated)))
            while submitted < due:
                public.submit(submitted)
                submitted += 1
            public.act(0.005)
            if elapsed > _PATIENCE_SECONDS:
                raise SystemExit(f"only {public.rated:,} of {lives:,} lives came to their end")
        cpu = {name: seconds / lives * 1000 for name, seconds in meter.seconds().items()}
        seconds = time.monotonic() - begun
        wait_for("all stages are through", lambda: not any(behind(settings).values()), *workers)
    over = sorted(public.seen[b"rated"].values())
    first, last = int(lives * _LEAST), int(lives * _MOST)
    rate = (last - first) / (over[last] - over[first])
    say(f"{rate:,.0f} lives/s; {_costs(cpu)}")
    return Run(public, rate, cpu, seconds, begun)


def _costs(cpu: dict[str, float]) -> str:
    return f"{sum(cpu.values()):.2f} ms of processor a life: " + ", ".join(
        f"{name} {ms:.2f}" for name, ms in cpu.items()
    )


@contextmanager
def staffed(settings: Settings, folder: Path, each: int) -> Iterator[list[Worker]]:
    """Run `each` workers of every stage, once all partitions are acquired."""
    workers = [Worker(stage, settings, folder) for stage in STAGES for _ in range(each)]
    try:
        wait_for("all stages are ready", lambda: _shared_out(settings, workers), *workers)
        yield workers
    finally:
        for worker in workers:
            worker.kill()


def _shared_out(settings: Settings, workers: list[Worker]) -> bool:
    """Return whether each stage owns each partition once, and has restored it."""
    owned: dict[str, list[int]] = defaultdict(list)
    for worker in workers:
        assigned = worker.lines("partitions_assigned")
        taken = {line["partition"] for line in worker.lines("partition_acquired")}
        mine = set(assigned[-1]["partitions"]) if assigned else set()
        if not mine or not mine <= taken:
            return False
        owned[worker.stage] += mine
    return all(sorted(owned[stage]) == list(range(settings.partitions)) for stage in STAGES)


def engine_settings(broker: str, folder: Path, partitions: int = 4) -> Settings:
    """Return settings under the real policy, except that a machine verifies what is complete."""
    source = Path(__file__).parents[2] / "workflow" / "policy" / "lapor.toml"
    before = source.read_text()
    text = before.replace('machine = ["postpone", "dispose"]', 'machine = ["verify", "postpone", "dispose"]')
    if text == before:
        raise SystemExit(f"{source} no longer says what a machine may decide in the way that is looked for here")
    policy = folder / "lapor.toml"
    policy.write_text(text)
    settings = fresh_settings(broker, str(policy), partitions)
    ensure_topics(settings)
    return settings


def store(settings: Settings, stored: int) -> None:
    """Write open complaints to the state, as if disposed long ago."""
    rest = in_days(20)
    snaps = snapshots(range(1, stored + 1), datetime.now(UTC), lambda n: rest + timedelta(seconds=n), in_days(40))
    publish(settings, TopicName.STATE, snaps)
    begin_at_the_start(settings, "lifecycle")


def reconcile(settings: Settings, lives: int) -> None:
    """Audit all topics: a fast wrong answer is no answer.

    Raises:
        SystemExit: something is lost, doubled or contradicts itself.
    """
    found = audit(settings)
    counts = found.counts
    if found.violations or not counts.reports == counts.complaints == lives:
        shown = "\n".join(map(str, found.violations[:5]))
        raise SystemExit(f"{counts} after {lives:,} lives, and {len(found.violations)} violations\n{shown}")
    say(f"audit: {counts.complaints:,} complaints, {counts.facts:,} facts, nothing lost, nothing doubled")


def reconcile_facts(settings: Settings, lives: int) -> None:
    """Reconcile lives beside complaints that exist in the state only, without a history to audit.

    Raises:
        SystemExit: a life has not had each of its facts, once.
    """
    facts = Counter((record.key, record.headers["fact"]) for record in read_all(settings, [TopicName.EVENTS]))
    twice = {key for (key, fact), times in facts.items() if times != 1 + (fact == b"followed-up")}
    if twice or facts.total() != lives * COMMANDS_A_LIFE:
        raise SystemExit(f"{facts.total():,} facts after {lives:,} lives, {len(twice)} complaints with wrong ones")
    say(f"facts: {facts.total():,}, each once")
