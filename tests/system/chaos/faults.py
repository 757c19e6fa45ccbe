"""Faults of a running engine, each as a machine, a network or a person causes it."""

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agents.cli.context import say
from agents.config.settings import Settings
from agents.runtime import lifeline
from events.topics import STAGES
from tests.support.forked_stage import ForkedStage
from tests.system.chaos.brokers import Brokers

WORKERS_PER_STAGE: Final = 2
LONGER_THAN_A_SESSION: Final = 8.0
"""Seconds: who is frozen for so long wakes as a zombie, whose partitions somebody else has taken over."""
BROKER_AWAY: Final = 10.0
BROKER_AWAY_LONG: Final = 60.0
SLOW_FOR: Final = 15.0
"""Seconds that a worker is given only a part of the time for."""
SLOW_SHARE: Final = 5
"""A slow worker runs in one of so many turns."""


@dataclass
class Worker:
    """One process of a stage."""

    stage: str
    process: ForkedStage
    thaw_at: float | None = None
    slow_until: float | None = None


@dataclass
class Machine:
    """The brokers, the workers, and operations on them."""

    settings: Settings
    brokers: Brokers
    log: Path
    workers: list[Worker] = field(default_factory=list)
    foreign: list[bytes] = field(default_factory=list)
    """Keys of complaints that foreign records have hit."""
    incidents: list[str] = field(default_factory=list)
    """Topics and partitions whose records expired unread."""
    expired: set[str] = field(default_factory=set)
    """Keys of those records: their complaints may be lost."""
    unseen: int = 0
    """An expected effect of a fault that did not occur."""
    _turn: int = 0

    def expect(self, what: str, seen: bool) -> None:  # noqa: FBT001 -- what is seen is the point
        """Record the expected effect of a fault."""
        if not seen:
            say(f"not seen: {what}")
            self.unseen += 1

    def at_ease(self) -> list[Worker]:
        """Return the workers without a fault."""
        return [each for each in self.workers if each.thaw_at is None and each.slow_until is None]

    def start(self, stage: str) -> Worker:
        """Start one more worker of a stage."""
        arguments = ["-A", f"agents.{stage}", "worker", "-l", "error", "--without-web"]
        environment = {**self.settings.to_environment(), **lifeline.environment(), "ALUR_LOG": "json"}
        worker = Worker(stage, ForkedStage(arguments, {**os.environ, **environment}, self.log))
        self.workers.append(worker)
        return worker

    def tend(self) -> None:
        """Act as supervisor: restart dead workers, and resume frozen or slow ones after their time."""
        now = time.monotonic()
        self._turn += 1
        for worker in list(self.workers):
            if worker.slow_until is not None:
                over = now >= worker.slow_until
                worker.slow_until = None if over else worker.slow_until
                runs = over or self._turn % SLOW_SHARE == 0
                worker.process.send_signal(signal.SIGCONT if runs else signal.SIGSTOP)
            if worker.thaw_at is not None and now >= worker.thaw_at:
                worker.process.send_signal(signal.SIGCONT)
                worker.thaw_at = None
            if worker.process.poll() is not None:
                self.workers.remove(worker)
                self.start(worker.stage)

    def thaw_all(self) -> None:
        """Resume all frozen processes."""
        for worker in self.workers:
            worker.process.send_signal(signal.SIGCONT)
            worker.thaw_at = worker.slow_until = None

    def stop_stage(self, stage: str) -> None:
        """Stop all workers of a stage."""
        for worker in [each for each in self.workers if each.stage == stage]:
            worker.process.send_signal(signal.SIGCONT)
            self.retire(worker)

    def start_stage(self, stage: str, workers: int) -> None:
        """Start a number of workers of a stage."""
        for _ in range(workers):
            self.start(stage)

    def retire(self, worker: Worker) -> None:
        """Stop a worker without restarting it."""
        self.workers.remove(worker)
        worker.process.terminate()
        worker.process.wait()

    def end(self) -> None:
        """Kill everything."""
        for worker in self.workers:
            with suppress(ProcessLookupError):
                worker.process.kill()
            worker.process.wait()
        self.brokers.end()


def kill_worker(machine: Machine, lots: random.Random) -> str:
    """kill -9 of one worker."""
    worker = lots.choice(machine.workers)
    worker.process.kill()
    worker.process.wait()
    return worker.stage


def freeze_worker(machine: Machine, lots: random.Random) -> str:
    """Freeze a worker for longer than its session; it resumes as a zombie."""
    worker = lots.choice(machine.at_ease())
    worker.process.send_signal(signal.SIGSTOP)
    worker.thaw_at = time.monotonic() + LONGER_THAN_A_SESSION
    return worker.stage


def stop_worker(machine: Machine, lots: random.Random) -> str:
    """Stop a worker, as in a deployment, and start another."""
    worker = lots.choice(machine.at_ease())
    worker.process.terminate()
    return worker.stage


def add_worker(machine: Machine, lots: random.Random) -> str:
    """Add a worker, which causes a rebalance."""
    stage = lots.choice(list(STAGES))
    machine.start(stage)
    return stage


def remove_worker(machine: Machine, lots: random.Random) -> str:
    """Remove a worker, if its stage has more than one."""
    spare = [worker for worker in machine.at_ease() if sum(each.stage == worker.stage for each in machine.workers) > 1]
    if not spare:
        return "nobody to spare"
    worker = lots.choice(spare)
    machine.retire(worker)
    return worker.stage


def slow_worker(machine: Machine, lots: random.Random) -> str:
    """Slow a worker down, as on an overloaded machine."""
    worker = lots.choice(machine.at_ease())
    worker.slow_until = time.monotonic() + SLOW_FOR
    return worker.stage


def kill_broker(machine: Machine, lots: random.Random) -> str:
    """kill -9 of a broker, which restarts with its disk."""
    return machine.brokers.kill_one(lots)


def freeze_broker(machine: Machine, lots: random.Random) -> str:
    """Freeze a broker, as in a network partition."""
    return machine.brokers.freeze_one(lots, BROKER_AWAY)


def lose_broker(machine: Machine, lots: random.Random) -> str:
    """Freeze a broker until every session and transaction has timed out."""
    return machine.brokers.freeze_one(lots, BROKER_AWAY_LONG)


def fill_disk(machine: Machine, lots: random.Random) -> str:
    """Fill a broker's disk until it exits."""
    return machine.brokers.fill_disk(lots) if machine.brokers.disks else "not possible here: only root can mount a disk"


Fault = Callable[[Machine, random.Random], str]
SHORT: Final[dict[Fault, int]] = {
    kill_worker: 10,
    freeze_worker: 6,
    stop_worker: 4,
    slow_worker: 3,
    add_worker: 2,
    remove_worker: 2,
    kill_broker: 1,
    freeze_broker: 1,
}
"""Each fault and its weight in the draw."""
LONG: Final[dict[Fault, int]] = SHORT | {lose_broker: 1, fill_disk: 1}
"""Those too that take a minute."""
