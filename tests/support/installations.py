"""An installation as a file: records with their offsets, and the committed offsets of each stage.

    python -m tests.support.record_installation CHECKOUT POLICY FILE

writes one with the code of an older version; `restore` lays it out on a broker again, with the settings that its topics
had. Stamps are those of the restoring, and there are no texts of transactions, so a version that is to be upgraded must
not rely on either.
"""

import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from kafka.admin import ConfigFilterType, ConfigResource, ConfigResourceType

from agents.config.settings import Settings
from events.client.administration import admin_client
from events.topics import STAGES

# every byte is a character of it, so that what is no UTF-8 is kept too
_BYTES: Final = "latin-1"
_WAIT_S: Final = 30.0
_NOT_YET: Final = (
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
)

Headers = list[tuple[str, str | None]]


@dataclass(frozen=True)
class Kept:
    """A committed record; key, value and the values of headers are bytes written as latin-1."""

    topic: str
    partition: int
    offset: int
    key: str | None
    value: str | None
    headers: Headers


@dataclass
class Installation:
    """The contents of one."""

    policy: str
    partitions: int
    prefix: str
    topics: dict[str, dict[str, str]] = field(default_factory=dict)
    """The settings of each topic, by its name without the prefix."""
    ends: dict[str, dict[str, int]] = field(default_factory=dict)
    """The offset after the last, by topic and partition."""
    committed: dict[str, dict[str, int]] = field(default_factory=dict)
    """By stage and partition."""
    records: list[Kept] = field(default_factory=list)

    def save(self, file: Path) -> None:
        """Write the file: one line for the whole, then one per record."""
        with gzip.GzipFile(file, "wb", mtime=0) as out:
            for each in ({**asdict(self), "records": []}, *(list(vars(kept).values()) for kept in self.records)):
                out.write(json.dumps(each, ensure_ascii=False).encode() + b"\n")

    @classmethod
    def load(cls, file: Path) -> "Installation":
        """Read what `save` wrote."""
        with gzip.open(file) as lines:
            found = cls(**json.loads(next(lines)))
            found.records = [Kept(*json.loads(line)) for line in lines]
        return found

    def values(self, topic: str) -> list[dict[str, Any]]:
        """Return the events of a topic that are JSON objects."""
        values = (_raw(each.value) for each in self.records if each.topic == topic)
        return [json.loads(value) for value in values if value and value.startswith(b"{")]


def record(settings: Settings) -> Installation:
    """Read a stopped installation."""
    found = Installation(settings.policy, settings.partitions, settings.prefix)
    with admin_client(settings) as admin:
        resources = [
            ConfigResource(ConfigResourceType.TOPIC, name)
            for name in admin.list_topics()
            if name.startswith(settings.prefix)
        ]
        for name, config in admin.describe_configs(resources, config_filter=ConfigFilterType.DYNAMIC)["topic"].items():
            settings_of_topic = {key: str(each["value"]) for key, each in sorted(config.items())}
            found.topics[name.removeprefix(settings.prefix)] = settings_of_topic
    consumer = Consumer(
        {
            "bootstrap.servers": settings.broker,
            "group.id": "recorder",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,
        }
    )
    for topic in sorted(found.topics):
        for number in range(settings.partitions):
            place = TopicPartition(settings.topic(topic), number, 0)
            found.ends.setdefault(topic, {})[str(number)] = consumer.get_watermark_offsets(place, timeout=_WAIT_S)[1]
            found.records += _partition(consumer, place, topic)
    consumer.close()
    for stage in STAGES:
        group = Consumer({"bootstrap.servers": settings.broker, "group.id": settings.group(stage)})
        places = [TopicPartition(settings.topic(STAGES[stage]), number) for number in range(settings.partitions)]
        committed = group.committed(places, timeout=_WAIT_S)
        found.committed[stage] = {str(each.partition): each.offset for each in committed if each.offset >= 0}
        group.close()
    return found


