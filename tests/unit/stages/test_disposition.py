"""The office that the disposition stage chooses."""

from datetime import date
from typing import Any

from events import commands as c
from events.reports import Location
from events.vocabulary import Status
from tests.support.tables import Rows, every
from tests.support.worlds import DENPASAR, DISPOSE, DISPOSITION, LAPOR, PANRB, PUPR, RETURN, VERIFY, World, to_status
from workflow.stages.disposition import competent_office, disposition

TODAY = date(2026, 3, 2)


def place(**names: str) -> Location:
    return Location(**names)  # type: ignore[arg-type]  # names only, no coordinates


@every(
    Rows(
        [
            ({}, "denpasar-pupr"),
            ({"location": place(city="Kota Denpasar")}, "denpasar-pupr"),
            ({"category": "kesehatan"}, "denpasar"),
            ({"category": None}, "denpasar"),
            ({"location": place(province="Bali")}, "bali-pupr"),
            ({"location": place(province="Bali"), "category": None}, "bali"),
            ({"location": place(city="Kota Jayapura"), "category": "parkir-liar"}, "kota-jayapura-dishub"),
            ({"location": place(province="Aceh", city="Banda Aceh")}, None),
            ({"location": None}, None),
            ({"office": "badung"}, "badung"),
            ({"office": "badung-pupr", "location": None}, "badung-pupr"),
            ({"office": "kantor-lurah"}, "denpasar-pupr"),
        ]
    )
)
def test_the_office_the_reporter_chose_else_the_most_specific(changes: dict[str, Any], office: str | None) -> None:
    assert competent_office(World(**changes).complaint, LAPOR, TODAY) == office


def returned(by: str, **changes: Any) -> World:
    world = to_status(Status.VERIFIED, **changes)
    world.send(c.DisposeComplaint(office=by), PANRB)
    world.send(RETURN, f"/offices/{by}")
    return world


def test_an_office_that_returned_it_is_not_asked_again() -> None:
    assert competent_office(returned("denpasar-pupr").complaint, LAPOR, TODAY) == "denpasar"
    chosen = returned("badung", office="badung")
    assert competent_office(chosen.complaint, LAPOR, TODAY) == "denpasar-pupr"


def test_without_a_competent_office_the_superior_below_national_has_it() -> None:
    assert competent_office(returned("surabaya-pupr", location=None).complaint, LAPOR, TODAY) == "surabaya"
    assert competent_office(returned("surabaya", location=None).complaint, LAPOR, TODAY) == "jawa-timur"
    assert competent_office(returned("jawa-timur", location=None).complaint, LAPOR, TODAY) is None
    assert competent_office(returned("ombudsman", location=None).complaint, LAPOR, TODAY) is None


def test_a_machine_disposes_what_waits_for_an_office() -> None:
    command = disposition(to_status(Status.VERIFIED).complaint, LAPOR, TODAY)
    assert command == DISPOSE.model_copy(update={"round": 0, "status": Status.VERIFIED})
    command = disposition(to_status(Status.RETURNED).complaint, LAPOR, TODAY)
    assert command == c.DisposeComplaint(office="denpasar", round=1, status=Status.RETURNED)
    for status in set(Status) - {Status.VERIFIED, Status.RETURNED}:
        assert disposition(to_status(status).complaint, LAPOR, TODAY) is None


def test_what_no_rule_routes_waits() -> None:
    assert disposition(to_status(Status.VERIFIED, location=None).complaint, LAPOR, TODAY) is None


def test_a_policy_may_leave_it_to_people() -> None:
    people = LAPOR.model_copy(update={"machine": frozenset()})
    assert disposition(to_status(Status.VERIFIED, people).complaint, people, TODAY) is None


def test_after_the_last_return_it_waits_for_the_arbiter() -> None:
    world = to_status(Status.RETURNED)
    command = disposition(world.complaint, LAPOR, TODAY)
    assert command is not None
    world.send(command, DISPOSITION)
    world.send(RETURN, DENPASAR)
    assert world.complaint.returns == LAPOR.return_limit
    assert disposition(world.complaint, LAPOR, TODAY) is None


def test_the_machine_decides_as_the_core_accepts() -> None:
    world = World()
    world.send(VERIFY, PANRB)
    command = disposition(world.complaint, LAPOR, TODAY)
    assert command is not None
    world.send(command, DISPOSITION)
    assert world.complaint.office == PUPR.split("/")[2]
