"""Announced changes of the calendar: permissions, refusals, and moved deadlines."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events import commands as c
from events import facts as f
from events.announcements import AnnounceHoliday, Announcement, AnnouncementEvent, Announcements
from events.vocabulary import ClockName, ComplaintClass, Refusal, Status
from tests.support.worlds import (
    BALI,
    CITIZEN,
    DEMO,
    FOLLOW_UP,
    GRANT,
    LAPOR,
    MONDAY,
    PANRB,
    PUPR,
    REPLY,
    REQUEST,
    SLA,
    VERIFY,
    World,
    announcement,
    days,
    to_status,
    wib,
)
from tests.unit.policy.test_policy import policies, version
from workflow.machine.announcements import announce
from workflow.machine.clocks import ClockContext
from workflow.machine.handlers import Rejected
from workflow.machine.recalculation import may_move, moving_days, recalculated
from workflow.policy.announcements import all_with_announcements, with_announcements
from workflow.policy.model import Policy, PolicySet
from workflow.stages.resolution import resolution

MOMENT = timedelta(milliseconds=1)
FRIDAY = date(2026, 3, 6)
"""Of the week of `MONDAY`; no holiday is near but that of 19 March and its leave."""
RESCHEDULE = c.RescheduleDeadlines(calendar=1)


def due(text: str) -> datetime:
    return wib(f"{text}T23:59:59.999")


def holder_due(text: str) -> datetime:
    """End a day where denpasar-pupr is."""
    return due(text) - timedelta(hours=1)


def in_force(policy: Policy, *announcements: Announcement) -> Policy:
    return with_announcements(policy, Announcements.of(announcements))


def moved(
    world: World, command: c.Command = RESCHEDULE, by: str = SLA, **how: Any
) -> dict[str, tuple[datetime, datetime]]:
    """Announce something to the world; return what deadlines were moved from where to where."""
    before = len(world.history)
    world.send(command, by, **how)
    facts = [recorded.fact for recorded in world.history[before:]]
    return {fact.clock: (fact.old_due_at, fact.due_at) for fact in facts if isinstance(fact, f.DeadlineRescheduled)}


class TestWhatIsAnnounced:
    def ask(
        self, before: Sequence[Announcement] = (), now: datetime = MONDAY, by: str = PANRB, **changes: Any
    ) -> Announcement | Rejected | None:
        whole: dict[str, Any] = {"day": FRIDAY, "name": "Cuti bersama", "decree": "SKB 3 Menteri"}
        data = AnnounceHoliday(**(whole | changes))
        event = AnnouncementEvent(
            specversion="1.0", type=AnnouncementEvent.TYPE, source=by, id="1", subject="calendar", data=data
        )
        return announce(event, Announcements.of(before), now, LAPOR)

    def refusal(self, *args: Any, **how: Any) -> str:
        answer = self.ask(*args, **how)
        assert isinstance(answer, Rejected)
        return answer.code

    def test_it_is_in_force_from_its_place_in_the_log(self) -> None:
        found = self.ask()
        assert isinstance(found, Announcement)
        assert (found.day, found.day_off, found.announced_at, found.by) == (FRIDAY, True, MONDAY, PANRB)
        assert found.reason == "2026-03-06 is a day off: Cuti bersama (SKB 3 Menteri)"

    def test_an_officer_of_the_national_administrator_may(self) -> None:
        assert isinstance(self.ask(by=f"{PANRB}/officers/7"), Announcement)

    @pytest.mark.parametrize("by", [BALI, CITIZEN, SLA, "/offices/ombudsman", "panrb"])
    def test_others_are_refused(self, by: str) -> None:
        assert self.refusal(by=by) == Refusal.NOT_PERMITTED

    def test_a_repeat_is_known(self) -> None:
        first = self.ask()
        assert isinstance(first, Announcement)
        assert self.ask((first,), MONDAY + days(1)) is None

    def test_the_same_again_by_another_name_is_refused(self) -> None:
        assert self.refusal((announcement(FRIDAY),)) == Refusal.ALREADY_ANNOUNCED
        off = announcement(FRIDAY, day_off=False)
        assert self.refusal((off,), day_off=False) == Refusal.ALREADY_ANNOUNCED

    def test_the_last_word_on_a_day_counts(self) -> None:
        back = announcement(FRIDAY, day_off=False, number=2)
        assert isinstance(self.ask((announcement(FRIDAY), back)), Announcement)

    @pytest.mark.parametrize(("day", "refused"), [("2026-03-02", True), ("2026-03-01", True), ("2026-03-03", False)])
    def test_only_a_day_that_has_not_begun_can_become_a_working_day(self, day: str, *, refused: bool) -> None:
        answer = self.ask(day=date.fromisoformat(day), day_off=False)
        assert isinstance(answer, Rejected) is refused

    def test_today_is_a_matter_of_the_national_zone(self) -> None:
        late = wib("2026-03-02T23:59:59")
        assert isinstance(self.ask(now=late, day=date(2026, 3, 3), day_off=False), Announcement)
        assert self.refusal(now=late + timedelta(seconds=1), day=date(2026, 3, 3), day_off=False) == "invalid-data"

    @pytest.mark.parametrize("day", ["2025-02-28", "2029-03-05", "2062-05-15"])
    def test_a_day_that_must_be_a_slip_is_refused(self, day: str) -> None:
        assert self.refusal(day=date.fromisoformat(day)) == Refusal.INVALID_DATA

    def test_a_day_of_last_week_can_be_declared_off(self) -> None:
        assert isinstance(self.ask(day=date(2026, 2, 27)), Announcement)


class TestPolicies:
    def test_it_wins_over_the_file_and_the_package(self) -> None:
        calendar = {"extra": {"2026-09-08": "Local election"}, "removed": [date(2026, 8, 17)]}
        ours = policies(version(), version(effective_from=date(2026, 7, 1), collective_leave=False), calendar=calendar)
        announced = [
            announcement(date(2026, 9, 8), day_off=False),
            announcement(date(2026, 8, 17), number=2),
            announcement(date(2026, 12, 25), day_off=False, number=3),
        ]
        found = all_with_announcements(ours, Announcements.of(announced))
        for policy in found.versions:
            assert policy.calendar.is_working_day(date(2026, 9, 8))
            assert policy.calendar.reason_off(date(2026, 8, 17)) == "Cuti bersama"
            assert policy.calendar.is_working_day(date(2026, 12, 25))
            assert policy.announcements == tuple(announced)
        assert [policy.calendar.is_working_day(date(2026, 3, 18)) for policy in found.versions] == [False, True]
        assert len({policy.calendar.version for policy in (*found.versions, *ours.versions)}) == 4

    def test_the_calendar_before_each_announcement_can_be_read(self) -> None:
        policy = in_force(LAPOR, announcement(FRIDAY), announcement(FRIDAY, day_off=False, number=2))
        assert [policy.as_of(count).calendar.is_working_day(FRIDAY) for count in range(3)] == [True, False, True]
        assert policy.as_of(0) is LAPOR
        assert policy.as_of(2) is policy
        assert with_announcements(policy, Announcements.of(policy.announcements)) is policy


class TestWhereDeadlinesComeToLie:
    """Verification is due on Thursday, 5 March, settlement of a complaint on the 27th."""

    def test_a_day_that_a_deadline_counts_over_moves_it_by_one(self) -> None:
        world = World()
        world.policy = in_force(LAPOR, announcement(date(2026, 3, 4)))
        assert moved(world, after=days(0)) == {
            "verification": (due("2026-03-05"), due("2026-03-06")),
            "settlement": (due("2026-03-27"), due("2026-03-30")),
        }
        assert world.complaint.calendar == 1
        assert world.refuse(RESCHEDULE, SLA) is Refusal.OVERTAKEN

    def test_the_day_on_which_it_is_due_counts_too(self) -> None:
        world = World()
        world.policy = in_force(LAPOR, announcement(date(2026, 3, 5)))
        assert moved(world)["verification"] == (due("2026-03-05"), due("2026-03-06"))

    def test_it_comes_to_lie_on_no_day_off(self) -> None:
        world = World(at=MONDAY + days(1))
        assert world.due("verification") == due("2026-03-06")
        world.policy = in_force(LAPOR, announcement(FRIDAY))
        assert moved(world)["verification"] == (due("2026-03-06"), due("2026-03-09"))

    @pytest.mark.parametrize(
        "day", ["2026-03-07", "2026-03-08", "2026-03-19", "2026-04-06", "2026-03-02", "2026-02-27"]
    )
    def test_a_weekend_a_holiday_or_a_day_beside_it_moves_nothing(self, day: str) -> None:
        """Before it started, the day it started, after it is due: and the settlement's 14 days end on the 27th."""
        world = World()
        world.policy = in_force(LAPOR, announcement(date.fromisoformat(day)))
        assert world.refuse(RESCHEDULE, SLA) is Refusal.OVERTAKEN
        world.send(VERIFY, PANRB)
        assert "rescheduled" not in [recorded.fact.NAME for recorded in world.history]
        assert world.complaint.calendar == 1

    def test_two_announcements_move_it_twice_each_with_its_reason(self) -> None:
        world = World()
        world.policy = in_force(
            LAPOR, announcement(date(2026, 3, 4)), announcement(date(2026, 3, 6), at=MONDAY + days(1), number=2)
        )
        world.send(RESCHEDULE, SLA, after=days(1))
        facts = [recorded.fact for recorded in world.history if isinstance(recorded.fact, f.DeadlineRescheduled)]
        assert [(fact.clock, fact.due_at) for fact in facts] == [
            ("verification", due("2026-03-06")),
            ("settlement", due("2026-03-30")),
            ("verification", due("2026-03-09")),
            ("settlement", due("2026-03-31")),
        ]
        assert [fact.reason[:10] for fact in facts] == ["2026-03-04"] * 2 + ["2026-03-06"] * 2
        assert world.complaint.calendar == 2

    def test_the_second_of_two_finds_what_the_first_has_moved(self) -> None:
        world = World()
        world.policy = in_force(LAPOR, announcement(date(2026, 3, 4)))
        world.send(RESCHEDULE, SLA)
        world.policy = in_force(LAPOR, announcement(date(2026, 3, 4)), announcement(date(2026, 3, 6), number=2))
        assert moved(world)["verification"] == (due("2026-03-06"), due("2026-03-09"))

    def test_a_holiday_that_is_taken_back_brings_it_forward(self) -> None:
        world = World()
        world.policy = in_force(LAPOR, announcement(date(2026, 3, 20), day_off=False))
        assert moved(world) == {"settlement": (due("2026-03-27"), due("2026-03-26"))}

    def test_there_and_back_is_where_it_was(self) -> None:
        world = World()
        back = announcement(date(2026, 3, 4), day_off=False, number=2)
        world.policy = in_force(LAPOR, announcement(date(2026, 3, 4)), back)
        before = dict(world.complaint.clocks)
        world.send(RESCHEDULE, SLA)
        assert world.complaint.clocks == before

    def test_elapsed_time_is_not_touched(self) -> None:
        world = World(DEMO)
        world.policy = in_force(DEMO, announcement(MONDAY.date()), announcement(MONDAY.date() + days(1), number=2))
        assert world.refuse(RESCHEDULE, SLA) is Refusal.OVERTAKEN

    def test_calendar_days_are_not_touched(self) -> None:
        world = to_status(Status.POSTPONED)
        world.policy = in_force(LAPOR, announcement(date(2026, 3, 5)))
        assert world.refuse(RESCHEDULE, SLA) is Refusal.OVERTAKEN

    def test_each_zone_has_its_day(self) -> None:
        world = to_status(Status.DISPOSED)
        assert world.due("follow_up") == holder_due("2026-03-09")
        world.policy = in_force(LAPOR, announcement(date(2026, 3, 9)))
        assert moved(world)["follow_up"] == (holder_due("2026-03-09"), holder_due("2026-03-10"))

    def test_the_warning_moves_along_and_is_not_given_twice(self) -> None:
        world = World()
        clock = world.complaint.clocks[ClockName.VERIFICATION]
        assert clock.warn_at is not None
        world.notice("verification", at=clock.warn_at)
        world.policy = in_force(LAPOR, announcement(date(2026, 3, 5), at=world.now))
        world.send(RESCHEDULE, SLA)
        after = world.complaint.clocks[ClockName.VERIFICATION]
        assert after.warn_at == clock.warn_at + timedelta(days=1) * 0.6
        assert after.warned
        settlement = world.complaint.clocks[ClockName.SETTLEMENT]
        assert not settlement.warned
        assert world.notice("settlement", at=settlement.warn_at)[-1] == "warned"

    def test_office_hours_of_the_day_are_given_back(self) -> None:
        clocks = version()["clocks"] | {"verification": "16 working hours"}
        policy = policies(version(clocks=clocks, hours="08:00-16:00")).versions[0]
        world = World(policy)  # from nine o'clock: seven hours on Monday, eight on Tuesday, one on Wednesday
        assert world.due("verification") == wib("2026-03-04T09:00:00")
        world.policy = in_force(policy, announcement(date(2026, 3, 3)))
        assert moved(world)["verification"] == (wib("2026-03-04T09:00:00"), wib("2026-03-05T09:00:00"))

    def test_an_extension_is_kept(self) -> None:
        world = to_status(Status.DISPOSED)
        world.send(REQUEST, PUPR)
        world.send(GRANT, "/offices/denpasar")
        assert world.due("follow_up") == holder_due("2026-03-11")
        world.policy = in_force(LAPOR, announcement(date(2026, 3, 10)))
        assert moved(world)["follow_up"] == (holder_due("2026-03-11"), holder_due("2026-03-12"))

    def test_the_time_of_a_rung_moves_too(self) -> None:
        world = World(at=wib("2026-03-02T08:00"))
        world.notice("verification", at=due("2026-03-05") + MOMENT)
        world.climb()
        assert world.due("escalation") == due("2026-03-10")
        world.policy = in_force(LAPOR, announcement(date(2026, 3, 9), at=world.now))
        assert moved(world)["escalation"] == (due("2026-03-10"), due("2026-03-11"))


