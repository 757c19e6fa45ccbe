"""Retention: erases texts and identities of complaints that ended long enough ago, partition by partition.

The last step records both erasures in the snapshot; until then a complaint is due, so that the next run resumes an
interrupted one.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from agents.config.settings import Settings
from agents.ops import erasures, identities
from agents.ops.snapshots import last_of_each
from events.client import CommandRequest, Publisher, Reader, Record, extents, read_all, require_topics
from events.client.command_client import encode_request
from events.client.errors import KafkaFailure
from events.client.reader import CLOCK_SKEW
from events.codec.decode import decode_fact, decode_snapshot
from events.codec.encode import encode_value
from events.codec.parsing import read_ours
from events.commands import EraseData
from events.errors import Undecodable
from events.installation import ERASE_AFTER_KEY
from events.outcomes import RejectionEvent
from events.snapshot import Complaint
from events.texts import Erasure, holds_words
from events.topics import TopicName

_AT_ONCE: Final = 500
"""Maximum commands in flight, so that people's commands do not queue behind them."""
_BOTH: Final = frozenset({"texts", "identity"})


class RetentionStopped(KafkaFailure):
    """The run ended before everything due was erased; the message is one line."""


@dataclass(frozen=True, slots=True)
class DueComplaint:
    """A complaint whose texts and identity are due for erasure."""

    complaint_id: str
    tracking_id: str
    received: datetime
    ended: datetime
    updated: datetime


def erase_after(values: Mapping[str, Any]) -> timedelta | None:
    """Return the retention after the end of a complaint, by the installation record; None: no erasure by retention."""
    days = values.get(ERASE_AFTER_KEY)
    return timedelta(days=days) if isinstance(days, int) and days > 0 else None


def set_erase_after(settings: Settings, days: int) -> None:
    """Set the retention in days after the end of a complaint; 0 for none."""
    from agents.runtime.installation import change_now  # noqa: PLC0415 -- imports aiokafka, which few commands need

    require_topics(settings, [TopicName.INSTALLATION])
    change_now(settings, lambda _values: {ERASE_AFTER_KEY: days})


def due_by_partition(settings: Settings, before: datetime) -> Iterator[tuple[int, list[DueComplaint]]]:
    """Yield each partition with the complaints that are due in it. Raises `KafkaFailure`."""
    require_topics(settings, [TopicName.STATE])
    for number in range(extents(settings, [TopicName.STATE])[TopicName.STATE].partitions):
        yield number, due_among(read_all(settings, [TopicName.STATE], partitions=[number]), before)


def due_among(records: Iterable[Record], before: datetime) -> list[DueComplaint]:
    """Return the due complaints among the state records of a partition, the first to end first."""
    due = last_of_each(records, lambda value: _due(decode_snapshot(value), before))
    return sorted(due.values(), key=lambda each: each.ended)


def _due(complaint: Complaint, before: datetime) -> DueComplaint | None:
    ended = complaint.closed_at
    if ended is None or ended >= before or _BOTH.issubset(complaint.erased):
        return None
    times = complaint.received_at, ended, complaint.updated_at
    return DueComplaint(complaint.complaint_id, complaint.tracking_id, *times)


def with_words_in_facts(settings: Settings, number: int, due: Sequence[DueComplaint]) -> set[str]:
    """Return the complaints of a partition whose facts contain words, which no erasure can remove."""
    require_topics(settings, [TopicName.EVENTS])
    keys, with_words = {each.complaint_id.encode() for each in due}, set[str]()
    last = max(each.updated for each in due) + CLOCK_SKEW
    with Reader(settings, [TopicName.EVENTS], partitions=[number]) as reader:
        reader.skip_to_moment_or_stay(min(each.received for each in due) - CLOCK_SKEW)
        for record in reader.to_end():
            if record.at > last:
                break
            if record.key in keys:
                with suppress(Undecodable):
                    recorded = decode_fact(record.value)
                    if holds_words(recorded.fact):
                        with_words.add(recorded.complaint.complaint_id)
    return with_words


@dataclass(frozen=True, slots=True)
class Expiry:
    """One run of the retention."""

    settings: Settings
    erasure: Erasure
    """Erasure of texts and identity, with reason and author."""
    source: str
    """Sender of the commands: an administrator."""
    wait: float
    """Maximum seconds for a stage to process its input."""

    def erase(self, number: int, due: Sequence[DueComplaint]) -> Iterator[int]:
        """Erase texts and identities of a partition, yielding progress counts; raise RetentionStopped."""
        value = encode_value(self.erasure)  # covers both kinds, and so all earlier erasures
        with Publisher(self.settings) as publisher:
            for each in due:
                publisher.publish(TopicName.ERASURES, each.complaint_id, value)
            publisher.flush()
            # intake may still write an identity from a batch that it fetched earlier
            if not erasures.has_passed(self.settings, "intake", self.wait):
                raise RetentionStopped("intake did not process its backlog in time: does it run?")
            tracking = {each.complaint_id: each.tracking_id for each in due}
            identities.erase_all(self.settings, number, tracking, reason=self.erasure.reason, by=self.erasure.by)
            with Reader(self.settings, [TopicName.EVENTS, TopicName.REJECTIONS], partitions=[number]) as answers:
                answers.skip_to_end()
                for first in range(0, len(due), _AT_ONCE):
                    batch = due[first : first + _AT_ONCE]
                    sent = {self._send(publisher, each.complaint_id) for each in batch}
                    publisher.flush()
                    _await(answers, sent, self.wait)
                    yield len(batch)

    def _send(self, publisher: Publisher, complaint: str) -> str:
        data = {"texts": True, "identity": True, "reason": self.erasure.reason}
        request = CommandRequest(EraseData.NAME, complaint, self.source, str(uuid4()), data)
        publisher.publish(TopicName.COMMANDS, complaint, encode_request(request, self.erasure.at))
        return request.id


def _await(answers: Reader, sent: Collection[str], wait: float) -> None:
    """Wait for a fact of each command in `sent`; raise RetentionStopped after a rejection or a timeout."""
    waiting, until = set(sent), time.monotonic() + wait
    while waiting:
        if time.monotonic() > until:
            raise RetentionStopped("lifecycle did not process the commands in time: does it run?")
        for record in answers.poll():
            waiting.discard(_answered(record, waiting))


def _answered(record: Record, sent: Collection[str]) -> str:
    """Return the id of the command that a record answers, empty for an unreadable record."""
    with suppress(Undecodable):
        if record.topic is TopicName.EVENTS:
            return decode_fact(record.value).cause.id
        rejection = read_ours(RejectionEvent, record.value or b"").data
        if rejection.command_id in sent:
            raise RetentionStopped(f"lifecycle refused an erasure, {rejection.code}: {rejection.message}")
    return ""
