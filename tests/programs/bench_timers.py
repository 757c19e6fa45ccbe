"""`make bench-timers`: what a million clocks cost, how soon they are ready again, and how late they ring."""

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Final
from uuid import UUID

from figures import Figures, quantile, say
from loads import fresh_settings, in_days, publish, snapshots
from workers import Worker, running, wait_for

from agents.admin import ensure_topics
from agents.broker import running_broker
from agents.settings import Settings
from agents.shell import Partition
from agents.sla import Timers
from events.client import Reader, Record
from events.codec import decode_command
from events.commands import NoticeDeadline
from events.topics import TopicName

WINDOW_SECONDS: Final = 60
LEAD_SECONDS: Final = 20
"""The first deadline passes so long after the stages can be expected to be ready."""
AT_A_TIME: Final = 10_000


def cost(figures: Figures, armed: int) -> None:
    """Measure in this process, in processor time: to arm `armed` clocks, and to ring 10,000 of them in a minute."""
    timers, spent, before = Timers(Partition(0, 1, None)), 0.0, _resident_mb()  # type: ignore[arg-type]  # needs no policy
    start, draw = datetime.now(UTC), random.Random(1)  # noqa: S311 -- no secret

    def due(number: int) -> datetime:
        return start + timedelta(seconds=draw.uniform(0, 60) if number < AT_A_TIME else draw.uniform(60, 30 * 86_400))

    for first in range(0, armed, AT_A_TIME):
        numbers = range(first, first + AT_A_TIME)
        records = [SimpleNamespace(key=key, value=value) for key, value in _one_clock(numbers, start, due)]
        begun = time.process_time()
        for record in records:
            timers.restore(record)
        spent += time.process_time() - begun
    memory = _resident_mb() - before
    begun, rung = time.process_time(), 0
    for tick in range(20 * 62):
        rung += sum(1 for _ in timers.tick(start + timedelta(seconds=tick / 20)))
    ringing = time.process_time() - begun
    figures.add(
        f"{armed:,} armed in process",
        f"{spent / armed * 1e6:.1f} µs to arm, {ringing / rung * 1e6:.1f} µs to ring, {memory:.0f} MB",
        "growth like log n" if armed == AT_A_TIME else "",
    )


def _one_clock(numbers: range, at: datetime, due: Callable[[int], datetime]) -> Iterator[tuple[bytes, bytes]]:
    # the other clock has been breached before: what is counted is what is armed
    for key, value in snapshots(numbers, at, due, at):
        head, mark, tail = value.partition(b'"settlement":')
        yield key, head + mark + tail.replace(b'"breached":false', b'"breached":true', 1)


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def ready_again(figures: Figures, settings: Settings, folder: Path, stage: str, what: str) -> float:
    """Measure and return how soon a stage is ready with what is in the state topic, after kill -9."""
    worker = Worker(stage, settings, folder)
    worker.await_ready()
    worker.kill()
    worker = Worker(stage, settings, folder)
    seconds = worker.await_ready()
    cpu, (now, most) = worker.cpu(), worker.memory()
    reading = max(line["seconds"] for line in worker.lines("took-over"))
    worker.kill()
    figures.add(
        f"{stage}: ready after kill -9 with {what}",
        f"{seconds:.1f} s ({reading:.1f} s of it reading; {cpu:.1f} s of CPU), {now:,.0f} MB, at most {most:,.0f} MB",
        "≤ 30 s, ≤ 2,500 MB",
    )
    return seconds


@dataclass(frozen=True, slots=True)
class Falling:
    """Deadlines that are to pass: those of the complaints `numbers`, from `start` on, within `seconds`."""

    numbers: range
    start: datetime
    seconds: int

    def due(self, number: int) -> datetime:
        """Tell when that of one complaint does, to the millisecond."""
        return self.start + timedelta(milliseconds=number * 7_919 % (self.seconds * 1_000 or 1))


def lateness(figures: Figures, settings: Settings, folder: Path, falling: Falling) -> None:
    """Let deadlines pass while the stages run, and read from the log when notice was given of each."""
    snaps = snapshots(falling.numbers, datetime.now(UTC), falling.due, in_days(40))
    publish(settings, TopicName.STATE, snaps)
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
    late: dict[tuple[UUID, datetime], float] = {}
    for record in found:
        event = decode_command(record.value)
        assert isinstance(event.data, NoticeDeadline)
        due = event.data.due_at
        late.setdefault((event.subject, due), (record.at - due).total_seconds())
    seconds, again = list(late.values()), len(found) - len(late)
    figures.add(
        f"{len(seconds):,} due " + (f"within {falling.seconds} s" if falling.seconds else "at one moment"),
        f"{sum(each <= 0 for each in seconds)} early, late p50 {quantile(seconds, 0.5):.3f} s, "
        f"p99 {quantile(seconds, 0.99):.3f} s, at most {max(seconds):.3f} s; {again:,} said again",
        "none early, p99 ≤ 1 s" if falling.seconds else "",
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--complaints", type=int, default=500_000, help="open complaints, of two clocks each")
    parser.add_argument("--due", type=int, default=100_000, help="how many fall due within a minute")
    parser.add_argument("--small", action="store_true", help="20,000 complaints, 2,000 of them due: a quick look")
    given = parser.parse_args()
    complaints, due = (20_000, 2_000) if given.small else (given.complaints, given.due)
    figures = Figures("timers")
    for armed in (AT_A_TIME, 10 * AT_A_TIME) if given.small else (AT_A_TIME, 10 * AT_A_TIME, 100 * AT_A_TIME):
        cost(figures, armed)
    with running_broker(os.environ, say) as broker, tempfile.TemporaryDirectory() as folder:
        settings = fresh_settings(broker)
        ensure_topics(settings)
        begun = time.monotonic()
        rest = in_days(20)
        publish(
            settings,
            TopicName.STATE,
            snapshots(range(complaints), datetime.now(UTC), lambda n: rest + timedelta(seconds=n), in_days(40)),
        )
        say(f"{complaints:,} snapshots written in {time.monotonic() - begun:.0f} s")
        what = f"{complaints:,} complaints, {2 * complaints:,} clocks"
        ready = max(ready_again(figures, settings, Path(folder), stage, what) for stage in ("sla", "lifecycle"))
        for seconds in (WINDOW_SECONDS, 0):
            start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=LEAD_SECONDS + 2 * ready)
            first, count = (0, due) if seconds else (due, due // 5)
            lateness(figures, settings, Path(folder), Falling(range(first, first + count), start, seconds))
    figures.show()


if __name__ == "__main__":
    main()
