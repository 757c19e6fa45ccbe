"""Permissions: each command from every sender, in a status that accepts it."""

import pytest

from events import commands as c
from events.ids import stage_command_id
from events.vocabulary import Refusal, Status
from tests.support.tables import every
from tests.support.worlds import (
    BADUNG,
    BALI,
    CITIZEN,
    CLOSE,
    DEMO,
    DENPASAR,
    DISPOSE,
    ESCALATION,
    FOLLOW_UP,
    INTAKE,
    LAPOR,
    MONDAY,
    PANRB,
    REQUEST,
    RETURN,
    SLA,
    VERIFY,
    report,
    seconds,
    to_status,
)
from workflow.machine.permissions import PERMITTED_ROLES, Role, is_stage, office_of, roles_of, who_may
from workflow.stages.escalation import next_rung

HOLDER = "/offices/denpasar-pupr"
OFFICER = "/offices/denpasar-pupr/officers/7"
STAGES = [f"/stages/{name}" for name in ("intake", "verification", "disposition", "sla", "escalation")]
STRANGERS = [
    "/channels/sms",
    "/stages/lifecycle",
    "/stages/resolution",
    "/stages/verification/2",
    "/stages/",
    "/offices/",
    "/offices/panrb/",
    "/offices/panrb/officers",
    "/offices/panrb/units/7",
    "/offices/panrb/officers/7/8",
    "/offices//officers/7",
    "offices/panrb",
    "/OFFICES/panrb",
    "/offices/panrb ",
    "https://example.org/offices/panrb",
    "/citizens/",
    "/citizens/a/b",
    "/citizens",
    "citizens/a",
    "nobody",
]
EVERYBODY = [CITIZEN, "/citizens/3f0b", HOLDER, OFFICER, DENPASAR, BALI, BADUNG, PANRB, *STAGES, *STRANGERS]


@every(STRANGERS)
def test_a_source_of_another_form_has_no_role(source: str) -> None:
    assert not roles_of(source, to_status(Status.DISPOSED).complaint, LAPOR, MONDAY)


def test_only_intake_registers() -> None:
    register = c.RegisterComplaint(tracking_id="1", source="/channels/sms", report_id="1", report=report())
    for source in EVERYBODY:
        new, known = to_status(Status.REGISTERED), to_status(Status.REGISTERED)
        new.snapshot = None
        new.history.clear()
        if source == INTAKE:
            assert new.send(register, source) == ["registered"]
            assert known.ask(register, source, message=stage_command_id(known.id, "register")) == ()
        else:
            assert new.refuse(register, source) is Refusal.NOT_PERMITTED
            assert known.refuse(register, source) is Refusal.NOT_PERMITTED


def test_a_report_is_registered_under_its_own_id_only() -> None:
    new = to_status(Status.REGISTERED)
    new.snapshot = None
    new.history.clear()
    another = c.RegisterComplaint(tracking_id="1", source="/channels/sms", report_id="2", report=report())
    assert new.refuse(another, INTAKE) is Refusal.INVALID_DATA


def test_only_sla_gives_notice() -> None:
    for source in EVERYBODY:
        world = to_status(Status.REGISTERED, DEMO)
        notice = world.notice_of("verification")
        world.now = notice.due_at + seconds(1)
        if source == SLA:
            assert world.send(notice, source) == ["breached"]
        else:
            assert world.refuse(notice, source) is Refusal.NOT_PERMITTED


def test_only_escalation_escalates() -> None:
    for source in EVERYBODY:
        world = to_status(Status.REGISTERED, DEMO)
        world.notice("verification", at=world.due("verification") + seconds(0.001))
        command = next_rung(world.complaint, DEMO)
        assert command is not None
        if source == ESCALATION:
            assert world.send(command, source) == ["escalated"]
        else:
            assert world.refuse(command, source) is Refusal.NOT_PERMITTED


@pytest.mark.parametrize("chosen", ["denpasar", "denpasar-pupr"])
def test_the_agency_that_the_reporter_chose_administers_beside_the_national_administrator(chosen: str) -> None:
    world = to_status(Status.REGISTERED, office=chosen)
    assert world.refuse(VERIFY, HOLDER) is Refusal.NOT_PERMITTED
    assert world.refuse(VERIFY, BADUNG) is Refusal.NOT_PERMITTED
    assert world.refuse(VERIFY, BALI) is Refusal.NOT_PERMITTED
    assert world.send(VERIFY, DENPASAR) == ["verified"]
    assert world.send(DISPOSE, DENPASAR) == ["disposed"]
    assert world.send(FOLLOW_UP, OFFICER) == ["followed-up"]
    assert world.send(CLOSE, DENPASAR) == ["closed"]
    assert to_status(Status.REGISTERED, office=chosen).send(VERIFY, PANRB) == ["verified"]


def test_an_unknown_office_has_no_administrator() -> None:
    world = to_status(Status.REGISTERED, office="kantor-lurah-mana-saja")
    assert world.complaint.chosen_office is None
    assert world.refuse(VERIFY, "/offices/kantor-lurah-mana-saja") is Refusal.NOT_PERMITTED


def test_an_office_that_no_longer_holds_it_may_no_longer() -> None:
    world = to_status(Status.DISPOSED)
    world.send(c.DisposeComplaint(office="badung"), PANRB)
    for command in (FOLLOW_UP, RETURN, REQUEST):
        assert world.refuse(command, HOLDER) is Refusal.NOT_PERMITTED
    assert world.send(FOLLOW_UP, BADUNG) == ["followed-up"]


def test_the_superior_is_the_parent_of_the_holder_and_not_of_its_parent() -> None:
    world = to_status(Status.DISPOSED)
    assert Role.SUPERIOR in roles_of(DENPASAR, world.complaint, LAPOR, MONDAY)
    assert Role.SUPERIOR not in roles_of(BALI, world.complaint, LAPOR, MONDAY)


def test_no_holder_has_no_superior() -> None:
    world = to_status(Status.RETURNED)
    assert roles_of("/offices/None", world.complaint, LAPOR, MONDAY) == frozenset()
    assert roles_of(HOLDER, world.complaint, LAPOR, MONDAY) == frozenset()


def test_stage_and_office_sources() -> None:
    assert all(map(is_stage, STAGES))
    assert not is_stage("/stages/lifecycle")
    assert office_of(HOLDER) == office_of(OFFICER) == "denpasar-pupr"
    assert all(office_of(source) is None for source in STRANGERS if "panrb " not in source)
    assert office_of("/offices/panrb ") == "panrb "  # an office of that name, which there is not


def test_every_command_is_permitted_to_some_role() -> None:
    assert PERMITTED_ROLES.keys() == set(c.COMMANDS)
    assert all(PERMITTED_ROLES.values())
    assert who_may(c.VerifyComplaint) == "its administrator or the verification stage"
