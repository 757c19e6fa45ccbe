"""Output records of a decision: facts, their words if stored apart, and the snapshot."""

from collections.abc import Iterator
from typing import Any, Final

from agents.kafka.records import OutgoingRecord
from agents.runtime.stage import Partition
from agents.stages.report_digests import ReportSignatures
from events import texts
from events.codec.encode import (
    encode_complaint,
    encode_fact,
    encode_snapshot,
    encode_texts,
    fact_headers,
    without_digests,
)
from events.facts import DataErased, Recorded
from events.ids import fact_id
from events.provenance import marked, state_headers
from events.snapshot import Complaint
from events.topics import TopicName

_TOMBSTONE_HEADERS: Final = marked()


class DecisionRecords:
    """Encodes the facts of decisions; the installation record sets whether their words are stored apart."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._signatures = ReportSignatures(partition.keys)

    def of(
        self, key: bytes, decision: tuple[Recorded, ...], source_offset: int, *, replayed: bool
    ) -> tuple[list[OutgoingRecord], bytes]:
        """Return the records of a decision with at least one fact, and its encoded last snapshot.

        A `replayed` command does not restore words that were erased meanwhile.
        """
        number, apart = self._partition.number, self._partition.texts_apart()
        outputs: list[OutgoingRecord] = []
        for recorded in decision:
            fact, complaint = recorded.fact, recorded.complaint
            snapshot = whole = encode_complaint(complaint)
            if apart:
                snapshot = without_digests(whole, complaint)
                ref = texts.text_key(complaint)
                fact, words = texts.split(fact, ref)
                if words and not (replayed and "texts" in complaint.erased):
                    outputs.append(self._words(recorded, ref, words))
                if isinstance(fact, DataErased) and fact.texts:
                    outputs += self._tombstones(complaint)
            value = encode_fact(recorded, snapshot, fact)
            outputs.append(OutgoingRecord(TopicName.EVENTS, key, value, number, fact_headers(recorded)))
        value = encode_snapshot(complaint, whole)
        outputs.append(OutgoingRecord(TopicName.STATE, key, value, number, state_headers(source_offset)))
        return outputs, whole

    def _words(self, recorded: Recorded, ref: str, words: dict[str, Any]) -> OutgoingRecord:
        words |= self._signatures.of_fact(recorded, self._partition.policies)
        headers = marked(("fact", recorded.fact.NAME.encode()))
        return OutgoingRecord(TopicName.TEXTS, ref.encode(), encode_texts(words), self._partition.number, headers)

    def _tombstones(self, complaint: Complaint) -> Iterator[OutgoingRecord]:
        for version in range(1, complaint.version):
            key = fact_id(complaint.complaint_id, version).encode()
            yield OutgoingRecord(TopicName.TEXTS, key, None, self._partition.number, _TOMBSTONE_HEADERS)
