"""Overload: ten times the capacity in reports, while officers work.

    python -m tests.system.overload --seconds 60
    python -m tests.system.overload --seconds 20 --unheld      # intake as fast as it can, to compare

First it is measured what the engine carries, then how soon officers are answered on a calm day; then the flood comes.
When all of it has been settled, the topics are read back. The last line is
`overload: reports=N carried=R/s burst=B/s calm_p99_ms=N burst_p50_ms=N burst_p99_ms=N memory_mb=N drained_s=N lost=0
doubled=0 pending=0`; the exit status is 1 if anything is lost, doubled or pending.
"""

import argparse
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from agents.cli.context import say
from agents.config.settings import Settings
from agents.local_broker import running_broker
from agents.local_broker.keys import with_local_keys
from agents.ops.audit import audit
from agents.ops.topics import ensure_topics
from events.ids import complaint_id
from events.topics import STAGES, TopicName
from tests.system.officers import HOLDER, PANRB, Officers, report
from tests.system.workers import Worker, behind, running

CHANNEL: Final = "/channels/flood"
TIMES: Final = 10
LOOK_SECONDS: Final = 0.2
PATIENCE_SECONDS: Final = 3_600.0
CALM_SECONDS: Final = 10.0
MOST_AT_ONCE: Final = 500
MEASURED: Final = 8_000
"""Reports by which it is measured what the engine carries."""
HELD: Final = 40
"""Complaints that officers work on."""


@dataclass
class Watch:
    """Memory and lag of the stages."""

    settings: Settings
    workers: Mapping[str, Worker]
    first: dict[str, float] = field(default_factory=dict)
    most: dict[str, float] = field(default_factory=dict)
    waiting: int = 0
    """The most commands that were seen waiting for lifecycle."""

    def look(self) -> dict[str, int]:
        """Sample memory and lag; return the lag of each stage.

        Raises:
            SystemExit: a stage has ended.
        """
        for stage, worker in self.workers.items():
            if worker.process.poll() is not None:
                raise SystemExit(f"{stage} has ended: {worker.log.read_text()[-2000:]}")
            megabytes, _ = worker.memory()
            self.first.setdefault(stage, megabytes)
            self.most[stage] = max(megabytes, self.most.get(stage, 0))
        found = behind(self.settings)
        self.waiting = max(self.waiting, found["lifecycle"])
        return found


class Overload:
    """One run of it."""

    def __init__(self, settings: Settings, workers: Mapping[str, Worker]) -> None:
        self.settings = settings
        self.watch = Watch(settings, workers)
        self.officers = Officers(settings)
        self.sent = 0

    def flood(self, rate: float, seconds: float) -> float:
        """Publish `rate` reports a second, while officers work; return their number."""
        began, first = time.monotonic(), self.sent
        watched = began
        while (elapsed := time.monotonic() - began) < seconds:
            # a machine that cannot keep up with its own flood shall not keep the officers waiting for that
            for _ in range(min(MOST_AT_ONCE, int(elapsed * rate) - self.sent + first)):
                self.publish()
            self.officers.act()
            if time.monotonic() - watched > 1:
                found, watched = self.watch.look(), time.monotonic()
                say(f"  {elapsed:3.0f} s: {found['intake']:,} reports wait, {found['lifecycle']:,} commands wait")
        return (self.sent - first) / (time.monotonic() - began)

    def publish(self) -> None:
        """Publish one report."""
        self.sent += 1
        key = complaint_id(CHANNEL, str(self.sent)).encode()
        self.officers.send(TopicName.INTAKE, key, report(CHANNEL, str(self.sent)))

    def quiet(self) -> float:
        """Wait until no group lags; return the seconds that took."""
        began, still = time.monotonic(), 0

        def done() -> bool:
            nonlocal still
            still = 0 if any(self.watch.look().values()) else still + 1
            return still > 2

        self._until("everything is settled", done)
        return time.monotonic() - began

    def drain(self) -> float:
        """Wait until no report waits; return the seconds that took."""
        began = time.monotonic()
        self._until("no report waits", lambda: not self.watch.look()["intake"], officers=True)
        return time.monotonic() - began

    def _until(self, what: str, done: Callable[[], bool], *, officers: bool = False) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        looked = 0.0
        while True:
            self.officers.act(commanding=officers)
            if time.monotonic() - looked > LOOK_SECONDS:
                looked = time.monotonic()
                if done():
                    return
            if time.monotonic() > deadline:
                raise SystemExit(f"{what}: not within {PATIENCE_SECONDS:.0f} s")

    def prepare(self) -> None:
        """Dispose some complaints to an office."""
        names = [complaint_id(CHANNEL, f"held-{number}") for number in range(HELD)]
        for number, complaint in enumerate(names):
            self.officers.send(TopicName.INTAKE, complaint.encode(), report(CHANNEL, f"held-{number}"))
        self.quiet()
        for complaint in names:
            self.officers.command("verify-complaint", PANRB, complaint, {})
        self.quiet()
        self.officers.held = [name for name in names if self.officers.status.get(name.encode()) == b"disposed"]
        if len(self.officers.held) != HELD:
            raise SystemExit(f"only {len(self.officers.held)} of {HELD} complaints are with {HOLDER}")

    def carried(self, reports: int) -> float:
        """Return the throughput in registered reports per second."""
        began = time.monotonic()
        for _ in range(reports):
            self.publish()
        self._until("they are registered", lambda: not any(self.watch.look().values()))
        return reports / (time.monotonic() - began)


