"""The whole contract as one AsyncAPI 3.0 document: topics, parties with their operations, messages with examples.

AsyncAPI's tools support JSON Schema up to draft-07. So shared parts are under `components/schemas` instead of `$defs`,
and a `$ref` has no siblings, which draft-07 would ignore. `asyncapi_static.json` has what no model describes, such as
records without a value.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from typing import Any, Final

from pydantic_core import to_json

from agents.config.settings import Settings
from agents.contract.components import Components
from agents.contract.messages import Schema
from agents.contract.parties import MESSAGES, PARTIES, VALUES, Party
from agents.kafka.records import FORWARDED, REPLAYS
from agents.observability.trace_context import TRACEPARENT
from events.announcements import CALENDAR, CALENDAR_TYPE, AnnouncementEvent
from events.cloudevents import CONTENT_TYPE
from events.codec.decode import decode_fact
from events.codec.encode import HEADERS, fact_headers
from events.outcomes import Rejection
from events.provenance import SOURCE_OFFSET_HEADER, WRITER_HEADER, state_headers
from events.topics import TOPICS, Topic, TopicName

Part = dict[str, Any]

_BINDING: Final = "0.5.0"
_COMPLAINT: Final[Part] = {"type": "string", "format": "uuid", "description": "the complaint id"}
_CALENDAR: Final[Part] = {"const": CALENDAR, "description": "not about a complaint"}
_ANY_KEY: Final[Part] = {"description": "any key; the complaint id keeps reports in order"}
_CORRELATION: Final = {
    TopicName.COMMANDS: "id",
    TopicName.EVENTS: "causationid",
    TopicName.REJECTIONS: "causationid",
}
"""The field that matches an answer to its command."""


def document(schemas: Mapping[str, Schema], examples: Mapping[str, Part], components: Components, version: str) -> Part:
    """Return the document; `components` are the schemas under the names that `$ref` uses."""
    static: Part = json.loads((resources.files("agents.contract") / "asyncapi_static.json").read_bytes())
    messages = {
        name: _message(topic, name, schemas[name], examples[name])
        for topic, names in MESSAGES.items()
        for name in names
        if name in schemas
    }
    parties = [{"name": party.name, "description": party.description} for party in PARTIES]
    return {
        "asyncapi": "3.0.0",
        "id": "urn:sp4n-lapor:alur",
        "info": {"title": "alur", "version": version, **static["info"], "tags": parties},
        "defaultContentType": CONTENT_TYPE,
        "servers": static["servers"],
        "channels": {_short(topic.name): _channel(topic) for topic in TOPICS},
        "operations": dict(_operations()),
        "components": {
            "messages": messages | static["messages"],
            "schemas": components.schemas,
            "securitySchemes": static["securitySchemes"],
        },
    }


def _short(topic: TopicName) -> str:
    return topic.removeprefix("complaints.")


def _reference(where: str, name: str) -> Part:
    return {"$ref": f"#/{where}/{name}"}


def _channel(topic: Topic) -> Part:
    configuration = {
        name: [value] if name == "cleanup.policy" else int(value) if value.lstrip("-").isdigit() else value
        for name, value in topic.config.items()
    }
    binding = {
        "topic": str(topic.name),
        "partitions": topic.partitions_in(Settings().partitions),
        "topicConfiguration": configuration,
        "bindingVersion": _BINDING,
    }
    return {
        "address": str(topic.name),
        "title": _short(topic.name),
        "description": f"Read by {topic.readers}.",
        "messages": {name: _reference("components/messages", name) for name in MESSAGES[topic.name]},
        "bindings": {"kafka": binding},
    }


def _operations() -> Iterator[tuple[str, Part]]:
    for party in PARTIES:
        for topic in party.role.writes:
            yield _operation(party, "send", topic, party.sends(topic), {})
        for topic in party.role.reads:
            yield _operation(party, "receive", topic, MESSAGES[topic], _group(party.group(topic)))


def _operation(party: Party, action: str, topic: TopicName, names: Iterable[str], bindings: Part) -> tuple[str, Part]:
    channel = _short(topic)
    operation = {
        "action": action,
        "channel": _reference("channels", channel),
        "title": f"{party.name}: {action} {channel}",
        "summary": f"{party.description}: {'sends to' if action == 'send' else 'receives from'} {topic}",
        "tags": [{"name": party.name}],
        "messages": [_reference(f"channels/{channel}/messages", name) for name in names],
    }
    return f"{party.name}.{action}.{channel}", operation | ({"bindings": bindings} if bindings else {})


def _group(name: str | None) -> Part:
    if name is None:
        return {}
    which = {"pattern": f"^{name}"} if name.endswith("-") else {"const": name}
    description = "a consumer group; starts with the installation's prefix"
    return {"kafka": {"groupId": {"type": "string", "description": description, **which}, "bindingVersion": _BINDING}}


def _message(topic: TopicName, name: str, schema: Schema, example: Part) -> Part:
    summary = " ".join(str(schema["description"]).split("\n\n")[0].split())
    headers = _example_headers(topic, name, example)
    message: Part = {
        "name": name,
        "title": name,
        "summary": summary.replace(f"`{name}`: ", ""),
        "contentType": "application/json" if name in VALUES else CONTENT_TYPE,
        "headers": _headers(topic, name),
        "payload": _reference("components/schemas", name),
    }
    if topic in _CORRELATION:
        message["correlationId"] = {"location": f"$message.payload#/{_CORRELATION[topic]}"}
    return message | {
        "bindings": {"kafka": {"key": _key(topic, name), "bindingVersion": _BINDING}},
        "examples": [{"headers": headers, "name": name, "summary": f"as it lies on {topic}", "payload": example}],
    }


def _key(topic: TopicName, name: str) -> Part:
    if topic is TopicName.INTAKE:
        return _ANY_KEY
    if name in {AnnouncementEvent.TYPE, CALENDAR_TYPE}:
        return _CALENDAR
    return {"anyOf": [_COMPLAINT, _CALENDAR]} if name == Rejection.TYPE else _COMPLAINT


def _headers(topic: TopicName, name: str) -> Part:
    may: Part = {TRACEPARENT: _text("W3C trace context, if the record belongs to a trace")}
    always: Part = {}
    if name not in VALUES:
        may["content-type"] = {"const": CONTENT_TYPE}
    if topic in {TopicName.INTAKE, TopicName.COMMANDS}:
        may[REPLAYS] = _text("number of replays")
        may["replayed-from"] = _text("its dead letter: a position such as complaints.dead-letters-3@17")
    if topic is TopicName.COMMANDS:
        may[FORWARDED] = _text("partition/offset@milliseconds of the forwarded record, and a signature")
    if topic in {TopicName.EVENTS, TopicName.STATE}:
        may[WRITER_HEADER] = _text("writer number of the lifecycle that wrote it; foreign records lack it")
    if topic is TopicName.STATE:
        may[SOURCE_OFFSET_HEADER] = _text("offset in complaints.commands of the causing command")
    if topic is TopicName.EVENTS:
        always = {
            "fact": {"const": name.split(".")[2], "description": "the fact's name"},
            "status": _text("status of the complaint after it"),
            "escalation-due": {"enum": ["0", "1"], "description": "1: a breach waits to be escalated"},
        }
    return {"type": "object", "properties": {**may, **always}} | ({"required": list(always)} if always else {})


def _example_headers(topic: TopicName, name: str, example: Part) -> Part:
    if name in VALUES:
        return {}
    if topic is TopicName.EVENTS:
        headers = fact_headers(decode_fact(to_json(example)))
    else:
        headers = state_headers(41) if topic is TopicName.STATE else HEADERS
    return {header: value.decode() for header, value in headers}


def _text(description: str) -> Part:
    return {"type": "string", "description": description}
