"""Reads the topics and gives each complaint as a row of the LAPOR export.

Texts stand in facts only, and a row can be written when its complaint's last fact has been read. The state says which
that is. So a text is held from a complaint's first fact to its last one, and not until all has been read.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from agents.integrations.lapor_rows import Told, row, told
from events.announcements import CALENDAR_KEY
from events.client import ClientSettings, Reader, Record
from events.codec.messages import decode_fact, decode_snapshot
from events.errors import Undecodable
from events.ids import identity_key
from events.reports import ReporterIdentity
from events.topics import TopicName

PATIENCE_S: Final = 10.0
"""So long facts are waited for that should be there, in all."""


def _say_nothing(_: str) -> None:
    pass


@dataclass(frozen=True)
class ExportOptions:
    """How rows are written. `identities`: name those reporters who are not anonymous, for who may read them."""

    offices: Mapping[str, tuple[str, str]]
    """The name of each office, and that of the office above it or nothing."""
    zone: ZoneInfo
    identities: bool = False


@dataclass
class Export:
    """The rows of an environment; what could not be told of it is counted while they are given.

    Raises:
        BrokerUnreachable, KafkaRefused, TopicsMissing: the topics could not be read.
    """

    settings: ClientSettings
    options: ExportOptions
    waits: Callable[[str], None] = _say_nothing
    """Is told once, in one line, that facts are waited for."""
    patience: float = PATIENCE_S
    """Seconds that are left to wait for such facts, in all partitions together."""
    rows: int = 0
    incomplete: int = 0
    """Complaints whose facts are not all there to be read."""
    _waited: bool = field(default=False, init=False)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        """Give the rows, partition by partition; within one in the order of what happened last."""
        with Reader(self.settings, [TopicName.STATE]) as reader:
            numbers = sorted(number for _, number in reader.ends())
        for number in numbers:
            yield from self._partition(number)

    def _partition(self, number: int) -> Iterator[tuple[str, ...]]:
        last = self._versions(number)
        names = self._names(number) if self.options.identities else {}
        open_ones: dict[str, Told] = {}
        with Reader(self.settings, [TopicName.EVENTS], partitions=[number]) as reader:
            for record in self._until_told(reader, last):
                try:
                    recorded = decode_fact(record.value)
                except Undecodable:
                    continue  # strangers may write anything anywhere; what lifecycle writes can be read
                complaint = recorded.complaint
                # what has happened since the state was read is for the next export
                if complaint.complaint_id not in last:
                    continue
                said = told(open_ones.pop(complaint.complaint_id, Told()), recorded.fact)
                if complaint.version < last[complaint.complaint_id]:
                    open_ones[complaint.complaint_id] = said
                    continue
                del last[complaint.complaint_id]
                self.rows += 1
                own = identity_key(complaint.complaint_id, complaint.tracking_id)
                reporter = names.get(own, names.get(complaint.complaint_id))
                yield row(complaint, said, offices=self.options.offices, zone=self.options.zone, reporter=reporter)
        self.incomplete += len(last)

    def _until_told(self, reader: Reader, waited_for: Collection[str]) -> Iterator[Record]:
        """Give the records to their end, and a little longer if some complaint's last fact is not among them.

        A transaction becomes visible partition by partition: its snapshot may be there a moment before its fact. Where
        it does not come, because it is lost, it comes in no partition: so waiting is done once for all of them.
        """
        yield from reader.to_end()
        if waited_for and not self._waited:
            self._waited = True
            self.waits(f"waiting up to {self.patience:g} s for facts that should be there: what has changed just now")
        while waited_for and self.patience > 0:
            began = time.monotonic()
            found = reader.poll()
            self.patience -= time.monotonic() - began
            yield from found

    def _versions(self, number: int) -> dict[str, int]:
        """Return the last version of each complaint."""
        found = {}
        with Reader(self.settings, [TopicName.STATE], partitions=[number]) as reader:
            for record in reader.to_end():
                if record.key == CALENDAR_KEY or record.value is None:
                    continue
                try:
                    complaint = decode_snapshot(record.value)
                except Undecodable:
                    continue
                found[complaint.complaint_id] = complaint.version
        return found

    def _names(self, number: int) -> dict[str, str]:
        """Return who reported by key of the identity, as far as it has not been erased."""
        found: dict[str, str] = {}
        with Reader(self.settings, [TopicName.IDENTITIES], partitions=[number]) as reader:
            for record in reader.to_end():
                key = (record.key or b"").decode(errors="replace")
                found.pop(key, None)
                if record.value is None:
                    continue
                try:
                    name = ReporterIdentity.model_validate_json(record.value).reporter.name
                except ValidationError:
                    continue
                if name is not None:
                    found[key] = name
        return found
