"""Status of a group by Burrow's rules, from the movement of its offsets over a window."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.ops.lag.rules import (
    SEVERITY,
    LagStatus,
    Severity,
    evaluate_group,
    evaluate_partition,
    is_clear,
    is_stuck,
    worst,
)
from agents.ops.lag.samples import (
    GroupSample,
    GroupState,
    Offsets,
    PartitionSample,
    Source,
    Window,
    rates,
    seconds_to_drain,
)

NOON = datetime(2026, 3, 16, 12, tzinfo=UTC)
SOURCE = Source("t", 0)
MEMBER = "a member"


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def offsets(position: int | None, end: int, *, owner: str | None = MEMBER, start: int = 0, held: int = 0) -> Offsets:
    return Offsets(committed=position, position=position, start=start, stable=end - held, end=end, owner=owner)


def samples(*pairs: tuple[int, int], owner: str | None = MEMBER) -> list[PartitionSample]:
    """One sample a second; each pair is the committed offset and the log end."""
    return [
        PartitionSample(at(second), offsets(position, end, owner=owner)) for second, (position, end) in enumerate(pairs)
    ]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        pytest.param([(5, 5), (5, 5), (5, 5)], LagStatus.OK, id="nothing to read"),
        pytest.param([(0, 90), (90, 90), (90, 180)], LagStatus.OK, id="1: caught up in between, whatever the lag is"),
        pytest.param([(5, 5), (5, 6), (5, 6)], LagStatus.OK, id="1: a record on a quiet partition is no fault yet"),
        pytest.param([(9, 20), (4, 20), (9, 20)], LagStatus.REWOUND, id="2: the offset went back"),
        pytest.param([(9, 20), (9, 20), (9, 20)], LagStatus.STALLED, id="4: nothing moves, with a fixed lag"),
        pytest.param([(9, 20), (9, 25), (9, 30)], LagStatus.STALLED, id="4: nothing moves, and more comes"),
        pytest.param([(0, 20), (5, 30), (9, 40)], LagStatus.GROWING, id="5: it moves, and falls behind"),
        pytest.param([(0, 20), (10, 30), (20, 40)], LagStatus.BEHIND, id="it keeps up with a steady load"),
        pytest.param([(0, 20), (10, 25), (19, 40)], LagStatus.BEHIND, id="5: it came nearer once"),
        pytest.param([(0, 1_000_000), (10, 1_000_000), (20, 1_000_000)], LagStatus.BEHIND, id="no threshold"),
    ],
)
def test_burrows_rules(pairs: Sequence[tuple[int, int]], expected: LagStatus) -> None:
    assert evaluate_partition(samples(*pairs), full=True) is expected


def test_a_partition_without_owner_is_stopped_and_not_stalled() -> None:
    still = samples((9, 20), (9, 20), owner=None)
    assert evaluate_partition(still, full=True) is LagStatus.STOPPED
    # held at first: whose it was has gone
    assert evaluate_partition([*samples((9, 20)), *still[1:]], full=True) is LagStatus.STOPPED


@pytest.mark.parametrize("pairs", [[(9, 20)], [(9, 20), (9, 20)], [(0, 20), (5, 30)]])
def test_nothing_is_held_against_a_group_before_the_window_is_full(pairs: Sequence[tuple[int, int]]) -> None:
    assert evaluate_partition(samples(*pairs), full=False) is LagStatus.BEHIND


@pytest.mark.parametrize(
    ("committed", "expected"), [(4, LagStatus.LOST), (5, LagStatus.BEHIND), (20, LagStatus.OK), (21, LagStatus.BEYOND)]
)
def test_an_offset_outside_the_log_needs_no_window(committed: int, expected: LagStatus) -> None:
    seen = [PartitionSample(NOON, offsets(committed, 20, start=5))]
    assert evaluate_partition(seen, full=False) is expected


def test_without_an_offset_nothing_can_be_said() -> None:
    found = Window(2)
    for second in range(3):
        found.add(GroupSample(at(second), GroupState.STABLE, 1, {SOURCE: offsets(None, 20 + second)}))
    assert found.positioned_samples(SOURCE) == ()
    assert evaluate_partition(found.positioned_samples(SOURCE), full=False) is LagStatus.OK
    assert is_clear(found)
    found.add(GroupSample(at(3), GroupState.STABLE, 1, {SOURCE: offsets(5, 24)}))
    assert not is_clear(found)
    assert not found.spanned_by(found.positioned_samples(SOURCE))


def test_what_lies_behind_an_open_transaction_is_not_the_readers_fault() -> None:
    held = [PartitionSample(at(second), offsets(20, 20 + second, held=second)) for second in range(1, 4)]
    assert evaluate_partition(held, full=True) is LagStatus.OK
    assert held[-1].offsets.lag == 3
    assert is_stuck(held, full=True)
    assert not is_stuck(held, full=False)


def test_transactions_that_follow_on_each_other_do_not_hang() -> None:
    moving = [PartitionSample(at(second), offsets(20, 20 + second, held=1)) for second in range(1, 4)]
    assert not is_stuck(moving, full=True)
    ended = [*moving[:1], PartitionSample(at(9), offsets(20, 21))]
    assert not is_stuck(ended, full=True)


def window(*states: GroupState, pairs: Sequence[tuple[int, int]] = (), owner: str | None = None) -> Window:
    """A full window with one look a second."""
    found = Window(len(states) - 1)
    for second, state in enumerate(states):
        position, end = pairs[second] if pairs else (5, 5)
        members = int(state is GroupState.STABLE)
        found.add(GroupSample(at(second), state, members, {SOURCE: offsets(position, end, owner=owner)}))
    return found


STABLE, EMPTY, MOVING = GroupState.STABLE, GroupState.EMPTY, GroupState.REBALANCING
STILL = [(5, 9)] * 5


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(window(*[EMPTY] * 5, pairs=STILL), LagStatus.EMPTY, id="no member, and records wait"),
        pytest.param(window(*[STABLE] * 4, EMPTY, pairs=STILL), LagStatus.EMPTY, id="the frozen one was put out"),
        pytest.param(window(*[EMPTY] * 5), LagStatus.OK, id="no member, and nothing waits"),
        pytest.param(
            window(*[EMPTY] * 5, pairs=[(n, 9) for n in range(5)]),
            LagStatus.OK,
            id="assigned by hand: no member, and moves",
        ),
        pytest.param(window(*[STABLE] * 5, pairs=STILL), LagStatus.OK, id="with members their partitions are at fault"),
        pytest.param(window(*[MOVING] * 5, pairs=STILL), LagStatus.REBALANCING, id="without an end"),
        pytest.param(window(MOVING, MOVING, STABLE, MOVING, MOVING), LagStatus.REBALANCING, id="again and again"),
        pytest.param(window(MOVING, MOVING, MOVING, STABLE, STABLE), LagStatus.OK, id="it came to an end"),
        pytest.param(window(STABLE, STABLE, MOVING, MOVING, MOVING), LagStatus.OK, id="it has just begun"),
        pytest.param(window(MOVING, STABLE, STABLE, STABLE, MOVING), LagStatus.OK, id="two of them"),
    ],
)
def test_a_group_as_a_whole(seen: Window, expected: LagStatus) -> None:
    assert evaluate_group(seen) is expected


@pytest.mark.parametrize("deserted", [LagStatus.IDLE, LagStatus.EMPTY])
def test_a_stage_needs_a_member_without_any_lag(deserted: LagStatus) -> None:
    assert evaluate_group(window(*[EMPTY] * 3), deserted=deserted) is deserted
    assert evaluate_group(window(STABLE, EMPTY, EMPTY), deserted=deserted) is LagStatus.OK
    assert evaluate_group(window(STABLE, STABLE, STABLE), deserted=deserted) is LagStatus.OK


def test_a_group_is_not_judged_before_the_window_is_full() -> None:
    found = Window(10)
    for second in range(10):
        found.add(GroupSample(at(second), EMPTY, 0, {SOURCE: offsets(5, 9, owner=None)}))
    assert evaluate_group(found) is LagStatus.OK


def test_sampling_ends_once_all_groups_caught_up() -> None:
    def seen(*pairs: tuple[int, int], state: GroupState = STABLE, held: int = 0) -> Window:
        found = Window(60)
        for second, (position, end) in enumerate(pairs):
            found.add(GroupSample(at(second), state, 1, {SOURCE: offsets(position, end, held=held)}))
        return found

    assert is_clear(seen((5, 5), (5, 9)))
    assert not is_clear(seen((5, 8), (5, 9)))
    assert not is_clear(seen((5, 5), state=MOVING))
    assert not is_clear(seen((5, 6), held=1))
    assert is_clear(seen((5, 6), (6, 7), held=1))
    assert is_clear(seen((5, 5), state=EMPTY))
    assert not is_clear(seen((5, 5), state=EMPTY), needs_members=True)


def test_the_window_spans_its_time_and_no_more() -> None:
    found = Window(3)
    assert not found.full
    for second in range(9):
        found.add(GroupSample(at(second), STABLE, 1, {}))
        assert found.full is (second >= 3)
    assert [look.at for look in found.group_samples] == [at(5), at(6), at(7), at(8)]


def test_a_partition_that_came_later_has_its_own_time() -> None:
    found = Window(3)
    for second in range(5):
        found.add(GroupSample(at(second), STABLE, 1, {SOURCE: offsets(5, 9)} if second > 2 else {}))
    assert found.full
    assert not found.spanned_by(found.partition_samples(SOURCE))


def test_the_worst_status_counts_and_each_has_its_severity() -> None:
    assert worst([LagStatus.OK, LagStatus.STALLED, LagStatus.GROWING]) is LagStatus.STALLED
    assert worst([]) is LagStatus.OK
    assert SEVERITY.keys() == set(LagStatus)
    order = list(Severity)
    weights = [order.index(SEVERITY[status]) for status in LagStatus]
    assert weights == sorted(weights)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        pytest.param([(0, 100), (60, 120)], 1.5, id="it gains 40 a second on 60"),
        pytest.param([(0, 100), (20, 120)], None, id="it gains nothing"),
        pytest.param([(0, 100), (0, 100)], None, id="it does not move"),
        pytest.param([(100, 100), (150, 200)], 1.0, id="it keeps up: what waits is gone at its rate"),
        pytest.param([(0, 100), (100, 100)], 0.0, id="nothing waits"),
        pytest.param([(0, 100)], None, id="a single look tells nothing"),
    ],
)
def test_when_it_will_have_caught_up(pairs: Sequence[tuple[int, int]], expected: float | None) -> None:
    assert seconds_to_drain(samples(*pairs)) == expected


def test_rates_are_by_the_second() -> None:
    assert rates(samples((0, 100), (20, 130), (40, 200))) == (50.0, 20.0)
    assert rates(samples((0, 100))) == (None, None)
    assert rates(samples((50, 100), (0, 100))) == (0.0, 0.0)


pairs_that_move = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=20)


@given(pairs_that_move)
def test_a_group_that_caught_up_within_the_window_is_ok(steps: list[tuple[int, int]]) -> None:
    position = end = 100
    seen = [(position, end)]
    for read, written in steps:
        end += written
        position = min(end, position + read)
        seen.append((position, end))
    assert evaluate_partition(samples(*seen), full=True) is LagStatus.OK


@given(pairs_that_move, st.integers(51, 10_000))
def test_the_status_does_not_depend_on_the_size_of_the_lag(steps: list[tuple[int, int]], more: int) -> None:
    def verdict(lag: int) -> LagStatus:
        position, end, seen = 0, lag, [(0, lag)]
        for read, written in steps:
            position, end = position + read, end + written
            seen.append((position, end))
        return evaluate_partition(samples(*seen), full=True)

    # far enough behind in both that neither catches up
    assert verdict(50 * len(steps) + 1) is verdict(50 * len(steps) + more)