def run(seconds: float, *, unheld: bool) -> int:
    """Run it; return the exit status."""
    with running_broker(os.environ, say) as broker, tempfile.TemporaryDirectory(prefix="alur-overload-") as folder:
        settings = Settings(broker=broker, prefix=f"load{uuid.uuid4().hex[:8]}.", partitions=4)
        settings = with_local_keys(settings, os.environ)
        ensure_topics(settings)
        programs = {"intake": Path(__file__).parents[1] / "benchmarks" / "unheld_intake.py"} if unheld else {}
        with running(settings, Path(folder), *STAGES, programs=programs) as workers:
            return _run(Overload(settings, workers), seconds)


def _run(overload: Overload, seconds: float) -> int:
    watch, officers = overload.watch, overload.officers
    overload.prepare()
    rate = overload.carried(MEASURED)
    say(f"the engine carries {rate:,.0f} reports a second")
    officers.work(CALM_SECONDS)
    calm = officers.quantiles()
    say(f"on a calm day an officer is answered within {calm[0] * 1000:.0f} ms (p50), {calm[1] * 1000:.0f} ms (p99)")
    watch.first.clear()
    watch.look()
    watch.waiting = 0
    say(f"{rate * TIMES:,.0f} reports a second for {seconds:.0f} s")
    burst = overload.flood(rate * TIMES, seconds)
    during = officers.quantiles(await_all=True)
    drained = overload.drain()
    grown = {stage: watch.most[stage] - before for stage, before in watch.first.items()}
    say("memory: " + ", ".join(f"{stage} {watch.first[stage]:.0f}+{each:.0f} MB" for stage, each in grown.items()))
    say(f"at most {watch.waiting:,} commands waited for lifecycle")
    overload.quiet()
    officers.close()
    found = audit(overload.settings)
    for violation in found.violations[:20]:
        say(str(violation))
    counts = found.counts
    missing = overload.sent + HELD - counts.complaints
    figures: dict[str, Any] = {
        "reports": overload.sent,
        "carried": f"{rate:.0f}/s",
        "burst": f"{burst:.0f}/s",
        "calm_p99_ms": round(calm[1] * 1000),
        "burst_p50_ms": round(during[0] * 1000),
        "burst_p99_ms": round(during[1] * 1000),
        "memory_mb": round(max(grown.values())),
        "drained_s": round(drained),
        "lost": found.lost + missing + officers.unanswered,
        "doubled": found.doubled,
        "pending": counts.pending,
    }
    say("overload: " + " ".join(f"{name}={value}" for name, value in figures.items()))
    return int(bool(found.violations or missing or officers.unanswered or counts.pending))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the flood lasts")
    parser.add_argument("--unheld", action="store_true", help="let intake run ahead of lifecycle, to compare")
    given = parser.parse_args()
    sys.exit(run(given.seconds, unheld=given.unheld))
