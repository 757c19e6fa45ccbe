"""Output of `alur calendar show`, and of the calendar commands without a broker."""

import json
from datetime import date

import pytest

from agents.cli.announcements import Answers
from events.announcements import CALENDAR_KEY, Announcements
from events.client import Record
from events.codec.encode import encode_calendar, encode_rejection
from events.outcomes import Rejection
from events.topics import TopicName
from events.vocabulary import Refusal
from tests.support.worlds import LAPOR, announcement
from tests.unit.cli.test_cli import NOWHERE, alur, one_line
from workflow.policy.announcements import with_announcements
from workflow.reports.calendar_report import DayOff, Kind, year_of

MOMENT = announcement(date(2026, 3, 6)).announced_at


def test_the_year_adds_up() -> None:
    year = year_of(2026, LAPOR)
    assert year.working_days == 240
    assert [month.working_days for month in year.months] == [20, 18, 17, 21, 16, 20, 23, 19, 22, 22, 21, 21]
    assert year_of(2027, LAPOR).working_days == 242
    kinds = [each.kind for month in year.months for each in month.days_off]
    assert (kinds.count(Kind.HOLIDAY), kinds.count(Kind.COLLECTIVE_LEAVE)) == (17, 8)
    assert year.announced == ()


def test_announced_days_are_marked() -> None:
    off = announcement(date(2026, 6, 3))
    back = announcement(date(2026, 6, 16), day_off=False, number=2)
    other_year = announcement(date(2027, 6, 3), number=3)
    year = year_of(2026, with_announcements(LAPOR, Announcements.of([off, back, other_year])))
    june = year.months[5]
    assert june.working_days == 20
    assert DayOff(date(2026, 6, 3), "Cuti bersama", Kind.ANNOUNCED, weekend=False) in june.days_off
    assert date(2026, 6, 16) not in [each.day for each in june.days_off]
    assert year.announced == (off, back)


def test_days_of_the_policy_are_marked_and_counted_leave_is_omitted() -> None:
    file = LAPOR.calendar.changed(date(2026, 9, 8), "Local election")
    [election] = year_of(2026, LAPOR.model_copy(update={"calendar": file})).months[8].days_off
    assert election == DayOff(date(2026, 9, 8), "Local election", Kind.POLICY, weekend=False)


def test_it_is_printed_without_a_broker_with_a_note() -> None:
    result = alur(*NOWHERE, "calendar", "show", "2026")
    assert result.exit_code == 0
    assert "May                  16   1 International Labor Day" in result.stdout
    assert "21 Eid al-Fitr (a Saturday)" in result.stdout
    assert "18 Day of Silence Joint Holiday (collective leave)" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("2026: 240 working days by policy lapor/2026-11-30, calendar ID/")
    assert result.stderr.startswith("without announced changes: no Kafka broker answers")


def test_as_json_what_is_not_known_is_null() -> None:
    result = alur(*NOWHERE, "calendar", "show", "2027", "--json")
    year = json.loads(result.stdout)
    assert (year["year"], year["working_days"], year["announced"]) == (2027, 242, None)
    assert sum(month["working_days"] for month in year["months"]) == 242
    assert year["months"][0]["days_off"][0] == {
        "day": "2027-01-01",
        "name": "New Year's Day",
        "kind": "national holiday",
        "weekend": False,
    }


@pytest.mark.parametrize("year", ["1945", "20260", "soon"])
def test_a_year_that_cannot_be_laid_out(year: str) -> None:
    assert alur(*NOWHERE, "calendar", "show", year).exit_code == 2


def test_announcing_needs_a_broker() -> None:
    result = alur(*NOWHERE, "calendar", "announce", "2026-06-03", "--name", "Cuti bersama", "--decree", "SKB")
    assert one_line(result, 1).startswith("no Kafka broker answers")


class TestAnswers:
    identity = ("/offices/panrb", "calendar-1")

    def record(self, topic: TopicName, value: bytes | None, partition: int = 0, key: bytes = CALENDAR_KEY) -> Record:
        return Record(topic, partition, 0, MOMENT, key, value, {})

    def kept(self, number: int = 1) -> bytes:
        found = Announcements(revision=1, announcements=(announcement(date(2026, 3, 6), number=number),))
        return encode_calendar(found, partition=0, time=MOMENT)

    def refused(self, command_id: str = "calendar-1") -> bytes:
        rejection = Rejection(
            command_id=command_id,
            command_type="lapor.command.announce-holiday.v1",
            command_source="/offices/panrb",
            code=Refusal.ALREADY_ANNOUNCED,
            message="it is announced already",
        )
        return encode_rejection(rejection, subject="calendar", time=MOMENT, partition=0, offset=7)

    def test_each_partition_decides(self) -> None:
        answers = Answers(2)
        complete = []
        answers.add(self.record(TopicName.STATE, self.kept()), self.identity)
        complete.append(answers.complete)
        answers.add(self.record(TopicName.REJECTIONS, self.refused(), 1), self.identity)
        complete.append(answers.complete)
        assert complete == [False, True]
        assert answers.in_force == {0: "2026-03-06 is a day off: Cuti bersama (SKB 3 Menteri)"}
        assert answers.refused == {1: "already-announced: it is announced already"}

    def test_others_are_skipped(self) -> None:
        answers = Answers(1)
        for record in (
            self.record(TopicName.STATE, self.kept(2)),
            self.record(TopicName.STATE, self.kept(), key=b"a complaint"),
            self.record(TopicName.STATE, None),
            self.record(TopicName.STATE, b"rubbish"),
            self.record(TopicName.REJECTIONS, self.refused("another")),
            self.record(TopicName.REJECTIONS, b"rubbish"),
        ):
            answers.add(record, self.identity)
        assert not answers.complete
