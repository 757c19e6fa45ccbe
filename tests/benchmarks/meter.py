"""What each process has used of the processor, the broker's included if it is ours."""

import os
import time
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Final

from tests.system.workers import Worker

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_NAME, _PARENT, _USER, _SYSTEM = 0, 2, 12, 13
"""Fields of /proc/<pid>/stat behind the process id."""


class Meter:
    """Counts from now on."""

    def __init__(self, workers: Collection[Worker]) -> None:
        self._workers = workers
        self._before = self._now()

    def seconds(self) -> dict[str, float]:
        """Return the processor seconds since, by stage, of the load itself (`people`) and of the broker."""
        return {name: seconds - self._before.get(name, 0.0) for name, seconds in self._now().items()}

    def _now(self) -> dict[str, float]:
        found: dict[str, float] = defaultdict(float)
        for worker in self._workers:
            found[worker.stage] += worker.cpu()
        found["people"] = time.process_time()
        if (broker := _broker()) is not None:
            found["broker"] = broker
        return dict(found)


def resident_mb() -> float:
    """Return the resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def _broker() -> float | None:
    """Return the processor seconds of the broker that this process has started, None if it has started none."""
    processes = {int(path.name): fields for path in Path("/proc").glob("[0-9]*") if (fields := _stat(path))}
    ours = {os.getpid()}
    # a parent has the lower number, unless numbers have begun anew: look twice
    for _ in range(2):
        ours |= {pid for pid, fields in sorted(processes.items()) if int(fields[_PARENT]) in ours}
    java = [fields for pid, fields in processes.items() if pid in ours and fields[_NAME] == "java"]
    return sum((int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS for fields in java) if java else None


def _stat(process: Path) -> list[str] | None:
    try:
        text = (process / "stat").read_text()
    except OSError:
        return None  # it has just ended
    name, _, rest = text.partition("(")[2].rpartition(")")
    return [name, *rest.split()]
