"""`make bench`: figures of the engine with their spread, beside a Kafka baseline of the same run.

    a   each stage alone, beside a bare aiokafka loop that moves the same bytes
    b   whole lives: as many as it carries, then half as many by the clock, with the time they take
    c   the same with a million complaints stored
    d   memory, and how soon a stage is ready after kill -9, with a million open complaints, and as many settled ones
    e   timers: what they cost, and how late they ring
    f   ten times the load for a minute, and how long that takes to drain
    g   one, two and four workers of each stage on as many partitions
    h   how soon a stage is ready after kill -9 with all snapshots of whole lives in the topic, and once compacted
    i   the mirror: facts a second into DuckDB and PostgreSQL, reports and site of a million complaints

After each run the topics are read back and audited. The broker is one of its own, or the one in ALUR_BROKER.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Final

from agents.config.settings import Settings
from agents.local_broker import running_broker
from tests.benchmarks.at_rest import at_rest
from tests.benchmarks.figures import Figures, Goal, quantile, say
from tests.benchmarks.kept import kept
from tests.benchmarks.lives import (
    Run,
    at_once,
    burst,
    engine_settings,
    reconcile,
    reconcile_facts,
    run_lives,
    steadily,
    store,
)
from tests.benchmarks.mirror import mirrored, shown
from tests.benchmarks.people import COMMANDS_A_LIFE
from tests.benchmarks.stages import stages_beside_bare
from tests.benchmarks.timers import AT_A_TIME, after_lives, costs, late, recovery

_MS: Final = 1_000
_CALM_SECONDS: Final = 10.0
_SHARE_OF_PEAK: Final = 0.1
_WAVES: Final = 5


@dataclass(frozen=True, slots=True)
class Size:
    """The amounts to measure."""

    rounds: int
    lives: int
    """Whole lives of a run."""
    going: int
    """Lives that go on at once in a closed loop."""
    seconds: float
    """Of an open loop, and of a burst."""
    stored: int
    due: int
    workers: tuple[int, ...]
    partitions: int
    """Of each topic, except where workers are counted."""
    complaints: tuple[int, ...]
    """Complaints, open and settled, with which memory and recovery are looked at."""
    over: int
    """Whole lives whose snapshots all lie in the topic when a stage is started again."""
    mirrored: int
    """Whole lives whose facts are copied into a mirror."""


FULL: Final = Size(
    3, 10_000, 2_000, 60.0, 1_000_000, 100_000, (1, 2, 4), 4, (10_000, 100_000, 1_000_000), 200_000, 60_000
)
SMALL: Final = Size(1, 1_500, 1_000, 10.0, 20_000, 2_000, (1, 2), 4, (10_000, 20_000), 5_000, 30_000)


class Bench:
    """One broker, and the measurements on it."""

    def __init__(self, figures: Figures, broker: str, folder: Path, size: Size) -> None:
        self.figures = figures
        self.broker = broker
        self.folder = folder
        self.size = size
        self._carried: list[float] = []

    def stages(self) -> None:
        """Part a."""
        lives, rounds = self.size.lives // 2, self.size.rounds
        stages_beside_bare(self.figures, self.broker, self.folder, lives=lives, rounds=rounds)

    def lives(self) -> None:
        """Part b: at saturation, and at half of that rate."""
        runs = [self._run(self._settings()) for _ in range(self.size.rounds)]
        self._carried = [run.rate for run in runs]
        what = f"b. whole lives a second, {COMMANDS_A_LIFE} commands each, {self.size.going:,} at once"
        self.figures.add(what, self._carried, goal=Goal(1_000))
        self._costs("b. processor of a life", runs)
        self._by_the_clock(median(self._carried) / 2)

    def _by_the_clock(self, rate: float) -> None:
        runs = []
        for _ in range(self.size.rounds):
            settings, lives = self._settings(), int(rate * self.size.seconds)
            runs.append(run_lives(settings, self.folder, lives, steadily(rate)))
            reconcile(settings, lives)
        self.figures.add("b. reports a second, by the clock", [rate])
        for fact in (b"disposed", b"closed"):
            # what comes in the first seconds warms the stages up
            waits = [run.public.seconds_to(fact, after=run.begun + self.size.seconds / 10) for run in runs]
            for share in (0.5, 0.95, 0.99):
                goal = Goal(150, at_least=False) if (fact, share) == (b"disposed", 0.99) else None
                values = [quantile(each, share) * _MS for each in waits]
                self.figures.add(f"b. from report to {fact.decode()}, ms, p{share * 100:.0f}", values, goal=goal)

    def stored(self) -> None:
        """Part c: with and without stored complaints, in turns."""
        shares = []
        for _ in range(self.size.rounds):
            alone = self._run(self._settings()).rate
            settings = self._settings()
            store(settings, self.size.stored)
            laden = run_lives(settings, self.folder, self.size.lives, at_once(self.size.going))
            reconcile_facts(settings, self.size.lives)
            shares.append(laden.rate / alone)
        self.figures.add(f"c. lives a second with {self.size.stored:,} stored, to none", shares, ".2f", goal=Goal(0.95))

    def recovery(self) -> None:
        """Part d."""
        for count in self.size.complaints:
            kept(self.figures, count, self.size.rounds)
        at_rest(self.figures, self.size.stored)
        for stored in self.size.complaints:
            recovery(self.figures, self.broker, self.folder, stored=stored, rounds=self.size.rounds)

    def uncompacted(self) -> None:
        """Part h."""
        after_lives(self.figures, self.broker, self.folder, lives=self.size.over, rounds=self.size.rounds)

    def mirror(self) -> None:
        """Part i."""
        mirrored(self.figures, self.broker, self.folder, lives=self.size.mirrored, rounds=self.size.rounds)
        shown(self.figures, self.folder, complaints=self.size.stored, rounds=self.size.rounds)

    def timers(self) -> None:
        """Part e."""
        for armed in (AT_A_TIME, 10 * AT_A_TIME, 100 * AT_A_TIME):
            if armed <= self.size.stored:
                costs(self.figures, armed, self.size.rounds)
        late(self.figures, self.broker, self.folder, due=self.size.due, rounds=self.size.rounds)

    def burst(self) -> None:
        """Part f: a tenth of the capacity, then ten times that."""
        if not self._carried:
            self._carried = [self._run(self._settings()).rate]
        rate, seconds = median(self._carried) * _SHARE_OF_PEAK, self.size.seconds
        drained, waits = [], []
        for _ in range(self.size.rounds):
            settings = self._settings()
            lives = int(rate * (_CALM_SECONDS + 10 * seconds))
            run = run_lives(settings, self.folder, lives, burst(rate, _CALM_SECONDS, seconds))
            reconcile(settings, lives)
            drained.append(run.seconds - _CALM_SECONDS - seconds)
            waits.append(quantile(run.public.seconds_to(b"disposed"), 0.99))
        self.figures.add(f"f. burst from {rate:,.0f} to {rate * 10:,.0f} reports a second, s", [seconds])
        self.figures.add("f. seconds after it until all lives were over", drained, ".1f")
        self.figures.add("f. from report to disposed, s, p99", waits, ".2f")

    def scaling(self) -> None:
        """Part g."""
        for count in self.size.workers:
            runs = []
            for _ in range(self.size.rounds):
                settings = engine_settings(self.broker, self.folder, partitions=count)
                runs.append(self._run(settings, each=count))
            what = f"g. {count} partitions, {count} workers a stage"
            self.figures.add(f"{what}, lives a second", [run.rate for run in runs])
            self._costs(f"{what}, processor of a life", runs)

    def warm_up(self) -> None:
        """Run some lives unmeasured: a new broker takes several times the CPU for each."""
        say(f"warming the broker up, with {self.size.going:,} lives")
        run_lives(self._settings(), self.folder, self.size.going, at_once(self.size.going))

    def _settings(self) -> Settings:
        return engine_settings(self.broker, self.folder, self.size.partitions)

    def _run(self, settings: Settings, each: int = 1) -> Run:
        run = run_lives(settings, self.folder, self.size.lives, at_once(self.size.going), each)
        reconcile(settings, self.size.lives)
        return run

    def _costs(self, what: str, runs: list[Run]) -> None:
        self.figures.add(f"{what}, ms, all", [sum(run.cpu.values()) for run in runs], ".2f")
        for name in runs[0].cpu:
            self.figures.add(f"{what}, ms, {name}", [run.cpu[name] for run in runs], ".3f")


PARTS: Final[dict[str, Callable[[Bench], None]]] = {
    "a": Bench.stages,
    "b": Bench.lives,
    "c": Bench.stored,
    "d": Bench.recovery,
    "e": Bench.timers,
    "f": Bench.burst,
    "g": Bench.scaling,
    "h": Bench.uncompacted,
    "i": Bench.mirror,
}
ON_A_WARM_BROKER: Final = frozenset("bcfg")
"""Parts that say what a life costs, the broker included."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="".join(PARTS), metavar="PARTS", help="parts to measure, such as ab")
    parser.add_argument("--small", action="store_true", help="little of it, once: a quick look")
    parser.add_argument("--lives", type=int, help="whole lives of a run in a closed loop")
    parser.add_argument("--partitions", type=int, help="of each topic, in parts b, c and f: 4 unless given")
    parser.add_argument("--rounds", type=int, help="how often each figure is taken; three times, or once if small")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where the figures are written")
    options = parser.parse_args()
    if unknown := set(options.only) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; use one of {', '.join(PARTS)}")
    size = SMALL if options.small else FULL
    lives = options.lives or size.lives
    # with fewer waves than that, the rate would be that of a beginning and an end
    going = min(size.going, max(1, lives // _WAVES))
    rounds, partitions = options.rounds or size.rounds, options.partitions or size.partitions
    size = replace(size, rounds=rounds, lives=lives, going=going, partitions=partitions)
    figures = Figures("what the engine carries")
    with running_broker(os.environ, say) as broker, tempfile.TemporaryDirectory() as folder:
        bench = Bench(figures, broker, Path(folder), size)
        try:
            if ON_A_WARM_BROKER & set(options.only):
                bench.warm_up()
            for part in options.only:
                PARTS[part](bench)
        finally:
            # an hour of figures is not lost to what went wrong in its last minute
            if figures.rows:
                figures.show(options.json)


if __name__ == "__main__":
    main()
