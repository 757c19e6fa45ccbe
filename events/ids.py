"""Deterministic ids: computed from content, so that a repeated message gets the same id and is recognized."""

from functools import lru_cache
from hashlib import blake2b
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import TypeAdapter

_STAGES: Final = "/stages/"
_UUID: Final = TypeAdapter(UUID)


def canonical_id(complaint: str) -> str:
    """Return the canonical form of a complaint id in any spelling that the contract accepts; or raise ValueError.

    The contract accepts upper case, `urn:uuid:`, braces, and no dashes; keys are always canonical.
    """
    return str(_UUID.validate_strings(complaint))


def complaint_id(source: str, report_id: str) -> str:
    """Return the complaint id for the report `(source, report_id)`, which a channel can compute in advance."""
    return str(uuid5(NAMESPACE_URL, f"{source}#{report_id}"))


def stage_source(stage: str) -> str:
    """Return the CloudEvents source of a stage's messages."""
    return f"{_STAGES}{stage}"


def is_stage_source(source: str) -> bool:
    """Check whether a CloudEvents source has the form of a stage's."""
    return source.startswith(_STAGES)


def stage_command_id(complaint: str, *decided_on: str | int) -> str:
    """Return the id of a stage's command about `complaint`, computed from the input of the stage's decision."""
    return str(uuid5(UUID(complaint), "/".join(map(str, decided_on))))


def fact_id(complaint: str, version: int) -> str:
    """Return the id of the fact with this `version` in a complaint's history."""
    return f"{complaint}/{version}"


@lru_cache(maxsize=8)  # cached, since each command needs it twice
def digest(source: str, message_id: str) -> str:
    """Return 16 hexadecimal digits that identify a command in a complaint's list of processed commands.

    By source *and* id, as in CloudEvents, so that offices may use the same numbers; joined by U+0000, which neither
    contains.
    """
    return blake2b(f"{source}\0{message_id}".encode(), digest_size=8).hexdigest()


def tracking_id(partition: int, offset: int) -> str:
    """Return the tracking id for citizens: digits only, computed from the report's position in the intake log.

    The last three digits are the partition, the others count up within it: unique in an installation without a counter.
    """
    return f"{offset + 1000}{partition:03d}"


def identity_key(complaint: str, tracking: str) -> str:
    """Return the key of the identity from one delivery of a report, different for each delivery."""
    return f"{complaint}/{tracking}"


def complaint_of_identity(key: bytes) -> bytes:
    """Return the complaint id in an identity's key, with or without the tracking id (older keys lack it)."""
    return key.partition(b"/")[0]


def rejection_id(subject: str, partition: int, offset: int) -> str:
    """Return the id of the rejection of the command at this log position."""
    return f"{subject}/rejected/{partition}/{offset}"
