"""Outputs of records of maximum size fit, and so does every dead letter."""

import copy
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from agents.config import policy_files
from agents.kafka.records import (
    FORWARDED,
    NO_VALUE,
    OUTPUT_TOO_LARGE,
    REPLAYS,
    OutgoingRecord,
    Unwritable,
    accept,
    dead_letter,
)
from agents.observability.trace_context import TraceContext, carrying
from agents.runtime.output_writer import OutputWriter
from agents.runtime.stage import Partition
from agents.stages.intake import Intake
from agents.stages.lifecycle import Lifecycle
from agents.stages.resolution import Resolutions
from events.errors import Undecodable
from events.topics import INWARD_BATCH_BYTES, INWARD_RECORD_BYTES, OUTWARD_RECORD_BYTES, TOPICS, TopicName

GOLDEN = Path(__file__).parents[2] / "golden" / "v1"
LIMITS = {topic.name: int(topic.config["max.message.bytes"]) for topic in TOPICS}
TRACE = TraceContext("1" * 32, "2" * 16, 1)


def examples(topic: TopicName) -> list[dict[str, Any]]:
    prefix = "lapor.report." if topic is TopicName.INTAKE else "lapor.command."
    found = [json.loads(path.read_bytes()) for path in sorted(GOLDEN.glob(f"{prefix}*.json"))]
    return [event for event in found if event["type"] != "lapor.command.rejected.v1"]


def size_of(output: OutgoingRecord) -> int:
    """The size of a batch that holds it alone, as aiokafka writes it; with the header of a trace."""
    [traced] = carrying(TRACE, [output])
    builder = DefaultRecordBatchBuilder(2, 0, 1, -1, -1, 0, 1)
    builder.append(0, None, traced.key, traced.value, list(traced.headers))
    return len(builder.build())


def record(topic: str, value: bytes | None, key: bytes | None = None, **changes: Any) -> Any:
    found = {"topic": topic, "partition": 0, "offset": 10**12, "timestamp": 1_773_628_800_000, "headers": ()}
    return SimpleNamespace(value=value, key=key, **found | changes)


def swollen(event: dict[str, Any], size: int, *, envelope: bool) -> Iterator[dict[str, Any]]:
    """The event with a text, a list or an unknown field enlarged until it has `size` bytes."""
    room = size - len(json.dumps(event))
    fields = {f"data.{name}": value for name, value in event["data"].items()}
    for name, value in ((event if envelope else {}) | fields).items():
        grown = copy.deepcopy(event)
        inner, last = (grown["data"], name[5:]) if name.startswith("data.") else (grown, name)
        if isinstance(value, str):
            inner[last] = value + "\x01" * (room // 6)  # six bytes each in JSON
            yield grown
        inner[last] = ["https://example.org/foto.jpg"] * (room // 40)
        yield grown


@pytest.fixture(scope="module")
def partition() -> Partition:
    return Partition(0, 4, policy_files.load("lapor"))


@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.long), 11])
@pytest.mark.parametrize("topic", [TopicName.INTAKE, TopicName.COMMANDS])
def test_outputs_of_an_accepted_record_fit(topic: TopicName, step: int, partition: Partition) -> None:
    tried, largest = 0, 0
    for number, example in enumerate(examples(topic)):
        # the attributes that all share are swollen where they lead to facts, and where they are refused
        envelope = number == 0 or "register-complaint" in example["type"]
        for event in islice(swollen(example, INWARD_RECORD_BYTES, envelope=envelope), 0, None, step):
            value = orjson.dumps(event)[:INWARD_RECORD_BYTES]
            found = record(topic, value)
            accept(found)
            handler = (Intake if topic is TopicName.INTAKE else Lifecycle)(partition)
            try:
                outputs = list(handler.handle(found))
            except Undecodable as error:
                outputs = [dead_letter("lifecycle", found, error)]
            for output in outputs:
                tried += 1
                size = size_of(output)
                largest = max(largest, size)
                assert size <= LIMITS[output.topic], (output.topic, event["type"])
    assert tried > 20 // step
    assert largest > INWARD_RECORD_BYTES / 2


