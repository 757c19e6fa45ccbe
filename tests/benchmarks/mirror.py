"""Part i: facts a second into DuckDB and PostgreSQL, and how long reports and the public site take."""

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Final
from uuid import UUID

from agents.config import policy_files
from agents.config.settings import Settings
from agents.demo.generator import Generator
from agents.mirror.definitions import REPORTS, Grouping, Report
from agents.mirror.figures import Period, report
from agents.mirror.service import Mirror
from agents.mirror.site import build
from agents.mirror.stores import Reading, open_store
from agents.ops.topics import ensure_topics
from events.codec.encode import encode_complaint, encode_fact
from events.topics import TopicName
from tests.benchmarks.figures import Figures, Goal
from tests.benchmarks.kept import facts_of_life
from tests.benchmarks.loads import LIFE, Record, fresh_settings, publish
from tests.benchmarks.meter import Meter, resident_mb
from tests.support.mirrored import fill
from tests.support.postgres import running_postgres

_SAMPLES: Final = 200
_SEED: Final = 1708
_SIDE_BY_SIDE: Final = 20_000
FACTS_A_LIFE: Final = len(LIFE) + 1


@lru_cache(maxsize=1)
def _templates() -> list[list[bytes]]:
    """Return the facts of some lives, without the complaint's id."""
    lots = random.Random(_SEED)  # noqa: S311 -- no secret
    directory = policy_files.load("lapor").versions[-1].directory
    made = Generator(_SEED, directory, datetime.now(UTC).date()).submissions(_SAMPLES)
    return [
        [
            encode_fact(each, encode_complaint(each.complaint))
            .replace(b"%", b"%%")
            .replace(each.complaint.complaint_id.encode(), b"%(id)s")
            for each in facts_of_life(submission.report, number, len(LIFE), lots)
        ]
        for number, submission in enumerate(made)
    ]


def facts(count: int) -> Iterator[Record]:
    """Yield the facts of a number of lives, twenty thousand of them concurrent."""
    templates = _templates()
    for first in range(0, count, _SIDE_BY_SIDE):
        for step in range(FACTS_A_LIFE):
            for number in range(first, min(first + _SIDE_BY_SIDE, count)):
                key = str(UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)).encode()
                yield key, templates[number % len(templates)][step] % {b"id": key}


def mirrored(figures: Figures, broker: str, folder: Path, *, lives: int, rounds: int) -> None:
    """Measure both databases with all facts of a number of lives."""
    settings = fresh_settings(broker)
    ensure_topics(settings)
    count = publish(settings, TopicName.EVENTS, facts(lives))
    with running_postgres() as url:
        for name, target, goal in (("DuckDB", str(folder / "mirror.duckdb"), 20_000), ("PostgreSQL", url, 10_000)):
            found = [_copied(settings, target, count) for _ in range(rounds)]
            rates, costs, served = zip(*found, strict=True)
            figures.add(f"i. facts a second into {name}, {count:,} of them", rates, goal=Goal(goal))
            figures.add(f"i. processor of a fact into {name}, µs", costs, ".1f")
            if all(served):
                figures.add("i. processor of the broker for a fact, µs", served, ".1f")
    figures.add("i. MB resident after it", [resident_mb()])


def _copied(settings: Settings, target: str, count: int) -> tuple[float, float, float]:
    """Return the rate, and the processor time of a fact in this process and in the broker."""
    begun, meter = time.monotonic(), Meter([])
    with open_store(target, rebuild=True) as store:
        copied = sum(each.records for each in Mirror(settings, store).sync())
    seconds, used = time.monotonic() - begun, meter.seconds()
    with Reading(target) as reading:
        ((found, distinct),) = reading.rows("SELECT COUNT(*), COUNT(DISTINCT complaint_id) FROM facts")
    if not copied == found == count or distinct * FACTS_A_LIFE != count:
        raise SystemExit(f"{copied:,} copied, {found:,} facts of {distinct:,} complaints, of {count:,}")
    return count / seconds, used["people"] / count * 1e6, used.get("broker", 0.0) / count * 1e6


def shown(figures: Figures, folder: Path, *, complaints: int, rounds: int) -> None:
    """Measure each report by each grouping, and the site, from a mirror without Kafka."""
    target = folder / "filled.duckdb"
    fill(target, complaints)
    reports: dict[str, list[float]] = {}
    sites = []
    with Reading(str(target)) as reading:
        for number in range(rounds):
            for name in REPORTS:
                for by in Grouping:
                    if by is not Grouping.CLOCK or name is Report.DEADLINES:
                        begun = time.monotonic()
                        report(reading, name, Period.parse("2026"), by=by)
                        reports.setdefault(f"{name} by {by}", []).append(time.monotonic() - begun)
            begun = time.monotonic()
            build(reading, folder / f"site-{number}")
            sites.append(time.monotonic() - begun)
    slowest = max(reports, key=lambda name: median(reports[name]))
    what = f"i. slowest report over {complaints:,} complaints ({slowest}), s"
    figures.add(what, reports[slowest], ".2f", goal=Goal(5, at_least=False))
    figures.add(f"i. site of {complaints:,} complaints, s", sites, ".1f", goal=Goal(60, at_least=False))
