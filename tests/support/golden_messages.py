"""Facts and snapshots made of the golden messages."""

import json
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from events.snapshot import Complaint

GOLDEN = Path(__file__).parents[1] / "golden" / "v1"
HERE, THERE = (str(uuid.uuid5(uuid.NAMESPACE_URL, name)) for name in ("here", "there"))


def golden(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / f"{kind}.json").read_text())
    return found


def snapshot(complaint: str, version: int) -> bytes:
    event = golden("lapor.complaint.snapshot.v1")
    event["data"]["complaint"] |= {"complaint_id": complaint, "version": version}
    return json.dumps(event | {"subject": complaint, "sequence": f"{version:010d}"}).encode()


def fact(complaint: str, version: int) -> bytes:
    event = golden("lapor.complaint.warned.v1")
    event["data"]["complaint"] |= {"complaint_id": complaint, "version": version}
    return json.dumps(event | {"subject": complaint, "sequence": f"{version:010d}"}).encode()


def versions(found: Iterable[Complaint]) -> list[tuple[str, int]]:
    return [(each.complaint_id, each.version) for each in found]
