"""Installation record of a worker: read before partitions are acquired, then followed.

Writers use optimistic concurrency: an entry names the offset of the last entry for its key that its writer had read,
and is void if another one came between (`InstallationLog`). Its writer then decides again.
"""

import asyncio
import json
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.protocols import KafkaProducer, KafkaRecord
from agents.runtime.process import exit_with_error
from events.client.errors import KafkaRefused
from events.installation import Incident, InstallationLog, incidents_in, texts_apart, writer_since
from events.topics import TopicName

log = structlog.get_logger()

Values = Mapping[str, Any]
"""The record: a JSON value per key."""

_LONGEST_PAUSE_SECONDS: Final = 0.05
_FETCHING: Final = clients.Fetching(1, wait_ms=5_000)  # the broker answers at once when records arrive


class Installation:
    """The installation record, kept up to date until `stop`."""

    def __init__(self, settings: Settings, stage: str) -> None:
        self._settings = settings
        self._stage = stage
        self._log = InstallationLog()
        self._watchers: list[Callable[[str, object], None]] = []
        self._consumer: Any = None
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the record to its end and follow it from there. The topic has to exist. Raises KafkaError."""
        self._consumer = clients.consumer(self._settings, fetching=_FETCHING)
        await self._consumer.start()
        async for records in clients.to_end(self._consumer, _partition(self._settings)):
            self._apply(records)
        self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Close the connection."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        if self._consumer is not None:
            await self._consumer.stop()

    @property
    def values(self) -> Values:
        """Current values of the record."""
        return self._log.values

    @property
    def incidents(self) -> list[Incident]:
        """All incidents, acknowledged or not."""
        return incidents_in(self._log.values)

    def texts_apart(self) -> bool:
        """Return True if free text is written to `complaints.texts` in place of the facts."""
        return texts_apart(self.values)

    def writer_since(self, partition: int) -> Callable[[TopicName], int | None]:
        """Return a function for the offset in a topic from which records have a writer number; None if unknown."""
        return lambda topic: writer_since(self.values, topic, partition)

    def watch(self, callback: Callable[[str, object], None]) -> None:
        """Call `callback` with key and value of each later change."""
        self._watchers.append(callback)

    async def change(self, decide: Callable[[Values], Values]) -> None:
        """Write the entries that `decide` returns for the whole record; called again if another writer comes between.

        Raises KafkaError: the record cannot be read or written.
        """
        self._log.values |= await change(self._settings, decide)

    async def report(self, incident: Incident) -> None:
        """Log an incident and record it, unless it is recorded already.

        An incident without a record is recorded again after it was acknowledged: it has happened again.

        Raises KafkaError: the record cannot be read or written.
        """
        log.error("incident_reported", kind=incident.kind, stage=self._stage, reason=incident.reason, id=incident.id)
        known = next((each for each in self.incidents if each.key == incident.key), None)
        if known is None or (known.acknowledged_at is not None and known.first_offset is None):
            value = replace(incident, at=incident.at or datetime.now(UTC)).to_value()
            await self.change(lambda _values: {incident.key: value})

    async def _follow(self) -> None:
        try:
            while True:
                fetched = await self._consumer.getmany(timeout_ms=_FETCHING.wait_ms)
                for records in fetched.values():
                    for key, value in self._apply(records).items():
                        for callback in self._watchers:
                            callback(key, value)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 -- any failure ends the process
            exit_with_error(self._stage, error)

    def _apply(self, records: Sequence[KafkaRecord]) -> dict[str, Any]:
        changed: dict[str, Any] = {}
        for each in records:
            changed |= self._log.add(each.offset, each.key, each.value, each.headers)
        return changed


async def change(settings: Settings, decide: Callable[[Values], Values]) -> Values:
    """Write the entries that `decide` returns for the whole record, and return them; unchanged ones are not written.

    `decide` is called again if another writer has set one of the keys meanwhile. A void entry is overwritten with the
    valid value, since compaction keeps only the last entry of a key.

    Raises KafkaError: the record cannot be read or written.
    """
    producer = clients.producer(settings)
    await producer.start()
    wanted: dict[str, Any] = {}
    late: frozenset[str] = frozenset()
    try:
        while True:
            entries, _ = await read_entries(settings)
            kept = {key: entries.values.get(key) for key in late}
            try:
                decided = decide(entries.values)
            except Exception:
                await _write(settings, producer, kept, entries)
                raise
            due = {key: value for key, value in decided.items() if entries.values.get(key) != value}
            wanted |= due
            offsets = await _write(settings, producer, kept | due, entries)
            if not offsets:
                return wanted
            _, counting = await read_entries(settings)
            late = frozenset(key for key, at in offsets.items() if at not in counting)
            if not late:
                return wanted
            await asyncio.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))  # noqa: S311 -- jitter
    finally:
        await producer.stop()


def change_now(settings: Settings, decide: Callable[[Values], Values]) -> Values:
    """Change the record as `change` does, for a command. Raises KafkaRefused: it cannot be read or written."""
    # the library logs that a new topic has no leader yet
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(change(settings, decide))
    except KafkaError as error:
        raise KafkaRefused(
            f"the installation record cannot be written: {str(error) or type(error).__name__}"
        ) from error


async def read_entries(settings: Settings) -> tuple[InstallationLog, set[int]]:
    """Return the present record, with the offset of each valid entry. Raises KafkaError."""
    entries, counting = InstallationLog(), set[int]()
    async for records in clients.read_to_end(settings, _partition(settings)):
        for each in records:
            if entries.add(each.offset, each.key, each.value, each.headers):
                counting.add(each.offset)
    return entries, counting


async def _write(settings: Settings, producer: KafkaProducer, values: Values, read: InstallationLog) -> dict[str, int]:
    """Write entries based on those in `read`; return the offset of each."""
    partition, offsets = _partition(settings), {}
    for key, value in values.items():
        encoded = json.dumps(value, ensure_ascii=False).encode()
        sent = await producer.send_and_wait(
            partition.topic, encoded, key.encode(), partition.partition, headers=[read.after(key)]
        )
        offsets[key] = sent.offset
    return offsets


def _partition(settings: Settings) -> TopicPartition:
    return TopicPartition(settings.topic(TopicName.INSTALLATION), 0)
