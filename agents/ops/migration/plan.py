"""Plan of a migration: what is copied, after a check that the old installation is stopped and drained."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from agents.config.settings import Settings
from agents.kafka import clients
from agents.ops.dead_letters.records import resolved_letter
from agents.ops.migration.texts import TextSplitter, lacks_keys, text_splitter
from agents.ops.offsets import require_stopped
from agents.ops.progress import lag
from events.announcements import CALENDAR_KEY, REMEMBERED_ANNOUNCEMENTS, Announcements
from events.client import read_all, require_topics
from events.client.administration import admin_client
from events.client.errors import KafkaFailure, KafkaRefused
from events.client.partitions import partition_of
from events.client.reader import installation_values
from events.codec.decode import complaint_key, decode_calendar
from events.errors import Undecodable
from events.ids import digest
from events.installation import TEXTS_APART, TEXTS_IN_FACTS, Layout, texts_apart, unfinished_migration, writer_since
from events.provenance import Origin
from events.topics import ALL_TOPICS, FROM_MEMORY, INWARD, STAGES, TOPICS, TopicName
from events.wording import number_of

COPIED: Final = tuple(topic.name for topic in TOPICS if topic.partitions is None and topic.name not in INWARD)
"""Topics to copy, in this order; the installation record is written anew."""
_OPEN_SECONDS: Final = 70.0
"""Longer than the 60 s after which Kafka aborts the open transaction of a killed worker."""
_ASK_AGAIN_SECONDS: Final = 0.5

_Result = TypeVar("_Result")


class MigrationRefused(KafkaFailure):
    """The installation cannot be migrated now, or with these arguments; the message is one line with the remedy."""


class KeptCalendar(NamedTuple):
    """Announcements in a partition, and the timestamp of their record in milliseconds."""

    announcements: Announcements
    timestamp: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A migration of the installation `source` to the prefix and the number of partitions of `target`."""

    source: Settings
    target: Settings
    values: Mapping[str, Any]
    """The installation record of the source."""
    ends: dict[str, list[int]]
    """Log end of each partition of the source by topic, inward topics included."""
    calendars: tuple[KeptCalendar | None, ...]
    """By partition of the target."""
    resolved: frozenset[str]
    """Positions of dead letters that were replayed or discarded."""
    splitter: TextSplitter | None
    """Moves free text apart from the facts; None: it stays in them."""

    @property
    def texts(self) -> str:
        """Where the target keeps free text, by its installation record."""
        return TEXTS_IN_FACTS if self.splitter is None else TEXTS_APART


def plan(source: Settings, target: Settings, texts: str | None = None) -> Plan:
    """Check that `source` is stopped and drained, and return what a migration to `target` copies.

    `texts`: where the target keeps free text, `TEXTS_APART` or `TEXTS_IN_FACTS`; None: where `source` does.

    Raises:
        StageRunning: a stage of `source` runs.
        MigrationRefused: records are unread or quarantined, a transaction is open, holidays differ between partitions,
            or the key file that signs texts is not set.
        PolicyError, SettingsError: the policy or the key file cannot be used.
        BrokerUnreachable, KafkaRefused, TopicsMissing: Kafka does not answer, or refuses.
    """
    require_topics(source, ALL_TOPICS)
    values = installation_values(source)
    if Layout.of(values) is None or unfinished_migration(values) is not None:
        raise MigrationRefused(f"{source.prefix!r} is not a complete installation: upgrade it, or finish its migration")
    ends = settled_ends(source)
    calendars = run(_calendars(source, values))
    letters = read_all(source, [TopicName.DEAD_LETTERS])
    resolved = frozenset(position for each in letters if (position := resolved_letter(each.headers)) is not None)
    if target.partitions != source.partitions:
        calendars = (merged(source, calendars),) * target.partitions
    apart = texts_apart(values) if texts is None else texts == TEXTS_APART
    splitter = _splitter(source, values) if apart else None
    return Plan(source, target, values, ends, calendars, resolved, splitter)


def _splitter(source: Settings, values: Mapping[str, Any]) -> TextSplitter:
    if run(lacks_keys(source)):
        raise MigrationRefused(
            "ALUR_KEY_FILE is not set here, but the stages have one, whose key signs the reports that are moved: "
            "set it to that file; if none was set for `alur run`, it is `keys` beside the data of the local broker "
            "(~/.local/state/alur/broker/keys, or in ALUR_HOME)"
        )
    return run(text_splitter(source, values))


