"""Erasure of texts and identities: recorded first, complete once intake has processed all earlier reports."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

from agents.config.settings import Settings
from agents.ops.progress import bounds, committed, progress_of
from events.client import Publisher, require_topics
from events.client.administration import admin_client
from events.client.lookup import last_value
from events.client.reader import installation_values
from events.codec.encode import encode_value
from events.codec.parsing import read_ours
from events.ids import canonical_id
from events.installation import TEXTS_KEY, texts_apart
from events.texts import Erasure
from events.topics import BY_NAME, STAGES, TopicName

_POLL_S: Final = 0.2
_DAY_MS: Final = 86_400_000
_SEGMENT_DAYS: Final = 7
"""Kafka's default `segment.ms`: a record expires together with the last one of its segment."""
_HOLDING: Final = (TopicName.INTAKE, TopicName.COMMANDS, TopicName.REJECTIONS, TopicName.DEAD_LETTERS)
"""Topics that may contain the words until their retention is over."""


def complete_at(erased_at: datetime) -> datetime:
    """Return when Kafka has deleted erased data at the latest, with the declared topic settings."""
    days = max(int(BY_NAME[name].config["retention.ms"]) // _DAY_MS for name in _HOLDING)
    return erased_at + timedelta(days=days + _SEGMENT_DAYS)


def keeps_texts_apart(settings: Settings) -> bool:
    """Check whether free text is written to `complaints.texts`. Raises the errors of `installation_values`."""
    return texts_apart(installation_values(settings))


def keep_texts(settings: Settings, where: str) -> None:
    """Set where free text is written from now on."""
    from agents.runtime.installation import change_now  # noqa: PLC0415 -- imports aiokafka, which few commands need

    require_topics(settings, [TopicName.TEXTS, TopicName.ERASURES])
    change_now(settings, lambda _values: {TEXTS_KEY: where})


def announce(settings: Settings, complaint: str, erasure: Erasure) -> None:
    """Record an erasure, so that intake drops erased data of redelivered reports. Raises Unconfirmed."""
    require_topics(settings, [TopicName.ERASURES])
    key = canonical_id(complaint)
    # merged with earlier ones, since compaction keeps one record per key
    merged = with_earlier(erasure, _recorded(settings, key))
    with Publisher(settings) as publisher:
        publisher.publish_now(TopicName.ERASURES, key, encode_value(merged))


def with_earlier(erasure: Erasure, earlier: Erasure | None) -> Erasure:
    """Return an erasure that includes an earlier one of the same complaint."""
    if earlier is None:
        return erasure
    both = {"texts": erasure.texts or earlier.texts, "identity": erasure.identity or earlier.identity}
    return erasure.model_copy(update=both)


def _recorded(settings: Settings, key: str) -> Erasure | None:
    def decoded(value: bytes | None) -> Erasure | None:
        return None if value is None else read_ours(Erasure, value)

    return last_value(settings, TopicName.ERASURES, key, key.encode(), decoded)


def has_passed(settings: Settings, stage: str, seconds: float) -> bool:
    """Wait until a stage has processed all present records of its topic, and return whether it has."""
    deadline = time.monotonic() + seconds
    with admin_client(settings) as client:
        starts, ends = bounds(client, settings, {settings.topic(STAGES[stage])})
        while True:
            progress = progress_of(committed(client, settings.group(stage)), starts, ends)
            behind = any(each.lag for each in progress.values())
            if not behind or time.monotonic() > deadline:
                return not behind
            time.sleep(_POLL_S)


def made_now(*, texts: bool, identity: bool, by: str, reason: str) -> Erasure:
    """Return an erasure with the present time."""
    return Erasure(texts=texts, identity=identity, at=datetime.now(UTC), by=by, reason=reason)
