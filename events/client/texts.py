"""Free text that is stored apart from the facts, for readers with the right to read `complaints.texts`."""

import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import Final

from events.client.connection import require_topics
from events.client.errors import NotAllowed, TopicsMissing
from events.client.reader import CLOCK_SKEW, Reader, Record, read_all
from events.client.settings import ClientSettings
from events.codec.decode import decode_texts
from events.errors import Undecodable
from events.facts import Recorded, Worded
from events.texts import FactTexts, put_together
from events.topics import TopicName

_WAIT_S: Final = 5.0


def text_ref(recorded: Recorded) -> str | None:
    """Return the key of a fact's texts in `complaints.texts`; None if it has none, or contains them itself."""
    return recorded.fact.text_ref if isinstance(recorded.fact, Worded) else None


def with_texts(
    settings: ClientSettings, history: Sequence[Recorded], *, seconds: float | None = None
) -> list[Recorded]:
    """Return the history of one complaint with its texts; erased ones are `[erased]`.

    Without the right to read them, or after `seconds`, texts stay placeholders. Raises the errors of `Reader`.
    """
    wanted = {ref for recorded in history if (ref := text_ref(recorded)) is not None}
    if not wanted:
        return list(history)
    last = history[-1].complaint
    erased = "texts" in last.erased
    try:
        require_topics(settings, [TopicName.TEXTS])
        with Reader(settings, [TopicName.TEXTS], complaint=last.complaint_id) as reader:
            # the fact is later than its command
            reader.skip_to_moment_or_stay(history[0].at - CLOCK_SKEW)
            texts = _read_texts(reader, wanted, erased=erased, seconds=seconds)
    except (NotAllowed, TopicsMissing):
        return list(history)
    return [_complete(recorded, texts, erased=erased) for recorded in history]


def _complete(recorded: Recorded, texts: dict[str, FactTexts | None], *, erased: bool) -> Recorded:
    ref = text_ref(recorded)
    if ref is None or (texts.get(ref) is None and not erased):
        return recorded
    return put_together(recorded, texts.get(ref))


def _read_texts(
    reader: Reader, wanted: Collection[str], *, erased: bool, seconds: float | None
) -> dict[str, FactTexts | None]:
    """Read the texts for the keys `wanted`, up to the end if some may be erased, since tombstones come later."""
    texts: dict[str, FactTexts | None] = {}
    until = None if seconds is None else time.monotonic() + seconds
    for record in reader.to_end():
        take_texts(texts, record, wanted)
        if (not erased and len(texts) == len(wanted)) or (until is not None and time.monotonic() > until):
            return texts
    # a transaction becomes visible partition by partition: texts may appear after their fact
    waits = time.monotonic() + (_WAIT_S if seconds is None else min(_WAIT_S, seconds))
    while not erased and len(texts) < len(wanted) and time.monotonic() < waits:
        for record in reader.poll():
            take_texts(texts, record, wanted)
    return texts


def take_texts(texts: dict[str, FactTexts | None], record: Record, wanted: Collection[str]) -> None:
    """Add the texts in a record of `complaints.texts` to `texts`, if `wanted`; None if they are erased."""
    key = (record.key or b"").decode(errors="replace")
    if key in wanted:
        texts[key] = None
        if record.value is not None:
            with suppress(Undecodable):
                texts[key] = decode_texts(record.value)


def texts_of_partition(settings: ClientSettings, number: int, facts: Iterable[str]) -> dict[str, bytes]:
    """Return the texts of all facts with these names in a partition, by key; none without the right to read them."""
    texts: dict[str, bytes] = {}
    names = {name.encode() for name in facts}
    try:
        require_topics(settings, [TopicName.TEXTS])
        for record in read_all(settings, [TopicName.TEXTS], partitions=[number]):
            key = (record.key or b"").decode(errors="replace")
            if record.value is None:
                texts.pop(key, None)
            elif record.headers.get("fact") in names:
                texts[key] = record.value
    except (NotAllowed, TopicsMissing):
        return {}
    return texts
