"""The whole contract as one AsyncAPI 3.0 document: topics, who sends and receives what on them, messages with examples.

AsyncAPI knows JSON Schema as of draft-07, and its tools know no later one. So the parts that messages share stand under
`components/schemas` instead of `$defs`, and nothing stands beside a `$ref`, which draft-07 would pass over.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from agents.config.settings import Settings
from agents.contract.components import Components
from agents.contract.records import Message
from agents.contract.traffic import MESSAGES, PARTIES, Party
from events.client.settings import DEFAULT_BROKER
from events.cloudevents import CONTENT_TYPE
from events.topics import TOPICS, Topic, TopicName

Part = dict[str, Any]

_BINDING: Final = "0.5.0"
_ABOUT: Final = """\
Complaints of Indonesia's SP4N-LAPOR! as they pass over Apache Kafka, from report to resolution.

Each operation is told from the side of the party that its tag names: `channels.send.intake` is what a channel does. \
What a party needs on a broker with access control is the role of that name (officers and citizens: `gateways`), which \
`alur topics acl` turns into rights.

An installation can put a prefix before every topic and group, and has as many partitions as it likes, the same for \
all topics. The key is the complaint id under Kafka's own partitioner (murmur2): clients on librdkafka have to be told \
`partitioner=murmur2_random`. Read committed records only.

Pass over fields and message types that you do not know: there may be more of them one day.\
"""
_SCHEMES: Final[dict[str, Part]] = {
    "scramSha512": {"type": "scramSha512", "description": "SASL over TLS, the default of `sasl-tls`"},
    "scramSha256": {"type": "scramSha256", "description": "SASL over TLS"},
    "plain": {"type": "plain", "description": "SASL over TLS"},
    "certificate": {"type": "X509", "description": "a client certificate over TLS"},
}


def document(messages: Mapping[str, Message], components: Components, version: str) -> Part:
    """Return the document.

    Args:
        messages: every message of `MESSAGES`, by its name there.
        components: the schemas that they point at.
        version: of the contract.
    """
    return {
        "asyncapi": "3.0.0",
        "id": "urn:sp4n-lapor:alur",
        "info": {
            "title": "alur",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "MIT"},
            "tags": [{"name": party.name, "description": party.what} for party in PARTIES],
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": _servers(),
        "channels": {_short(topic.name): _channel(topic) for topic in TOPICS},
        "operations": dict(_operations()),
        "components": {
            "messages": {name: _message(message) for name, message in messages.items()},
            "schemas": components.schemas,
            "securitySchemes": _SCHEMES,
        },
    }


def _servers() -> Part:
    return {
        "local": {
            "host": DEFAULT_BROKER,
            "protocol": "kafka",
            "description": "a broker on the same machine, without authentication",
        },
        "secured": {
            "host": "{broker}",
            "protocol": "kafka-secure",
            "description": "a broker with authentication over TLS",
            "variables": {
                "broker": {"default": "kafka:9093", "description": "host and port, several joined by commas"}
            },
            "security": [_reference("components/securitySchemes", name) for name in _SCHEMES],
        },
    }


def _short(topic: TopicName) -> str:
    return topic.removeprefix("complaints.")


def _reference(where: str, name: str) -> Part:
    return {"$ref": f"#/{where}/{name}"}


def _channel(topic: Topic) -> Part:
    return {
        "address": str(topic.name),
        "title": _short(topic.name),
        "description": f"Read by {topic.readers}.",
        "messages": {name: _reference("components/messages", name) for name in MESSAGES[topic.name]},
        "bindings": {
            "kafka": {
                "topic": str(topic.name),
                "partitions": topic.partitions_in(Settings().partitions),
                "topicConfiguration": dict(_configuration(topic)),
                "bindingVersion": _BINDING,
            }
        },
    }


def _configuration(topic: Topic) -> Iterator[tuple[str, Any]]:
    for name, value in topic.config.items():
        if name == "cleanup.policy":
            yield name, [value]
        else:
            yield name, int(value) if value.lstrip("-").isdigit() else value


def _operations() -> Iterator[tuple[str, Part]]:
    for party in PARTIES:
        for topic in party.role.writes:
            yield _operation(party, "send", topic, party.sends(topic), {})
        for topic in party.role.reads:
            yield _operation(party, "receive", topic, MESSAGES[topic], _group(party.group(topic)))


def _operation(party: Party, action: str, topic: TopicName, names: Iterable[str], bindings: Part) -> tuple[str, Part]:
    channel = _short(topic)
    told = {
        "action": action,
        "channel": _reference("channels", channel),
        "title": f"{party.name}: {action} {channel}",
        "summary": f"{party.what}: {'sends to' if action == 'send' else 'receives from'} {topic}",
        "tags": [{"name": party.name}],
        "messages": [_reference(f"channels/{channel}/messages", name) for name in names],
    }
    return f"{party.name}.{action}.{channel}", told | ({"bindings": bindings} if bindings else {})


def _group(name: str | None) -> Part:
    if name is None:
        return {}
    which = {"pattern": f"^{name}"} if name.endswith("-") else {"const": name}
    said = "a consumer group; starts with the installation's prefix"
    return {"kafka": {"groupId": {"type": "string", "description": said, **which}, "bindingVersion": _BINDING}}


def _message(message: Message) -> Part:
    told: Part = {
        "name": message.name,
        "title": message.title,
        "summary": message.summary,
        "contentType": message.content_type,
        "headers": message.headers,
    }
    if message.payload is not None:
        told["payload"] = message.payload
    if message.correlation is not None:
        told["correlationId"] = {"location": f"$message.payload#/{message.correlation}"}
    return told | {
        "bindings": {"kafka": {"key": message.key, "bindingVersion": _BINDING}},
        "examples": [dict(example) for example in message.examples],
    }
