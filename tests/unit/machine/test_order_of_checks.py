"""Every command in every status by every sender, with readable data and without: the first failing check answers.

The order is that of docs/reference/lifecycle.md: existence, permission, status, data. Who may send what is written out
here once more, by hand.
"""

from copy import copy
from typing import Final

import pytest

from events import commands as c
from events.errors import Sender
from events.vocabulary import ComplaintClass, Detail, Refusal, Status
from tests.support.tables import every
from tests.support.worlds import (
    BADUNG,
    CHANNEL,
    DENPASAR,
    DISPOSITION,
    ESCALATION,
    INTAKE,
    PANRB,
    PUPR,
    REPORTERS,
    SLA,
    VERIFICATION,
    World,
    to_status,
)
from tests.unit.machine.test_decide_table import ENDED, NEVER_PAUSED, TABLE
from workflow.machine.decide import refuse
from workflow.machine.handlers import Rejected

POLICY: Final = NEVER_PAUSED.model_copy(update={"citizens": "reporter"})
REPORTER, STRANGER, NOBODY = "/citizens/one", "/citizens/another", "?"
REPORTERS_SIDE: Final = {REPORTER, CHANNEL}
STAGES: Final = {INTAKE, VERIFICATION, DISPOSITION, SLA, ESCALATION}
SENDERS: Final = [*REPORTERS_SIDE, STRANGER, NOBODY, PANRB, PUPR, DENPASAR, BADUNG, *STAGES]
HELD: Final = {Status.DISPOSED, Status.FOLLOWED_UP, Status.REPLIED, Status.CLOSED}
"""Where `PUPR` holds the complaint, and `DENPASAR` is its superior."""
ANSWERED: Final = {Status.FOLLOWED_UP, Status.REPLIED}
WITH_AN_OFFICE: Final = {Status.DISPOSED, Status.RETURNED, *ANSWERED}

PERMITTED_ROLES: Final[dict[str, set[str]]] = {
    "verify-complaint": {PANRB, VERIFICATION},
    "postpone-complaint": {PANRB, VERIFICATION},
    "archive-complaint": {PANRB, VERIFICATION},
    "restore-complaint": {PANRB},
    "reopen-complaint": {*REPORTERS_SIDE, PANRB},
    "complete-report": REPORTERS_SIDE,
    "withdraw-complaint": REPORTERS_SIDE,
    "dispose-complaint": {PANRB, PUPR, DISPOSITION},
    "return-disposition": {PUPR},
    "record-follow-up": {PUPR},
    "record-progress": {PUPR},
    "reject-follow-up": {PANRB, DENPASAR},
    "reply-to-follow-up": REPORTERS_SIDE,
    "close-complaint": {PANRB},
    "appeal-complaint": REPORTERS_SIDE,
    "rate-resolution": REPORTERS_SIDE,
    "change-privacy": REPORTERS_SIDE,
    "publish-story": {PANRB},
    "unpublish-story": {PANRB},
    "erase-data": {PANRB},
    "request-extension": {PUPR},
    "decide-extension": {DENPASAR},
    "notice-deadline": {SLA},
    "escalate-complaint": {ESCALATION},
    "reschedule-deadlines": {SLA},
}
FOR_CITIZENS: Final = {name for name, who in PERMITTED_ROLES.items() if who >= REPORTERS_SIDE}
FOR_THE_HOLDER: Final = {name for name, who in PERMITTED_ROLES.items() if who == {PUPR}}

Answer = tuple[Refusal, Detail | None] | None
"""Code and detail of a rejection; None where the command is accepted."""


def expected(name: str, status: Status | None, by: str, *, readable: bool) -> Answer:
    if status is None:
        return Refusal.UNKNOWN_COMPLAINT, None
    if by not in PERMITTED_ROLES[name] or (by in {PUPR, DENPASAR} and status not in HELD):
        return Refusal.NOT_PERMITTED, _who_else(name, by)
    if readable and name == "dispose-complaint" and by == PUPR:
        return Refusal.NOT_PERMITTED, None  # to a unit of another office
    if status not in TABLE[name][0] or _comes_later(name, status, by):
        return (
            (Refusal.OVERTAKEN, Detail.NOT_ALLOWED_IN_STATUS) if by in STAGES else (Refusal.NOT_ALLOWED_IN_STATUS, None)
        )
    return None if readable else (Refusal.INVALID_DATA, None)


def _who_else(name: str, by: str) -> Detail | None:
    if name in FOR_CITIZENS and by in {REPORTER, CHANNEL, STRANGER}:
        return Detail.NOT_THE_REPORTER
    return Detail.NOT_THE_HOLDER if name in FOR_THE_HOLDER and by.startswith("/offices/") else None


def _comes_later(name: str, status: Status, by: str) -> bool:
    """Return whether only the administrator may do this by now."""
    after = {"archive-complaint": WITH_AN_OFFICE, "dispose-complaint": ANSWERED}.get(name, set())
    return status in after and by != PANRB


def known_reporter(status: Status) -> World:
    world = to_status(status, NEVER_PAUSED, class_=ComplaintClass.ASPIRATION, subject="one")
    world.policy = POLICY
    return world


def answered(world: World, command: c.Command, by: str, *, readable: bool) -> Answer:
    if readable:
        answer = copy(world).ask(command, by)
    else:
        asked = Sender(world.id, by, "unreadable", c.command_type(command.NAME))
        citizen = REPORTERS.of_sender(by, world.snapshot)
        answer = refuse(asked, "data.x: unknown field", world.snapshot, world.now, world.policy, citizen=citizen)
    return (answer.code, answer.detail) if isinstance(answer, Rejected) else None


def test_the_table_has_every_command() -> None:
    assert PERMITTED_ROLES.keys() == TABLE.keys()


@pytest.mark.long
@every(TABLE, [None, *Status])
def test_the_first_failing_check_answers(name: str, status: Status | None) -> None:
    world = known_reporter(status or Status.REGISTERED)
    command = TABLE[name][2](world)
    if status is None:
        world.snapshot = None
    for by in SENDERS:
        for readable in (True, False):
            found = answered(world, command, by, readable=readable)
            assert found == expected(name, status, by, readable=readable), (by, "readable" if readable else "not")


@every(TABLE, ENDED)
def test_a_sender_without_permission_learns_nothing_of_expired_deadlines(name: str, status: str) -> None:
    """Nor does an expected version reveal the status of the complaint."""
    world = known_reporter(Status(status))
    command = TABLE[name][2](world)
    for by in {STRANGER, NOBODY, BADUNG} - PERMITTED_ROLES[name]:
        assert world.refuse(command, by, expected=0) is Refusal.NOT_PERMITTED


def test_the_registration_of_a_complaint_that_exists() -> None:
    world = to_status(Status.CLOSED, POLICY)
    asked = {by: Sender(world.id, by, "1", "lapor.command.register-complaint.v1") for by in (INTAKE, PANRB)}
    codes = {
        by: refuse(sender, "data: required", world.snapshot, world.now, POLICY, citizen=None).code
        for by, sender in asked.items()
    }
    assert codes == {INTAKE: Refusal.INVALID_DATA, PANRB: Refusal.NOT_PERMITTED}