def _partition(consumer: Consumer, place: TopicPartition, topic: str) -> Iterator[Kept]:
    consumer.assign([place])
    while True:
        message = consumer.poll(_WAIT_S)
        if message is None:
            raise TimeoutError(str(place))
        if message.error():
            return
        headers: Any = message.headers() or ()
        texts = [(name, _text(value)) for name, value in headers]
        yield Kept(topic, place.partition, message.offset() or 0, _text(message.key()), _text(message.value()), texts)


def _text(raw: str | bytes | None) -> str | None:
    return raw.decode(_BYTES) if isinstance(raw, bytes) else raw


def _raw(text: str | None) -> bytes | None:
    return None if text is None else text.encode(_BYTES)


def restore(found: Installation, settings: Settings) -> None:
    """Write the installation to a broker, each record at its offset."""
    wanted = {
        settings.topic(topic): {"num_partitions": len(found.ends[topic]), "replication_factor": 1, "configs": config}
        for topic, config in found.topics.items()
    }
    with admin_client(settings) as admin:
        admin.create_topics(wanted)
        admin.wait_for_topics(list(wanted))
    layout = _Layout(found, settings)
    records = {place: list(each) for place, each in groupby(found.records, lambda each: (each.topic, each.partition))}
    for topic, ends in found.ends.items():
        for number, end in ends.items():
            layout.partition(topic, int(number), records.get((topic, int(number)), []), end)
    for stage, committed in found.committed.items():
        group = Consumer({"bootstrap.servers": settings.broker, "group.id": settings.group(stage)})
        name = settings.topic(STAGES[stage])
        if committed:
            _commit(group, [TopicPartition(name, int(number), at) for number, at in committed.items()])
        group.close()


def _commit(group: Consumer, offsets: list[TopicPartition]) -> None:
    """Commit; a broker that has just started is still loading the offsets of its groups."""
    deadline = time.monotonic() + _WAIT_S
    while True:
        try:
            group.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            if error.args[0].code() not in _NOT_YET or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


class _Layout:
    """Writes partitions with the same offsets: a gap is a marker or an aborted record."""

    def __init__(self, found: Installation, settings: Settings) -> None:
        self._found = found
        self._settings = settings
        options = {"bootstrap.servers": settings.broker, "message.max.bytes": 4_000_000}
        self._plain = Producer({**options, "enable.idempotence": True})
        self._transactional = Producer({**options, "transactional.id": f"{settings.prefix}restore"})
        self._transactional.init_transactions(_WAIT_S)

    def partition(self, topic: str, number: int, records: list[Kept], end: int) -> None:
        """Write one partition to its end."""
        run: list[Kept] = []
        reached = 0
        for each in (*records, None):
            gap = (end if each is None else each.offset) - reached
            if gap or each is None:
                self._run(topic, number, run, gap)
                run = []
            if each is not None:
                run.append(each)
                reached = each.offset + 1

    def _run(self, topic: str, number: int, run: list[Kept], gap: int) -> None:
        """Write consecutive records, and the gap behind them."""
        if gap == 1:
            if not run:
                raise ValueError(f"{topic}, partition {number}: a gap of one offset has to follow a record")
            self._transactional.begin_transaction()
            self._write(self._transactional, run)
            self._transactional.commit_transaction(_WAIT_S)
            return
        self._write(self._plain, run)
        if gap:
            self._transactional.begin_transaction()
            self._write(self._transactional, [Kept(topic, number, 0, None, "aborted", [])] * (gap - 1))
            self._transactional.abort_transaction(_WAIT_S)

    def _write(self, producer: Producer, run: list[Kept]) -> None:
        for each in run:
            producer.produce(
                self._settings.topic(each.topic),
                key=_raw(each.key),
                value=_raw(each.value),
                partition=each.partition,
                headers=[(name, self._header(name, value)) for name, value in each.headers],
            )
        if producer.flush(_WAIT_S):
            raise TimeoutError(f"{len(producer)} records were not confirmed")

    def _header(self, name: str, value: str | None) -> bytes | None:
        """Replace the prefix in the topic name of a dead letter."""
        moved = name == "topic" and value is not None and value.startswith(self._found.prefix)
        return _raw(self._settings.topic(value.removeprefix(self._found.prefix)) if moved and value else value)
