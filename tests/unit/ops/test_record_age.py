"""The age of a record is found by few offset lookups by time."""

from collections.abc import Mapping, Sequence
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.ops.lag.record_age import OffsetQuery, StampedOffset, stamps_at
from agents.ops.lag.samples import Source

T0, T1 = Source("t", 0), Source("t", 1)
NOW = 1_800_000_000_000
DAY = 86_400_000


class Log:
    """Answers as ListOffsets does: the first record stamped at a time or later."""

    def __init__(self, stamps: Mapping[Source, Sequence[int]], start: int = 0) -> None:
        self.stamps, self.start = stamps, start
        self.questions = 0

    def ask(self, questions: Mapping[Source, int]) -> dict[Source, StampedOffset | None]:
        self.questions += 1
        return {source: self._first(source, at) for source, at in questions.items()}

    def _first(self, source: Source, at: int) -> StampedOffset | None:
        records = enumerate(self.stamps[source])
        return next((each for each in records if each[0] >= self.start and each[1] >= at), None)


def ages(log: Log, *spots: tuple[Source, int]) -> list[int | None]:
    ask: OffsetQuery = log.ask
    found = stamps_at(spots, ask, NOW)
    return [found.get(spot) for spot in spots]


@pytest.mark.parametrize("age", [0, 1, 40, 999, 1_000, 60_000, 3_600_000, DAY, 30 * DAY])
def test_the_age_of_the_oldest_unread_record(age: int) -> None:
    log = Log({T0: [NOW - 31 * DAY, NOW - age, NOW]})
    [stamp] = ages(log, (T0, 1))
    assert stamp == NOW - age
    assert log.questions < 30


def test_one_that_is_the_first_in_the_log() -> None:
    assert ages(Log({T0: [5, 6, 7]}), (T0, 0)) == [5]


def test_what_was_deleted_is_as_old_as_the_first_that_is_left() -> None:
    assert ages(Log({T0: [5, 6, 7, NOW]}, start=2), (T0, 0)) == [7]


def test_there_is_no_record_behind_the_end() -> None:
    assert ages(Log({T0: []}), (T0, 0)) == [None]


def test_groups_at_several_places_share_the_questions() -> None:
    stamps = list(range(NOW - 1_000_000, NOW, 1_000))
    alone, together = Log({T0: stamps, T1: stamps}), Log({T0: stamps, T1: stamps})
    each = [ages(alone, spot)[0] for spot in ((T0, 10), (T0, 500), (T1, 10))]
    assert ages(together, (T0, 10), (T0, 500), (T1, 10)) == each
    assert together.questions < alone.questions


increasing = st.lists(st.integers(0, 3_600_000), min_size=1, max_size=40).map(
    lambda gaps: [NOW - total for total in accumulate(gaps)][::-1]
)


@given(increasing, st.data())
def test_rising_stamps_are_found_to_a_hundredth_of_the_age(stamps: list[int], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(stamps) - 1))
    [stamp] = ages(Log({T0: stamps}), (T0, place))
    assert stamp is not None
    assert abs(stamp - stamps[place]) <= max(10, (NOW - stamps[place]) / 99)


@given(st.lists(st.integers(NOW - 30 * DAY, NOW), min_size=1, max_size=40), st.data())
def test_stamps_out_of_order_end_the_search_too(stamps: list[int], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(stamps) - 1))
    log = Log({T0: stamps})
    [stamp] = ages(log, (T0, place))
    assert stamp is not None
    assert min(stamps) <= stamp <= max(stamps[: place + 1])
    assert log.questions < 60
