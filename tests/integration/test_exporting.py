"""An export where the state is ahead of the facts."""

import json
import time
import uuid
from pathlib import Path
from zoneinfo import ZoneInfo

from agents.config.settings import Settings
from agents.integrations.export import Export, ExportOptions
from agents.ops.topics import ensure_topics
from events.client import Publisher
from events.topics import TopicName

GOLDEN = Path(__file__).parents[1] / "golden" / "v1"
PATIENCE_S = 1.5


def snapshot(complaint: str) -> bytes:
    event = json.loads((GOLDEN / "lapor.complaint.snapshot.v1.json").read_text())
    event["data"]["complaint"] |= {"complaint_id": complaint, "version": 9}
    return json.dumps(event | {"subject": complaint, "sequence": f"{9:010d}"}).encode()


def test_missing_facts_are_waited_for_once_and_not_per_partition(settings: Settings) -> None:
    ensure_topics(settings)
    numbers: set[int] = set()
    with Publisher(settings) as publisher:
        while len(numbers) < settings.partitions:
            complaint = str(uuid.uuid4())
            numbers.add(publisher.publish_now(TopicName.STATE, complaint, snapshot(complaint)).partition)
    said: list[str] = []
    export = Export(settings, ExportOptions({}, ZoneInfo("Asia/Jakarta")), waits=said.append, patience=PATIENCE_S)

    began = time.monotonic()
    assert list(export) == []

    assert said == ["waiting up to 1.5 s for facts that should be there: what has changed just now"]
    assert export.incomplete >= settings.partitions
    # each poll may take half a second longer than is left
    assert -1.0 < export.patience <= 0.0
    assert time.monotonic() - began > PATIENCE_S
