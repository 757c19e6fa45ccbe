"""Access control lists of the roles: as a script, or applied through Kafka's Admin API."""

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourceType
from kafka.errors import SecurityDisabledError

from agents.config.settings import Settings
from events.access import AccessRole
from events.client.administration import admin_client
from events.client.errors import KafkaRefused
from events.topics import TopicName

Kind = Literal["topic", "group", "transactional-id"]
Operation = Literal["Read", "Write", "Describe", "DescribeConfigs", "Create", "Alter", "AlterConfigs"]

_WORD_BOUNDARY: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
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
    """Operations that a principal may do on a resource, or on all with the prefix `name` if `prefixed`."""

    principal: str
    kind: Kind
    name: str
    prefixed: bool
    operations: tuple[Operation, ...]


def rights(role: AccessRole, settings: Settings, principal: str) -> Iterator[Right]:
    """Yield the rights that `principal` needs for `role` in this environment."""
    for topic in role.topics:
        yield Right(principal, "topic", settings.topic(topic), prefixed=False, operations=_on_topic(role, topic))
    if role.group is not None:
        yield _on_resource(principal, "group", settings.group(role.group), ("Read",))
    for stage in role.follows:
        yield Right(principal, "group", settings.group(stage), prefixed=False, operations=("Describe",))
    for transactional in role.transactional:
        # transactional ids begin with the prefix, as group names do
        yield _on_resource(principal, "transactional-id", f"{settings.prefix}{transactional}", ("Write", "Describe"))


def _on_topic(role: AccessRole, topic: TopicName) -> tuple[Operation, ...]:
    rights: dict[Operation, bool] = {
        "Read": topic in role.reads,
        "Write": topic in role.writes,
        "Create": topic in role.makes,
        # implied by Read and Write
        "Describe": topic in role.sees and topic not in {*role.reads, *role.writes},
        "DescribeConfigs": topic in role.looks_into,
        "Alter": topic in role.alters,
        "AlterConfigs": topic in role.alters,
    }
    return tuple(operation for operation, needed in rights.items() if needed)


def _on_resource(principal: str, kind: Kind, name: str, operations: tuple[Operation, ...]) -> Right:
    return Right(principal, kind, name, name.endswith("-"), operations)


def script(granted: Iterable[Right], settings: Settings, roles: Iterable[str]) -> str:
    """Return a shell script that grants the rights with Kafka's own `kafka-acls.sh`."""
    lines = [_SCRIPT.format(roles=", ".join(roles), broker=settings.broker)]
    for right in granted:
        words = ["acl", "--allow-principal", right.principal]
        words += [word for operation in right.operations for word in ("--operation", operation)]
        words += [f"--{right.kind}", right.name]
        words += ["--resource-pattern-type", "prefixed"] if right.prefixed else []
        lines.append(shlex.join(words) + "\n")
    return "".join(lines)


def apply(granted: Iterable[Right], settings: Settings) -> int:
    """Grant the rights and return the number of permissions; those granted before stay. Raises `KafkaFailure`.

    After a failure some may have been granted.
    """
    wanted = [
        ACL(
            principal=right.principal,
            host="*",
            operation=ACLOperation[_WORD_BOUNDARY.sub("_", operation).upper()],
            permission_type=ACLPermissionType.ALLOW,
            resource_pattern=ResourcePattern(
                ResourceType[right.kind.replace("-", "_").upper()],
                right.name,
                ACLResourcePatternType.PREFIXED if right.prefixed else ACLResourcePatternType.LITERAL,
            ),
        )
        for right in granted
        for operation in right.operations
    ]
    with admin_client(settings) as client:
        failed = client.create_acls(wanted)["failed"]
        if SecurityDisabledError in failed:
            raise KafkaRefused(f"Kafka at {settings.broker} has no authorizer: every client may do everything there")
        if failed:
            raise failed[0]
    return len(wanted)
