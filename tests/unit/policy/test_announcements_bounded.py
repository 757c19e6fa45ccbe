"""Announcements are bounded: refused beyond a limit, and folded where no open complaint was computed with them."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.stages import calendar_state
from events.announcements import CALENDAR, CALENDAR_KEY, AnnounceHoliday, Announcement, AnnouncementEvent, Announcements
from events.codec.decode import decode_calendar
from events.codec.encode import encode_calendar
from events.ids import digest
from events.topics import OUTWARD_RECORD_BYTES
from events.vocabulary import Detail, Refusal
from tests.support.worlds import LAPOR, MONDAY, PANRB, days
from tests.unit.machine.test_answers import LifecycleStage, rejections
from workflow.machine.announcements import MOST_KEPT, MOST_OF_A_DAY, MOST_RECENT, announce
from workflow.machine.handlers import Rejected
from workflow.policy.announcements import RECENT, folded, with_announcements
from workflow.policy.model import Policy

FRIDAY = date(2026, 3, 6)


def event(
    number: int, day: date = FRIDAY, *, day_off: bool | None = None, name: str = "Cuti bersama"
) -> AnnouncementEvent:
    off = number % 2 == 0 if day_off is None else day_off
    data = AnnounceHoliday(day=day, day_off=off, name=name, decree="SKB 3 Menteri")
    return AnnouncementEvent(
        specversion="1.0", type=AnnouncementEvent.TYPE, source=PANRB, id=f"a{number}", subject="calendar", data=data
    )


def announced(found: Announcements, each: AnnouncementEvent, at: datetime) -> Announcements | Rejected:
    answer = announce(each, found, at, LAPOR)
    if not isinstance(answer, Announcement):
        assert answer is not None
        return answer
    return found.model_copy(update={"revision": found.revision + 1, "announcements": (*found.announcements, answer)})


def test_one_day_off_and_on_a_thousand_times() -> None:
    lifecycle = LifecycleStage()
    written = []
    for number in range(1_000):
        written += lifecycle.send(event(number).data, PANRB, f"a{number}", CALENDAR)
    refused = rejections(written)
    kept = [
        each.value or b"" for each in written if each.key == CALENDAR_KEY and b"rejected" not in (each.value or b"")
    ]
    assert len(kept) == MOST_OF_A_DAY
    assert len(refused) == 1_000 - MOST_OF_A_DAY
    first = refused[0].data
    assert (first.code, first.detail) == (Refusal.NOT_PERMITTED, Detail.ANNOUNCEMENT_LIMIT)
    assert first.message == "at most 10 announcements of 2026-03-06 in 30 days are accepted: repeat it after 2026-04-01"
    assert sum(map(len, kept)) < 50_000
    assert decode_calendar(kept[-1]).revision == MOST_OF_A_DAY


def test_a_month_has_a_limit_in_all_and_then_there_is_room_again() -> None:
    found = Announcements.of()
    for number in range(MOST_RECENT):
        answer = announced(found, event(number, FRIDAY + days(number), day_off=True), MONDAY)
        assert isinstance(answer, Announcements)
        found = answer
    more = event(MOST_RECENT, FRIDAY + days(MOST_RECENT), day_off=True)
    answer = announced(found, more, MONDAY + RECENT - timedelta(seconds=1))
    assert isinstance(answer, Rejected)
    assert answer.detail is Detail.ANNOUNCEMENT_LIMIT
    assert isinstance(announced(found, more, MONDAY + RECENT), Announcements)


def of(*announced: tuple[date, bool, datetime]) -> Announcements:
    return Announcements.of(
        Announcement(day=day, day_off=off, name="x", decree="y", announced_at=at, by=PANRB, command_id=f"a{number}")
        for number, (day, off, at) in enumerate(announced)
    )


OLD = MONDAY - 2 * RECENT
FOUND = of(
    (FRIDAY, True, OLD),
    (FRIDAY, False, OLD),
    (date(2025, 6, 2), True, OLD),
    (FRIDAY, True, OLD),
    (FRIDAY, False, MONDAY),
)


class TestFolding:
    def test_of_each_day_the_last_is_left(self) -> None:
        found = folded(FOUND, behind=5, first_day=date(2025, 1, 1), now=MONDAY)
        assert [each.command_id for each in found.announcements] == ["a2", "a3", "a4"]
        assert (found.revision, found.folded, found.dropped) == (5, 2, 2)
        assert found.known == (digest(PANRB, "a0"), digest(PANRB, "a1"))

    def test_what_no_open_complaint_has_seen_is_dropped(self) -> None:
        found = folded(FOUND, behind=5, first_day=date(2026, 1, 1), now=MONDAY)
        assert [each.command_id for each in found.announcements] == ["a3", "a4"]
        assert set(found.known) == {digest(PANRB, f"a{number}") for number in range(3)}

    def test_what_an_open_complaint_has_not_been_computed_with_stays(self) -> None:
        assert folded(FOUND, behind=0, first_day=date(2025, 1, 1), now=MONDAY) == FOUND
        found = folded(FOUND, behind=2, first_day=date(2025, 1, 1), now=MONDAY)
        assert [each.command_id for each in found.announcements] == ["a1", "a2", "a3", "a4"]
        assert found.folded == 1

    def test_folding_twice_is_folding_once(self) -> None:
        once = folded(FOUND, behind=3, first_day=date(2025, 1, 1), now=MONDAY)
        assert folded(once, behind=3, first_day=date(2025, 1, 1), now=MONDAY) == once
        assert folded(once, behind=5, first_day=date(2025, 1, 1), now=MONDAY) == folded(
            FOUND, behind=5, first_day=date(2025, 1, 1), now=MONDAY
        )

    def test_a_repeat_of_what_is_no_longer_kept_is_known(self) -> None:
        found = folded(FOUND, behind=5, first_day=date(2025, 1, 1), now=MONDAY)
        assert announce(event(0), found, MONDAY, LAPOR) is None

    @settings(max_examples=settings().max_examples * 3 // 5)
    @given(
        st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=12),
        st.integers(0, 12),
    )
    def test_calendars_with_equal_progress_are_equal(self, told_: list[tuple[int, bool]], behind: int) -> None:
        found = of(*((FRIDAY + days(ahead), off, OLD) for ahead, off in told_))
        behind = min(behind, found.revision)
        one, two = (
            with_announcements(LAPOR, each)
            for each in (found, folded(found, behind=behind, first_day=date.min, now=MONDAY))
        )
        assert one.announced == two.announced == found.revision
        for count in range(behind, found.revision + 1):
            assert self.days_off(one.as_of(count)) == self.days_off(two.as_of(count))
        assert [each.announcements[-1] for each in one.since(behind)] == [
            each.announcements[-1] for each in two.since(behind)
        ]

    @staticmethod
    def days_off(policy: Policy) -> list[bool]:
        return [policy.calendar.is_working_day(FRIDAY + days(ahead)) for ahead in range(10)]


def test_the_record_shrinks_while_complaints_are_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendar_state, "COMPACT_ABOVE", 3)
    lifecycle = LifecycleStage()
    lifecycle.register()
    for number in range(4):
        lifecycle.send(event(number).data, PANRB, f"a{number}", CALENDAR)
    # 40 days later: the complaint waits, its deadlines missed, and has been computed with them all
    lifecycle.later(days(40))
    outputs = lifecycle.send(event(4, date(2026, 5, 20)).data, PANRB, "a4", CALENDAR)
    found = decode_calendar(outputs[0].value)
    assert found.revision == 5
    assert len(found.announcements) + len(found.known) == 5
    assert lifecycle.send(event(0).data, PANRB, "a0", CALENDAR) == []
    # and it starts again from that
    lifecycle.restart(lifecycle.keys, outputs)
    assert lifecycle.lifecycle._calendar_state.policies.versions[0].announced == 5  # noqa: SLF001 -- what decisions are made with


def test_a_record_of_a_time_without_folding_is_read() -> None:
    raw = FOUND.model_dump_json(exclude={"folded", "known"})
    assert Announcements.model_validate_json(raw) == FOUND


def test_the_longest_record_can_be_written() -> None:
    longest = Announcement(
        day=FRIDAY,
        day_off=True,
        name="\u0001" * 300,
        decree="\u0001" * 300,
        announced_at=MONDAY,
        by="\u0001" * 256,
        command_id="\u0001" * 256,
    )
    value = encode_calendar(Announcements.of([longest] * MOST_KEPT), partition=0, time=MONDAY)
    assert len(value) < OUTWARD_RECORD_BYTES
