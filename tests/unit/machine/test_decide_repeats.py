"""Repeated commands, expected versions, and overtaken decisions."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from events import commands as c
from events.snapshot import REMEMBERED_COMMANDS
from events.vocabulary import ArchiveReason, Refusal, Status
from tests.support.tables import Rows, every
from tests.support.worlds import (
    ARCHIVE,
    CITIZEN,
    CLOSE,
    COMPLETE,
    DENPASAR,
    DISPOSE,
    DISPOSITION,
    FOLLOW_UP,
    GRANT,
    MONDAY,
    PANRB,
    POSTPONE,
    PUPR,
    RATE,
    REPLY,
    REQUEST,
    RETURN,
    VERIFICATION,
    VERIFY,
    WITHDRAW,
    World,
    days,
    to_status,
)

ACCEPTED: list[tuple[Status, c.Command, str]] = [
    (Status.REGISTERED, VERIFY, PANRB),
    (Status.REGISTERED, POSTPONE, PANRB),
    (Status.REGISTERED, ARCHIVE, PANRB),
    (Status.POSTPONED, COMPLETE, CITIZEN),
    (Status.DISPOSED, WITHDRAW, CITIZEN),
    (Status.VERIFIED, DISPOSE, PANRB),
    (Status.DISPOSED, RETURN, PUPR),
    (Status.FOLLOWED_UP, FOLLOW_UP, PUPR),
    (Status.FOLLOWED_UP, REPLY, CITIZEN),
    (Status.REPLIED, CLOSE, PANRB),
    (Status.CLOSED, RATE, CITIZEN),
    (Status.DISPOSED, REQUEST, PUPR),
]


class TestRepeats:
    @every(Rows(ACCEPTED))
    def test_a_repeat_has_no_effect_and_no_answer(self, status: Status, command: c.Command, by: str) -> None:
        world = to_status(status)
        world.send(command, by, message="once")
        before = world.complaint
        assert world.ask(command, by, message="once") == ()
        # whatever else has changed, years later
        assert world.ask(command, by, message="once", after=days(900), expected=1) == ()
        assert world.complaint is before

    def test_a_repeat_whose_deadline_has_passed_is_still_a_repeat(self) -> None:
        world = to_status(Status.DISPOSED)
        world.send(FOLLOW_UP, PUPR, message="once")
        assert world.ask(FOLLOW_UP, PUPR, message="once", after=days(60)) == ()

    def test_the_last_64_are_remembered(self) -> None:
        assert REMEMBERED_COMMANDS == 64
        world = to_status(Status.DISPOSED)
        world.send(FOLLOW_UP, PUPR, message="first")
        for _ in range(63):
            world.send(FOLLOW_UP, PUPR)
        assert world.ask(FOLLOW_UP, PUPR, message="first") == ()
        assert len(world.complaint.recent) == 64
        world.send(FOLLOW_UP, PUPR)
        assert len(world.complaint.recent) == 64
        assert world.send(FOLLOW_UP, PUPR, message="first") == ["followed-up"]

    def test_a_command_with_several_facts_is_remembered_once(self) -> None:
        world = to_status(Status.DISPOSED)
        remembered = len(world.complaint.recent)
        assert world.send(FOLLOW_UP, PUPR, after=days(20), message="once") == ["breached", "followed-up"]
        assert len(world.complaint.recent) == remembered + 1

    def test_the_same_id_from_another_sender_is_another_command(self) -> None:
        world = to_status(Status.FOLLOWED_UP)
        world.send(FOLLOW_UP, PUPR, message="1")
        assert world.send(FOLLOW_UP, "/offices/denpasar-pupr", message="1") == ["followed-up"]
        assert world.send(REPLY, CITIZEN, message="1") == ["replied"]

    def test_names_that_concatenate_alike_differ(self) -> None:
        world = to_status(Status.CLOSED)
        world.send(RATE, "/citizens/a#b", message="c")
        assert world.send(c.RateResolution(rating=2), "/citizens/a", message="b#c") == ["rated"]

    def test_a_refused_command_may_come_again(self) -> None:
        world = to_status(Status.VERIFIED)
        assert world.refuse(FOLLOW_UP, PUPR, message="once") is Refusal.NOT_PERMITTED
        assert world.refuse(FOLLOW_UP, PUPR, message="once") is Refusal.NOT_PERMITTED
        world.send(DISPOSE, PANRB)
        assert world.send(FOLLOW_UP, PUPR, message="once") == ["followed-up"]


class TestExpectedVersion:
    def test_the_version_that_was_seen(self) -> None:
        world = to_status(Status.DISPOSED)
        assert world.complaint.version == 3
        for wrong in (0, 2, 4, 10**30):
            assert world.refuse(FOLLOW_UP, PUPR, expected=wrong) is Refusal.VERSION_MISMATCH
        assert world.send(FOLLOW_UP, PUPR, expected=3) == ["followed-up"]

    def test_a_deadline_that_passed_meanwhile_is_no_other_version(self) -> None:
        world = to_status(Status.DISPOSED)
        assert world.send(FOLLOW_UP, PUPR, expected=3, after=days(20)) == ["breached", "followed-up"]


class TestOvertaken:
    def revised(self) -> World:
        world = to_status(Status.POSTPONED)
        world.send(COMPLETE, CITIZEN)
        return world

    @pytest.mark.parametrize(
        ("kind", "fields"),
        [
            (c.VerifyComplaint, {}),
            (c.PostponeComplaint, {"missing": ("title",), "reason": "Mohon lengkapi."}),
            (c.ArchiveComplaint, {"reason": ArchiveReason.SPAM}),
        ],
    )
    def test_a_verdict_on_an_old_revision(self, kind: Callable[..., c.Command], fields: dict[str, Any]) -> None:
        world = self.revised()
        for by in (VERIFICATION, PANRB):
            assert world.refuse(kind(**fields, revision=1), by) is Refusal.OVERTAKEN
            assert world.refuse(kind(**fields, revision=3), by) is Refusal.OVERTAKEN
        assert world.send(kind(**fields, revision=2), VERIFICATION)

    def test_a_fact_in_between_that_does_not_matter_loses_no_decision(self) -> None:
        world = to_status(Status.REGISTERED)
        world.notice("verification", after=days(2.5))
        assert world.send(c.VerifyComplaint(revision=1), VERIFICATION) == ["verified"]

    def test_a_disposition_of_an_old_round(self) -> None:
        world = to_status(Status.VERIFIED)
        stage = c.DisposeComplaint(office="denpasar-pupr", round=0)
        world.send(DISPOSE, PANRB)
        assert world.refuse(stage, DISPOSITION) is Refusal.OVERTAKEN
        world.send(RETURN, PUPR)
        assert world.refuse(stage, DISPOSITION) is Refusal.OVERTAKEN
        assert world.send(c.DisposeComplaint(office="denpasar", round=1), DISPOSITION) == ["disposed"]

    def test_a_stage_that_lags_gets_no_rejection(self) -> None:
        world = to_status(Status.VERIFIED)
        assert world.refuse(c.VerifyComplaint(revision=1), VERIFICATION) is Refusal.OVERTAKEN
        world = to_status(Status.REGISTERED)
        assert world.refuse(c.DisposeComplaint(office="denpasar", round=0), DISPOSITION) is Refusal.OVERTAKEN


class TestArchive:
    def test_a_duplicate_names_what_it_repeats(self) -> None:
        other = UUID(World(name="2").id)
        world = to_status(Status.REGISTERED)
        world.send(c.ArchiveComplaint(reason=ArchiveReason.DUPLICATE, duplicate_of=other), PANRB)
        assert world.history[-1].fact.model_dump()["duplicate_of"] == str(other)
        assert (world.complaint.outcome, world.complaint.closed_at) == ("archived", MONDAY)

    def test_nothing_repeats_itself_or_for_another_reason(self) -> None:
        world = to_status(Status.REGISTERED)
        own = c.ArchiveComplaint(reason=ArchiveReason.DUPLICATE, duplicate_of=UUID(world.id))
        other = c.ArchiveComplaint(reason=ArchiveReason.SPAM, duplicate_of=UUID(World(name="2").id))
        assert world.refuse(own, PANRB) is Refusal.INVALID_DATA
        assert world.refuse(other, PANRB) is Refusal.INVALID_DATA


def test_a_superior_grants_once() -> None:
    world = to_status(Status.DISPOSED)
    world.send(REQUEST, PUPR)
    world.send(GRANT, DENPASAR, message="once")
    assert world.ask(GRANT, DENPASAR, message="once") == ()
    assert world.refuse(GRANT, DENPASAR) is Refusal.NO_EXTENSION_REQUESTED
