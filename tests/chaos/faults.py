"""What is done to the engine while it works: each fault is one that a machine, a network or a person causes."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agents.broker import service
from agents.settings import Settings
from events.topics import STAGES

WORKERS_PER_STAGE: Final = 2
LONGER_THAN_A_SESSION: Final = 8.0
"""Seconds: who is frozen for so long wakes as a zombie, whose partitions somebody else has taken over."""
BROKER_AWAY: Final = 10.0


@dataclass
class Worker:
    """One process of a stage."""

    stage: str
    process: subprocess.Popen[bytes]
    thaw_at: float | None = None


@dataclass
class Machine:
    """The broker and the workers, and what can be done to them."""

    settings: Settings
    env: Mapping[str, str]
    log: Path
    workers: list[Worker] = field(default_factory=list)

    def start(self, stage: str) -> Worker:
        """Start one more worker of a stage."""
        command = [sys.executable, "-m", "faust", "-A", f"agents.{stage}", "worker", "-l", "error", "--without-web"]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                env={**os.environ, **self.settings.to_environment(), "ALUR_LOG": "json"},
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        worker = Worker(stage, process)
        self.workers.append(worker)
        return worker

    def tend(self) -> None:
        """Do what a supervisor does: start again what died, and wake what was frozen for long enough."""
        now = time.monotonic()
        for worker in list(self.workers):
            if worker.thaw_at is not None and now >= worker.thaw_at:
                worker.process.send_signal(signal.SIGCONT)
                worker.thaw_at = None
            if worker.process.poll() is not None:
                self.workers.remove(worker)
                self.start(worker.stage)

    def thaw_all(self) -> None:
        """Wake whoever is frozen."""
        for worker in self.workers:
            worker.process.send_signal(signal.SIGCONT)
            worker.thaw_at = None

    def retire(self, worker: Worker) -> None:
        """Stop a worker for good."""
        self.workers.remove(worker)
        worker.process.terminate()
        worker.process.wait()

    def end(self) -> None:
        """Kill everything."""
        for worker in self.workers:
            with suppress(ProcessLookupError):
                worker.process.kill()
            worker.process.wait()
        service.stop(self.env)

    def _broker_pid(self) -> int:
        running = service.status(self.env).broker
        if running is None or running.pid is None:
            raise SystemExit("chaos: needs a broker that is a process of this machine: Java 17 and Maven")
        return running.pid


def kill_worker(machine: Machine, lots: random.Random) -> str:
    """kill -9 of one worker."""
    worker = lots.choice(machine.workers)
    worker.process.kill()
    worker.process.wait()
    return worker.stage


def freeze_worker(machine: Machine, lots: random.Random) -> str:
    """A worker stands still for longer than its session lasts, and wakes as a zombie."""
    worker = lots.choice([each for each in machine.workers if each.thaw_at is None])
    worker.process.send_signal(signal.SIGSTOP)
    worker.thaw_at = time.monotonic() + LONGER_THAN_A_SESSION
    return worker.stage


def stop_worker(machine: Machine, lots: random.Random) -> str:
    """A worker is asked to stop, as in a deployment, and another takes its place."""
    worker = lots.choice([each for each in machine.workers if each.thaw_at is None])
    worker.process.terminate()
    return worker.stage


def add_worker(machine: Machine, lots: random.Random) -> str:
    """One more worker joins, and the partitions are shared out anew."""
    stage = lots.choice(list(STAGES))
    machine.start(stage)
    return stage


def remove_worker(machine: Machine, lots: random.Random) -> str:
    """A worker leaves for good, if its stage has one to spare."""
    spare = [
        worker
        for worker in machine.workers
        if worker.thaw_at is None and sum(each.stage == worker.stage for each in machine.workers) > 1
    ]
    if not spare:
        return "nobody to spare"
    worker = lots.choice(spare)
    machine.retire(worker)
    return worker.stage


def kill_broker(machine: Machine, lots: random.Random) -> str:
    """kill -9 of the broker, which starts again over what is on its disk."""
    del lots
    os.kill(machine._broker_pid(), signal.SIGKILL)  # noqa: SLF001 -- its own module
    while service.status(machine.env).broker is not None:
        time.sleep(0.05)
    service.start(machine.env, port=int(machine.settings.broker.rpartition(":")[2]))
    return "broker"


def freeze_broker(machine: Machine, lots: random.Random) -> str:
    """The broker is there and does not answer, as across a network that is cut."""
    del lots
    pid = machine._broker_pid()  # noqa: SLF001 -- its own module
    os.kill(pid, signal.SIGSTOP)
    time.sleep(BROKER_AWAY)
    os.kill(pid, signal.SIGCONT)
    return "broker"


Fault = Callable[[Machine, random.Random], str]
FAULTS: Final[dict[Fault, int]] = {
    kill_worker: 10,
    freeze_worker: 6,
    stop_worker: 4,
    add_worker: 2,
    remove_worker: 2,
    kill_broker: 1,
    freeze_broker: 1,
}
"""Each fault and its weight in the draw."""
