"""Index of earlier reports in all partitions, for the detection of duplicates."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import structlog

from agents.config.settings import Settings
from agents.kafka.protocols import KafkaRecord
from agents.runtime.topic_follower import TopicFollower
from agents.stages.report_digests import ReportSignatures
from events.codec.decode import complaint_key, decode_own_fact
from events.facts import ComplaintArchived, ComplaintClosed, ComplaintRegistered, ComplaintWithdrawn, Recorded
from events.topics import TopicName
from events.writer import Origin, header_value
from workflow.policy.model import Policy, PolicySet
from workflow.stages.duplicates import Index

log = structlog.get_logger()

_ENDING: Final = frozenset(each.NAME.encode() for each in (ComplaintClosed, ComplaintArchived, ComplaintWithdrawn))
_LOGGED_AT_ONCE: Final = 10
"""Suspected duplicates of one poll with a log line each: a load test sends one text a thousand times."""


class DuplicateIndex:
    """Index of report fingerprints that finds the first open complaint of each.

    Follows all partitions of the facts. Where the policy leaves it to a machine to archive, nothing is judged before
    what was there when the process began is known, and what lies in the partition up to the fact itself. Another
    partition may know of an earlier report that has not come here yet: then both go on, and a person may see it.
    """

    def __init__(
        self,
        settings: Settings,
        policies: PolicySet,
        stage: str,
        writer_since: Callable[[int], Callable[[TopicName], int | None]],
    ) -> None:
        self._writer_since = writer_since
        self._origins: dict[int, Origin] = {}
        self._policies = policies
        self._stage = stage
        self._signatures = ReportSignatures(settings.keys())
        self._archives = any("archive" in policy.machine for policy in policies.versions)
        self._index = Index(max(policy.duplicates.span for policy in policies.versions))
        self._suspected: list[tuple[str, str]] = []
        self.follower = TopicFollower(
            settings,
            stage,
            TopicName.EVENTS,
            since=self._index.window,
            header=("fact", _ENDING | {ComplaintRegistered.NAME.encode()}),
            on_record=self._index_record,
            batch_fetches=not self._archives,
        )

    def _index_record(self, record: KafkaRecord) -> None:
        origin = self._origins.get(record.partition)
        if origin is None:
            since = partial(self._writer_since(record.partition), TopicName.EVENTS)
            origin = self._origins[record.partition] = Origin(since)
        origin.check(record.offset, record.headers)
        if header_value(record.headers, "fact") in _ENDING:
            self._index.remove(complaint_key(record.key))
            return
        recorded = decode_own_fact(record.key, record.value)
        complaint = recorded.complaint
        self._first(recorded, self._policies.governing(complaint.policy, complaint.received_at), add=True)

    def _first(self, recorded: Recorded, policy: Policy, *, add: bool) -> str | None:
        """Return the earlier complaint with the same content, which is open; index the report where that is asked."""
        if not isinstance(recorded.fact, ComplaintRegistered):
            return None
        key = self._signature(recorded.fact, policy)
        if key is None:
            return None
        complaint = recorded.complaint
        if add:
            self._index.add(key, complaint.received_at, complaint.complaint_id)
        return self._index.original(key, complaint.received_at, complaint.complaint_id, policy.duplicates.span)

    def _signature(self, fact: ComplaintRegistered, policy: Policy) -> bytes | None:
        """Return what the report shares with its duplicates; None if it is too short to have any."""
        # one whose words lie apart has it from lifecycle
        signature = fact.signature
        if fact.text_ref is None:
            signature = self._signatures.of(fact.report, policy)
        return None if signature is None else bytes.fromhex(signature.rpartition(":")[2])

    def wait_reason(self) -> str | None:
        """Return what has to be read before the next facts can be judged; None if nothing."""
        if self._archives and (self.follower.unread or self.follower.has_waiters):
            return f"reading earlier reports: {self.follower.unread} facts to go"
        return None

    async def wait_until_indexed(self, offsets: Mapping[int, int]) -> None:
        """Wait until it is known what the judgement of the facts up to `offsets` (an offset a partition) needs."""
        if self._archives:
            await self.follower.wait_until(offsets)

    def original_of(self, recorded: Recorded, policy: Policy) -> str | None:
        """Return the complaint that a report repeats; looked at when it is registered, and not again when completed."""
        # where it archives, all up to the fact is indexed, and what has ended since must not come back
        original = self._first(recorded, policy, add=not self._archives)
        if original is not None and "archive" not in policy.machine:
            self._suspected.append((recorded.complaint.complaint_id, original))
        return original

    def log_suspected(self) -> None:
        """Log the duplicates that the policy leaves to people."""
        for complaint, original in self._suspected[:_LOGGED_AT_ONCE]:
            log.info("duplicate_suspected", stage=self._stage, complaint=complaint, original=original)
        if (more := len(self._suspected) - _LOGGED_AT_ONCE) > 0:
            log.info("duplicates_suspected", stage=self._stage, more=more)
        self._suspected.clear()