class TestPauses:
    def test_a_paused_clock_keeps_its_days_and_counts_them_from_its_resumption(self) -> None:
        world = to_status(Status.FOLLOWED_UP)
        left = world.complaint.clocks[ClockName.SETTLEMENT].remaining
        world.policy = in_force(LAPOR, announcement(date(2026, 3, 6)))
        assert "settlement" not in moved(world)
        assert world.complaint.clocks[ClockName.SETTLEMENT].remaining == left == "14 working days"
        world.send(REPLY, CITIZEN)
        assert world.due("settlement") == due("2026-03-30")

    def test_what_was_resumed_counts_from_there(self) -> None:
        world = to_status(Status.FOLLOWED_UP)
        world.send(REPLY, CITIZEN, at=wib("2026-03-05T10:00"))
        assert world.due("settlement") == due("2026-04-01")
        within_the_pause = announcement(date(2026, 3, 4), at=world.now)
        world.policy = in_force(LAPOR, within_the_pause)
        assert world.refuse(RESCHEDULE, SLA) is Refusal.OVERTAKEN
        world.policy = in_force(LAPOR, within_the_pause, announcement(date(2026, 3, 9), at=world.now, number=2))
        assert moved(world)["settlement"] == (due("2026-04-01"), due("2026-04-02"))


