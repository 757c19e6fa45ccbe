"""Snapshots of open complaints name for whom the complaint waits, and why."""

import json
from pathlib import Path

import pytest

from agents.cli.timeline import _waits
from events import commands as c
from events.codec.encode import encode_complaint
from events.snapshot import Waiting
from events.vocabulary import OPEN, ClockName, Status
from tests.support.tables import every
from tests.support.worlds import DENPASAR, LAPOR, MONDAY, PANRB, PUPR, RETURN, VERIFY, World, days, to_status
from tests.unit.machine.test_ended_offices import ending
from workflow.machine.waiting import WHY, waiting_for

PAGE = Path(__file__).parents[3] / "agents" / "dashboard" / "page"
EXPECTED = {
    Status.REGISTERED: ("panrb", "verification"),
    Status.POSTPONED: ("reporter", "completion"),
    Status.VERIFIED: ("panrb", "disposition"),
    Status.DISPOSED: ("denpasar-pupr", "follow-up"),
    Status.RETURNED: ("panrb", "disposition"),
    Status.FOLLOWED_UP: ("reporter", "reply"),
    Status.REPLIED: ("denpasar-pupr", "follow-up"),
}


@every(Status)
def test_each_open_status_has_its_reason(status: Status) -> None:
    complaint = to_status(status).complaint
    assert (status in OPEN) == (status in EXPECTED)
    expected = Waiting(who=EXPECTED[status][0], why=EXPECTED[status][1]) if status in OPEN else None
    assert complaint.waiting_for == expected == waiting_for(complaint, LAPOR, MONDAY)
    # what has ended takes no byte for it
    assert (b'"waiting_for"' in encode_complaint(complaint)) is (status in OPEN)


def test_the_agency_that_the_reporter_chose_verifies() -> None:
    assert World(office="denpasar-pupr").complaint.waiting_for == Waiting(who="denpasar", why="verification")


def test_without_a_competent_office_there_is_a_reason() -> None:
    world = World(location=None)
    world.send(VERIFY, PANRB)
    assert world.complaint.waiting_for == Waiting(who="panrb", why="no-competent-office")
    assert _waits(world.complaint, LAPOR, world.now) == (
        "no competent office for category infrastruktur-jalan in no known place: to be disposed by panrb"
    )


def test_after_too_many_returns_it_is_the_arbiters() -> None:
    world = to_status(Status.RETURNED, LAPOR.model_copy(update={"arbiter": "ombudsman"}))
    world.send(c.DisposeComplaint(office="denpasar"), PANRB)
    world.send(RETURN, DENPASAR)
    assert world.complaint.waiting_for == Waiting(who="ombudsman", why="return-limit")


def test_a_holder_that_has_ended_is_seen_without_a_fact() -> None:
    world = to_status(Status.DISPOSED, ending("denpasar"))
    assert waiting_for(world.complaint, world.policy, MONDAY) == Waiting(who="denpasar-pupr", why="follow-up")
    assert waiting_for(world.complaint, world.policy, MONDAY + days(2)) == Waiting(who="panrb", why="office-ended")


def test_deadlines_and_rungs_change_nothing_of_it() -> None:
    world = to_status(Status.DISPOSED)
    world.notice("follow_up", at=world.due("follow_up") + days(1))
    world.climb()
    assert world.complaint.waiting_for == Waiting(who="denpasar-pupr", why="follow-up")


def test_people_read_until_when_and_that_the_ladder_has_ended() -> None:
    world = to_status(Status.FOLLOWED_UP)
    due = world.complaint.clocks[ClockName.CITIZEN_REPLY].due_at
    assert due is not None
    assert _waits(world.complaint, LAPOR, world.now).startswith("the reporter until 2026-03-1")
    alone = to_status(Status.DISPOSED).complaint.model_copy(update={"exhausted": True})
    assert _waits(alone, LAPOR, MONDAY) == "follow-up by denpasar-pupr; no rung is left above"
    assert _waits(to_status(Status.CLOSED).complaint, LAPOR, MONDAY) == ""


@pytest.mark.parametrize("language", ["en", "id"])
def test_the_dashboard_has_words_for_each_reason(language: str) -> None:
    words = json.loads((PAGE / f"{language}.json").read_text(encoding="utf-8"))
    assert words["why"].keys() == WHY.keys() | {"by-hand"}  # a filter of lists


def test_the_holder_is_known_after_a_return() -> None:
    world = to_status(Status.DISPOSED)
    world.send(RETURN, PUPR)
    assert world.complaint.waiting_for == Waiting(who="panrb", why="disposition")
