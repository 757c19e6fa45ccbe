"""Who reported a complaint: looked up, and erased, by those few who may.

Identities lie on one compacted topic, keyed by complaint. A record without a value behind the identity makes Kafka
drop it; nothing else of the complaint knows who reported it, so nothing else changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from kafka import KafkaProducer
from pydantic import ValidationError

from agents.config.settings import Settings
from events.client import Place, Reader, require_topics
from events.client.connection import confirmation, connection, kafka_errors
from events.cloudevents import timestamp
from events.ids import canonical_id
from events.reports import Reporter, ReporterIdentity
from events.topics import TopicName

_ANSWER_S: Final = 30
_REASON: Final = "erased-because"
_BY: Final = "erased-by"
_AT: Final = "erased-at"


class NoIdentity(Exception):
    """Nobody's identity is kept with the complaint; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """That an identity was erased: when, why and by whom, as far as Kafka still keeps it."""

    place: Place
    at: datetime
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An identity that is kept, and where."""

    place: Place
    since: datetime
    reporter: Reporter


def look_up(settings: Settings, complaint: str) -> Kept | Erasure:
    """Return the identity of a complaint's reporter, or that it was erased.

    Raises:
        NoIdentity: there is none, and no trace that there was one.
        BrokerUnreachable, KafkaRefused, TopicsMissing: complaints.identities could not be read.
    """
    require_topics(settings, [TopicName.IDENTITIES])
    key = canonical_id(complaint).encode()
    found: Kept | Erasure | None = None
    with Reader(settings, [TopicName.IDENTITIES], complaint=complaint) as reader:
        for record in reader.to_end():
            if record.key != key:
                continue
            place = Place(record.partition, record.offset)
            if record.value is None:
                found = Erasure(place, record.at, _said(record.headers, _REASON), _said(record.headers, _BY))
            else:
                found = Kept(place, record.at, _reporter(record.value, place))
    if found is None:
        raise NoIdentity(
            f"no identity is kept with the complaint {complaint}: its channel did not know who reported, it was erased "
            "long ago, or there is no such complaint"
        )
    return found


def erase(settings: Settings, complaint: str, *, reason: str, by: str) -> Erasure:
    """Erase the identity of a complaint's reporter, and return when the broker has it on all replicas.

    Raises:
        Unconfirmed: it may be erased or not.
        BrokerUnreachable, KafkaRefused: complaints.identities could not be written.
    """
    now = datetime.now(UTC)
    said = {_REASON: reason, _BY: by, _AT: timestamp(now)}
    with kafka_errors(settings):
        producer: Any = KafkaProducer(**connection(settings, "identities"), acks="all", enable_idempotence=True)
    try:
        with confirmation(settings, "erase it again, which does no harm"):
            stored = producer.send(
                settings.topic(TopicName.IDENTITIES),
                key=canonical_id(complaint).encode(),
                value=None,
                headers=[(name, text.encode()) for name, text in said.items()],
            ).get(timeout=_ANSWER_S)
    finally:
        producer.close(timeout=_ANSWER_S)
    return Erasure(Place(stored.partition, stored.offset), now, reason, by)


def _said(headers: Mapping[str, bytes], name: str) -> str:
    return headers.get(name, b"not said").decode(errors="replace")


def _reporter(value: bytes, place: Place) -> Reporter:
    try:
        return ReporterIdentity.model_validate_json(value).reporter
    except ValidationError:
        raise NoIdentity(
            f"what lies at {TopicName.IDENTITIES}, partition {place.partition}, offset {place.offset} is no identity"
        ) from None