class TestFairness:
    """The log decides what was in force when, however late anything is read."""

    def test_an_announcement_that_came_before_the_deadline_keeps_it_from_being_missed(self) -> None:
        """Although sla and lifecycle were stopped over all of it, and nothing asked for a new date."""
        world = to_status(Status.DISPOSED)
        world.policy = in_force(LAPOR, announcement(date(2026, 3, 9), at=wib("2026-03-09T07:00")))
        names = world.send(FOLLOW_UP, PUPR, at=holder_due("2026-03-10"))
        assert names == ["rescheduled", "rescheduled", "followed-up"]
        assert world.complaint.breaches == 0

    def test_a_follow_up_after_the_new_deadline_is_late(self) -> None:
        world = to_status(Status.DISPOSED)
        world.policy = in_force(LAPOR, announcement(date(2026, 3, 9), at=wib("2026-03-09T07:00")))
        names = world.send(FOLLOW_UP, PUPR, at=holder_due("2026-03-10") + MOMENT)
        assert names == ["rescheduled", "rescheduled", "breached", "followed-up"]

    def test_what_was_missed_before_the_announcement_stays_missed(self) -> None:
        """Noticed or not: with the new calendar it would have been kept, and that is not held for it afterwards."""
        for noticed in (True, False):
            world = to_status(Status.DISPOSED)
            if noticed:
                world.notice("follow_up", at=holder_due("2026-03-09") + MOMENT)
            told_at = wib("2026-03-10T08:00")
            world.policy = in_force(LAPOR, announcement(date(2026, 3, 9), at=told_at))
            facts = moved(world, FOLLOW_UP, PUPR, at=told_at)
            assert facts.keys() == {"settlement"}
            assert world.complaint.breaches == 1
            assert world.history[-1].fact.NAME == "followed-up"
            breach = next(each.fact for each in world.history if isinstance(each.fact, f.DeadlineBreached))
            assert breach.due_at == holder_due("2026-03-09")

    def test_a_reply_that_was_not_given_in_time_has_closed_it(self) -> None:
        world = to_status(Status.FOLLOWED_UP)
        closes = world.due("citizen_reply")
        world.policy = in_force(LAPOR, announcement(date(2026, 3, 9), at=closes + days(1)))
        assert world.send(REPLY, CITIZEN, at=closes + days(2)) == ["closed", "late-reply-recorded"]
        other = to_status(Status.FOLLOWED_UP)
        other.policy = in_force(LAPOR, announcement(date(2026, 3, 9), at=closes - days(1)))
        assert other.send(REPLY, CITIZEN, at=closes + MOMENT) == ["rescheduled", "replied"]

    def test_a_command_that_was_sent_on_is_judged_by_its_own_time(self) -> None:
        """It reached the log before the announcement and the deadline, and its complaint's partition after both."""
        world = to_status(Status.DISPOSED)
        in_time = holder_due("2026-03-09")
        world.policy = in_force(LAPOR, announcement(date(2026, 3, 12), at=in_time + days(1)))
        assert world.send(FOLLOW_UP, PUPR, at=in_time) == ["rescheduled", "followed-up"]
        assert world.complaint.breaches == 0

    def test_a_notice_of_the_old_deadline_only_brings_the_new_one(self) -> None:
        world = to_status(Status.DISPOSED)
        late = world.notice_of("follow_up")
        world.policy = in_force(LAPOR, announcement(date(2026, 3, 9), at=world.now))
        assert world.send(late, SLA, at=late.due_at + MOMENT) == ["rescheduled", "rescheduled"]
        assert world.complaint.breaches == 0

    def test_a_notice_of_the_old_warning_only_brings_the_new_one(self) -> None:
        world = to_status(Status.DISPOSED)
        early = world.notice_of("follow_up")
        warn_at = world.complaint.clocks[ClockName.FOLLOW_UP].warn_at
        world.policy = in_force(LAPOR, announcement(date(2026, 3, 9), at=world.now))
        assert world.send(early, SLA, at=warn_at) == ["rescheduled", "rescheduled"]

    def test_a_notice_of_a_deadline_that_was_brought_forward_and_has_passed_settles_the_complaint(self) -> None:
        """It was refused, and the complaint stayed open behind its own deadline until the next command."""
        world = to_status(Status.FOLLOWED_UP, at=wib("2026-03-12T09:00"))
        early = world.notice_of("citizen_reply")
        taken_back = announcement(date(2026, 3, 19), at=world.now, day_off=False)
        world.policy = in_force(LAPOR, taken_back)
        brought_forward = early.due_at - days(1)
        assert world.send(early, SLA, at=brought_forward + MOMENT) == ["rescheduled", "closed"]
        assert world.complaint.closed_at == brought_forward

    def test_a_complaint_that_comes_later_has_the_new_calendar(self) -> None:
        policy = in_force(LAPOR, announcement(date(2026, 3, 4), at=MONDAY - days(1)))
        world = World(policy)
        assert world.due("verification") == due("2026-03-06")
        assert world.complaint.calendar == 1
        assert world.refuse(RESCHEDULE, SLA) is Refusal.OVERTAKEN

    def test_a_version_that_was_looked_at_is_the_one_before(self) -> None:
        world = to_status(Status.DISPOSED)
        looked_at = world.complaint.version
        world.policy = in_force(LAPOR, announcement(date(2026, 3, 9), at=world.now))
        assert world.send(FOLLOW_UP, PUPR, expected=looked_at)[-1] == "followed-up"


