"""Partial reads of facts and snapshots: single fields, without parsing the whole.

Only this module depends on how `events.codec.encode` formats JSON (order of fields, no spaces). JSON in another format
is parsed in full, with the same result (tests/unit/events/test_partial.py).
"""

import re
from contextlib import suppress
from typing import Any, Final, Literal, NamedTuple, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from events.cloudevents import AboutComplaint
from events.codec.parsing import json_object, read_ours
from events.snapshot import STATE_TYPE, Clock, Complaint
from events.vocabulary import ClockName, Status

SNAPSHOT_MARK: Final = b',"complaint":'
"""What `encode_fact` writes before the snapshot at the end."""
STATE_MARK: Final = b',"data":{"complaint":'
"""What `encode_snapshot` writes before the snapshot at the end."""
_OPENING: Final = f'{{"specversion":"1.0","type":"{STATE_TYPE}",'.encode()
_HEAD: Final = re.compile(
    rb'\{"complaint_id":"(?P<id>[0-9a-f-]{36})","tracking_id":"[^"\\]*","version":(?P<version>[1-9][0-9]{0,17}),'
    rb'"status":"(?P<status>[a-z_]+)",'
)
_HOLDER: Final = re.compile(rb',"chosen_office":(?:null|"[^"\\]*"),"office":(?:null|"(?P<office>[^"\\]*)"),"round":')
_FACT_TYPE: Final = re.compile(rb'\{"specversion":"1\.0","type":"(lapor\.complaint\.[a-z-]{1,40}\.v1)",')
_COMMAND_TYPE: Final = re.compile(rb'"type": ?"(lapor\.command\.[a-z-]{1,40}\.v1)"')
_TEXT_REF: Final = b',"text_ref":"'
_STATUSES: Final = {status.value.encode(): status for status in Status}

P = TypeVar("P", bound=BaseModel)


