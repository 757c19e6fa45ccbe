"""The AsyncAPI document: all topics, messages and parties; valid references and examples."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from agents.contract.compatibility import Side
from agents.contract.components import Components
from agents.contract.files import ASYNCAPI, documents
from agents.contract.messages import message_schemas
from events.access import ROLES
from events.client.settings import DEFAULT_BROKER
from events.codec.decode import decode_report
from events.commands import COMMANDS, command_type
from events.errors import Undecodable
from events.topics import ALL_TOPICS, STAGES, TOPICS
from tests.support.tables import every
from workflow.machine.permissions import PERMITTED_ROLES, Role

ROOT = Path(__file__).parent.parent.parent.parent
DOCUMENT: dict[str, Any] = json.loads(documents(ROOT / "tests" / "golden")[ASYNCAPI])
CHANNELS, OPERATIONS = DOCUMENT["channels"], DOCUMENT["operations"]
MESSAGES, SCHEMAS = DOCUMENT["components"]["messages"], DOCUMENT["components"]["schemas"]


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            assert set(part) == {"$ref"}, "what stands beside a reference is passed over"
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def at(reference: str) -> Any:
    found: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


@cache
def validator(name: str) -> Draft7Validator:
    return Draft7Validator({"components": {"schemas": SCHEMAS}, "allOf": [MESSAGES[name].get("payload", {})]})


def sent(party: str, topic: str) -> set[str]:
    return {each["$ref"].rpartition("/")[2] for each in OPERATIONS[f"{party}.send.{topic}"]["messages"]}


def test_every_reference_leads_somewhere_and_every_part_is_referred_to() -> None:
    found = set(references(DOCUMENT))
    assert all(at(reference) for reference in found)
    assert {f"#/components/schemas/{name}" for name in SCHEMAS} <= found
    assert {f"#/components/messages/{name}" for name in MESSAGES} <= found


def test_every_topic_is_there_with_its_settings() -> None:
    assert [channel["address"] for channel in CHANNELS.values()] == list(ALL_TOPICS)
    for topic, channel in zip(TOPICS, CHANNELS.values(), strict=True):
        configuration = channel["bindings"]["kafka"]["topicConfiguration"]
        assert {
            name: str(value[0] if isinstance(value, list) else value) for name, value in configuration.items()
        } == topic.config


def test_every_message_lies_on_a_topic_and_has_its_schema() -> None:
    lying = [name for channel in CHANNELS.values() for name in channel["messages"]]
    assert sorted(lying) == sorted(MESSAGES)
    assert {name for name in MESSAGES if name.startswith("lapor.")} < message_schemas().keys()
    for name in message_schemas():
        assert MESSAGES[name]["payload"] == {"$ref": f"#/components/schemas/{name}"}


@every(MESSAGES)
def test_every_message_has_an_example_that_follows_its_schema(name: str) -> None:
    assert MESSAGES[name]["examples"]
    for example in MESSAGES[name]["examples"]:
        assert [error.message for error in validator(name).iter_errors(example.get("payload"))] == []
        headers = Draft7Validator(MESSAGES[name]["headers"])
        assert [error.message for error in headers.iter_errors(example.get("headers", {}))] == []


@every([name for name in MESSAGES if name.startswith("lapor.")])
def test_what_no_schema_allows_is_no_example(name: str) -> None:
    payload = MESSAGES[name]["examples"][0]["payload"]
    assert not validator(name).is_valid(payload | {"type": "lapor.something.else.v1"})
    assert not validator(name).is_valid({key: value for key, value in payload.items() if key != "data"})


def test_each_party_has_operations_for_all_that_it_may_do() -> None:
    documented = {
        (name.split(".")[0], name.split(".")[1], each["channel"]["$ref"]) for name, each in OPERATIONS.items()
    }
    allowed = set()
    for role in ROLES.values():
        for party in ("officers", "citizens") if role.name == "gateways" else (role.name,):
            for action, topics in (("send", role.writes), ("receive", role.reads)):
                allowed |= {(party, action, f"#/channels/{topic.removeprefix('complaints.')}") for topic in topics}
    assert documented == allowed


def test_people_send_the_commands_that_they_may_send() -> None:
    asked = {command_type(command.NAME): PERMITTED_ROLES[command] for command in COMMANDS}
    citizens, officers = sent("citizens", "commands"), sent("officers", "commands")
    assert citizens == {kind for kind, roles in asked.items() if Role.CITIZEN in roles}
    assert "lapor.command.record-follow-up.v1" in officers - citizens
    assert "lapor.command.announce-holiday.v1" in officers
    assert "lapor.command.register-complaint.v1" not in officers | citizens
    assert sent("sla", "commands") == {"lapor.command.notice-deadline.v1", "lapor.command.reschedule-deadlines.v1"}
    assert sent("lifecycle", "commands") >= asked.keys()


def test_every_stage_reads_in_the_group_of_its_name() -> None:
    for stage, topic in STAGES.items():
        operation = OPERATIONS[f"{stage}.receive.{topic.removeprefix('complaints.')}"]
        assert operation["bindings"]["kafka"]["groupId"]["const"] == stage
    assert OPERATIONS["subscribers.receive.resolutions"]["bindings"]["kafka"]["groupId"]["pattern"] == "^subscribers-"
    assert "bindings" not in OPERATIONS["lifecycle.receive.state"]


def test_names_are_what_asyncapi_allows() -> None:
    for part in (CHANNELS, OPERATIONS, MESSAGES, SCHEMAS):
        assert [name for name in part if not re.fullmatch(r"[\w.\-]+", name)] == []


def test_a_secured_broker_takes_what_we_can_show() -> None:
    schemes = {each["$ref"].rpartition("/")[2] for each in DOCUMENT["servers"]["secured"]["security"]}
    assert {DOCUMENT["components"]["securitySchemes"][name]["type"] for name in schemes} == {
        "scramSha512",
        "scramSha256",
        "plain",
        "X509",
    }


def test_parts_that_mean_different_things_are_not_mixed_up() -> None:
    kinds = {"a": Side.READ, "b": Side.WRITTEN, "c": Side.WRITTEN}

    def holding(part: Any) -> Any:
        return {"$defs": {"Part": part}, "properties": {"x": {"$ref": "#/$defs/Part", "description": "a part"}}}

    text, number = {"type": "string"}, {"type": "number"}
    mixed = Components({"a": holding(text), "b": holding(number), "c": holding(number)}, kinds).schemas
    assert (mixed["Part.sent"], mixed["Part.received"]) == (text, number)
    assert mixed["c"]["properties"]["x"] == {
        "allOf": [{"$ref": "#/components/schemas/Part.received"}],
        "description": "a part",
    }
    assert set(Components({"a": holding(text), "b": holding(text)}, kinds).schemas) == {"a", "b", "Part"}
    with pytest.raises(ValueError, match=r"Part\.received: two messages on one side"):
        Components({"a": holding(text), "b": holding(number), "c": holding({"type": "null"})}, kinds)


def test_the_example_of_a_dead_letter_is_refused_as_its_headers_say() -> None:
    [example] = MESSAGES["dead-letter"]["examples"]
    with pytest.raises(Undecodable) as refused:
        decode_report(json.dumps(example["payload"]).encode())
    assert (refused.value.code, refused.value.reason) == (example["headers"]["code"], example["headers"]["reason"])


def test_the_local_server_is_the_default_broker() -> None:
    assert DOCUMENT["servers"]["local"]["host"] == DEFAULT_BROKER
