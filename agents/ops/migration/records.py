"""Conversion of records for a migration: partition, headers, and omitted records."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from agents.config.settings import Settings
from agents.kafka.protocols import KafkaRecord
from agents.kafka.records import MIGRATED, Headers, OutgoingRecord
from agents.ops.dead_letters.records import origin_of, resolved_letter
from agents.ops.migration.texts import TextSplitter
from events.client.partitions import partition_of
from events.codec.decode import complaint_key, decode_own_fact
from events.codec.parsing import read_ours
from events.codec.partial import snapshot_in
from events.errors import Undecodable
from events.ids import complaint_of_identity
from events.installation import writer_since
from events.outcomes import Story
from events.texts import FactTexts
from events.topics import TopicName
from events.writer import MARKED, SOURCE_OFFSET_HEADER, WRITER_HEADER, Origin, writer_of
from workflow.audit.evidence import Place

_FIRST_WRITER: Final = (WRITER_HEADER, b"1")
"""For records older than writer numbers: merged partitions may put one after a numbered record, which would make it
foreign."""
_KEYED_BY_PART: Final = (TopicName.IDENTITIES, TopicName.TEXTS)
"""Topics whose keys are a complaint id with a suffix."""
_READ: Final[Mapping[TopicName, Callable[[KafkaRecord], object]]] = {
    TopicName.EVENTS: lambda record: decode_own_fact(record.key, record.value),
    TopicName.STATE: lambda record: record.value is None or snapshot_in(record.value, ours=False),
    TopicName.STORIES: lambda record: record.value is None or read_ours(Story, record.value),
    TopicName.TEXTS: lambda record: record.value is None or read_ours(FactTexts, record.value),
}


@dataclass(frozen=True)
class RecordMover:
    """Converts records of one installation for another prefix and another number of partitions."""

    source: Settings
    target: Settings
    values: Mapping[str, Any]
    """The installation record of the source."""
    resolved: frozenset[str]
    """Positions of the dead letters that were replayed or discarded."""
    splitter: TextSplitter | None = None
    """Moves the free text of facts to `complaints.texts`; None: it stays in the facts."""
    _origins: dict[tuple[TopicName, int], Origin] = field(default_factory=dict)

    def move(self, topic: TopicName, record: KafkaRecord) -> Sequence[OutgoingRecord]:
        """Return `record` for the new topics, a fact and its text as two records if texts are apart.

        Omits what the engine ignores: foreign and unreadable records, resolved dead letters, and erased texts.
        """
        headers: Headers | None = record.headers
        home = self.home(topic, record.key, record.partition)
        if topic in MARKED:
            headers = self._numbered(topic, record)
        elif topic is TopicName.DEAD_LETTERS:
            headers = self._letter(record, home)
        if headers is None:
            return ()
        moved = OutgoingRecord(topic, record.key, record.value, home, headers, record.timestamp)
        if self.splitter is not None and topic is TopicName.EVENTS:
            return self.splitter.split(moved)
        if self.splitter is not None and topic is TopicName.TEXTS and record.value is not None:
            return () if self.splitter.has_erased(record.key) else (moved,)
        return (moved,)

    def home(self, topic: TopicName, key: bytes | None, partition: int) -> int:
        """Return the new partition of a record in `partition`: that of its complaint, if its key names one."""
        count = self.target.partitions
        if count == self.source.partitions:
            return partition
        with suppress(Undecodable):
            name = complaint_of_identity(key or b"") if topic in _KEYED_BY_PART else key
            return partition_of(str(UUID(bytes=complaint_key(name))), count)
        return partition % count

    def _numbered(self, topic: TopicName, record: KafkaRecord) -> Headers | None:
        place = topic, record.partition
        if place not in self._origins:
            self._origins[place] = Origin(partial(writer_since, self.values, *place))
        if self._origins[place].is_foreign(record.offset, record.headers):
            return None
        # an offset of the former commands topic: meaningless in the new one
        headers = [each for each in record.headers if each[0] != SOURCE_OFFSET_HEADER]
        if writer_of(headers) is not None:
            return headers
        try:
            _READ[topic](record)
        except Undecodable:
            return None
        return [*headers, _FIRST_WRITER]

    def _letter(self, record: KafkaRecord, home: int) -> Headers | None:
        headers = dict(record.headers)
        letter = Place(TopicName.DEAD_LETTERS, record.partition, record.offset)
        if resolved_letter(headers) is not None or str(letter) in self.resolved:
            return None
        origin = origin_of(self.source, headers)
        if origin is not None:  # the partition of a replay
            headers |= {"topic": self.target.topic(origin.topic).encode(), "partition": str(home).encode()}
        return [*headers.items(), (MIGRATED, b"1")]


def checksum(record: KafkaRecord | OutgoingRecord) -> int:
    """Return a 64-bit checksum of all parts of a record; the sum over records is independent of their order."""
    parts = [record.key, record.value]
    for name, content in record.headers:
        parts += (name.encode(errors="replace"), content)
    encoded = b"".join(b"-" if part is None else b"%d:%b" % (len(part), part) for part in parts)
    return int.from_bytes(blake2b(b"%d/%b" % (record.timestamp or 0, encoded), digest_size=8).digest())
