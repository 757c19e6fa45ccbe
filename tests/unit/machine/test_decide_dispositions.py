"""Dispositions and returns: targets, limits, and the arbiter."""

from typing import Any

import pytest

from events import commands as c
from events.vocabulary import Refusal, Status
from tests.support.worlds import (
    BADUNG,
    BALI,
    DENPASAR,
    DISPOSE,
    DISPOSITION,
    FOLLOW_UP,
    LAPOR,
    PANRB,
    PUPR,
    RETURN,
    VERIFY,
    World,
    to_status,
)
from workflow.policy.model import Policy
from workflow.policy.offices_document import parse_offices

# the national administrator and the arbiter are one office in the packaged policies: here they differ
ARBITRATED = LAPOR.model_copy(update={"arbiter": "ombudsman"})
ARBITER = "/offices/ombudsman"


def to(office: str, **more: Any) -> c.DisposeComplaint:
    return c.DisposeComplaint(office=office, **more)


def held_by(office: str, policy: Policy = LAPOR) -> World:
    world = World(policy)
    world.send(VERIFY, PANRB)
    world.send(to(office), PANRB)
    return world


class TestOwnUnits:
    def test_an_agency_hands_to_its_units(self) -> None:
        world = held_by("denpasar")
        assert world.send(to("denpasar-pupr"), DENPASAR) == ["disposed"]
        assert (world.complaint.office, world.complaint.round) == ("denpasar-pupr", 2)
        assert world.refuse(FOLLOW_UP, DENPASAR) is Refusal.NOT_PERMITTED
        assert world.send(FOLLOW_UP, PUPR) == ["followed-up"]

    def test_a_province_hands_down_to_a_city_or_its_units(self) -> None:
        assert held_by("bali").send(to("denpasar"), BALI) == ["disposed"]
        assert held_by("bali").send(to("denpasar-pupr"), BALI) == ["disposed"]

    @pytest.mark.parametrize("office", ["denpasar", "badung", "badung-pupr", "bali", "panrb", "surabaya"])
    def test_an_agency_disposes_only_within_itself(self, office: str) -> None:
        assert held_by("denpasar").refuse(to(office), DENPASAR) is Refusal.NOT_PERMITTED

    @pytest.mark.parametrize("office", ["denpasar-pupr", "denpasar", "denpasar-dlhk"])
    def test_a_unit_cannot_dispose(self, office: str) -> None:
        assert held_by("denpasar-pupr").refuse(to(office), PUPR) is Refusal.NOT_PERMITTED

    def test_an_agency_does_not_hand_on_what_it_does_not_hold(self) -> None:
        world = held_by("denpasar-pupr")
        assert world.refuse(to("denpasar-dlhk"), DENPASAR) is Refusal.NOT_PERMITTED
        assert world.refuse(to("badung-pupr"), BADUNG) is Refusal.NOT_PERMITTED


class TestDirectory:
    @pytest.mark.parametrize("office", ["kantor-lurah", "Denpasar", "denpasar ", "/offices/denpasar", "None"])
    def test_an_office_has_to_exist(self, office: str) -> None:
        world = to_status(Status.VERIFIED)
        if office.strip() == office:
            assert world.refuse(to(office), PANRB) is Refusal.UNKNOWN_OFFICE
        else:
            assert world.send(to(office), PANRB) == ["disposed"]  # space around a name is no part of it

    @pytest.mark.parametrize(
        ("since", "until", "exists"),
        [
            ("2026-03-02", None, True),
            ("2026-03-03", None, False),
            (None, "2026-03-02", True),
            (None, "2026-03-01", False),
        ],
    )
    def test_on_that_day(self, since: str | None, until: str | None, exists: bool) -> None:  # noqa: FBT001 -- a column
        life = {key: day for key, day in (("since", since), ("until", until)) if day}
        zone = {"zone": "Asia/Jakarta"}
        offices = [
            {"id": "panrb", "name": "PANRB", "level": "national", **zone},
            {"id": "bali", "name": "Bali", "level": "province", "parent": "panrb", "province": "Bali", **zone, **life},
        ]
        policy = LAPOR.model_copy(update={"directory": parse_offices({"offices": offices})})
        world = to_status(Status.VERIFIED, policy)
        if exists:
            assert world.send(to("bali"), PANRB) == ["disposed"]
        else:
            assert world.refuse(to("bali"), PANRB) is Refusal.UNKNOWN_OFFICE


class TestReturns:
    def bounced(self, times: int, policy: Policy = ARBITRATED) -> World:
        world = to_status(Status.VERIFIED, policy)
        for _ in range(times):
            world.send(to("denpasar-pupr"), PANRB)
            world.send(RETURN, PUPR)
        return world

    def test_a_return_leaves_no_holder(self) -> None:
        world = self.bounced(1)
        complaint = world.complaint
        assert (complaint.status, complaint.office, complaint.returns, complaint.returned_by) == (
            "returned",
            None,
            1,
            ("denpasar-pupr",),
        )
        assert world.history[-1].fact.model_dump()["office"] == "denpasar-pupr"

    def test_below_the_limit_administrator_and_machine_dispose(self) -> None:
        for by in (PANRB, DISPOSITION, ARBITER):
            assert self.bounced(1).send(to("denpasar"), by) == ["disposed"]

    def test_at_the_limit_only_the_arbiter_does(self) -> None:
        world = self.bounced(2)
        for by in (PANRB, DISPOSITION):
            assert world.refuse(to("denpasar"), by) is Refusal.RETURN_LIMIT
        assert world.refuse(to("denpasar"), BALI) is Refusal.NOT_PERMITTED
        assert world.send(to("denpasar"), ARBITER) == ["disposed"]

    def test_the_arbiter_settles_it_but_the_agency_still_names_its_unit(self) -> None:
        world = self.bounced(2)
        world.send(to("denpasar"), ARBITER)
        assert world.refuse(to("badung"), PANRB) is Refusal.RETURN_LIMIT
        assert world.refuse(to("badung"), DENPASAR) is Refusal.NOT_PERMITTED
        assert world.send(to("denpasar-pupr"), DENPASAR) == ["disposed"]

    def test_where_both_are_one_office_it_goes_on(self) -> None:
        world = self.bounced(2, LAPOR)
        assert world.refuse(to("denpasar"), DISPOSITION) is Refusal.RETURN_LIMIT
        assert world.send(to("denpasar"), PANRB) == ["disposed"]

    def test_the_agency_that_the_reporter_chose_is_no_arbiter(self) -> None:
        world = to_status(Status.VERIFIED, ARBITRATED, office="denpasar")
        for _ in range(2):
            world.send(DISPOSE, DENPASAR)
            world.send(RETURN, PUPR)
        assert world.refuse(DISPOSE, DENPASAR) is Refusal.RETURN_LIMIT