def settled_ends(source: Settings) -> dict[str, list[int]]:
    """Return the log ends of a stopped installation; raise as `plan` if a stage has unread records or open work."""
    with admin_client(source) as client:
        require_stopped(client, source, tuple(STAGES))
    for stage, records_by_partition in lag(source).items():
        if stage != FROM_MEMORY and (unread := sum(records_by_partition.values())):
            raise MigrationRefused(
                f"{stage} has {number_of(unread, 'record')} of {source.topic(STAGES[stage])} unread: stop the "
                "senders, start the stages until `alur lag` shows nothing, and stop them"
            )
    numbers = range(source.partitions)
    partitions = {name: [TopicPartition(source.topic(name), n) for n in numbers] for name in (*COPIED, *INWARD)}
    ends = run(stable_ends(source, [each for own in partitions.values() for each in own]))
    return {str(name): [ends[each] for each in own] for name, own in partitions.items()}


def run(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a coroutine that uses aiokafka and return its result; raise KafkaRefused for its errors."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the error states it once
    try:
        return asyncio.run(work)
    except KafkaError as error:
        raise KafkaRefused(f"Kafka refused ({str(error) or type(error).__name__}): run it again") from error


async def stable_ends(settings: Settings, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    """Return the log ends of `partitions` once no transaction is open; raise MigrationRefused if one hangs."""
    async with clients.running(clients.consumer(settings)) as reader:
        deadline = time.monotonic() + _OPEN_SECONDS
        while True:
            ends = await clients.log_ends(settings, partitions)
            stable = await reader.end_offsets(list(partitions))
            if stable == ends:
                return ends
            if time.monotonic() > deadline:
                where = next(each for each in partitions if stable[each] != ends[each])
                raise MigrationRefused(
                    f"a transaction is open on {where.topic}-{where.partition}: `alur lag` shows whose it is"
                )
            await asyncio.sleep(_ASK_AGAIN_SECONDS)


async def _calendars(source: Settings, values: Mapping[str, Any]) -> tuple[KeptCalendar | None, ...]:
    """Return the announcements of each partition from the state; raise MigrationRefused for a foreign record."""
    calendars: list[KeptCalendar | None] = []
    for number in range(source.partitions):
        origin = Origin(partial(writer_since, values, TopicName.STATE, number))
        calendar: KeptCalendar | None = None
        foreign: set[bytes] = set()
        async for records in clients.read_to_end(source, TopicPartition(source.topic(TopicName.STATE), number)):
            for record in records:
                key = record.key or b""
                if origin.is_foreign(record.offset, record.headers):
                    foreign.add(key)
                    continue
                foreign.discard(key)
                if key == CALENDAR_KEY and record.value is not None:
                    calendar = KeptCalendar(decode_calendar(record.value), record.timestamp)
        if quarantined := [key for key in foreign if _is_at_home(key, number, source.partitions)]:
            raise MigrationRefused(
                f"quarantined in partition {number}: {number_of(len(quarantined), 'complaint')}, such as "
                f"{quarantined[0].decode(errors='replace')}: run `alur state repair` for each"
            )
        calendars.append(calendar)
    return tuple(calendars)


def _is_at_home(key: bytes, number: int, count: int) -> bool:
    """Check whether a foreign record is in its complaint's partition: only there it quarantines the complaint."""
    if key == CALENDAR_KEY:
        return True
    try:
        return partition_of(str(UUID(bytes=complaint_key(key))), count) == number
    except Undecodable:
        return False


def merged(source: Settings, calendars: Sequence[KeptCalendar | None]) -> KeptCalendar | None:
    """Return the record of the partition with the fewest compacted announcements; raise if partitions differ.

    Otherwise the calendar revision of a complaint would mean other announcements in its new partition.
    """
    nothing = KeptCalendar(Announcements.of(), 0)
    all_of_them = [nothing if each is None else each for each in calendars]
    fullest = min(all_of_them, key=lambda each: (each.announcements.dropped, each.announcements.folded))
    for number, each in enumerate(all_of_them):
        if not _agree(each.announcements, fullest.announcements):
            raise MigrationRefused(
                f"partition {number} has other announced holidays, or in another order: repeat the announcements that "
                f"`alur audit` names, or keep the {source.partitions} partitions"
            )
    return None if fullest is nothing else fullest


def _agree(one: Announcements, fullest: Announcements) -> bool:
    names, whole = _digests(one), _digests(fullest)
    recent = names[len(names) - len(one.announcements) + one.folded :]
    remembers_all = max(len(one.known), len(fullest.known)) < REMEMBERED_ANNOUNCEMENTS
    return (
        one.revision == fullest.revision
        and recent == whole[len(whole) - len(recent) :]
        and (not remembers_all or set(names) == set(whole))
    )


def _digests(calendar: Announcements) -> list[str]:
    return [*calendar.known, *(digest(each.by, each.command_id) for each in calendar.announcements)]
