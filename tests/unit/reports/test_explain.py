"""Explanations of deadlines: recomputed from the facts, day by day, and compared with them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents.config import policy_files
from events import facts as f
from events.announcements import Announcements
from events.snapshot import Clock
from events.vocabulary import ClockName
from tests.support.worlds import (
    CITIZEN,
    COMPLETE,
    DEMO,
    DISPOSE,
    FOLLOW_UP,
    GRANT,
    LAPOR,
    PANRB,
    POSTPONE,
    PUPR,
    REPLY,
    REQUEST,
    VERIFY,
    World,
    announcement,
    days,
    seconds,
    wib,
)
from tests.unit.deadlines.test_office_hours import hourly
from tests.unit.machine.test_histories import POLICIES, STEPS, UNITS, Step, begin, left_alone, take
from workflow.deadlines.durations import Duration, Unit
from workflow.policy.announcements import with_announcements
from workflow.policy.model import Policy
from workflow.reports.explain import Explanation, Happening, Run, explain


def explained(world: World, clock: str) -> Explanation:
    return explain(world.history, ClockName(clock), world.policy)


def last(world: World, clock: str) -> Run:
    return explained(world, clock).runs[-1]


def line(run: Run) -> list[str]:
    """Write a strip as one word a day: its number, or why it does not count."""
    return [f"{day.date:%d} {day.number if day.counted else day.reason}" for day in run.days]


def disposed(policy: Policy = LAPOR, at: str = "2026-03-16T10:00") -> World:
    world = World(policy, wib(at))
    world.send(VERIFY, PANRB)
    world.send(DISPOSE, PANRB)
    return world


def test_each_day_has_its_number_or_the_reason_for_none() -> None:
    run = last(disposed(), "follow_up")

    assert line(run) == [
        "16 the day on which it starts is not counted",
        "17 1",
        "18 Day of Silence Joint Holiday",
        "19 Day of Silence",
        "20 Eid al-Fitr Joint Holiday",
        "21 Eid al-Fitr",
        "22 Eid al-Fitr Second Day",
        "23 Eid al-Fitr Joint Holiday",
        "24 Eid al-Fitr Joint Holiday",
        "25 2",
        "26 3",
        "27 4",
        "28 Saturday",
        "29 Sunday",
        "30 5",
    ]
    assert [day.weekday for day in run.days[:2]] == ["Monday", "Tuesday"]
    assert (run.duration, run.office, run.zone) == ("5 working days", "denpasar-pupr", "Asia/Makassar")
    assert run.calendar == LAPOR.calendar.version
    assert run.due_at == run.recomputed == datetime(2026, 3, 30, 15, 59, 59, 999_000, tzinfo=UTC)
    assert not run.over


def test_a_pause_has_its_status_and_its_holidays() -> None:
    world = disposed()
    world.send(FOLLOW_UP, PUPR, at=wib("2026-03-17T10:00"))
    paused = last(world, "settlement")
    assert (paused.due_at, paused.recomputed, paused.remaining) == (None, None, "13 working days")
    assert line(paused) == ["16 the day on which it starts is not counted", "17 1"]

    world.send(REPLY, CITIZEN, at=wib("2026-03-25T10:00"))
    run = last(world, "settlement")

    assert line(run)[:12] == [
        "16 the day on which it starts is not counted",
        "17 1",
        "18 paused (followed_up); Day of Silence Joint Holiday",
        "19 paused (followed_up); Day of Silence",
        "20 paused (followed_up); Eid al-Fitr Joint Holiday",
        "21 paused (followed_up); Eid al-Fitr",
        "22 paused (followed_up); Eid al-Fitr Second Day",
        "23 paused (followed_up); Eid al-Fitr Joint Holiday",
        "24 paused (followed_up); Eid al-Fitr Joint Holiday",
        "25 the day on which it resumes is not counted",
        "26 2",
        "27 3",
    ]
    assert run.days[-1].number == 14
    assert [(step.what, step.left) for step in run.steps] == [
        (Happening.STARTED, None),
        (Happening.PAUSED, "13 working days"),
        (Happening.RESUMED, None),
    ]
    assert run.due_at == run.recomputed == wib("2026-04-14T23:59:59.999")


def test_a_pause_that_ends_on_its_day_costs_nothing() -> None:
    world = disposed(at="2026-03-02T08:00")
    world.send(FOLLOW_UP, PUPR, at=wib("2026-03-03T08:00"))
    world.send(REPLY, CITIZEN, at=wib("2026-03-03T09:00"))
    run = last(world, "settlement")

    assert line(run)[:3] == ["02 the day on which it starts is not counted", "03 1", "04 2"]
    assert run.days[-1].number == 14


def test_a_clock_that_has_nothing_left_ends_with_the_day_or_the_next_that_works() -> None:
    policy = LAPOR.model_copy(update={"settlement": dict.fromkeys(LAPOR.settlement, Duration(1, Unit.WORKING_DAYS))})
    for resumed, expected in (
        ("2026-03-06T09:00", ["06 the day on which it resumes is not counted"]),
        (
            "2026-03-07T09:00",
            [
                "07 the day on which it resumes is not counted (Saturday)",
                "08 Sunday",
                "09 nothing was left: the first working day ends it",
            ],
        ),
    ):
        world = disposed(policy, at="2026-03-02T08:00")
        world.send(FOLLOW_UP, PUPR, at=wib("2026-03-03T08:00"))
        world.send(REPLY, CITIZEN, at=wib(resumed))
        run = last(world, "settlement")
        assert line(run)[-len(expected) :] == expected
        assert run.due_at == run.recomputed
        assert not run.differences


def test_an_extension_goes_on_from_the_old_due_time() -> None:
    world = disposed(at="2026-03-02T10:00")
    world.send(REQUEST, PUPR)
    world.send(GRANT, "/offices/denpasar")
    run = last(world, "follow_up")

    assert line(run)[-2:] == ["10 6", "11 7"]
    assert run.steps[-1].what is Happening.EXTENDED
    assert run.steps[-1].detail == "2 working days"
    assert {origin.rule for origin in explained(world, "follow_up").origins} >= {"extension"}
    assert "extension" not in {origin.rule for origin in explained(world, "settlement").origins}


def test_warnings_breaches_and_ends_are_steps() -> None:
    world = disposed(at="2026-03-02T10:00")
    world.notice("follow_up", at=last(world, "follow_up").warn_at)
    world.notice("follow_up", at=world.due("follow_up") + timedelta(milliseconds=1))
    breached = last(world, "follow_up")
    assert breached.breached
    assert not breached.over
    world.send(FOLLOW_UP, PUPR, after=days(1))
    run = last(world, "follow_up")
    assert [step.what for step in run.steps] == ["started", "warned", "breached", "stopped"]
    assert (run.breached, run.over, run.due_at) == (True, True, breached.due_at)
    assert (run.steps[-1].fact, run.steps[-1].version) == ("followed-up", 6)

    world.send(REPLY, CITIZEN)
    assert [each.over for each in explained(world, "follow_up").runs] == [True, False]
    world.send(FOLLOW_UP, PUPR)
    world.notice("citizen_reply", at=world.due("citizen_reply") + timedelta(milliseconds=1))
    assert last(world, "citizen_reply").steps[-1].what is Happening.PASSED
    assert [each.over for each in explained(world, "follow_up").runs] == [True, True]


def test_an_announced_holiday_moves_the_day_breakdown_with_the_due_time() -> None:
    world = disposed(at="2026-03-02T10:00")
    world.policy = with_announcements(LAPOR, Announcements.of([announcement(date(2026, 3, 5), at=world.now)]))
    world.send(REQUEST, PUPR, after=days(1))
    run = last(world, "follow_up")

    assert [step.what for step in run.steps] == ["started", "rescheduled"]
    assert "2026-03-05 is a day off: Cuti bersama" in run.steps[-1].detail
    assert line(run)[3:5] == ["05 Cuti bersama", "06 3"]
    assert run.due_at == run.recomputed == wib("2026-03-10T22:59:59.999")
    assert run.announced == 1
    without = explain(world.history, ClockName.FOLLOW_UP, LAPOR)
    assert without.runs[0].differences == (
        "the fact (rescheduled, version 4) has due 2026-03-10 23:59:59 WITA, recomputed due 2026-03-09 23:59:59 WITA",
    )


def test_each_start_anew_is_a_run() -> None:
    world = World(at=wib("2026-03-02T10:00"))
    world.send(POSTPONE, PANRB, after=days(1))
    world.send(COMPLETE, CITIZEN, after=days(1))
    found = explained(world, "verification").runs
    assert [(run.steps[0].fact, run.over) for run in found] == [("registered", True), ("report-completed", False)]
    assert [step.what for step in found[0].steps] == ["started", "stopped"]
    assert explained(world, "escalation").runs == ()


def test_elapsed_time_has_no_days() -> None:
    world = disposed(DEMO)
    world.send(FOLLOW_UP, PUPR, after=seconds(2))
    world.send(REPLY, CITIZEN, after=seconds(2))
    run = last(world, "settlement")
    assert run.days == ()
    assert run.duration == "30 seconds"
    assert run.due_at == run.recomputed == wib("2026-03-16T10:00:32")
    assert {origin.rule for origin in explained(world, "settlement").origins} == {"settlement", "settlement_pauses_in"}


def test_working_hours_are_shown_by_day() -> None:
    world = disposed(hourly(), at="2026-03-06T14:00")  # a Friday, 15:00 in Bali
    run = last(world, "follow_up")
    assert [(day.date.day, day.reason) for day in run.days] == [
        (6, "1 working hour"),
        (7, "Saturday"),
        (8, "Sunday"),
        (9, "3 working hours"),
    ]
    world.send(FOLLOW_UP, PUPR, at=wib("2026-03-06T14:30"))
    world.send(REPLY, CITIZEN, at=wib("2026-03-06T15:45"))
    run = last(world, "settlement")
    assert (run.days[0].reason, run.days[0].number) == ("45 working minutes", 1)
    assert sum(day.worked.amount for day in run.days if day.worked) == 40 * 3600
    late = disposed(hourly(), at="2026-03-06T18:00")
    assert last(late, "follow_up").days[0].reason == "outside office hours"


def test_sources_are_the_policy_s_and_what_has_none_is_a_default() -> None:
    explanation = explained(disposed(), "follow_up")
    found = {origin.rule: (origin.value, origin.source) for origin in explanation.origins}
    assert found["follow_up"][0] == "5 working days"
    assert "LAPOR FAQ" in (found["follow_up"][1] or "")
    assert found["zones"] == ("the holder's", None)
    assert found["collective_leave"] == ("days off", None)
    assert (explanation.policy, explanation.explained_with) == ("lapor/2025-01-01", "lapor/2025-01-01")
    settlement = {origin.rule: origin for origin in explained(disposed(), "settlement").origins}
    assert "Permen PANRB 62/2018" in (settlement["settlement"].source or "")
    assert settlement["settlement_pauses_in"].value == "followed_up, postponed"


class TestDifferences:
    """A fact that differs from the recomputed due time is shown, and not corrected."""

    def test_a_due_time(self) -> None:
        world = disposed()
        other = LAPOR.model_copy(update={"calendar": type(LAPOR.calendar)(extra={date(2026, 3, 26): "Holiday"})})
        explanation = explain(world.history, ClockName.FOLLOW_UP, other)
        assert not explanation.agrees
        assert explanation.runs[0].differences == (
            "the fact (disposed, version 3) has due 2026-03-30 23:59:59 WITA, recomputed due 2026-03-31 23:59:59 WITA",
        )
        assert explanation.runs[0].recomputed == datetime(2026, 3, 31, 15, 59, 59, 999_000, tzinfo=UTC)

    def test_what_was_left_at_a_pause(self) -> None:
        world = disposed()
        world.send(FOLLOW_UP, PUPR, at=wib("2026-03-17T10:00"))
        altered = _altered(world.history, 3, ClockName.SETTLEMENT, remaining="12 working days")
        [difference] = explain(altered, ClockName.SETTLEMENT, LAPOR).runs[0].differences
        assert (
            difference == "the fact (followed-up, version 4) has 12 working days left, recomputed 13 working days left"
        )

    def test_a_zone(self) -> None:
        world = disposed()
        altered = _altered(world.history, 2, ClockName.FOLLOW_UP, zone="Asia/Jayapura")
        run = explain(altered, ClockName.FOLLOW_UP, LAPOR).runs[0]
        assert run.differences[0] == "it was started in the zone Asia/Jayapura, the policy here has Asia/Makassar"
        assert run.zone == "Asia/Jayapura"

    def test_an_office_that_is_not_known_here(self) -> None:
        world = disposed()
        fact = world.history[2]
        strange = fact.complaint.model_copy(update={"office": "atlantis"})
        history = [*world.history[:2], f.Recorded(fact.fact, fact.at, fact.cause, strange)]
        assert explain(history, ClockName.FOLLOW_UP, LAPOR).runs[0].zone == "Asia/Makassar"


def _altered(history: list[f.Recorded], index: int, clock: ClockName, **changes: Any) -> list[f.Recorded]:
    """Change a clock in the snapshot of one fact."""
    recorded = history[index]
    clocks: dict[ClockName, Clock] = dict(recorded.complaint.clocks)
    clocks[clock] = clocks[clock].model_copy(update=changes)
    complaint = recorded.complaint.model_copy(update={"clocks": clocks})
    changed = f.Recorded(recorded.fact, recorded.at, recorded.cause, complaint)
    return [*history[:index], changed, *history[index + 1 :]]


EVERY_POLICY = POLICIES | {
    "hours": hourly(),
    "holder": LAPOR.model_copy(update={"zones": dict.fromkeys(ClockName, "holder")}),
}


@pytest.mark.parametrize("name", EVERY_POLICY)
@settings(max_examples=settings().max_examples * 2 // 5)
@given(steps=STEPS, pick=st.integers(0, 41))
@example(
    steps=[
        Step(4, plausible=True, when=6.0, pick=0, stranger=None, repeat=False, expected=None),
        Step(365, plausible=True, when=0.0, pick=0, stranger=None, repeat=False, expected=None),
        Step(4, plausible=True, when="due", pick=0, stranger=None, repeat=False, expected=None),
        Step(0, plausible=True, when=0.0, pick=0, stranger=None, repeat=False, expected=0),
        Step(20, plausible=True, when=0.0, pick=1, stranger=None, repeat=False, expected=None),
        Step(4, plausible=True, when="due", pick=0, stranger=None, repeat=False, expected=None),
    ],
    pick=1,
)
def test_whatever_happens_explanation_and_facts_agree(name: str, steps: Any, pick: int) -> None:
    policy = EVERY_POLICY[name]
    world = take(begin(policy, pick), steps, UNITS[policy.name])
    check_agreement(world)
    announced = [
        announcement(world.now.date() + timedelta(days=pick % 9), at=world.now),
        announcement(date(2026, 4, 3), at=world.now, day_off=False, number=2),
    ]
    world.policy = with_announcements(policy, Announcements.of(announced))
    left_alone(world)
    check_agreement(world)


def check_agreement(world: World) -> None:
    """Explain each clock: it agrees with the facts, and its strip with its length."""
    policy = world.policy
    for clock in ClockName:
        explanation = explain(world.history, clock, policy)
        # an answer stops the clock, which a rejection lets go on
        stopped = world.complaint.answered_clock if clock is ClockName.FOLLOW_UP else None
        standing = world.complaint.clocks.get(clock) or stopped
        assert explanation.agrees, explanation
        assert [run.over for run in explanation.runs if not run.over] == ([False] if standing else [])
        for run in explanation.runs:
            assert run.recomputed == run.due_at
            check_strip(run, policy)
        if standing is not None:
            assert explanation.runs[-1].due_at == standing.due_at


def check_strip(run: Run, policy: Policy) -> None:
    """Count the days of a strip: as many as the clock has, in order, without a gap or a repeat."""
    dates = [day.date for day in run.days]
    assert dates == [dates[0] + timedelta(days=n) for n in range(len(dates))] if dates else True
    numbers = [day.number for day in run.days if day.counted]
    assert numbers == list(range(1, len(numbers) + 1))
    if policy.settlement_pause_cap is not None and any(step.what is Happening.PAUSED for step in run.steps):
        # days up to the first pause, working time after it: the sums are those of test_capped_pauses
        if dates and run.due_at is not None and run.remaining is None and not run.breached and not run.over:
            assert dates[-1] == run.due_at.astimezone(ZoneInfo(run.zone)).date()
        return
    first, granted = run.steps[0], Duration.parse(run.duration)
    if first.what is Happening.RESUMED:  # with what was left when the complaint was closed: nothing, if it was missed
        granted = Duration.parse(first.detail.removeprefix("with ")) if first.detail else Duration(0, granted.unit)
    extended = sum(int(step.detail.split()[0]) for step in run.steps if step.what is Happening.EXTENDED)
    left = Duration.parse(run.remaining).amount if run.remaining else 0
    if granted.unit.in_days:
        assert len(numbers) + left == granted.amount + extended
    elif granted.unit is Unit.WORKING_SECONDS:
        worked = sum(day.worked.amount for day in run.days if day.worked)
        assert worked + left == pytest.approx(granted.amount + extended * policy.extension.day.amount, abs=0.0005)


def test_with_a_version_without_its_cap_it_says_what_differs() -> None:
    uncapped, *_, capped = policy_files.load("lapor").versions
    world = disposed(capped.model_copy(update={"citizens": "open"}))
    world.send(FOLLOW_UP, PUPR)
    world.send(REPLY, CITIZEN)
    found = explain(world.history, ClockName.SETTLEMENT, uncapped)
    assert not found.agrees
    assert "has a pause with a cap, recomputed one without" in found.runs[-1].differences[0]