def test_the_longest_texts_fit_into_facts_and_stories(partition: Partition) -> None:
    """What the models accept, with each character as long as JSON makes it."""
    lifecycle, resolutions = Lifecycle(Partition(0, 1, partition.policies)), Resolutions(partition)
    [report] = [each for each in examples(TopicName.COMMANDS) if "register-complaint" in each["type"]]
    content = report["data"]["report"]
    content |= {"title": "\x01" * 300, "body": "\x01" * 20_000, "attachments": ["https://" + "x" * 2_040] * 20}
    outputs = list(lifecycle.handle(record(TopicName.COMMANDS, json.dumps(report).encode())))
    assert {output.topic for output in outputs} == {TopicName.EVENTS, TopicName.STATE}, outputs
    for output in [*outputs]:
        if output.topic is TopicName.EVENTS:
            outputs += resolutions.handle(record(output.topic, output.value, output.key, headers=output.headers))
    assert max(map(size_of, outputs)) * 4 < OUTWARD_RECORD_BYTES


@pytest.mark.parametrize("own", [REPLAYS, FORWARDED])
def test_what_the_engine_adds_makes_no_record_too_large(own: str) -> None:
    headers = (("h", b"x" * 99), ("", None))
    accept(record(TopicName.COMMANDS, b"x" * (INWARD_RECORD_BYTES - 103), b"key", headers=headers))
    with pytest.raises(Undecodable, match="1,048,577 bytes with key and headers"):
        accept(record(TopicName.COMMANDS, b"x" * (INWARD_RECORD_BYTES - 102), b"key", headers=headers))
    accept(record(TopicName.COMMANDS, b"x" * INWARD_RECORD_BYTES, b"k" * 36, headers=((own, b"x" * 200),)))
    with pytest.raises(Undecodable):
        accept(record(TopicName.COMMANDS, b"x" * INWARD_RECORD_BYTES, headers=((own, b"x" * 2_000),)))


@given(
    st.integers(0, 12_000_000) | st.none(),
    st.integers(0, 12_000_000) | st.none(),
    st.text(max_size=50).map(lambda text: ZeroDivisionError(text * 1_000))
    | st.just(Undecodable("invalid", "\N{PILE OF POO}" * 5_000)),
)
def test_a_dead_letter_always_fits(value: int | None, key: int | None, error: Exception) -> None:
    headers = [("replays", b"7"), *[("h" * 300, b"x" * 300)] * 5_000]
    found = record(
        "t" * 249,
        None if value is None else b"v" * value,
        None if key is None else b"k" * key,
        headers=headers,
    )
    letter = dead_letter("verification", found, error)
    assert size_of(letter) <= LIMITS[TopicName.DEAD_LETTERS]
    letter_headers = dict(letter.headers)
    for kept, length, header in (
        (letter.value, value, "truncated-from"),
        (letter.key, key, "key-truncated-from"),
    ):
        assert (kept is None) == (length is None)
        assert (header in letter_headers) == (length is not None and length > len(kept or b""))
        assert int(letter_headers.get(header, 0)) in {0, length}
    assert size_of(dead_letter("verification", found, error, NO_VALUE)) < 60_000


def test_an_inward_topic_takes_what_is_accepted_and_forwarded() -> None:
    """With any number of headers: one without name and value takes three bytes."""
    headers = [("", b"")] * 65_535 + [(FORWARDED, b"x" * 150)]
    with pytest.raises(Undecodable, match="65,537 headers"):
        accept(record(TopicName.COMMANDS, b"x", headers=[("", None)] * 65_537))
    assert (
        size_of(OutgoingRecord(TopicName.COMMANDS, b"k" * 36, b"x" * INWARD_RECORD_BYTES, 0, headers))
        <= INWARD_BATCH_BYTES
    )


def test_what_does_not_fit_is_not_sent() -> None:
    writer = OutputWriter(None)  # type: ignore[arg-type]  # nothing is connected here
    writer.producer = SimpleNamespace(create_batch=lambda: BatchBuilder(262_144, 0))
    fits = OutgoingRecord(TopicName.COMMANDS, b"k", b"x" * (INWARD_BATCH_BYTES - 150), 0)
    small = OutgoingRecord(TopicName.COMMANDS, b"k", b"x", 0)
    batches = writer.batches([small, small, fits, small, small._replace(partition=1)])
    assert [(topic, number, [each.record_count() for each in found]) for topic, number, found in batches] == [
        (TopicName.COMMANDS, 0, [2, 1, 1]),
        (TopicName.COMMANDS, 1, [1]),
    ]
    with pytest.raises(Unwritable) as raised:
        writer.batches([small, OutgoingRecord(TopicName.COMMANDS, b"k", b"x" * INWARD_BATCH_BYTES, 0)])
    assert (raised.value.code, raised.value.topic) == (OUTPUT_TOO_LARGE, TopicName.COMMANDS)