class _Part(BaseModel):
    """Some fields of a snapshot; the others are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class _Head(_Part):
    complaint_id: str
    version: int = Field(ge=1)
    status: Status


class Timetable(_Part):
    """The deadlines of a complaint."""

    complaint_id: str
    clocks: dict[ClockName, Clock] = Field(default_factory=dict)
    calendar: int = 0
    """Number of announcements in the calendar of the deadlines."""


class Basis(_Part):
    """References of a complaint to policy, offices and calendar."""

    status: Status
    policy: str
    chosen_office: str | None
    office: str | None = None
    calendar: int = 0
    received_at: AwareDatetime


class Snapshot(NamedTuple):
    """Snapshot as bytes, with the fields that decide whether it may follow another one."""

    raw: bytes
    """The snapshot in the format of `encode_complaint`."""
    complaint_id: bytes
    version: int
    status: Status


class _Data(BaseModel):
    complaint: Complaint


class StateEvent(AboutComplaint):
    """Record of `complaints.state`."""

    type: Literal["lapor.complaint.snapshot.v1"]
    data: _Data


def snapshot_in(raw: bytes, *, ours: bool) -> Snapshot:
    """Read a record of `complaints.state`, if `ours` only its first fields; raise Undecodable."""
    snapshot = _cut(raw)
    head = None if snapshot is None else _HEAD.match(snapshot)
    if snapshot is not None and head is not None:
        if ours and (status := _STATUSES.get(head["status"])) is not None:
            return Snapshot(snapshot, head["id"], int(head["version"]), status)
        with suppress(ValidationError):  # split at the wrong position, or invalid: parsing the whole decides
            return _snapshot(snapshot, _Head.model_validate_json(snapshot))
    snapshot = _whole(raw)
    return _snapshot(snapshot, read_ours(_Head, snapshot))


def head_in(raw: bytes) -> tuple[bytes, int] | None:
    """Read complaint id and version of a record of `complaints.state`; None if our encoder did not write the record."""
    start = raw.find(STATE_MARK)
    head = _HEAD.match(raw, start + len(STATE_MARK)) if start > 0 and raw.endswith(b"}}") else None
    return None if head is None else (head["id"], int(head["version"]))


def version_of(snapshot: bytes) -> int:
    """Return the version of a snapshot from `snapshot_in`."""
    head = _HEAD.match(snapshot)
    return read_ours(_Head, snapshot).version if head is None else int(head["version"])


def read_part(model: type[P], raw: bytes) -> P:
    """Read some fields of the snapshot in a record, in a third of the time of a full parse; raise Undecodable."""
    snapshot = _cut(raw)
    if snapshot is not None:
        with suppress(ValidationError):  # as above
            return model.model_validate_json(snapshot, extra="ignore")
    return read_ours(model, _whole(raw))


class SnapshotSummary(NamedTuple):
    """Id, version, status and holder of a complaint."""

    complaint_id: str
    version: int
    status: str
    office: str | None


def summary_in(snapshot: bytes) -> SnapshotSummary | None:
    """Read the summary of a bare snapshot without parsing it; None if our encoder did not write it."""
    head, holder = _HEAD.match(snapshot), _HOLDER.search(snapshot)
    if head is None or holder is None:
        return None
    office = holder["office"]
    return SnapshotSummary(
        head["id"].decode(), int(head["version"]), head["status"].decode(), None if office is None else office.decode()
    )


def basis_of(snapshot: bytes) -> Basis:
    """Read the `Basis` of a complaint from a bare snapshot; raise `Undecodable` for anything else."""
    return read_ours(Basis, snapshot)


def cut_fact(raw: bytes | None) -> tuple[bytes, bytes] | None:
    """Split a fact of `encode_fact` into the fact and the snapshot after it; None in another format.

    After a split at the wrong position, the parts do not parse, or `is_well_cut` is False.
    """
    if not raw or not raw.endswith(b"}}}"):
        return None
    # quotation marks in texts are escaped
    fact, mark, snapshot = raw.rpartition(SNAPSHOT_MARK)
    return (fact + b"}}", snapshot[:-2]) if mark else None


def fact_type_in(raw: bytes) -> str | None:
    """Return the type of an encoded fact without parsing; None for another format."""
    match = _FACT_TYPE.match(raw)
    return None if match is None else match[1].decode()


def is_apart(raw: bytes | None) -> bool:
    """Check whether a fact of `encode_fact` refers to its words in `complaints.texts`; False in another format."""
    return raw is not None and _TEXT_REF in raw


def is_well_cut(fact: dict[str, Any]) -> bool:
    """Check whether the parsed first part of a split fact has all fields before the snapshot."""
    data = fact.get("data")
    return next(reversed(fact), None) == "data" and isinstance(data, dict) and "complaint" not in data


def part_fact(raw: bytes | None) -> tuple[bytes, bytes]:
    """Parse a fact and return the two parts of `cut_fact`, with null if there is no snapshot; raise Undecodable."""
    value = json_object(raw)
    data = value.get("data")
    if not isinstance(data, dict) or "complaint" not in data:
        return raw or b"", b"null"
    snapshot = data.pop("complaint")
    return to_json(value), to_json(snapshot)


def _snapshot(raw: bytes, head: _Head) -> Snapshot:
    return Snapshot(raw, head.complaint_id.encode(), head.version, head.status)


def _cut(raw: bytes) -> bytes | None:
    """Extract the snapshot from a record of `complaints.state` in the format of `encode_snapshot`."""
    start = raw.find(STATE_MARK)
    if start < 0 or not raw.startswith(_OPENING) or not raw.endswith(b"}}"):
        return None
    return raw[start + len(STATE_MARK) : -2]


def _whole(raw: bytes) -> bytes:
    """Parse a record of `complaints.state` in full, and return its snapshot in the format of `encode_complaint`."""
    complaint = read_ours(StateEvent, raw).data.complaint
    return complaint.__pydantic_serializer__.to_json(complaint)


def command_type_in(raw: bytes) -> str | None:
    """Return the probable type of a command without parsing, to be verified by the caller."""
    match = _COMMAND_TYPE.search(raw)
    return None if match is None else match[1].decode()
