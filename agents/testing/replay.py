"""Replay: decides a recorded history again, and reports where this version decides differently.

`lifecycle` decides the commands in log order, each at its timestamp, notices of deadlines included; the other stages
react to the facts.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from aiokafka import ConsumerRecord

from agents.config import policy_files
from agents.config.settings import Settings
from agents.runtime.stage import Partition, RecordHandler
from agents.stages import disposition, escalation, lifecycle, verification
from agents.stages.duplicate_index import DuplicateIndex
from events.client import Record
from events.errors import Undecodable
from events.facts import ComplaintRegistered
from events.ids import complaint_of_identity, stage_source
from events.installation import FIRST_POSITIONS, InstallationLog
from events.topics import TopicName

HISTORY: Final = (
    TopicName.COMMANDS,
    TopicName.EVENTS,
    TopicName.TEXTS,
    TopicName.REJECTIONS,
    TopicName.INSTALLATION,
)
"""Topics that a replay needs; the last one for a migrated installation.

Without `complaints.texts`, and for erased texts, decisions of `verification` are not compared."""
_VERIFICATION: Final = stage_source(verification.NAME)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_REACTING_SOURCES: Final = {stage_source(name) for name in (verification.NAME, disposition.NAME, escalation.NAME)}
_REGISTERED: Final = f"lapor.complaint.{ComplaintRegistered.NAME}.v1"
_KEYED: Final = ("_digest", "_digests")
"""Suffixes of the names of fields that depend on the installation's keys."""


class _Key(NamedTuple):
    complaint: str
    source: str
    id: str


_Raw = ConsumerRecord[bytes, bytes]
_Event = dict[str, Any]
_Events = dict[_Key, list[_Event]]


class Divergence(NamedTuple):
    """The first decision about a complaint that differs; later ones are not compared."""

    complaint: str
    command: str
    """Source and id of the command, joined by `#`."""
    path: str
    """The field that differs, or the type of the message."""
    recorded: str
    decided: str

    def __str__(self) -> str:
        return f"{self.complaint} {self.command}: {self.path} was {self.recorded}, now {self.decided}"


@dataclass(frozen=True, slots=True)
class Replay:
    """Result of a replay."""

    complaints: int
    """Number of compared complaints."""
    incomplete: tuple[str, ...]
    """Ids of complaints that were not compared, since the command of their registration has expired."""
    divergences: tuple[Divergence, ...]


def replay(history: Iterable[Record], settings: Settings) -> Replay:
    """Decide `history` again and compare with the recorded decisions.

    Args:
        history: all records of the topics in HISTORY, in order within a partition, as from `read_all`.
        settings: policy, partitions, prefix and keys; without the installation's keys, reporters are not recognized
            as senders.
    """
    topics = defaultdict[TopicName, list[_Raw]](list)
    for record in history:
        topics[record.topic].append(_raw(record, settings))
    commands = topics[TopicName.COMMANDS]
    facts = topics[TopicName.EVENTS] = sorted(topics[TopicName.EVENTS], key=lambda fact: fact.timestamp)
    answers = _by_cause(each.value for each in [*facts, *topics[TopicName.REJECTIONS]])
    sent_commands = _by_id(each.value for each in commands)
    worded = {complaint_of_identity(each.key or b"").decode() for each in topics[TopicName.TEXTS] if each.value}
    wordless = {key.complaint for key, [first, *_] in answers.items() if _apart(first)} - worded
    sent = {
        key: events
        for key, events in sent_commands.items()
        if key.source in _REACTING_SOURCES and (key.source != _VERIFICATION or key.complaint not in wordless)
    }
    policies = policy_files.load(settings.policy)
    positions = _installation(topics[TopicName.INSTALLATION]).get(FIRST_POSITIONS, {})
    partitions = [
        Partition(number, settings.partitions, policies, keys=settings.keys(), first_positions=positions)
        for number in range(settings.partitions)
    ]
    reactions = _by_id(_reactions(topics, partitions, settings))
    decisions = _decisions(partitions, commands, {key for key, events in answers.items() if any(map(_apart, events))})

    known = {
        key.complaint for key, [first, *_] in answers.items() if first["type"] == _REGISTERED and key in sent_commands
    }
    incomplete = tuple(sorted({key.complaint for key in _by_cause(each.value for each in facts)} - known))
    divergences: dict[str, Divergence] = {}
    for recorded, decided in ((sent, reactions), (answers, decisions)):
        for key, events in recorded.items():
            if key.complaint in known and (difference := _difference(events, decided.get(key, []), "")) is not None:
                divergences.setdefault(key.complaint, Divergence(key.complaint, f"{key.source}#{key.id}", *difference))
    return Replay(len(known), incomplete, tuple(divergences.values()))


