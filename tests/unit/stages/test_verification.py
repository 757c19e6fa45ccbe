"""Decisions of a machine on a new report."""

from typing import Any
from uuid import UUID

import pytest

from events import commands as c
from events.reports import Location
from events.vocabulary import ArchiveReason, Refusal, Status
from tests.support.tables import Rows, every
from tests.support.worlds import CITIZEN, COMPLETE, DEMO, LAPOR, PANRB, POSTPONE, VERIFICATION, World, to_status
from workflow.policy.model import Completeness
from workflow.stages.verification import missing_fields, verification

ORIGINAL = "166aa932-3f01-5571-aeb0-9200f7b95146"


@every(
    Rows(
        [
            ({}, ()),
            ({"title": ""}, ("title",)),
            ({"title": "   "}, ("title",)),
            ({"body": ""}, ("body",)),
            ({"body": "123456789"}, ("body",)),
            ({"body": "1234567890"}, ()),
            ({"body": "  12345678  "}, ("body",)),
            ({"location": None}, ("location",)),
            ({"location": Location()}, ("location",)),
            ({"location": Location(village="Ubung")}, ()),
            ({"location": Location(lat=-8.65, lon=115.2)}, ()),
            ({"location": Location(lat=0.0, lon=0.0)}, ()),
            ({"location": Location(lat=-8.65)}, ("location",)),
            ({"location": None, "office": "denpasar"}, ()),
            ({"location": None, "office": "kantor-lurah"}, ("location",)),
            ({"title": "", "body": "pendek", "location": None}, ("title", "body", "location")),
        ]
    )
)
def test_what_is_missing(changes: dict[str, Any], missing: tuple[str, ...]) -> None:
    assert missing_fields(World(**changes).complaint, LAPOR) == missing


def test_a_policy_may_ask_for_more_or_for_nothing() -> None:
    complaint = World(category=None).complaint
    asks = Completeness(requires=("category", "event_date", "title"))
    assert missing_fields(complaint, LAPOR.model_copy(update={"completeness": asks})) == ("category", "event_date")
    nothing = LAPOR.model_copy(update={"completeness": Completeness(requires=())})
    assert missing_fields(World(location=None).complaint, nothing) == ()
    # a body that is required is never an empty one
    at_all = LAPOR.model_copy(update={"completeness": Completeness(min_body=0)})
    assert missing_fields(World(body="").complaint, at_all) == ("body",)


def test_what_lacks_something_is_sent_back_with_the_fields_named() -> None:
    world = World(location=None, body="")
    command = verification(world.complaint, LAPOR)
    assert isinstance(command, c.PostponeComplaint)
    assert command.missing == ("body", "location")
    assert command.revision == 1
    assert command.reason.startswith("Mohon lengkapi: uraian kejadian")
    assert world.send(command, VERIFICATION) == ["postponed"]


def test_what_is_complete_waits_for_a_person_unless_the_policy_leaves_it_to_a_machine() -> None:
    assert verification(World().complaint, LAPOR) is None
    assert verification(World(DEMO).complaint, DEMO) == c.VerifyComplaint(revision=1, status=Status.REGISTERED)


@pytest.mark.parametrize(("follows", "command"), [(None, c.ArchiveComplaint), ("1000001", c.VerifyComplaint)])
def test_what_follows_an_earlier_complaint_is_not_archived_as_its_duplicate(
    follows: str | None, command: type[c.Command]
) -> None:
    policy = DEMO.model_copy(update={"machine": DEMO.machine | {"archive"}})
    complaint = World(policy, follows=follows).complaint
    assert complaint.follows == follows
    assert isinstance(verification(complaint, policy, ORIGINAL), command)


def test_nor_does_an_administrator_archive_it_as_such() -> None:
    world = World(follows=ORIGINAL)
    archive = c.ArchiveComplaint(reason=ArchiveReason.DUPLICATE, duplicate_of=UUID(ORIGINAL))
    assert world.refuse(archive, PANRB) is Refusal.INVALID_DATA
    other = archive.model_copy(update={"duplicate_of": UUID(int=7)})
    assert world.send(other, PANRB) == ["archived"]


def test_a_policy_may_leave_nothing_to_a_machine() -> None:
    people = LAPOR.model_copy(update={"machine": frozenset()})
    assert verification(World(people, location=None).complaint, people) is None
    assert verification(World(people).complaint, people) is None


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.REGISTERED}))
def test_verification_decides_nothing_in_any_other_status(status: Status) -> None:
    assert verification(to_status(status, DEMO).complaint, DEMO) is None


def test_what_comes_back_completed_is_looked_at_again() -> None:
    world = World(DEMO, location=None)
    world.send(POSTPONE, PANRB)
    world.send(COMPLETE, CITIZEN)
    assert verification(world.complaint, DEMO) == c.VerifyComplaint(revision=2, status=Status.REGISTERED)
    world = World(DEMO, location=None, body="")
    world.send(POSTPONE, PANRB)
    world.send(COMPLETE, CITIZEN)
    command = verification(world.complaint, DEMO)
    assert isinstance(command, c.PostponeComplaint)
    assert (command.missing, command.revision) == (("body",), 2)
