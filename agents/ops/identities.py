"""Identities of reporters: look up and erase, for the identity desk.

Identities are on one compacted topic, keyed by complaint and tracking id: each delivery of a report has one, and that
of the registered delivery counts (docs/adr/0032). A tombstone erases an identity; no other record contains it.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pydantic import ValidationError

from agents.config.settings import Settings
from events.client import Record, read_all, require_topics
from events.client.connection import confirmation
from events.client.publisher import abandon, acknowledged_producer
from events.cloudevents import timestamp
from events.codec.decode import decode_snapshot
from events.errors import AlurError, Undecodable
from events.ids import canonical_id, complaint_of_identity, identity_key
from events.reports import Reporter, ReporterIdentity
from events.topics import RecordPosition, TopicName

_ANSWER_S: Final = 30
_REASON: Final = "erased-because"
_ERASED_BY: Final = "erased-by"
_ERASED_AT: Final = "erased-at"


class IdentityNotFound(AlurError):
    """The complaint has no stored identity; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class ErasedIdentity:
    """An erasure; time, reason and author only until compaction."""

    position: RecordPosition
    at: datetime
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class StoredIdentity:
    """An identity with its position."""

    position: RecordPosition
    since: datetime
    reporter: Reporter


def look_up(settings: Settings, complaint: str, *, tracking: str | None = None) -> StoredIdentity | ErasedIdentity:
    """Return the identity of a reporter, or its erasure; raise IdentityNotFound. `tracking` avoids a look-up."""
    own = canonical_id(complaint)
    records, tracking = _read(settings, own, tracking)
    # older identities have a key without tracking id
    record = records.get(identity_key(own, tracking)) or records.get(own)
    if record is None:
        raise IdentityNotFound(
            f"no identity is kept with the complaint {complaint}: its channel gave none, it was erased "
            "long ago, or no such complaint is registered"
        )
    position = record.position
    if record.value is None:
        reason, by = (_header_text(record.headers, name) for name in (_REASON, _ERASED_BY))
        return ErasedIdentity(position, record.at, reason, by)
    return StoredIdentity(position, record.at, _reporter(record.value, position))


def _read(settings: Settings, complaint: str, tracking: str | None = None) -> tuple[dict[str, Record], str]:
    """Return the last record of each identity key of a complaint, and the tracking id, empty if it has none."""
    topics = [TopicName.IDENTITIES, *([TopicName.STATE] if tracking is None else [])]
    require_topics(settings, topics)
    records, tracking = dict[str, Record](), tracking or ""
    for record in read_all(settings, topics, complaint=complaint):
        key = record.key or b""
        if record.topic is TopicName.IDENTITIES and complaint_of_identity(key) == complaint.encode():
            records[key.decode(errors="replace")] = record
        elif record.topic is TopicName.STATE and key == complaint.encode() and record.value is not None:
            with suppress(Undecodable):
                tracking = decode_snapshot(record.value).tracking_id
    return records, tracking


def erase(settings: Settings, complaint: str, *, reason: str, by: str) -> bool:
    """Erase all identities of a complaint's reporter; False if there is nothing left to erase. Raises Unconfirmed."""
    own = canonical_id(complaint)
    records, tracking = _read(settings, own)
    keys = sorted(key for key, record in records.items() if record.value is not None)
    if not keys:
        return False
    home = records[keys[0]].partition
    if tracking and (shown := identity_key(own, tracking)) not in keys:
        keys.append(shown)  # for `look_up`, which then reports the erasure
    _write_tombstones(settings, home, keys, reason, by)
    return True


def erase_all(settings: Settings, number: int, complaints: Mapping[str, str], *, reason: str, by: str) -> None:
    """Erase the identities of the reporters of `complaints` (tracking ids by id) in a partition; raise Unconfirmed."""
    require_topics(settings, [TopicName.IDENTITIES])
    wanted = {each.encode() for each in complaints}
    there: dict[bytes, bool] = {}
    for record in read_all(settings, [TopicName.IDENTITIES], partitions=[number]):
        key = record.key or b""
        if complaint_of_identity(key) in wanted:
            there[key] = record.value is not None
    keys = {key.decode(errors="replace") for key, present in there.items() if present}
    # also the key that `look_up` reads, so that it reports the erasure
    keys |= {identity_key(each, complaints[each]) for each in (key.partition("/")[0] for key in keys)}
    if keys:
        _write_tombstones(settings, number, sorted(keys), reason, by)


def _write_tombstones(settings: Settings, number: int, keys: Collection[str], reason: str, by: str) -> None:
    topic = settings.topic(TopicName.IDENTITIES)
    record = {_REASON: reason, _ERASED_BY: by, _ERASED_AT: timestamp(datetime.now(UTC))}
    headers = [(name, text.encode()) for name, text in record.items()]
    producer = acknowledged_producer(settings, "identities")
    try:
        with confirmation(settings, "erase it again, which does no harm"):
            # in the partition of the complaint, not of the key
            sent = [producer.send(topic, key=key.encode(), partition=number, headers=headers) for key in keys]
            for each in sent:
                each.get(timeout=_ANSWER_S)
    finally:
        abandon(producer)  # sent tombstones are confirmed already


def _header_text(headers: Mapping[str, bytes], name: str) -> str:
    return headers.get(name, b"not said").decode(errors="replace")


def _reporter(value: bytes, position: RecordPosition) -> Reporter:
    try:
        return ReporterIdentity.model_validate_json(value).reporter
    except ValidationError:
        raise IdentityNotFound(f"the record at {position} is not an identity") from None
