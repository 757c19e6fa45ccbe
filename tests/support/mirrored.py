"""A mirror that is filled without Kafka: with given facts, or with two years in areas of very different size."""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo

from agents.mirror import tables
from agents.mirror.rows import RowBuilder
from agents.mirror.stores import Store, open_store
from events.client import Record
from events.topics import TopicName

CITIES = 500
PROVINCES = 38
CATEGORIES = 60
_SQL = Path(__file__).with_suffix(".sql")


def fill(target: Path, count: int, *, seed: int = 0, years: float = 2.0) -> None:
    """Write a mirror of `count` complaints, with their facts, clocks and resolutions; each 200th has a story."""
    values = {
        "seed": seed, "count": count, "cities": CITIES, "provinces": PROVINCES, "categories": CATEGORIES,
        "start": datetime(2025, 1, 1, tzinfo=UTC).strftime("%Y-%m-%d"), "seconds": int(years * 365 * 86_400),
    }  # fmt: skip
    with open_store(str(target), rebuild=True) as store:
        _create(store, "")
        cities = ((n, f"Provinsi {n % PROVINCES}", f"Kota {n}") for n in range(CITIES))
        store.load("offices", [_office(f"kota-{n}", f"Pemerintah Kota {n}", *place) for n, *place in cities])
        ministries = [
            _office(f"kementerian-{n}", f"Kementerian {n}", None, None, f"kategori-{n}") for n in range(CATEGORIES)
        ]
        store.load("offices", ministries)
        for statement in _SQL.read_text().format(**values).split(";\n"):
            store.execute(statement)
        store.publish(compact=False)


def _create(store: Store, prefix: str) -> None:
    for statement in tables.CREATE:
        store.execute(statement)
    for row in (("prefix", prefix), ("layout", str(tables.SCHEMA_VERSION))):
        store.execute("INSERT INTO mirror VALUES (%s, %s)", row)


def _office(
    name: str, title: str, province: str | None, city: str | None, categories: str | None = None
) -> tuple[str | None, ...]:
    return name, title, "agency", None, name, province, city, None, None, categories


def write(target: str, facts: Iterable[bytes], *, prefix: str = "") -> None:
    """Write a mirror of these facts."""
    builder = RowBuilder(ZoneInfo("Asia/Jakarta"), lambda *_: 1)
    at = datetime.now(UTC)
    records = [Record(TopicName.EVENTS, 0, offset, at, b"", value, {}) for offset, value in enumerate(facts)]
    rows = builder.rows([(TopicName.EVENTS, records)])
    with open_store(target, rebuild=True) as store:
        with store.transaction():
            _create(store, prefix)
            store.load("facts", rows.facts)
            store.load("complaints", list(rows.complaints.values()))
            store.load("clocks", list(chain.from_iterable(rows.clocks.values())))
        store.publish(compact=False)