def _raw(record: Record, settings: Settings) -> _Raw:
    stamp = (record.at - _EPOCH) // timedelta(milliseconds=1)
    sizes = len(record.key or b""), len(record.value or b"")
    position = settings.topic(record.topic), record.partition, record.offset
    return ConsumerRecord(*position, stamp, 1, record.key, record.value, None, *sizes, tuple(record.headers.items()))


def _installation(records: Iterable[_Raw]) -> dict[str, Any]:
    log = InstallationLog()
    for each in records:
        log.add(each.offset, each.key, each.value, each.headers)
    return log.values


def _apart(event: _Event) -> bool:
    """Check whether the texts of a recorded fact are stored apart."""
    return isinstance(event["data"], dict) and event["data"].get("text_ref") is not None


def _decisions(partitions: Sequence[Partition], commands: Sequence[_Raw], apart: Collection[_Key]) -> _Events:
    """Decide all commands; facts of those in `apart` are without texts, as recorded."""
    decisions = _by_cause(_outputs([lifecycle.STAGE.handler(each) for each in partitions], commands))
    if apart:
        handlers = [lifecycle.STAGE.handler(replace(each, texts_apart=lambda: True)) for each in partitions]
        without_words = _by_cause(_outputs(handlers, commands))
        decisions |= {key: events for key, events in without_words.items() if key in apart}
    return decisions


def _reactions(
    topics: Mapping[TopicName, Sequence[_Raw]], partitions: Sequence[Partition], settings: Settings
) -> Iterator[bytes | None]:
    policies = partitions[0].policies
    words = {each.key: each for each in topics[TopicName.TEXTS] if each.value is not None}
    duplicates = DuplicateIndex(
        settings, policies, verification.NAME, keys=settings.keys, writer_since=lambda _: lambda _: None
    )
    verify = verification.stage(lambda: duplicates).handler
    verifying, facts = [verify(each) for each in partitions], topics[TopicName.EVENTS]
    for each in facts:  # complaints that ended later were originals at that time
        if (own := words.pop((each.key or b"") + b"/1", None)) is not None:
            duplicates.hand_over(TopicName.TEXTS, own)
        duplicates.hand_over(TopicName.EVENTS, each)
        yield from _outputs(verifying, [each])
    for stage in (disposition.STAGE, escalation.STAGE):
        yield from _outputs([stage.handler(partition) for partition in partitions], facts)


def _outputs(handlers: Sequence[RecordHandler], records: Iterable[_Raw]) -> Iterator[bytes | None]:
    for record in records:
        handler = handlers[record.partition]
        with suppress(Undecodable):  # a dead letter then and now
            yield from [each.value for each in handler.handle(record)]
        handler.commit()


def _by_id(values: Iterable[bytes | None]) -> _Events:
    return _grouped(values, lambda event: (event["source"], event["id"]))


def _by_cause(values: Iterable[bytes | None]) -> _Events:
    return _grouped(
        values, lambda event: (event.get("causationsource") or event["data"]["command_source"], event["causationid"])
    )


def _grouped(values: Iterable[bytes | None], name: Callable[[_Event], tuple[str, str]]) -> _Events:
    values_by_key: _Events = {}
    for value in values:
        with suppress(ValueError, KeyError, TypeError):  # no message of the engine
            event = json.loads(value or b"")
            values_by_key.setdefault(_Key(event["subject"], *name(event)), []).append(event)
    return values_by_key


def _difference(recorded: object, decided: object, path: str) -> tuple[str, str, str] | None:
    """Return path and values of the first difference; new fields are none."""
    if isinstance(recorded, dict) and isinstance(decided, dict):
        fields = [key for key in ("type", *recorded) if not key.endswith(_KEYED)]
        parts = ((recorded.get(key), decided.get(key), f"{path}.{key}".lstrip(".")) for key in fields)
    elif isinstance(recorded, list) and isinstance(decided, list) and len(recorded) <= len(decided):
        parts = ((*pair, path) for pair in zip(recorded, decided, strict=False))
    else:
        return None if recorded == decided else (path or "decision", _shown(recorded), _shown(decided))
    return next((difference for part in parts if (difference := _difference(*part)) is not None), None)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(each["type"] if isinstance(each, dict) else str(each) for each in value) or "nothing"
    return str(value)
