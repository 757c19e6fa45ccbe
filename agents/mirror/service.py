"""Mirror service: copies each record once, in order, with the positions in the same transaction."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Final

from agents.config import policy_files
from agents.config.settings import Settings
from agents.mirror import tables
from agents.mirror.rows import Row, RowBuilder, Rows, WorkingDays
from agents.mirror.stores import MirrorError, Store, require_ours
from agents.mirror.topic_reader import Part, Source, TopicReader
from agents.runtime import failpoints
from events.announcements import CALENDAR
from events.client import calendar_for, require_topics
from events.topics import TopicName
from workflow.policy.announcements import with_announcements
from workflow.policy.model import PolicySet
from workflow.policy.offices import Directory
from workflow.stages.resolution import working_days

TOPICS: Final = (TopicName.EVENTS, TopicName.RESOLUTIONS)
_BATCH_BYTES: Final = 100_000_000
_BATCH_S: Final = 5.0
_POLL_S: Final = 1.0
_RECORDED_EVERY: Final = timedelta(seconds=_POLL_S)
_OUR_TABLE: Final = """
    SELECT 1 FROM information_schema.tables WHERE table_name = 'mirror' AND table_schema = current_schema()"""


@dataclass(frozen=True, slots=True)
class Progress:
    """Rows added by one transaction of the mirror, and the remaining lag."""

    records: int
    unread: int
    lag: int


class Mirror:
    """Copies facts and resolutions of one installation into a store.

    Raises MirrorError for a store with the mirror of another installation or layout, TopicsMissing, KafkaRefused,
    BrokerUnreachable or PolicyError.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        require_topics(settings, [*TOPICS, TopicName.STATE])
        self._settings, self._store = settings, store
        policies = policy_files.load(settings.policy)
        national = policies.at(datetime.now(UTC))
        self._rows = RowBuilder(national.national_zone, _working_days(settings, policies))
        self._stories_gone = False
        self._prepare()
        self._load_offices(national.directory)

    def _prepare(self) -> None:
        """Create the tables of an empty store; refuse one with other content."""
        owner = {"prefix": self._settings.prefix, "layout": str(tables.SCHEMA_VERSION)}
        with self._store.transaction():
            if not self._store.rows(_OUR_TABLE):
                for statement in [*tables.CREATE, *(tables.INDEXES if self._store.persistent else ())]:
                    self._store.execute(statement)
                for row in owner.items():
                    self._store.execute("INSERT INTO mirror VALUES (%s, %s)", row)
                return
            entries = dict(self._store.rows("SELECT name, value FROM mirror"))
        require_ours(entries, self._settings.prefix)

    def _load_offices(self, directory: Directory) -> None:
        names = ("id", "name", "level", "parent", "agency", "province", "city", "since", "until")
        rows = [
            [
                *(directory.agency(each.id) if name == "agency" else getattr(each, name) for name in names),
                " ".join(sorted(each.categories)) or None,
            ]
            for each in directory
        ]
        with self._store.transaction():
            self._store.execute("DELETE FROM offices")
            self._store.load("offices", rows)

    def sync(self) -> Iterator[Progress]:
        """Copy all present records, one transaction at a time, then make them visible to readers."""
        with self._reader() as reader:
            begun = datetime.now(UTC)
            yield from self._copy(reader, reader.ends())
        self._note_current(begun)
        self._publish()

    def run(self, ended: Callable[[], bool]) -> Iterator[Progress]:
        """Copy continuously until `ended`, for a store whose readers see each transaction."""
        with self._reader() as reader:
            moment, ends = datetime.now(UTC), reader.ends()
            for each in self._copy(reader, ends):
                yield each
                if ended():
                    return
            self._note_current(moment)
            self._publish()
            moment, ends = datetime.now(UTC), reader.ends()
            while not ended():
                written = self._write(reader.poll(_POLL_S))
                yield replace(written, lag=reader.lag())
                # earlier log ends: under load the present ones are never reached
                if datetime.now(UTC) - moment >= _RECORDED_EVERY and reader.has_reached(ends):
                    self._note_current(moment)
                    moment, ends = datetime.now(UTC), reader.ends()
                if self._stories_gone:
                    self._publish()

    def _note_current(self, moment: datetime) -> None:
        """Record in the mirror that it has all records from before `moment`."""
        with self._store.transaction():
            self._store.execute("DELETE FROM mirror WHERE name = %s", [tables.CURRENT_AT])
            self._store.execute("INSERT INTO mirror VALUES (%s, %s)", [tables.CURRENT_AT, moment.isoformat()])

    def _publish(self) -> None:
        self._store.publish(compact=self._stories_gone)
        self._stories_gone = False

    def _reader(self) -> TopicReader:
        reader = TopicReader(self._settings, TOPICS)
        try:
            self._go_on(reader)
        except BaseException:
            reader.__exit__()
            raise
        return reader

    def _go_on(self, reader: TopicReader) -> None:
        """Continue at the stored positions; a partition without one starts at its first record."""
        positions = {
            (TopicName(topic), number): int(offset)
            for topic, number, offset in self._store.rows("SELECT topic, kafka_partition, next_offset FROM positions")
        }
        starts, ends = reader.starts(), reader.ends()
        for (topic, number), offset in positions.items():
            if offset > ends.get((topic, number), -1):
                raise MirrorError(
                    f"{self._settings.topic(topic)}, partition {number}, ends before offset {offset}, which "
                    "the mirror has read: was the topic recreated? Rebuild the mirror with --rebuild"
                )
        reader.start_at({partition: max(positions.get(partition, 0), start) for partition, start in starts.items()})

    def _copy(self, reader: TopicReader, ends: dict[Source, int]) -> Iterator[Progress]:
        """Write one batch in a thread while the next is read, so that at most two are in memory."""
        with ThreadPoolExecutor(1) as writer:
            written: Future[Progress] | None = None
            for parts in _batches(reader, ends):
                if written is not None:
                    yield replace(written.result(), lag=reader.lag())
                written = writer.submit(self._write, parts)
            if written is not None:
                yield written.result()

    def _write(self, parts: list[Part]) -> Progress:
        rows, count = self._rows.rows(parts), sum(len(records) for _, records in parts)
        if count:
            with self._store.transaction():
                self._apply(rows)
                failpoints.reach("after-produce")
            failpoints.reach("after-commit")
        return Progress(count, len(rows.unread), 0)

    def _apply(self, rows: Rows) -> None:
        load, execute = self._store.load, self._store.execute
        load("facts", rows.facts)
        load("unread", rows.unread)
        if rows.complaints:
            self._stage("complaints", list(rows.complaints.values()))
            for statement in tables.REPLACE_COMPLAINTS:
                execute(statement)
            load("clocks", list(chain.from_iterable(rows.clocks.values())))
            execute("DROP TABLE new_complaints")
        if rows.resolutions:
            self._stage("resolutions", list(rows.resolutions.values()))
            self._stories_gone |= bool(self._store.rows(tables.REPLACED_STORIES))
            execute("DELETE FROM resolutions WHERE complaint_id IN (SELECT complaint_id FROM new_resolutions)")
            execute("INSERT INTO resolutions SELECT * FROM new_resolutions WHERE sequence IS NOT NULL")
            execute("DROP TABLE new_resolutions")
        for topic, partition in rows.positions:
            execute("DELETE FROM positions WHERE topic = %s AND kafka_partition = %s", (topic, partition))
        load("positions", [(*partition, offset) for partition, offset in rows.positions.items()])

    def _stage(self, table: str, rows: list[Row]) -> None:
        self._store.execute(f"CREATE TEMPORARY TABLE new_{table} AS SELECT * FROM {table} LIMIT 0")  # noqa: S608 -- a name of ours
        self._store.load(f"new_{table}", rows)


def _batches(reader: TopicReader, ends: dict[Source, int]) -> Iterator[list[Part]]:
    """Yield the records up to `ends` in batches of limited size and time."""
    gathered: list[Part] = []
    size, begun = 0, time.monotonic()
    for parts in reader.polls_to(ends):
        gathered += parts
        size += sum(len(each.value or b"") for _, records in parts for each in records)
        if gathered and (size >= _BATCH_BYTES or time.monotonic() - begun > _BATCH_S):
            yield gathered
            gathered, size, begun = [], 0, time.monotonic()
    yield gathered


def _working_days(settings: Settings, policies: PolicySet) -> WorkingDays:
    """Return a function that counts working days by policy version, with announced holidays so far."""
    announced = calendar_for(settings, CALENDAR)
    versions = {each.version: with_announcements(each, announced) for each in policies.versions}

    def count(version: str, received: datetime, until: datetime) -> int | None:
        policy = versions.get(version)
        return None if policy is None else working_days(received, until, policy)

    return count