class TestWhatMayMove:
    def test_only_what_changes_any_calendar_and_counts_working_time(self) -> None:
        ours = policies(version(), version(effective_from=date(2026, 7, 1), collective_leave=False))
        announced = [announcement(date(2026, 3, 7)), announcement(date(2026, 3, 18)), announcement(date(2026, 3, 19))]
        days_ = moving_days(all_with_announcements(ours, Announcements.of(announced)))
        assert [day for day, _ in days_] == [each.day for each in announced]
        assert [set(names) for _, names in days_] == [set(), set(ClockName) - {"completion"}, set()]
        demo = moving_days(all_with_announcements(policies(version_in_seconds()), Announcements.of(announced)))
        assert {names for _, names in demo} == {frozenset()}

    @pytest.mark.parametrize(
        ("at", "moves"), [("2026-03-05T21:59:59.999", False), ("2026-03-05T22:00", True), ("2026-04-01T00:00", True)]
    )
    def test_from_where_the_day_begins_first(self, at: str, *, moves: bool) -> None:
        days_ = [(FRIDAY, frozenset({ClockName.FOLLOW_UP}))]
        assert may_move([(ClockName.FOLLOW_UP, wib(at))], days_) is moves
        assert not may_move([(ClockName.COMPLETION, wib(at))], days_)
        assert not may_move([(ClockName.FOLLOW_UP, wib(at))], [])


