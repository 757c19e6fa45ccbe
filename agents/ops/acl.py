"""The roles as access control lists of Kafka: printed as a script, or made by Kafka's own administration."""

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)
from kafka.errors import SecurityDisabledError

from agents.config.settings import Settings
from events.access import Role
from events.client.administration import admin_client
from events.client.errors import KafkaRefused
from events.topics import TopicName

Kind = Literal["topic", "group", "transactional-id"]
Operation = Literal["Read", "Write", "Describe", "DescribeConfigs", "Create", "Alter", "AlterConfigs"]

_KINDS: Final[dict[Kind, ResourceType]] = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional-id": ResourceType.TRANSACTIONAL_ID,
}
_OPERATIONS: Final[dict[Operation, ACLOperation]] = {
    "Read": ACLOperation.READ,
    "Write": ACLOperation.WRITE,
    "Describe": ACLOperation.DESCRIBE,
    "DescribeConfigs": ACLOperation.DESCRIBE_CONFIGS,
    "Create": ACLOperation.CREATE,
    "Alter": ACLOperation.ALTER,
    "AlterConfigs": ACLOperation.ALTER_CONFIGS,
}
_ANY_HOST: Final = "*"
_SCRIPT: Final = """\
#!/bin/sh
# The rights of {roles}. Kafka adds what is missing and leaves what is there.
set -eu
: "${{KAFKA_ACLS:=kafka-acls.sh}}"
: "${{BROKER:={broker}}}"
acl() {{ "$KAFKA_ACLS" --bootstrap-server "$BROKER" ${{CONFIG:+--command-config "$CONFIG"}} --add "$@"; }}
"""


@dataclass(frozen=True, slots=True)
class Right:
    """What a principal may do with one resource, or with all whose name begins with `name` if it is `prefixed`."""

    principal: str
    kind: Kind
    name: str
    prefixed: bool
    operations: tuple[Operation, ...]


def rights(role: Role, settings: Settings, principal: str) -> Iterator[Right]:
    """Give what `principal` is to be allowed, to do the work of `role` in this environment."""
    for topic in role.topics:
        yield Right(principal, "topic", settings.topic(topic), prefixed=False, operations=_on_topic(role, topic))
    if role.group is not None:
        yield _named(principal, "group", settings.group(role.group), ("Read",))
    for stage in role.follows:
        yield Right(principal, "group", settings.group(stage), prefixed=False, operations=("Describe",))
    for transactional in role.transactional:
        # as a group's, the name of a transactional id begins with the prefix
        yield _named(principal, "transactional-id", f"{settings.prefix}{transactional}", ("Write", "Describe"))


def _on_topic(role: Role, topic: TopicName) -> tuple[Operation, ...]:
    found: list[Operation] = []
    if topic in role.reads:
        found.append("Read")
    if topic in role.writes:
        found.append("Write")
    if topic in role.makes:
        found.append("Create")
    # reading and writing imply it
    if topic in role.sees and not {"Read", "Write"} & set(found):
        found.append("Describe")
    if topic in role.looks_into:
        found.append("DescribeConfigs")
    if topic in role.alters:
        found += ["Alter", "AlterConfigs"]
    return tuple(found)


def _named(principal: str, kind: Kind, name: str, operations: tuple[Operation, ...]) -> Right:
    return Right(principal, kind, name, name.endswith("-"), operations)


def script(found: Iterable[Right], settings: Settings, roles: Iterable[str]) -> str:
    """Return a shell script that gives the rights by Kafka's own `kafka-acls.sh`."""
    lines = [_SCRIPT.format(roles=", ".join(roles), broker=settings.broker)]
    for right in found:
        words = ["acl", "--allow-principal", right.principal]
        words += [word for operation in right.operations for word in ("--operation", operation)]
        words += [f"--{right.kind}", right.name]
        words += ["--resource-pattern-type", "prefixed"] if right.prefixed else []
        lines.append(shlex.join(words) + "\n")
    return "".join(lines)


def apply(found: Iterable[Right], settings: Settings) -> int:
    """Give the rights, and return how many single permissions that are; those that were given before stay.

    Raises:
        BrokerUnreachable: no broker answers.
        KafkaRefused: the broker says no: it has no authorizer, or we may not give rights. Some may have been given.
    """
    wanted = [
        ACL(
            principal=right.principal,
            host=_ANY_HOST,
            operation=_OPERATIONS[operation],
            permission_type=ACLPermissionType.ALLOW,
            resource_pattern=ResourcePattern(
                _KINDS[right.kind],
                right.name,
                ACLResourcePatternType.PREFIXED if right.prefixed else ACLResourcePatternType.LITERAL,
            ),
        )
        for right in found
        for operation in right.operations
    ]
    with admin_client(settings) as client:
        failed = client.create_acls(wanted)["failed"]
        if SecurityDisabledError in failed:
            raise KafkaRefused(f"Kafka at {settings.broker} has no authorizer: everybody may do everything there")
        if failed:
            raise failed[0]
    return len(wanted)
