"""Stages as processes, watched from outside: readiness, memory, CPU."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from agents.config.settings import Settings
from agents.ops.progress import lag
from agents.runtime import lifeline

PATIENCE_SECONDS: Final = 300.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Worker:
    """One stage's process."""

    def __init__(self, stage: str, settings: Settings, folder: Path, program: Path | None = None) -> None:
        """Start it, or `program` instead of the stage's own."""
        self.stage = stage
        self.settings = settings
        self.log = folder / f"{stage}-{time.monotonic_ns()}.log"
        self.started = time.monotonic()
        own = ["-m", "faust", "-A", f"agents.{stage}", "--quiet"]
        command = [sys.executable, *(own if program is None else [str(program)])]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "worker", "-l", "error", "--without-web"],
                env={**os.environ, **settings.to_environment(), **lifeline.environment(), "ALUR_LOG": "json"},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Return its log lines with the name `event`."""
        found = (json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{"))
        return [line for line in found if line.get("event") == event]

    def await_ready(self) -> float:
        """Wait until it has acquired all partitions; return the seconds since its start."""

        def ready() -> bool:
            return len({line["partition"] for line in self.lines("partition_acquired")}) == self.settings.partitions

        wait_for(f"{self.stage} is ready", ready, self)
        return time.monotonic() - self.started

    def memory(self) -> tuple[float, float]:
        """Return its resident memory in MB, now and at its peak."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in status.splitlines() if line.startswith("Vm")}
        return kilobytes["VmRSS"] / 1000, kilobytes["VmHWM"] / 1000

    def cpu(self) -> float:
        """Return the processor seconds it has used."""
        after_name = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / _TICKS

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Stop it cleanly."""
        self.process.terminate()
        self.process.wait(30)


@contextmanager
def running(
    settings: Settings, folder: Path, *stages: str, programs: Mapping[str, Path] | None = None
) -> Iterator[dict[str, Worker]]:
    """Run stages for the block, some by other `programs`, once all are ready."""
    workers = {stage: Worker(stage, settings, folder, (programs or {}).get(stage)) for stage in stages}
    try:
        for worker in workers.values():
            worker.await_ready()
        yield workers
    finally:
        for worker in workers.values():
            worker.kill()


def behind(settings: Settings) -> dict[str, int]:
    """Return the lag of each stage."""
    return {stage: sum(partitions.values()) for stage, partitions in lag(settings).items()}


def wait_for(what: str, probe: Any, *workers: Worker, seconds: float = PATIENCE_SECONDS) -> Any:
    """Poll `probe` until it returns something true, and return that.

    Raises:
        SystemExit: it does not, or one of `workers` has ended.
    """
    deadline = time.monotonic() + seconds
    while not (found := probe()):
        ended = [worker for worker in workers if worker.process.poll() is not None]
        if ended or time.monotonic() > deadline:
            logs = "\n".join(worker.log.read_text()[-2000:] for worker in workers)
            raise SystemExit(f"{what}: not within {seconds:.0f} s\n{logs}")
        time.sleep(0.05)
    return found