def version_in_seconds() -> dict[str, Any]:
    clocks = dict.fromkeys(version()["clocks"], "10 seconds")
    return version(
        clocks=clocks,
        settlement=dict.fromkeys(ComplaintClass, "30 seconds"),
        extension={"day": "5 seconds", "max_days": 5, "max_times": 1},
    )


@pytest.mark.long
def test_the_sla_stage_skips_no_candidate() -> None:
    """In any status and for any announced day: each moved deadline is among the candidates."""
    for status in set(Status) - {Status.CLOSED, Status.ARCHIVED, Status.WITHDRAWN}:
        for ahead in range(-3, 90):
            day = MONDAY.date() + days(ahead)
            world = to_status(status)
            announced = announcement(day, at=world.now)
            world.policy = in_force(LAPOR, announced)
            running = [
                (name, clock.due_at)
                for name, clock in world.complaint.clocks.items()
                if clock.running and clock.due_at is not None
            ]
            answer = world.ask(RESCHEDULE, SLA)
            if not isinstance(answer, Rejected):
                assert may_move(
                    running,
                    moving_days(all_with_announcements(PolicySet("lapor", (LAPOR,)), Announcements.of([announced]))),
                )


@settings(max_examples=3 * settings().max_examples)
@given(
    start=st.integers(0, 400),
    unit=st.sampled_from(["working days", "working hours"]),
    amount=st.integers(1, 60),
    changes=st.lists(st.tuples(st.integers(-5, 90), st.booleans()), min_size=1, max_size=4),
)
def test_a_moved_deadline_is_where_it_would_have_been_from_the_start(
    start: int, unit: str, amount: int, changes: list[tuple[int, bool]]
) -> None:
    """Announcements one after another have the same result as the last calendar from the beginning."""
    clocks = version()["clocks"] | {"verification": f"{amount} {unit}"}
    policy = policies(version(clocks=clocks, hours="08:00-12:00, 13:00-16:00")).versions[0]
    at = MONDAY + timedelta(hours=start * 7)
    clock = ClockContext(policy, None, ComplaintClass.COMPLAINT).start(ClockName.VERIFICATION, at)
    for number, (ahead, day_off) in enumerate(changes):
        day = at.date() + days(ahead)
        old, policy = policy, in_force(policy, *policy.announcements, announcement(day, day_off=day_off, number=number))
        context = ClockContext(policy, None, ComplaintClass.COMPLAINT)
        due_at = recalculated(ClockName.VERIFICATION, clock, day, old.calendar, context)
        clock = clock if due_at is None else context.reschedule(ClockName.VERIFICATION, clock, due_at)
    assert clock == ClockContext(policy, None, ComplaintClass.COMPLAINT).start(ClockName.VERIFICATION, at)


def test_what_is_published_counts_by_the_calendar_of_its_time() -> None:
    world = to_status(Status.FOLLOWED_UP)
    world.policy = in_force(LAPOR, announcement(date(2026, 3, 4), at=world.now))
    world.send(c.CloseComplaint(), PANRB, at=wib("2026-03-06T10:00"))
    assert world.complaint.working_days == 3
    world.send(c.RateResolution(rating=4), CITIZEN)
    assert resolution(world.complaint, None, LAPOR).working_days == 3
    unknown = world.complaint.model_copy(update={"working_days": None})
    assert resolution(unknown, None, LAPOR).working_days == 4
