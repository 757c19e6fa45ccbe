"""What cannot be written is found among the records of a batch, and becomes a dead letter alone."""

import asyncio
from collections.abc import Collection
from typing import Any

import pytest

from agents.kafka.records import NO_VALUE, OUTPUT_REFUSED, OUTPUT_TOO_LARGE, Unwritable
from agents.runtime import batch as batches
from agents.runtime.batch import Batch, process_in_parts
from agents.runtime.stage import RefusedToStart
from events.topics import TopicName

TOO_LARGE = Unwritable(OUTPUT_TOO_LARGE, TopicName.EVENTS, "has 9 bytes, 5 are possible")
REFUSED = Unwritable(OUTPUT_REFUSED, TopicName.EVENTS, "was refused: UnknownError", transient=True)
LETTER_REFUSED = Unwritable(OUTPUT_REFUSED, TopicName.DEAD_LETTERS, "was refused: MessageSizeTooLargeError")


def records(count: int) -> Any:
    """Numbers in place of records: they are handed on only."""
    return range(count)


class Stage:
    """Processes numbers, of which some cannot be written."""

    def __init__(self, guilty: Collection[int] = (), *, letters_of: int = 1_000, passes_after: int = 0) -> None:
        self.guilty = guilty
        self.letters_of = letters_of
        self.errors_left = passes_after
        self.done: list[int] = []
        self.letters: dict[int, tuple[str, int]] = {}
        self.attempts = 0
        self.undone = 0

    async def process(self, part: Batch) -> None:
        self.attempts += 1
        if part.refused is not None:
            record: Any = part.records[0]
            if part.room > self.letters_of:
                raise LETTER_REFUSED
            self.letters[record] = (part.refused.code, part.room)
        elif self.errors_left:
            self.errors_left -= 1
            raise REFUSED
        elif set(part.records) & set(self.guilty):
            raise TOO_LARGE
        numbers: Any = part.records
        self.done += numbers

    async def undo(self, error: Unwritable) -> None:
        assert error.code
        self.undone += 1

    def process_records(self, count: int) -> list[int]:
        batches = asyncio.run(process_in_parts(records(count), self.process, self.undo))
        return [len(batch.records) for batch in batches]


@pytest.mark.parametrize("guilty", [(), (0,), (99,), (50, 51), (7, 8, 9, 98), range(100)])
def test_failing_records_become_dead_letters_and_order_is_kept(guilty: Collection[int]) -> None:
    stage = Stage(guilty, letters_of=10**9)
    assert sum(stage.process_records(100)) == 100
    assert stage.done == list(range(100))
    assert set(stage.letters) == set(guilty)
    assert {code for code, _ in stage.letters.values()} <= {OUTPUT_TOO_LARGE}
    assert stage.undone == stage.attempts - len(stage.done) or len(guilty) < 100
    assert stage.attempts <= 1 + 16 * len(guilty)


def test_a_temporary_error_writes_no_dead_letter() -> None:
    stage = Stage(passes_after=1)
    assert stage.process_records(10) == [10]
    assert stage.letters == {}


def test_a_record_that_is_alone_is_tried_again_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "PAUSE_SECONDS", 0.0)
    stage = Stage(passes_after=4)
    assert sum(stage.process_records(4)) == 4
    assert (stage.letters, stage.done) == ({}, [0, 1, 2, 3])
    stage = Stage(passes_after=5)
    stage.process_records(4)
    assert set(stage.letters) == {0}, "but once only"


def test_a_letter_that_the_broker_refuses_is_written_without_content() -> None:
    stage = Stage({3}, letters_of=NO_VALUE)
    stage.process_records(5)
    assert stage.letters == {3: (OUTPUT_TOO_LARGE, NO_VALUE)}
    assert stage.done == list(range(5))


def test_without_any_letter_the_stage_refuses_to_work() -> None:
    with pytest.raises(RefusedToStart, match=r"alur topics create") as raised:
        Stage({3}, letters_of=-1).process_records(5)
    assert "\n" not in str(raised.value)


def test_a_dead_letter_is_distinct_from_its_record() -> None:
    """A record that cannot be read needs a letter anyway: its code stays when that is refused."""
    [bare] = Batch(records(1)).after(LETTER_REFUSED)
    assert (bare.refused, bare.room) == (None, NO_VALUE)
