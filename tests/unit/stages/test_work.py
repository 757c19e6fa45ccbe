"""A guard against slowdowns: bytecode instructions per message, not time.

Time means little on a machine that others use too. Two measures do not depend on that: how many instructions Python
executes for a message, which is the same at every run; and how much processor time it takes beside the bare reading and
writing of the same JSON, which others slow down as much. The first misses what libraries do, the second sees it, less
exactly. A change that needs more has to change its figure here.
"""

import gc
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import FrameType, SimpleNamespace
from typing import Any, Final

import orjson
import pytest

from agents.config import policy_files
from agents.kafka.records import OutgoingRecord
from agents.runtime.stage import Partition, RecordHandler
from agents.stages import disposition, escalation, resolution
from agents.stages.lifecycle import Lifecycle
from agents.stages.sla import Timers
from events.topics import TopicName
from tests.benchmarks.loads import lives

LIVES: Final = 20
COMMANDS: Final = 8
BUDGET: Final = {"lifecycle": 3_500, "disposition": 226, "escalation": 77, "resolution": 355, "sla": 714}
"""Instructions of Python 3.11 for a message of each stage, in the mean over whole lives, and a tenth more."""
BESIDE_JSON: Final = 80
"""So many times the processor time of bare JSON a command may take in `lifecycle`: half as much again as it does."""


def _records(found: Sequence[tuple[bytes | None, bytes | None, Any]]) -> list[Any]:
    start = 1_796_611_200_000
    return [
        SimpleNamespace(
            topic="x",
            partition=0,
            offset=offset,
            timestamp=start + offset,
            key=key,
            value=value,
            headers=tuple(headers),
        )
        for offset, (key, value, headers) in enumerate(found)
    ]


@pytest.fixture(scope="module")
def partition() -> Partition:
    return Partition(0, 1, policy_files.load("lapor"), texts_apart=lambda: True)


@pytest.fixture(scope="module")
def commands() -> list[Any]:
    return _records([(key, value, ()) for key, value in lives(LIVES)])


@pytest.fixture(scope="module")
def written(partition: Partition, commands: list[Any]) -> list[OutgoingRecord]:
    handler = Lifecycle(partition)
    found: list[OutgoingRecord] = []
    for record in commands:
        found += handler.handle(record)
        handler.commit()
    return found


def _of(written: list[OutgoingRecord], topic: TopicName) -> list[Any]:
    return _records([(output.key, output.value, output.headers) for output in written if output.topic is topic])


def _executed(handler: RecordHandler, records: list[Any]) -> int:
    """Count the instructions that Python executes, in our code and in libraries, while `records` are handled."""
    executed = 0

    def count(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal executed
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        executed += event == "opcode"
        return count

    sys.settrace(count)
    try:
        for record in records:
            for _ in handler.handle(record):
                pass
            handler.commit()
    finally:
        sys.settrace(None)
    return executed


@pytest.fixture
def restored_trace_function() -> Iterator[None]:
    """Restore the trace function of a debugger or a coverage tool."""
    before = sys.gettrace()
    yield
    sys.settrace(before)


HANDLERS: Final[dict[str, tuple[Callable[[Partition], Any], TopicName]]] = {
    "lifecycle": (Lifecycle, TopicName.COMMANDS),
    "disposition": (disposition.handler, TopicName.EVENTS),
    "escalation": (escalation.handler, TopicName.EVENTS),
    "resolution": (resolution.Resolutions, TopicName.EVENTS),
    "sla": (Timers, TopicName.STATE),
}


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="other releases of Python have other instructions")
@pytest.mark.usefixtures("restored_trace_function")
@pytest.mark.parametrize("stage", HANDLERS)
def test_instructions_of_a_message(
    stage: str, partition: Partition, commands: list[Any], written: list[OutgoingRecord]
) -> None:
    handler, topic = HANDLERS[stage]
    records = commands if topic is TopicName.COMMANDS else _of(written, topic)
    _executed(handler(partition), records)  # what is remembered from one message to the next
    each = _executed(handler(partition), records) / len(records)
    assert each < BUDGET[stage], f"{stage}: {each:.0f} instructions a message"
    # what was gained is written down too, so that it is not lost again unseen
    assert each > BUDGET[stage] / 1.3, f"{stage}: {each:.0f} instructions a message: lower its budget"


def _least(work: Callable[[], object], rounds: int = 20) -> float:
    found = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


@pytest.mark.long
def test_processor_time_of_a_command_beside_bare_json(partition: Partition, commands: list[Any]) -> None:
    """Life by life: so short a time is not interrupted each time, and the least is the work alone."""

    def process(life: list[Any]) -> list[OutgoingRecord]:
        handler = Lifecycle(partition)
        outputs: list[OutgoingRecord] = []
        for record in life:
            outputs += handler.handle(record)
            handler.commit()
        return outputs

    def json(values: list[bytes], documents: list[Any]) -> None:
        for value in values:
            orjson.loads(value)
        for document in documents:
            orjson.dumps(document)

    ours = bare = 0.0
    gc.collect()
    gc.disable()
    try:
        for key in dict.fromkeys(record.key for record in commands):
            life = [record for record in commands if record.key == key]
            documents = [orjson.loads(output.value) for output in process(life) if output.value is not None]
            ours += _least(partial(process, life))
            bare += _least(partial(json, [record.value for record in life], documents))
    finally:
        gc.enable()
    assert ours < BESIDE_JSON * bare, f"{ours / bare:.1f} times bare JSON"
