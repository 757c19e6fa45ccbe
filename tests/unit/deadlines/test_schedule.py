"""The schedule of alarms against a naive one, and partial reads of snapshots."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.observability.metrics import StateReport
from agents.runtime.stage import Partition
from agents.stages.sla import MOST_AT_ONCE, Timers
from events.codec.decode import complaint_key, decode_command, decode_snapshot
from events.codec.encode import encode_complaint, encode_snapshot
from events.codec.partial import Timetable, read_part
from events.errors import Undecodable
from events.snapshot import Clock
from events.vocabulary import ClockName, Status
from tests.support.worlds import to_status
from tests.unit.machine.test_histories import POLICIES, STEPS, UNITS, Step, begin, take
from workflow.deadlines.schedule import REFUSED_AFTER, Alarm, Schedule, alarms, alarms_of

START = datetime(2026, 3, 2, tzinfo=UTC)
AGAIN = timedelta(seconds=2)
MOMENT = timedelta(milliseconds=1)
EVERY = 10**6

Clocks = dict[ClockName, Clock]


class Watch:
    """Scans every complaint at each call: the expected result of `Schedule`."""

    def __init__(self) -> None:
        self.rung: dict[tuple[bytes, Alarm], datetime] = {}
        self.times: Counter[tuple[bytes, Alarm]] = Counter()

    def arm(self, complaint: bytes, clocks: Mapping[ClockName, Clock]) -> None:
        stay = {(complaint, alarm) for alarm in alarms_of(clocks)}
        for other in [key for key in self.rung if key[0] == complaint and key not in stay]:
            del self.rung[other]
        for key in [key for key in self.times if key[0] == complaint]:
            del self.times[key]
        for key in stay:
            self.rung.setdefault(key, key[1].at + (timedelta(0) if key[1].warning else MOMENT))

    def ring(self, now: datetime) -> set[tuple[bytes, Alarm]]:
        due = {key for key, at in self.rung.items() if at <= now}
        self.rung.update({key: now + AGAIN * 2 ** min(self.times[key], 6) for key in due})
        self.times.update(due)
        return due


def clock(due: int, warn: int | None = None, **how: Any) -> Clock:
    """A clock that is due, and warns, so many milliseconds from the start."""
    due_at = START + due * MOMENT
    return Clock(started_at=START, due_at=due_at, warn_at=None if warn is None else START + warn * MOMENT, **how)


MILLISECONDS = st.integers(0, 400_000)
CLOCKS = st.dictionaries(
    st.sampled_from(ClockName),
    st.builds(
        clock,
        due=MILLISECONDS,
        warn=st.none() | MILLISECONDS,
        warned=st.booleans(),
        paused=st.sampled_from([False, False, True]),
        breached=st.sampled_from([False, False, True]),
    ),
    max_size=3,
)
CHANGES = st.lists(st.tuples(st.integers(0, 5), CLOCKS, st.integers(0, 30_000)), max_size=60)


@settings(max_examples=2 * settings().max_examples)
@given(changes=CHANGES)
def test_it_rings_as_a_scan_of_all_deadlines_would(changes: list[tuple[int, Clocks, int]]) -> None:
    schedule, watch, now = Schedule(2_000), Watch(), START
    for number, clocks, later in changes:
        complaint = number.to_bytes(16)
        schedule.arm(complaint, clocks)
        watch.arm(complaint, clocks)
        now += later * MOMENT
        due = watch.ring(now)
        assert schedule.due(now) or not due
        rung = list(schedule.ring(now, EVERY))
        assert len(set(rung)) == len(rung)
        assert set(rung) == due
        assert len(schedule) == len(watch.rung)
        assert schedule.refused == sum(times >= REFUSED_AFTER for times in watch.times.values())
        assert schedule.earliest() == min((alarm.at for _, alarm in watch.rung), default=None)


def test_a_deadline_rings_with_the_first_stamp_that_is_past_it_and_a_warning_at_its_moment() -> None:
    schedule = Schedule(2_000)
    # seven digits after the point of a float would not hold this one
    schedule.arm(bytes(16), {ClockName.FOLLOW_UP: clock(86_399_999, 60_000)})
    assert not list(schedule.ring(START + 59_999 * MOMENT, EVERY))
    assert [alarm.warning for _, alarm in schedule.ring(START + 60_000 * MOMENT, EVERY)] == [True]
    schedule.arm(bytes(16), {ClockName.FOLLOW_UP: clock(86_399_999, 60_000, warned=True)})
    assert not list(schedule.ring(START + 86_399_999 * MOMENT, EVERY))
    assert [alarm.due_at for _, alarm in schedule.ring(START + 86_400_000 * MOMENT, EVERY)] == [
        START + 86_399_999 * MOMENT
    ]


def test_what_has_rung_rings_again_until_the_state_has_moved_on() -> None:
    schedule, clocks = Schedule(2_000), {ClockName.FOLLOW_UP: clock(0)}
    schedule.arm(bytes(16), clocks)
    assert len(list(schedule.ring(START + 1 * MOMENT, EVERY))) == 1
    schedule.arm(bytes(16), clocks)
    assert not list(schedule.ring(START + 2_000 * MOMENT, EVERY))
    assert len(list(schedule.ring(START + 2_001 * MOMENT, EVERY))) == 1
    schedule.arm(bytes(16), {})
    assert not list(schedule.ring(START + 10_000 * MOMENT, EVERY))
    assert len(schedule) == 0


def test_with_the_clock_of_the_log_an_hour_back_an_alarm_rings_less_and_less_often() -> None:
    schedule, clocks = Schedule(2_000), {ClockName.FOLLOW_UP: clock(0)}
    schedule.arm(bytes(16), clocks)
    rings = [second for second in range(1, 3_601) if list(schedule.ring(START + second * 1_000 * MOMENT, EVERY))]
    assert rings[:8] == [1, 3, 7, 15, 31, 63, 127, 255]
    assert {later - earlier for earlier, later in pairwise(rings[7:])} == {128}
    assert len(rings) == 34, "every two seconds it would be 1,800"
    assert schedule.refused == 1
    schedule.arm(bytes(16), {ClockName.FOLLOW_UP: clock(3_600_000)})
    assert schedule.refused == 0
    assert len(list(schedule.ring(START + 3_600_001 * MOMENT, EVERY))) == 1
    assert not list(schedule.ring(START + 3_602_000 * MOMENT, EVERY))
    assert len(list(schedule.ring(START + 3_602_001 * MOMENT, EVERY))) == 1, "a new alarm begins anew"


def test_the_earliest_is_one_that_has_rung_also_where_others_come_before_it_rings_again() -> None:
    schedule = Schedule(2_000)
    schedule.arm(bytes(16), {ClockName.FOLLOW_UP: clock(0)})
    for second in range(1, 601):
        schedule.arm(bytes([1] * 16), {ClockName.FOLLOW_UP: clock(second * 1_000 + 90_000)})
        list(schedule.ring(START + second * 1_000 * MOMENT, EVERY))
        assert schedule.earliest() == START, second


def test_what_has_been_replaced_is_cleared_away() -> None:
    schedule = Schedule(2_000)
    for due in range(10_000):
        schedule.arm(bytes(16), {ClockName.FOLLOW_UP: clock(due * 1_000)})
    assert len(schedule) == 1
    assert len(schedule._soon) + sum(map(len, schedule._minutes.values())) < 1_010  # noqa: SLF001 -- its memory is meant
    assert len(list(schedule.ring(START + 10_000_000 * MOMENT, EVERY))) == 1


def test_very_many_at_once_ring_in_order_and_in_portions() -> None:
    schedule = Schedule(2_000)
    for number in range(100):
        schedule.arm(number.to_bytes(16), {ClockName.SETTLEMENT: clock(1_000 - number)})
    portions = [list(schedule.ring(START + 1_001 * MOMENT, 30)) for _ in range(5)]
    assert [len(portion) for portion in portions] == [30, 30, 30, 10, 0]
    due = [alarm.due_at for portion in portions for _, alarm in portion]
    assert due == sorted(due)


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=settings().max_examples * 3 // 10)
@given(steps=STEPS, pick=st.integers(0, 41))
def test_the_short_reading_arms_the_same_as_the_full_one(name: str, steps: list[Step], pick: int) -> None:
    policy = POLICIES[name]
    for recorded in take(begin(policy, pick), steps, UNITS[policy.name]).history:
        raw = encode_snapshot(recorded.complaint, encode_complaint(recorded.complaint))
        assert alarms_of(read_part(Timetable, raw).clocks) == alarms(decode_snapshot(raw)) == alarms(recorded.complaint)


@pytest.mark.parametrize("key", [None, b"", b"7", b"\xff" * 16, "ë".encode() * 18])
def test_a_key_that_is_no_complaint_id_is_recognized(key: bytes | None) -> None:
    with pytest.raises(Undecodable):
        complaint_key(key)
    assert complaint_key(b"471af931-143f-5b37-9300-4961d2d65f6b").hex() == "471af931143f5b3793004961d2d65f6b"


def _record(key: str, value: bytes | None) -> SimpleNamespace:
    return SimpleNamespace(key=key.encode(), value=value, offset=0, headers=())


def test_the_stage_gives_notice_of_the_deadline_as_the_snapshot_has_it() -> None:
    complaint = to_status(Status.DISPOSED).complaint
    timers = Timers(Partition(3, 4, None))  # type: ignore[arg-type]  # needs no policy
    timers.restore(_record(complaint.complaint_id, encode_snapshot(complaint, encode_complaint(complaint))))
    timers.ready()
    first = min(alarms(complaint), key=lambda alarm: alarm.at)
    assert not list(timers.tick(first.at - MOMENT))
    assert timers.due(first.at)
    [output] = timers.tick(first.at)
    command = decode_command(output.value)
    assert (output.partition, command.subject) == (3, UUID(complaint.complaint_id))
    assert (command.data.clock, command.data.due_at) == (first.clock, first.due_at)  # type: ignore[attr-defined]
    assert timers.state_report() == StateReport(clocks=len(alarms(complaint)), next_alarm=first.at)
    timers.handle(_record(complaint.complaint_id, None))
    assert timers.state_report() == StateReport()
    assert not list(timers.tick(first.due_at + timedelta(days=100)))


def test_the_stage_gives_at_most_so_many_notices_at_one_tick() -> None:
    complaint = to_status(Status.DISPOSED).complaint
    timers = Timers(Partition(0, 1, None))  # type: ignore[arg-type]  # needs no policy
    for number in range(MOST_AT_ONCE):
        other = complaint.model_copy(update={"complaint_id": str(UUID(int=number))})
        timers.handle(_record(other.complaint_id, encode_snapshot(other, encode_complaint(other))))
    late = max(alarm.due_at for alarm in alarms(complaint)) + MOMENT
    assert len(list(timers.tick(late))) == MOST_AT_ONCE
    assert len(list(timers.tick(late))) == MOST_AT_ONCE
    assert not list(timers.tick(late))
