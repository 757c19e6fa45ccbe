"""Index of earlier reports in all partitions, for the detection of duplicates."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from aiokafka import TopicPartition

from agents.config.keys import Keys
from agents.config.settings import Settings
from agents.kafka import clients
from agents.kafka.protocols import KafkaRecord
from agents.runtime.topic_follower import TopicFollower
from agents.stages.report_digests import ReportSignatures
from events import facts as f
from events.cloudevents import log_moment
from events.codec.decode import complaint_key, decode_own_fact, decode_texts
from events.codec.partial import is_apart
from events.ids import complaint_of_identity, fact_id
from events.provenance import Origin, header_value
from events.topics import TopicName
from events.wording import number_of
from workflow.policy.model import Policy, PolicySet
from workflow.stages.duplicates import Index

log = structlog.get_logger()

_MAX_LOGGED: Final = 10
"""Maximum log lines on suspected duplicates per half second: a load test sends one text a thousand times."""
_MAX_AWAITING_WORDS: Final = 10_000
"""Maximum number of registrations that wait for their words, if the check is only logged."""
_LOG_EVERY_S: Final = 0.5
_WORDS_TIMEOUT_S: Final = 0.5
_ENDING: Final = frozenset(
    each.NAME.encode() for each in (f.ComplaintClosed, f.ComplaintArchived, f.ComplaintWithdrawn)
)
_OPENING: Final = frozenset(each.NAME.encode() for each in (f.ComplaintReopened, f.ComplaintRestored))
_REGISTERED: Final = f.ComplaintRegistered.NAME.encode()


class DuplicateIndex:
    """Index of report fingerprints that finds the first open complaint of each.

    It reads all partitions of two topics: the texts, with the signature of each report, and the facts, which close or
    reopen complaints and may hold the words themselves. If the policy archives duplicates automatically, no
    registration is checked before the index has read both topics to their ends at start-up, and the registration
    itself. Reports that reach two partitions at the same time may both pass; an administrator then decides.
    """

    def __init__(
        self,
        settings: Settings,
        policies: PolicySet,
        stage: str,
        *,
        keys: Callable[[], Keys],
        writer_since: Callable[[int], Callable[[TopicName], int | None]],
    ) -> None:
        self._settings = settings
        self._policies = policies
        self._stage = stage
        self._keys = keys
        self._writer_since = writer_since
        self._origins: dict[tuple[TopicName, int], Origin] = {}
        self._archives = any("archive" in policy.machine for policy in policies.versions)
        self._index = Index(max(policy.duplicates.span for policy in policies.versions))
        self._awaiting_words: dict[str, Policy] = {}
        self._suspected: list[tuple[str, str]] = []
        self._texts = self._follower(TopicName.TEXTS, {_REGISTERED}, self._take_texts)
        self._facts = self._follower(TopicName.EVENTS, {_REGISTERED, *_ENDING, *_OPENING}, self._take_fact)

    def _follower(
        self, topic: TopicName, facts: Collection[bytes], take: Callable[[KafkaRecord], None]
    ) -> TopicFollower:
        return TopicFollower(
            self._settings,
            self._stage,
            topic,
            since=self._index.window,
            header=("fact", frozenset(facts)),
            on_record=partial(self._take, topic, take),
            batch_fetches=not self._archives,
        )

    async def run(self) -> None:
        """Follow the topics until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._texts.run())
            tasks.create_task(self._facts.run())
            while True:
                await asyncio.sleep(_LOG_EVERY_S)
                self.log_suspected()

    def hand_over(self, topic: TopicName, record: KafkaRecord) -> None:
        """Index a record of the texts or the facts."""
        (self._texts if topic is TopicName.TEXTS else self._facts).hand_over(record)

    def _take(self, topic: TopicName, take: Callable[[KafkaRecord], None], record: KafkaRecord) -> None:
        origin = self._origins.get((topic, record.partition))
        if origin is None:
            origin = Origin(partial(self._writer_since(record.partition), topic))
            self._origins[topic, record.partition] = origin
        origin.check(record.offset, record.headers)
        take(record)

    def _take_texts(self, record: KafkaRecord) -> None:
        complaint = str(UUID(bytes=complaint_key(complaint_of_identity(record.key or b""))))
        if record.key != fact_id(complaint, 1).encode():
            return
        if record.value is None:
            self._index.remove(log_moment(record.timestamp), complaint, erased=True)
        else:
            self._add(decode_texts(record.value).signature, record, complaint)

    def _take_fact(self, record: KafkaRecord) -> None:
        name = header_value(record.headers, "fact")
        if name in _ENDING:
            self._index.remove(log_moment(record.timestamp), str(UUID(bytes=complaint_key(record.key))))
            return
        if name in _OPENING:
            self._index.put_back(str(UUID(bytes=complaint_key(record.key))))
            return
        if is_apart(record.value):
            return  # its signature comes with its words
        recorded = decode_own_fact(record.key, record.value)
        fact, complaint = recorded.fact, recorded.complaint
        if isinstance(fact, f.ComplaintRegistered) and fact.text_ref is None:
            policy = self._policies.governing(complaint.policy, complaint.received_at)
            signature = ReportSignatures(self._keys()).of(fact.report, policy)
            self._add(signature, record, complaint.complaint_id)

    def _add(self, signature: str | None, record: KafkaRecord, complaint: str) -> None:
        print_ = None if signature is None else bytes.fromhex(signature.rpartition(":")[2])
        self._index.add(print_, log_moment(record.timestamp), complaint)
        if (policy := self._awaiting_words.pop(complaint, None)) is not None:
            self._original(complaint, policy)

    def wait_reason(self) -> str | None:
        """Return why the next facts cannot be checked for duplicates yet; None if they can."""
        followers = self._texts, self._facts
        unread = sum(each.unread for each in followers)
        if self._archives and (unread or any(each.has_waiters for each in followers)):
            return f"reading earlier reports: {number_of(unread, 'record')} to go"
        return None

    async def wait_until_indexed(self, batch: Mapping[int, Sequence[KafkaRecord]]) -> None:
        """Wait until the index contains these registrations and all earlier ones; `batch` by partition."""
        if not self._archives:
            return
        await self._texts.wait_until({})
        await self._facts.wait_until({number: records[-1].offset for number, records in batch.items()})
        with suppress(TimeoutError):
            async with asyncio.timeout(_WORDS_TIMEOUT_S):
                await self._texts.wait_for(lambda: not self._unindexed(batch))
        if unindexed := self._unindexed(batch):
            # the words are erased, or their partition does not show the end of the transaction yet
            topic = self._settings.topic(TopicName.TEXTS)
            ends = await clients.log_ends(self._settings, [TopicPartition(topic, number) for number in unindexed])
            await self._texts.wait_until({each.partition: end - 1 for each, end in ends.items() if end})

    def _unindexed(self, batch: Mapping[int, Sequence[KafkaRecord]]) -> set[int]:
        """Return the partitions of registrations in `batch` that are not indexed."""
        return {
            number
            for number, records in batch.items()
            for each in records
            if header_value(each.headers, "fact") == _REGISTERED and (each.key or b"").decode() not in self._index
        }

    def original_of(self, recorded: f.Recorded, policy: Policy) -> str | None:
        """Return the complaint that a report repeats; checked at registration, not again after a completion."""
        complaint = recorded.complaint.complaint_id
        if not isinstance(recorded.fact, f.ComplaintRegistered):
            return None
        if complaint not in self._index and "archive" not in policy.machine:
            self._awaiting_words[complaint] = policy
            if len(self._awaiting_words) > _MAX_AWAITING_WORDS:
                del self._awaiting_words[next(iter(self._awaiting_words))]
            return None
        return self._original(complaint, policy)

    def _original(self, complaint: str, policy: Policy) -> str | None:
        original = self._index.original(complaint, policy.duplicates.span)
        if original is not None and "archive" not in policy.machine:
            self._suspected.append((complaint, original))
        return original

    def log_suspected(self) -> None:
        """Log suspected duplicates that the policy leaves to people."""
        for complaint, original in self._suspected[:_MAX_LOGGED]:
            log.info("duplicate_suspected", stage=self._stage, complaint=complaint, original=original)
        if (more := len(self._suspected) - _MAX_LOGGED) > 0:
            log.info("duplicates_suspected", stage=self._stage, more=more)
        self._suspected.clear()
