"""Migration of free text: moved out of the facts if requested, and dropped if it was erased."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from aiokafka import TopicPartition

from agents.config import policy_files
from agents.config.keys import Keys
from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.protocols import KafkaRecord
from agents.kafka.records import OutgoingRecord
from agents.stages.report_digests import ReportSignatures
from events.codec.decode import decode_own_fact, decode_snapshot
from events.codec.encode import encode_fact, encode_texts
from events.errors import Undecodable
from events.facts import DataErased
from events.installation import KEY_PREFIX, TEXTS_KEY, writer_since
from events.provenance import Origin, header_value, marked
from events.texts import take_apart, text_key
from events.topics import TopicName
from workflow.machine.content_digests import key_of
from workflow.policy.model import PolicySet

_DIGITS: Final = 9  # digits of a version that others may have written
_ERASED: Final = DataErased.NAME.encode()


@dataclass(frozen=True, slots=True)
class TextSplitter:
    """Moves the words of facts to `complaints.texts`, and drops those that were erased before."""

    policies: PolicySet
    signatures: ReportSignatures
    erased: Mapping[str, int]
    """By complaint id, the version of the last fact that erased the texts of all facts before it."""

    def split(self, moved: OutgoingRecord) -> Sequence[OutgoingRecord]:
        """Return a fact without its words, and the words unless they are erased; other records unchanged."""
        try:
            recorded = decode_own_fact(moved.key, moved.value)
        except Undecodable:
            return (moved,)
        bare, words = take_apart(recorded)
        if bare == recorded:
            return (moved,)
        complaint = bare.complaint
        # fields that an older release did not write stay absent: the audit recognizes its rules by them
        snapshot = complaint.__pydantic_serializer__.to_json(complaint, exclude_unset=True)
        fact = moved._replace(value=encode_fact(bare, snapshot))
        key = text_key(complaint).encode()
        if not words or self.has_erased(key):
            return (fact,)
        words |= self.signatures.of_fact(recorded, self.policies)
        headers = marked(("fact", recorded.fact.NAME.encode()))
        return fact, moved._replace(topic=TopicName.TEXTS, key=key, value=encode_texts(words), headers=headers)

    def has_erased(self, key: bytes | None) -> bool:
        """Check whether the words under this key of `complaints.texts` were erased."""
        complaint, _, version = (key or b"").decode(errors="replace").partition("/")
        return version.isdecimal() and len(version) <= _DIGITS and int(version) < self.erased.get(complaint, 0)


async def text_splitter(source: Settings, values: Mapping[str, Any]) -> TextSplitter:
    """Return the splitter for the installation `source`, with `values` in its record."""
    keys = source.keys() if source.key_file else Keys.derived(values.get(KEY_PREFIX, source.prefix))
    # lifecycle erases only free text that is apart
    erased = await _erased(source, values) if TEXTS_KEY in values else {}
    return TextSplitter(policy_files.load(source.policy), ReportSignatures(keys), erased)


async def lacks_keys(source: Settings) -> bool:
    """Check whether the stages of `source` sign with a key file not set here. Raises the errors of `text_splitter`."""
    if source.key_file is not None:
        return False
    own, foreign_key_used = Keys.derived("").ids, False
    # no early return: the event loop closes abandoned iterators in an order that fails
    async for record in _records(source, TopicName.STATE):
        with suppress(Undecodable):
            digests = decode_snapshot(record.value).report.content_digests
            foreign_key_used = foreign_key_used or (digests is not None and key_of(digests) not in own)
    return foreign_key_used


async def _erased(source: Settings, values: Mapping[str, Any]) -> dict[str, int]:
    numbers = range(source.partitions)
    origins = [Origin(partial(writer_since, values, TopicName.EVENTS, number)) for number in numbers]
    erased: dict[str, int] = {}
    async for record in _records(source, TopicName.EVENTS):
        is_foreign = origins[record.partition].is_foreign(record.offset, record.headers)
        if is_foreign or header_value(record.headers, "fact") != _ERASED:
            continue
        with suppress(Undecodable):
            recorded = decode_own_fact(record.key, record.value)
            if isinstance(recorded.fact, DataErased) and recorded.fact.texts:
                erased[recorded.complaint.complaint_id] = recorded.complaint.version
    return erased


async def _records(source: Settings, topic: TopicName) -> AsyncIterator[KafkaRecord]:
    for number in range(source.partitions):
        async for records in clients.read_to_end(source, TopicPartition(source.topic(topic), number)):
            for record in records:
                yield record
