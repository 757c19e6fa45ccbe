"""A stage frees a processed record at once, and not when Python's collector runs.

Hostile records have a megabyte each, and the collector of a stage comes rarely (`agents/runtime/app.py`).
"""

import gc
import weakref
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from agents.config import policy_files
from agents.kafka.records import OutgoingRecord, dead_letter
from agents.runtime.stage import Partition
from agents.stages.lifecycle import Lifecycle
from events.errors import Undecodable
from events.topics import TopicName

COMPLAINT = "7c1a2f62-6c0a-5b43-9a7e-1f0f3f8f6c11"
SENT = '"specversion":"1.0","source":"/offices/panrb","id":"1","subject":"%s","type":"lapor.command.%s.v1","data":%s'
REASON = '{"reason":7}'
VALUES = {
    "no JSON": "{",
    "an unknown type": f"{{{SENT % (COMPLAINT, 'dance', '{}')}}}",
    "data that are not what it needs": f"{{{SENT % (COMPLAINT, 'close-complaint', REASON)}}}",
    "an announcement that is none": f"{{{SENT % ('calendar', 'announce-holiday', '{}')}}}",
}
"""What may be sent to `lifecycle` and is refused: the first two are set aside, the others answered."""


class Record(SimpleNamespace):
    """A record that can be weakly referenced."""


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.long
@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_record_that_is_refused(value: str) -> None:
    stage = Lifecycle(Partition(0, 1, policy_files.load("lapor")))
    record = Record(topic="x", partition=0, offset=0, timestamp=0, key=b"k", value=value.encode(), headers=())
    written = list(done_with(stage, record))
    answered = value in list(VALUES.values())[2:]
    assert [output.topic for output in written] == [TopicName.REJECTIONS if answered else TopicName.DEAD_LETTERS]
    left = weakref.ref(record)
    del record
    assert left() is None


def done_with(stage: Lifecycle, record: Any) -> Iterable[OutgoingRecord]:
    """Do what the shell does with a record."""
    try:
        return stage.handle(record)
    except Undecodable as error:
        return [dead_letter("lifecycle", record, error)]
