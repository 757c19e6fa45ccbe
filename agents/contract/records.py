"""The messages as records on Kafka: what stands around the value (key, headers, form), and an example of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import to_json

from agents.contract.messages import Schema
from agents.contract.traffic import ERASED, LETTER, MESSAGES, RECORD, SETTLED, VALUES
from agents.kafka.records import FORWARDED, REPLAYS
from agents.observability.tracing import TRACEPARENT
from events.announcements import CALENDAR, CALENDAR_TYPE, AnnouncementEvent
from events.cloudevents import CONTENT_TYPE
from events.codec.decode import decode_fact, decode_report
from events.codec.encode import HEADERS, fact_headers
from events.errors import Undecodable
from events.outcomes import Rejection
from events.reports import ReportSubmitted
from events.topics import TopicName
from events.writer import SOURCE_OFFSET_HEADER, WRITER_HEADER, state_headers

Part = dict[str, Any]

_BYTES: Final = "application/octet-stream"
_COMPLAINT: Final[Part] = {"type": "string", "format": "uuid", "description": "the complaint id"}
_CALENDAR: Final[Part] = {"const": CALENDAR, "description": "not about a complaint"}
_ANY_KEY: Final[Part] = {"description": "any key; the complaint id keeps reports in order"}
_PLACE: Final = "a position such as complaints.dead-letters-3@17"


@dataclass(frozen=True, slots=True)
class Message:
    """A message with all that AsyncAPI tells of it."""

    name: str
    title: str
    summary: str
    key: Part
    headers: Part
    examples: tuple[Part, ...]
    payload: Part | None = None
    """None for a record without a value."""
    content_type: str = CONTENT_TYPE
    correlation: str | None = None
    """The field by which an answer is matched to the command that it answers."""


def messages(schemas: Mapping[str, Schema], examples: Mapping[str, Part]) -> dict[str, Message]:
    """Return every message of the contract by its name, given the schema and one example of each that has one."""
    found: dict[str, Message] = {}
    for topic, names in MESSAGES.items():
        for name in names:
            if name in schemas:
                found[name] = _message(topic, name, schemas[name], examples[name])
    letter = _letter(examples[ReportSubmitted.TYPE])
    return found | {ERASED: _erased(), LETTER: letter, SETTLED: _settled(), RECORD: _record()}


def _message(topic: TopicName, name: str, schema: Schema, example: Part) -> Message:
    summary = " ".join(str(schema["description"]).split("\n\n")[0].split())
    kept = {"name": name, "summary": f"as it lies on {topic}", "payload": example}
    return Message(
        name=name,
        title=name,
        summary=summary.replace(f"`{name}`: ", ""),
        content_type="application/json" if name in VALUES else CONTENT_TYPE,
        key=_key(topic, name),
        headers=_headers(topic, name),
        examples=({"headers": _example_headers(topic, name, example), **kept},),
        payload={"$ref": f"#/components/schemas/{name}"},
        correlation=_correlation(topic),
    )


def _key(topic: TopicName, name: str) -> Part:
    if topic is TopicName.INTAKE:
        return _ANY_KEY
    if name in {AnnouncementEvent.TYPE, CALENDAR_TYPE}:
        return _CALENDAR
    if name == Rejection.TYPE:
        return {"anyOf": [_COMPLAINT, _CALENDAR]}
    return _COMPLAINT


def _correlation(topic: TopicName) -> str | None:
    return {TopicName.COMMANDS: "id", TopicName.EVENTS: "causationid", TopicName.REJECTIONS: "causationid"}.get(topic)


def _headers(topic: TopicName, name: str) -> Part:
    may: Part = {TRACEPARENT: _text("W3C trace context, if the record belongs to a trace")}
    if name not in VALUES:
        may["content-type"] = {"const": CONTENT_TYPE}
    if topic in {TopicName.INTAKE, TopicName.COMMANDS}:
        may[REPLAYS] = _text("number of replays")
        may["replayed-from"] = _text(f"its dead letter: {_PLACE}")
    if topic is TopicName.COMMANDS:
        may[FORWARDED] = _text("partition/offset@milliseconds of the forwarded record, and a signature")
    if topic in {TopicName.EVENTS, TopicName.STATE}:
        may[WRITER_HEADER] = _text("writer number of the lifecycle that wrote it; foreign records lack it")
    if topic is TopicName.STATE:
        may[SOURCE_OFFSET_HEADER] = _text("offset in complaints.commands of the causing command")
    always = _of_a_fact(name) if topic is TopicName.EVENTS else {}
    return {"type": "object", "properties": {**may, **always}} | ({"required": list(always)} if always else {})


def _of_a_fact(name: str) -> Part:
    return {
        "fact": {"const": name.split(".")[2], "description": "the fact's name"},
        "status": _text("status of the complaint after it"),
        "escalation-due": {"enum": ["0", "1"], "description": "1: a breach waits to be escalated"},
    }


def _example_headers(topic: TopicName, name: str, example: Part) -> Part:
    if name in VALUES:
        return {}
    if topic is TopicName.EVENTS:
        found = fact_headers(decode_fact(to_json(example)))
    else:
        found = state_headers(41) if topic is TopicName.STATE else HEADERS
    return {header: value.decode() for header, value in found}


def _text(description: str) -> Part:
    return {"type": "string", "description": description}


def _object(**fields: str) -> Part:
    named = {name.replace("_", "-"): _text(description) for name, description in fields.items()}
    return {"type": "object", "properties": named}


def _nothing(name: str, told: tuple[str, str], key: Part, headers: Part, example: dict[str, str]) -> Message:
    """Describe a record without a value: what it says stands in its headers."""
    title, summary = told
    return Message(
        name=name,
        title=title,
        summary=summary,
        key=key,
        headers=headers,
        examples=({"name": name, "summary": title, "headers": example},),
        payload={"type": "null", "description": "no value"},
        content_type=_BYTES,
    )


def _erased() -> Message:
    return _nothing(
        ERASED,
        ("an identity that was erased", "A tombstone: the reporter's identity is erased."),
        _COMPLAINT,
        _object(erased_because="why", erased_by="who acted", erased_at="when, RFC 3339"),
        {"erased-because": "asked for", "erased-by": "identity desk", "erased-at": "2026-04-01T02:00:00.000Z"},
    )


def _letter(report: Part) -> Message:
    broken = {**report, "data": {**report["data"], "class": "pengaduan"}}
    said = {"stage": "intake", "topic": str(TopicName.INTAKE), "partition": "3", "offset": "41", **_refused(broken)}
    needed = (*said, "failed-at")
    return Message(
        name=LETTER,
        title="dead letter",
        summary="What a stage could not read: key and value as they came.",
        key={"description": "unchanged"},
        headers=_object(
            stage="the stage that could not process it",
            topic="position of the record",
            partition="position of the record",
            offset="position of the record",
            code="code of the error",
            reason="one line with the names of the fields",
            failed_at="time of the failure, RFC 3339",
            replays="number of earlier replays",
            traceback="with code `bug` only",
            truncated_from="original length in bytes of a truncated value",
            key_truncated_from="original length in bytes of a truncated key",
        )
        | {"required": list(needed)},
        examples=(
            {
                "name": LETTER,
                "summary": "a report of a class that there is not",
                "headers": {**said, "failed-at": "2026-03-16T02:11:05.250Z"},
                "payload": broken,
            },
        ),
        payload={"description": "any bytes"},
        content_type=_BYTES,
    )


def _record() -> Message:
    return Message(
        name=RECORD,
        title="installation record",
        summary="What has to be the same for all workers, and incidents: for the engine and its tools only.",
        key={"type": "string", "description": "subject of the entry, such as layout"},
        headers={"type": "object"},
        examples=({"name": RECORD, "summary": "the layout", "payload": {"partitions": 12, "topics": {}}},),
        payload={"type": "object", "description": "may change between versions"},
        content_type="application/json",
    )


def _refused(report: Part) -> dict[str, str]:
    try:
        decode_report(to_json(report))
    except Undecodable as error:
        return {"code": error.code, "reason": error.reason}
    raise ValueError("the example of a dead letter is a report in order")


def _settled() -> Message:
    headers = _object(
        replayed=f"the replayed dead letter: {_PLACE}",
        to="position of the new record",
        discards=f"the discarded dead letter: {_PLACE}",
        reason="reason for discarding it",
        by="who acted",
    )
    either = {"oneOf": [{"required": ["replayed", "to"]}, {"required": ["discards", "reason"]}]}
    return _nothing(
        SETTLED,
        ("what became of a dead letter", "A record without a value behind it, with its key: replayed, or given up."),
        {"description": "key of the dead letter"},
        headers | {"required": ["by"]} | either,
        {"replayed": "complaints.dead-letters-3@17", "to": "complaints.intake-3@58", "by": "operator"},
    )
