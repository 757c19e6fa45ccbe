"""`make bench`: what the deciding stage takes beside Kafka alone, and what the whole engine carries."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final

from figures import Figures, quantile, say
from loads import fresh_settings, in_days, lives, publish, snapshots
from people import COMMANDS_A_LIFE, People, people
from workers import running, wait_for

from agents.admin import ensure_topics, lag
from agents.broker import running_broker
from agents.settings import Settings
from events.topics import STAGES, TopicName

BARE: Final = Path(__file__).with_name("bare_loop.py")
LOAD_SECONDS: Final = 30
WARM_UP_SECONDS: Final = 5
PATIENCE_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class Bench:
    """Where it is measured, and where it is written down."""

    figures: Figures
    broker: str
    folder: Path
    rounds: int


def stage_beside_bare(bench: Bench, complaints: int) -> None:
    """Let lifecycle settle whole lives from the log, then move the same bytes without deciding anything."""
    shares, walls, rates = [], [], []
    for _ in range(bench.rounds):
        settings = fresh_settings(bench.broker)
        ensure_topics(settings)
        commands = list(lives(complaints))
        with running(settings, bench.folder, "lifecycle") as workers:
            worker = workers["lifecycle"]
            cpu, clock = worker.cpu(), time.monotonic()
            publish(settings, TopicName.COMMANDS, commands)
            wait_for("all is settled", lambda settings=settings: not sum(lag(settings)["lifecycle"].values()), worker)
            wall, cpu = time.monotonic() - clock, worker.cpu() - cpu
        bare = _bare(settings)
        if bare["records"] != len(commands):
            raise SystemExit(
                f"{len(commands)} commands led to {bare['records']} facts: the load is not what it should be"
            )
        rates.append(len(commands) / cpu)
        shares.append(bare["cpu"] / cpu)
        walls.append(bare["wall"] / wall)
        say(f"lifecycle {len(commands) / wall:,.0f}/s, {cpu:.1f} s of CPU; bare {bare}")
    bench.figures.add("lifecycle, commands per second of one core", f"{_spread(rates, ',.0f')}")
    bench.figures.add("lifecycle beside a bare aiokafka loop, by processor time", _spread(shares, ".2f"), "≥ 0.5")
    bench.figures.add("lifecycle beside a bare aiokafka loop, by the clock", _spread(walls, ".2f"))


def _bare(settings: Settings) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, str(BARE)],
        env={**os.environ, **settings.to_environment()},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _spread(values: list[float], form: str) -> str:
    if len(values) == 1:
        return format(values[0], form)
    return f"{median(values):{form}} (from {min(values):{form}} to {max(values):{form}})"


def whole_lives(settings: Settings, folder: Path, reports: int) -> tuple[float, dict[str, float]]:
    """Send reports all at once; return lives a second until the last is rated, and processor seconds by stage."""
    with running(settings, folder, *STAGES) as workers, people(settings) as public:
        cpu = {stage: worker.cpu() for stage, worker in workers.items()}
        own, clock = time.process_time(), time.monotonic()
        for number in range(reports):
            public.submit(number)
        _until_rated(public, reports)
        seconds = time.monotonic() - clock
        spent = {stage: worker.cpu() - cpu[stage] for stage, worker in workers.items()}
        return reports / seconds, {**spent, "people": time.process_time() - own}


def _until_rated(public: People, reports: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while public.rated < reports:
        public.act(0.05)
        if time.monotonic() > deadline:
            raise SystemExit(f"only {public.rated:,} of {reports:,} came to their end")


def at_rate(settings: Settings, folder: Path, rate: float) -> list[float]:
    """Send `rate` reports a second; return the seconds from each to its disposition."""
    with running(settings, folder, *STAGES) as workers, people(settings) as public:
        del workers
        begin, number = time.monotonic(), 0
        while (elapsed := time.monotonic() - begin) < LOAD_SECONDS + WARM_UP_SECONDS:
            while number < elapsed * rate:
                public.submit(number)
                number += 1
            public.act(0.002)
        _until_rated(public, number)
        warm = [key for key, sent in public.sent.items() if sent - begin > WARM_UP_SECONDS]
        return [public.disposed[key] for key in warm]


def engine_settings(broker: str, folder: Path) -> Settings:
    """Return settings under the real policy, except that a machine verifies what is complete."""
    source = Path(__file__).parents[2] / "workflow" / "policies" / "lapor.toml"
    before = source.read_text()
    text = before.replace('machine = ["postpone", "dispose"]', 'machine = ["verify", "postpone", "dispose"]')
    if text == before:
        raise SystemExit(f"{source} no longer says what a machine may decide in the way that is looked for here")
    policy = folder / "lapor.toml"
    policy.write_text(text)
    settings = fresh_settings(broker, str(policy))
    ensure_topics(settings)
    return settings


def with_stored(broker: str, folder: Path, stored: int) -> Settings:
    """Return settings under which so many open complaints are there already."""
    settings = engine_settings(broker, folder)
    rest = in_days(20)
    publish(
        settings,
        TopicName.STATE,
        snapshots(range(1, stored + 1), datetime.now(UTC), lambda n: rest + timedelta(seconds=n), in_days(40)),
    )
    return settings


def whole_engine(bench: Bench, reports: int, stored: int) -> float:
    """Measure lives a second, alone and with complaints in store; return the former."""
    rates, ratios, costs = [], [], []
    for _ in range(bench.rounds):
        rate, spent = whole_lives(engine_settings(bench.broker, bench.folder), bench.folder, reports)
        say(f"{rate:,.0f} lives/s; CPU {', '.join(f'{stage} {each:.1f} s' for stage, each in spent.items())}")
        rates.append(rate)
        costs.append({stage: each / reports * 1000 for stage, each in spent.items()})
        if stored:
            laden, _ = whole_lives(with_stored(bench.broker, bench.folder, stored), bench.folder, reports)
            say(f"{laden:,.0f} lives/s with {stored:,} in store")
            ratios.append(laden / rate)
    bench.figures.add(
        f"whole lives a second ({COMMANDS_A_LIFE} commands each, seven stages)", _spread(rates, ",.0f"), "≥ 1,000"
    )
    stages = {stage: median(cost[stage] for cost in costs) for stage in costs[0]}
    bench.figures.add(
        "processor time of a life, without the broker's",
        f"{sum(stages.values()):.2f} ms: " + ", ".join(f"{stage} {each:.2f}" for stage, each in stages.items()),
    )
    if stored:
        bench.figures.add(
            f"the same with {stored:,} open complaints in store, to none", _spread(ratios, ".2f"), "≥ 0.95"
        )
    return median(rates)


def latency(bench: Bench, rate: float) -> None:
    """Measure how long a report takes to its office at so many reports a second."""
    seconds = at_rate(engine_settings(bench.broker, bench.folder), bench.folder, rate)
    bench.figures.add(
        f"from report to disposition at {rate:,.0f} reports a second",
        f"p50 {quantile(seconds, 0.5) * 1000:.0f} ms, p99 {quantile(seconds, 0.99) * 1000:.0f} ms",
        "p99 ≤ 150 ms at half load",
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--complaints", type=int, default=5_000, help="lives for the stage alone")
    parser.add_argument("--reports", type=int, default=4_000, help="lives for the whole engine")
    parser.add_argument("--stored", type=int, default=500_000, help="open complaints in store, for the comparison")
    parser.add_argument("--rounds", type=int, default=3, help="how often each comparison is made")
    parser.add_argument(
        "--rate", type=float, help="reports a second for the latency, in place of half of what it carries"
    )
    parser.add_argument("--only", choices=("stage", "engine"), help="one half of it")
    parser.add_argument("--small", action="store_true", help="a tenth of all that, once: a quick look")
    given = parser.parse_args()
    part, rounds = (10, 1) if given.small else (1, given.rounds)
    figures = Figures("engine")
    with running_broker(os.environ, say) as broker, tempfile.TemporaryDirectory() as folder:
        bench = Bench(figures, broker, Path(folder), rounds)
        if given.only != "engine":
            stage_beside_bare(bench, given.complaints // part)
        if given.only != "stage":
            rate = whole_engine(bench, given.reports // part, given.stored // part) / 2
            latency(bench, given.rate or rate)
    figures.show()


if __name__ == "__main__":
    main()
