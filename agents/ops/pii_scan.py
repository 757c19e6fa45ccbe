"""Looks for reporters' names, numbers and addresses in what an audit reads: each in its own complaint's records."""

from collections.abc import Iterator
from typing import Final, Protocol

from pydantic import ValidationError

from agents.config.settings import Settings
from agents.ops.dead_letters import origin_of, resolved_letter
from events.client import Record
from events.reports import ReporterIdentity
from events.topics import TopicName
from workflow.audit.complaint_history import Code
from workflow.audit.evidence import Place
from workflow.audit.identifiers import exposed, traces
from workflow.audit.invariants import Audit

READS: Final = (TopicName.IDENTITIES, TopicName.STORIES)
"""What is read beside the topics of an audit."""


class RecordSource(Protocol):
    """Gives the records of a partition up to its end."""

    def read(self, topic: TopicName, number: int) -> Iterator[Record]:
        """Give the records, in order."""


class PiiScan:
    """Reads as `log` does, and notes on the way where the identity of a complaint's reporter shows.

    People's own words are left out: a citizen may sign a report. So are the reports as they came, and what was set
    aside of them, which have to hold it.
    """

    def __init__(self, settings: Settings, log: RecordSource, found: Audit, number: int) -> None:
        self._settings = settings
        self._log = log
        self._found = found
        self._traces: dict[bytes, dict[bytes, tuple[str, ...]]] = {}
        """By complaint, and by key of the identity."""
        for record in log.read(TopicName.IDENTITIES, number):
            self._remember(record)

    def _remember(self, record: Record) -> None:
        if record.key is None:
            return
        known = self._traces.setdefault(record.key.partition(b"/")[0], {})
        known.pop(record.key, None)
        try:
            found = traces(ReporterIdentity.model_validate_json(record.value or b"").reporter)
        except ValidationError:
            return  # erased, or nobody's identity
        if found:
            known[record.key] = found

    def read(self, topic: TopicName, number: int) -> Iterator[Record]:
        """Give the records of a partition."""
        for record in self._log.read(topic, number):
            self._look(record)
            yield record

    def read_the_rest(self, number: int) -> None:
        """Look through what an audit does not read partition by partition."""
        for record in self._log.read(TopicName.STORIES, number):
            self._look(record)
        for record in self._log.read(TopicName.DEAD_LETTERS, number):
            origin = origin_of(self._settings, record.headers)
            if resolved_letter(record.headers) is None and origin is not None and origin.topic is not TopicName.INTAKE:
                self._look(record)

    def _look(self, record: Record) -> None:
        if record.key is None or record.value is None:
            return
        wanted = tuple(each for found in self._traces.get(record.key, {}).values() for each in found)
        if fields := sorted(set(exposed(record.value, wanted))):
            finding = Code.IDENTITY_EXPOSED, f"tells who reports, in {', '.join(fields)}"
            place = Place(record.topic, record.partition, record.offset)
            self._found.note(place, record.key.decode(errors="replace"), finding)
