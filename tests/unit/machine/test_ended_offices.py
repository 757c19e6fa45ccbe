"""An office that has ended gets nothing, decides nothing, and its complaints can be moved in each status."""

from datetime import date, timedelta
from typing import Any

import pytest

from events import commands as c
from events import facts as f
from events.vocabulary import ClockName, Detail, Refusal, Status
from tests.support.worlds import (
    CITIZEN,
    DENPASAR,
    DISPOSITION,
    FOLLOW_UP,
    LAPOR,
    MONDAY,
    PANRB,
    PUPR,
    REPLY,
    REQUEST,
    World,
    days,
    to_status,
)
from workflow.machine.handlers import Rejected
from workflow.policy.model import Policy
from workflow.policy.offices import Directory
from workflow.stages.disposition import competent_office
from workflow.stages.escalation import next_rung

LAST = date(2026, 3, 3)
"""The day after `MONDAY`."""
ON = c.DisposeComplaint(office="badung")


def ending(*offices: str, **rules: Any) -> Policy:
    found = (each.model_copy(update={"until": LAST} if each.id in offices else {}) for each in LAPOR.directory)
    return LAPOR.model_copy(update={"directory": Directory(found), **rules})


@pytest.mark.parametrize("ended", ["denpasar-pupr", "denpasar"])
def test_a_unit_ends_with_its_agency(ended: str) -> None:
    directory = ending(ended).directory
    assert (directory.exists_on("denpasar-pupr", LAST), directory.last_day("denpasar-pupr")) == (True, LAST)
    assert not directory.exists_on("denpasar-pupr", LAST + days(1))
    assert directory.exists_on("badung-pupr", LAST + days(1))


@pytest.mark.parametrize("ended", ["denpasar-pupr", "denpasar"])
def test_nothing_is_disposed_to_it(ended: str) -> None:
    world = to_status(Status.VERIFIED, ending(ended))
    command = c.DisposeComplaint(office="denpasar-pupr")
    assert world.refuse(command, PANRB, after=days(2)) is Refusal.UNKNOWN_OFFICE
    assert competent_office(world.complaint, world.policy, LAST + days(1)) == (
        "denpasar" if ended == "denpasar-pupr" else "bali-pupr"
    )
    assert world.send(command, PANRB, at=MONDAY + days(1)) == ["disposed"]


def test_it_is_returned_to_the_nearest_office_above_that_exists() -> None:
    world = to_status(Status.DISPOSED, ending("denpasar"), location=None)
    world.send(c.ReturnDisposition(reason="Bukan wewenang."), PUPR)
    assert competent_office(world.complaint, world.policy, LAST) == "denpasar"
    assert competent_office(world.complaint, world.policy, LAST + days(1)) == "bali"


def test_it_is_escalated_past_it() -> None:
    world = to_status(Status.DISPOSED, ending("denpasar", "ombudsman"))
    world.notice("follow_up", at=world.due("follow_up") + timedelta(milliseconds=1))
    climbed = [world.climb()[1]]
    world.notice("escalation", at=world.due("escalation") + timedelta(milliseconds=1))
    climbed.append(world.climb()[1])
    assert climbed == ["bali", "panrb"]
    world.notice("escalation", at=world.due("escalation") + timedelta(milliseconds=1))
    assert world.climb()[0] == "escalation-exhausted"


@pytest.mark.parametrize(
    ("command", "by"),
    [(FOLLOW_UP, PUPR), (REQUEST, PUPR), (c.ReturnDisposition(reason="Bukan wewenang."), PUPR)],
)
def test_it_decides_nothing(command: c.Command, by: str) -> None:
    world = to_status(Status.DISPOSED, ending("denpasar"))
    answer = world.ask(command, by, after=days(2))
    assert isinstance(answer, Rejected)
    assert (answer.code, answer.detail) == (Refusal.NOT_PERMITTED, Detail.OFFICE_ENDED)
    assert world.send(command, by, at=MONDAY + days(1))


def test_the_next_superior_decides_in_its_place() -> None:
    world = to_status(Status.DISPOSED, ending("denpasar"))
    world.send(ON, PANRB)
    world.send(c.DisposeComplaint(office="denpasar-pupr"), PANRB, at=MONDAY + days(1))
    world.send(REQUEST, PUPR)
    grant = c.DecideExtension(approved=True)
    assert world.refuse(grant, DENPASAR, after=days(1)) is Refusal.NOT_PERMITTED
    assert world.send(grant, "/offices/bali") == ["extended"]


def test_an_answered_complaint_is_moved_where_it_stands() -> None:
    world = to_status(Status.FOLLOWED_UP)
    clocks = world.complaint.clocks
    assert world.send(ON, PANRB, after=days(3)) == ["disposed"]
    assert (world.complaint.status, world.complaint.office, world.complaint.clocks) == (
        Status.FOLLOWED_UP,
        "badung",
        clocks,
    )
    world.send(REPLY, CITIZEN)
    fresh = _follow_up(world)
    assert world.send(c.DisposeComplaint(office="denpasar"), PANRB, after=days(1)) == ["disposed"]
    assert (world.complaint.status, world.complaint.office) == (Status.REPLIED, "denpasar")
    assert _follow_up(world) > fresh
    assert world.send(FOLLOW_UP, DENPASAR) == ["followed-up"]


def _follow_up(world: World) -> Any:
    return world.complaint.clocks[ClockName.FOLLOW_UP].due_at


@pytest.mark.parametrize("status", [Status.FOLLOWED_UP, Status.REPLIED])
def test_only_the_administrator_moves_it_then(status: Status) -> None:
    world = to_status(status)
    world.send(c.DisposeComplaint(office="denpasar"), PANRB)
    assert world.refuse(c.DisposeComplaint(office="denpasar-pupr"), DENPASAR) is Refusal.NOT_ALLOWED_IN_STATUS
    assert world.refuse(ON, DISPOSITION) is Refusal.OVERTAKEN


def test_the_rung_of_the_stage_is_that_of_lifecycle_at_midnight() -> None:
    world = to_status(Status.DISPOSED, ending("denpasar"))
    world.notice("follow_up", at=world.due("follow_up") + timedelta(milliseconds=1))
    command = next_rung(world.complaint, world.policy)
    assert command is not None
    assert command.office == "bali"
    assert isinstance(world.history[-1].fact, f.DeadlineBreached)
