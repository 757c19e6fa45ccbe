"""An archiving can be taken back, and spam is archived also after an office has had it."""

from datetime import timedelta

import pytest

from agents.stages.verification import _decided_on
from events import commands as c
from events.ids import stage_command_id
from events.vocabulary import ArchiveReason, ClockName, Detail, Refusal, Status
from tests.support.tables import every
from tests.support.worlds import (
    ARCHIVE,
    CITIZEN,
    DEMO,
    DENPASAR,
    DISPOSE,
    LAPOR,
    PANRB,
    PUPR,
    RESTORE,
    SPAM,
    VERIFICATION,
    VERIFY,
    World,
    days,
    to_status,
)
from workflow.machine.handlers import Rejected
from workflow.stages.verification import verification

DISPOSED = [Status.DISPOSED, Status.RETURNED, Status.FOLLOWED_UP, Status.REPLIED]
MACHINE = DEMO.model_copy(update={"machine": DEMO.machine | {"archive"}})


@pytest.mark.parametrize("status", [Status.REGISTERED, Status.VERIFIED, *DISPOSED])
def test_it_is_verified_anew_with_its_whole_time(status: Status) -> None:
    world = to_status(status)
    world.send(SPAM, PANRB)
    assert world.send(RESTORE, PANRB, after=days(90)) == ["restored"]
    complaint = world.complaint
    assert (complaint.status, complaint.outcome, complaint.closed_at, complaint.office) == (
        Status.REGISTERED,
        None,
        None,
        None,
    )
    assert (complaint.breaches, complaint.restorations) == (0, 1)
    assert complaint.clocks.keys() == {ClockName.VERIFICATION, ClockName.SETTLEMENT}
    fresh = World(at=world.now)
    assert complaint.clocks == fresh.complaint.clocks
    assert world.send(VERIFY, PANRB) == ["verified"]
    assert world.send(DISPOSE, PANRB) == ["disposed"]


def test_a_duplicate_of_the_machine_is_not_archived_again() -> None:
    world = World(MACHINE)
    archive = verification(world.complaint, MACHINE, "0d5ea3c5-1d62-5f0b-8b0b-6f3f5c1c8d11")
    assert isinstance(archive, c.ArchiveComplaint)
    assert archive.reason is ArchiveReason.DUPLICATE
    world.send(archive, VERIFICATION, message="archive-1")
    world.send(RESTORE, PANRB)
    assert verification(world.complaint, MACHINE) == c.VerifyComplaint(revision=1, status=Status.REGISTERED)
    # the command that archived it, read again, is known
    assert world.ask(archive, VERIFICATION, message="archive-1") == ()


def test_the_machine_verifies_it_again_under_another_id() -> None:
    world = World(MACHINE)
    ids = []
    for _ in range(2):
        command = verification(world.complaint, MACHINE)
        assert command is not None
        ids.append(stage_command_id(world.id, *_decided_on(world.complaint, command)))
        assert world.send(command, VERIFICATION, message=ids[-1]) == ["verified"]
        world.send(ARCHIVE, PANRB)
        world.send(RESTORE, PANRB)
    assert len(set(ids)) == 2


@pytest.mark.parametrize("by", [CITIZEN, PUPR, DENPASAR, VERIFICATION])
def test_it_is_for_the_administrator(by: str) -> None:
    assert to_status(Status.ARCHIVED).refuse(RESTORE, by) is Refusal.NOT_PERMITTED


def test_a_version_that_is_gone_is_asked_for() -> None:
    world = to_status(Status.ARCHIVED)
    world.policy = LAPOR.model_copy(update={"version": "lapor/2027-01-01"})
    assert world.refuse(RESTORE, PANRB) is Refusal.NOT_ALLOWED_IN_STATUS


@every(DISPOSED, ArchiveReason)
def test_after_disposition_only_spam_and_abuse_are_archived(status: Status, reason: ArchiveReason) -> None:
    world = to_status(status)
    command = c.ArchiveComplaint(reason=reason)
    if reason in {ArchiveReason.SPAM, ArchiveReason.ABUSIVE}:
        assert world.send(command, PANRB) == ["archived"]
        assert (world.complaint.status, world.complaint.office, world.complaint.clocks) == (Status.ARCHIVED, None, {})
        return
    answer = world.ask(command, PANRB)
    assert isinstance(answer, Rejected)
    assert (answer.code, answer.detail) == (Refusal.NOT_ALLOWED_IN_STATUS, Detail.DISPOSED_ALREADY)


@pytest.mark.parametrize("status", DISPOSED)
def test_it_is_not_the_machines_nor_the_offices(status: Status) -> None:
    world = to_status(status)
    assert world.refuse(SPAM, VERIFICATION) is Refusal.OVERTAKEN
    assert world.refuse(SPAM, PUPR) is Refusal.NOT_PERMITTED


def test_what_was_missed_before_stays_missed() -> None:
    world = to_status(Status.DISPOSED)
    world.notice("follow_up", at=world.due("follow_up") + timedelta(milliseconds=1))
    world.climb()
    world.send(SPAM, PANRB)
    world.send(RESTORE, PANRB)
    assert (world.complaint.breaches, world.complaint.rung, world.complaint.escalation_due) == (1, 1, False)
