"""A batch that is rolled back and processed again leads to the same outputs, memory and counts."""

import random
from collections.abc import Callable, Iterator
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from agents.config import policy_files
from agents.kafka.records import OutgoingRecord
from agents.runtime.stage import Partition
from agents.stages.lifecycle import Lifecycle
from agents.stages.resolution import Resolutions
from events.announcements import CALENDAR, AnnounceHoliday
from events.codec.encode import encode_command
from events.topics import TopicName
from tests.benchmarks.loads import lives
from tests.support.worlds import MONDAY, PANRB

POLICIES = policy_files.load("lapor")


def records(found: list[tuple[bytes | None, bytes | None, Any]]) -> list[Any]:
    return [
        SimpleNamespace(
            topic="x", partition=0, offset=at, timestamp=1_796_611_200_000 + at, key=key, value=value, headers=headers
        )
        for at, (key, value, headers) in enumerate(found)
    ]


def commands() -> list[Any]:
    """Whole lives side by side, one command of each twice, and an announcement amid them."""
    found: list[tuple[bytes | None, bytes | None, Any]] = [(key, value, ()) for key, value in lives(12)]
    data = AnnounceHoliday(day=date(2026, 3, 27), name="Cuti bersama", decree="SKB 3 Menteri")
    announced = encode_command(data, source=PANRB, command_id="a1", subject=CALENDAR, time=MONDAY)
    found[20:20] = [found[10], found[12], (None, announced, ())]
    found[40:40] = [(None, announced, ())]
    return records(found)


def batches(of: list[Any]) -> Iterator[list[Any]]:
    lots = random.Random(1708)  # noqa: S311 -- to be drawn again
    while of:
        size = lots.randint(1, 9)
        yield of[:size]
        of = of[size:]


def straight(handler: Any, of: list[Any]) -> list[OutgoingRecord]:
    outputs = []
    for record in of:
        outputs += list(handler.handle(record))
        handler.commit()
    return outputs


def twice(handler: Any, of: list[Any]) -> list[OutgoingRecord]:
    """Process each batch up to somewhere, roll that back, and process the whole batch."""
    outputs = []
    for batch in batches(of):
        for attempt in (batch[: len(batch) // 2], batch):
            handler.rollback()
            found = [output for record in attempt for output in handler.handle(record)]
        handler.commit()
        outputs += found
    return outputs


def facts() -> list[Any]:
    written = straight(Lifecycle(Partition(0, 1, POLICIES)), commands())
    return records([(each.key, each.value, each.headers) for each in written if each.topic is TopicName.EVENTS])


@pytest.mark.parametrize(("stage", "of"), [(Lifecycle, commands), (Resolutions, facts)])
def test_a_batch_that_is_processed_again_changes_nothing_twice(
    stage: Callable[[Partition], Any], of: Callable[[], list[Any]]
) -> None:
    once, again = Partition(0, 1, POLICIES), Partition(0, 1, POLICIES)
    expected, found = stage(once), stage(again)
    outputs = straight(expected, of())
    assert {output.topic for output in outputs} > {TopicName.STATE} or stage is Resolutions
    assert twice(found, of()) == outputs
    assert again.metrics.decisions == once.metrics.decisions
    assert again.metrics.facts == once.metrics.facts
    # the memory is the same: whatever comes next is decided alike
    assert straight(found, of()) == straight(expected, of())


def test_a_rolled_back_batch_leaves_no_trace() -> None:
    partition = Partition(0, 1, POLICIES)
    handler = Lifecycle(partition)
    for record in commands():
        handler.handle(record)
    handler.rollback()
    handler.commit()
    assert handler.state_report().complaints == 0
    assert not any(partition.metrics.decisions.values())
    assert straight(handler, commands()) == straight(Lifecycle(Partition(0, 1, POLICIES)), commands())
