"""Memory and disk of settled complaints and stories in `resolution` and the dashboard."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Final, NamedTuple

from agents.config import policy_files
from agents.dashboard.complaint_row import read_row
from agents.dashboard.read_model import ReadModel
from agents.runtime.stage import Partition
from agents.stages.resolution import Resolutions
from events.codec.decode import complaint_key
from events.codec.encode import encode_value
from events.outcomes import Story
from tests.benchmarks.figures import Figures, Goal
from tests.benchmarks.kept import stored, varied
from tests.benchmarks.meter import resident_mb

_AT_A_TIME: Final = 10_000
_TITLE: Final = "Jalan berlubang di depan Pasar Badung sudah dua bulan"
_ANSWER: Final = "Terima kasih atas laporannya. Tim sudah menambal lubang dan memeriksa saluran air di sekitarnya. " * 3


class OnDisk(NamedTuple):
    """Memory and disk of a number of settled items."""

    grown_mb: float
    """By how much the process has grown."""
    file_mb: float
    each_us: float
    """Processor time to take one in."""


def _stories(count: int) -> OnDisk:
    handler = Resolutions(Partition(0, 1, policy_files.load("lapor")))
    value = encode_value(Story(title=_TITLE, answer=_ANSWER))
    keys = (key for key, _ in varied(range(count), settled=True))
    return _loaded((stored(offset, key, value) for offset, key in enumerate(keys)), handler.restore)


def _complaints(count: int) -> OnDisk:
    standings = ReadModel()
    records = (stored(0, *each) for each in varied(range(count), settled=True))
    return _loaded(records, lambda each: standings.put(complaint_key(each.key), read_row(each.value)))


def _loaded(records: Iterable[SimpleNamespace], load: Callable[[SimpleNamespace], None]) -> OnDisk:
    spent, count, before, batch = 0.0, 0, 0.0, list[SimpleNamespace]()

    def flush() -> float:
        begun = time.process_time()
        for each in batch:
            load(each)
        batch.clear()
        return time.process_time() - begun

    for record in records:
        before = before or resident_mb()  # what is made up is not the memory's
        batch.append(record)
        count += 1
        if len(batch) == _AT_A_TIME:
            spent += flush()
    spent += flush()
    return OnDisk(resident_mb() - before, _file_mb(), spent / count * 1e6)


def _file_mb() -> float:
    """Return the size of the temporary files of this process."""
    found = [each for each in Path("/proc/self/fd").iterdir() if each.is_symlink() and "etilqs" in str(each.readlink())]
    return sum(each.stat().st_size for each in found) / 1e6


def at_rest(figures: Figures, count: int) -> None:
    """Measure `resolution` and the dashboard with a number of settled complaints."""
    for what, measure in (("resolution with {:,} stories", _stories), ("the board with {:,} settled", _complaints)):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            found = alone.submit(measure, count).result()
        name = f"d. {what.format(count)}"
        figures.add(f"{name}, MB by which it grows", [found.grown_mb], goal=Goal(100, at_least=False))
        figures.add(f"{name}, MB on the disk", [found.file_mb])
        figures.add(f"{name}, µs of processor to take one in", [found.each_us], ".1f")
