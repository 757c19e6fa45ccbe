"""LAPOR export: one row per complaint, from the topics.

A row is complete with the last fact of its complaint, whose version is in the state. So texts, which only facts have,
are in memory from the first fact of a complaint to its last, not until the end of the topic.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from agents.integrations.lapor_rows import WITH_TEXTS, RowTexts, row, texts_after
from agents.ops.snapshots import last_of_each
from events.client import ClientSettings, Reader, Record, extents, read_all, texts_of_partition
from events.client.texts import text_ref
from events.codec.decode import decode_fact, decode_snapshot, decode_texts
from events.errors import Undecodable
from events.facts import Recorded
from events.ids import identity_key
from events.reports import ReporterIdentity
from events.texts import put_together
from events.topics import TopicName

PATIENCE_S: Final = 10.0
"""Seconds to wait for missing facts, in all partitions together."""


@dataclass(frozen=True)
class ExportOptions:
    """Options of the export. `identities`: include reporters who are not anonymous; needs the right to read them."""

    offices: Mapping[str, tuple[str, str]]
    """By office: its name, and that of the office above it, if any."""
    zone: ZoneInfo
    identities: bool = False


@dataclass
class Export:
    """The rows of an installation, and the number of complaints with missing facts. Raises `KafkaFailure`."""

    settings: ClientSettings
    options: ExportOptions
    waits: Callable[[str], None] = lambda _: None
    """Called once, with a line, before a wait for facts."""
    patience: float = PATIENCE_S
    """Seconds left to wait for missing facts."""
    rows: int = 0
    incomplete: int = 0
    _has_waited: bool = field(default=False, init=False)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        """Yield the rows, partition by partition, in the order of each complaint's last fact."""
        for number in range(extents(self.settings, [TopicName.STATE])[TopicName.STATE].partitions):
            yield from self._partition(number)

    def _partition(self, number: int) -> Iterator[tuple[str, ...]]:
        last = self._versions(number)
        names = self._names(number) if self.options.identities else {}
        words = texts_of_partition(self.settings, number, WITH_TEXTS)
        incomplete: dict[str, RowTexts] = {}
        with Reader(self.settings, [TopicName.EVENTS], partitions=[number]) as reader:
            for record in self._until_complete(reader, last):
                try:
                    recorded = _with_words(decode_fact(record.value), words)
                except Undecodable:
                    continue  # from a foreign producer
                complaint = recorded.complaint
                # not changes since the state was read
                if complaint.complaint_id not in last:
                    continue
                texts = texts_after(incomplete.pop(complaint.complaint_id, RowTexts()), recorded.fact)
                if complaint.version < last[complaint.complaint_id]:
                    incomplete[complaint.complaint_id] = texts
                    continue
                del last[complaint.complaint_id]
                self.rows += 1
                own = identity_key(complaint.complaint_id, complaint.tracking_id)
                reporter = names.get(own, names.get(complaint.complaint_id))
                yield row(complaint, texts, offices=self.options.offices, zone=self.options.zone, reporter=reporter)
        self.incomplete += len(last)

    def _until_complete(self, reader: Reader, waited_for: Collection[str]) -> Iterator[Record]:
        """Yield the records up to the end, and wait a little longer if the last fact of a complaint is missing.

        A transaction becomes visible partition by partition, so a snapshot may precede its fact. The wait is limited
        for all partitions together, since a lost fact never arrives.
        """
        yield from reader.to_end()
        if waited_for and not self._has_waited:
            self._has_waited = True
            self.waits(f"waiting up to {self.patience:g} s for facts that should be there: what has changed just now")
        while waited_for and self.patience > 0:
            began = time.monotonic()
            records = reader.poll()
            self.patience -= time.monotonic() - began
            yield from records

    def _versions(self, number: int) -> dict[str, int]:
        snapshots = read_all(self.settings, [TopicName.STATE], partitions=[number])
        return dict(last_of_each(snapshots, _version, skip_unreadable=True).values())

    def _names(self, number: int) -> dict[str, str]:
        """Return the names of reporters by the key of their identity, without erased ones."""
        names: dict[str, str] = {}
        for record in read_all(self.settings, [TopicName.IDENTITIES], partitions=[number]):
            key = (record.key or b"").decode(errors="replace")
            names.pop(key, None)
            if record.value is None:
                continue
            try:
                name = ReporterIdentity.model_validate_json(record.value).reporter.name
            except ValidationError:
                continue
            if name is not None:
                names[key] = name
        return names


def _version(snapshot: bytes) -> tuple[str, int]:
    complaint = decode_snapshot(snapshot)
    return complaint.complaint_id, complaint.version


def _with_words(recorded: Recorded, texts: Mapping[str, bytes]) -> Recorded:
    """Return a fact with its texts, if they are stored apart and readable."""
    words = texts.get(text_ref(recorded) or "")
    return recorded if words is None else put_together(recorded, decode_texts(words))
