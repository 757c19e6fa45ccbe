"""Generated reports: valid, varied, and equal for equal seeds."""

import json
from collections import Counter
from datetime import date

import pytest

from agents.config import policy_files
from agents.demo.generator import Generator, Kind, Submission
from agents.demo.phrases import phrases
from agents.demo.scripts import Conduct, OfficeConduct
from events.codec.decode import decode_report
from events.vocabulary import ArchiveReason, ComplaintClass
from workflow.policy.offices import Level

POLICY = policy_files.load("demo").versions[-1]
DIRECTORY = POLICY.directory
TODAY = date(2026, 3, 16)


def made(count: int = 400, seed: int = 1) -> list[Submission]:
    return list(Generator(seed, DIRECTORY, TODAY).submissions(count))


@pytest.fixture(scope="module")
def submissions() -> list[Submission]:
    return made()


def of_kind(submissions: list[Submission], kind: Kind) -> list[Submission]:
    found = [each for each in submissions if each.kind is kind]
    assert found, f"no {kind} among them"
    return found


def test_every_report_is_one_by_the_contract(submissions: list[Submission]) -> None:
    for submission in submissions:
        assert decode_report(submission.raw) == submission.report


def test_the_same_seed_makes_the_same_reports(submissions: list[Submission]) -> None:
    assert made() == submissions
    assert made(seed=2) != submissions


def test_so_many_distinct_reports_are_made_and_some_delivered_again(submissions: list[Submission]) -> None:
    deliveries = Counter(each.report.complaint_id for each in submissions)
    assert len(deliveries) == 400
    again = [each for each in submissions if each.again]
    assert len(again) == len(submissions) - 400 > 5
    raw = {each.report.complaint_id: each.raw for each in submissions if not each.again}
    assert all(raw[each.report.complaint_id] == each.raw for each in again)
    first = {each.report.complaint_id: number for number, each in reversed(list(enumerate(submissions)))}
    assert all(not submissions[first[each.report.complaint_id]].again for each in again)


def test_they_are_varied(submissions: list[Submission]) -> None:
    data = [each.report.data for each in submissions if each.kind is Kind.ORDINARY and not each.again]
    assert len({each.body for each in data}) > len(data) * 0.95
    assert len({each.category for each in data}) >= 10
    assert {each.class_ for each in data} == set(ComplaintClass)
    assert {each.report.source for each in submissions} == {
        f"/channels/{name}" for name in ("sms", "web", "app", "x", "walk-in")
    }
    provinces = {each.location.province for each in data if each.location}
    assert provinces >= {"Bali", "Jawa Timur", "Papua"}
    flags = {(each.anonymous, each.secret) for each in data}
    assert len(flags) == 4
    assert {each.event_date is None for each in data} == {True, False}


def test_no_placeholder_is_left_in_a_text(submissions: list[Submission]) -> None:
    assert not [each for each in submissions if "{" in each.report.data.body + each.report.data.title]


def test_incomplete_reports_lack_what_they_should(submissions: list[Submission]) -> None:
    assert all(not each.report.data.body for each in of_kind(submissions, Kind.EMPTY))
    assert all(0 < len(each.report.data.body) < 10 for each in of_kind(submissions, Kind.TOO_SHORT))
    assert all(each.report.data.location is None for each in of_kind(submissions, Kind.NO_PLACE))
    untitled = of_kind(submissions, Kind.UNTITLED)
    assert all(not each.report.data.title and each.report.source == "/channels/sms" for each in untitled)


def test_a_neighbour_repeats_an_earlier_report(submissions: list[Submission]) -> None:
    known = {each.report.complaint_id: each.report for each in submissions}
    for each in of_kind(submissions, Kind.NEIGHBOUR):
        assert each.script.duplicate_of is not None
        original = known[each.script.duplicate_of]
        assert original.data.body == each.report.data.body
        assert original.complaint_id != each.report.complaint_id
        assert (each.script.desk, each.script.reason) == (OfficeConduct.ARCHIVES, ArchiveReason.DUPLICATE)


def test_a_wrongly_addressed_report_names_an_office_that_is_not_competent(submissions: list[Submission]) -> None:
    for each in of_kind(submissions, Kind.WRONG_OFFICE):
        office, category, place = each.report.data.office, each.report.data.category, each.report.data.location
        assert office is not None
        assert category is not None
        assert place is not None
        assert DIRECTORY.exists_on(office, TODAY)
        assert office not in DIRECTORY.candidates(category, place.province, place.city, TODAY)
        assert each.script.conduct in {Conduct.RETURNS, Conduct.RETURNS_AGAIN}


def test_a_chosen_office_is_competent(submissions: list[Submission]) -> None:
    for each in of_kind(submissions, Kind.CHOSEN):
        assert each.report.data.office is not None
        assert DIRECTORY.exists_on(each.report.data.office, TODAY)


def test_every_district_belongs_to_an_office_of_the_directory() -> None:
    cities = {office.id for office in DIRECTORY if office.level is Level.CITY}
    assert set(phrases().districts) <= cities


def test_no_office_is_competent_for_places_elsewhere(submissions: list[Submission]) -> None:
    for each in of_kind(submissions, Kind.ELSEWHERE) + of_kind(submissions, Kind.OUT_OF_SCOPE):
        place = each.report.data.location
        assert place is not None
        assert DIRECTORY.candidates(each.report.data.category, place.province, place.city, TODAY) == []


def test_no_reporter_can_exist(submissions: list[Submission]) -> None:
    for each in submissions:
        reporter = json.loads(each.raw)["data"]["reporter"]
        assert reporter["phone"].startswith("+62-800-")
        assert reporter.get("email", "@example.id").endswith("@example.id")
