"""Histories that leave the bounds of their policy are found, each way by itself."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from events import commands as c
from events import facts as f
from events.vocabulary import ClockName, Status
from tests.support.worlds import (
    APPEAL,
    CITIZEN,
    CLOSE,
    CORRECTING,
    DENPASAR,
    FOLLOW_UP,
    PANRB,
    PROGRESS,
    PUPR,
    REJECT,
    REOPEN,
    REPLY,
    World,
    days,
    to_status,
)
from workflow.audit.complaint_history import Code, History
from workflow.deadlines.durations import Duration, Unit
from workflow.machine.evolve import evolve
from workflow.policy.model import Appeal, Policy, Reopening

Told = list[tuple[c.Command, str]]
HANDLED: Told = [(FOLLOW_UP, PUPR), (CLOSE, PANRB)]
WAYS: dict[str, tuple[Status, Told, str]] = {
    "progress": (Status.DISPOSED, [(PROGRESS, PUPR)] * 2, "progress_notes"),
    "late reply": (Status.CLOSED, [(REPLY, CITIZEN)] * 2, "late_replies"),
    "rejection": (Status.FOLLOWED_UP, [(REJECT, PANRB), (FOLLOW_UP, PUPR)] * 2, "follow_up_rejections"),
    "reopening": (Status.CLOSED, [(REOPEN, CITIZEN), *HANDLED], "reopenings"),
    "appeal": (Status.CLOSED, [(APPEAL, CITIZEN)], "appealed_to"),
}
LESS: dict[str, dict[str, Any]] = {
    "progress": {"progress_limit": 1},
    "late reply": {"late_reply_limit": 1},
    "rejection": {"follow_up_rejection_limit": 1},
    "reopening": {"reopen": None},
    "appeal": {"appeal": None},
}


def lived(name: str, after: timedelta = timedelta(hours=1)) -> World:
    status, commands, _ = WAYS[name]
    world = to_status(status, CORRECTING)
    for command, by in commands:
        world.send(command, by, after=after)
    return world


def found(history: list[f.Recorded], policy: Policy | None = CORRECTING) -> list[Code]:
    following = History()
    return [code for recorded in history for code, _ in following.follow(recorded, policy)]


@pytest.mark.parametrize("name", WAYS)
def test_what_the_policy_allows_is_right(name: str) -> None:
    assert found(lived(name).history) == []


@pytest.mark.parametrize("name", WAYS)
def test_more_than_the_policy_allows(name: str) -> None:
    history = lived(name).history
    assert found(history, CORRECTING.model_copy(update=LESS[name])) == [Code.BOUND_EXCEEDED]
    assert found(history, None) == []  # a policy that is unknown has no known bounds


@pytest.mark.parametrize("name", WAYS)
def test_a_count_that_is_not_that_of_the_facts(name: str) -> None:
    history, field = lived(name).history, WAYS[name][2]
    wrong = history[-1].complaint.model_copy(update={field: "bali" if field == "appealed_to" else 7})
    assert found([*history[:-1], history[-1]._replace(complaint=wrong)]) == [Code.SNAPSHOT_DIFFERS]


@pytest.mark.parametrize(
    ("name", "within"), [("reopening", {"reopen": Reopening(within=Duration(1, Unit.WORKING_DAYS))}),
                         ("appeal", {"appeal": Appeal(within=Duration(1, Unit.WORKING_DAYS))})]
)  # fmt: skip
def test_later_than_the_policy_allows(name: str, within: dict[str, Any]) -> None:
    history = lived(name, days(3)).history
    assert found(history, CORRECTING.model_copy(update=within)) == [Code.BOUND_EXCEEDED]


def test_reopened_without_a_closing() -> None:
    history = to_status(Status.DISPOSED, CORRECTING).history
    reopened = lived("reopening").history[5]
    assert isinstance(reopened.fact, f.ComplaintReopened)
    early = reopened._replace(complaint=reopened.complaint.model_copy(update={"version": 4}))
    assert Code.ILLEGAL_FACT in found([*history, early])


def test_appealed_while_it_was_open_and_in_time() -> None:
    history = to_status(Status.DISPOSED, CORRECTING).history
    last = history[-1]
    fact, cause = f.ComplaintAppealed(by=CITIZEN, office="ombudsman", reason="?"), f.Cause(CITIZEN, "early")
    after = evolve(last.complaint, fact, last.at, cause, dict(last.complaint.clocks))
    after = after.model_copy(update={"waiting_for": last.complaint.waiting_for})
    assert found([*history, f.Recorded(fact, last.at, cause, after)]) == [Code.BOUND_EXCEEDED]


def rejected() -> list[f.Recorded]:
    """Disposed, answered after a day and rejected: the last two facts."""
    world = to_status(Status.DISPOSED, CORRECTING)
    world.send(FOLLOW_UP, PUPR, after=days(1))
    world.send(REJECT, DENPASAR, after=days(2))
    return world.history


def reopened() -> list[f.Recorded]:
    """Closed and reopened, with what was left to settle."""
    reopen = Reopening(within=Duration(10, Unit.WORKING_DAYS), settlement="remaining")
    world = to_status(Status.CLOSED, CORRECTING.model_copy(update={"reopen": reopen}))
    world.send(REOPEN, CITIZEN, after=days(2))
    return world.history


@pytest.mark.parametrize(
    ("change", "policies"),
    [
        ({"breached": True}, [CORRECTING, None]),
        ({"due_at": None}, [CORRECTING, None]),
        ("past", [CORRECTING, None]),
        ("less", [CORRECTING]),
    ],
)
@pytest.mark.parametrize(("life", "name"), [(rejected, ClockName.FOLLOW_UP), (reopened, ClockName.SETTLEMENT)])
def test_time_that_is_taken_away(
    life: Callable[[], list[f.Recorded]], name: ClockName, change: Any, policies: list[Policy | None]
) -> None:
    history = life()
    last = history[-1]
    clock = last.complaint.clocks[name]
    assert clock.due_at is not None
    of = {"past": {"due_at": last.at - days(1)}, "less": {"due_at": clock.due_at - days(1)}}
    update = of[change] if isinstance(change, str) else change
    clocks = {**last.complaint.clocks, name: clock.model_copy(update=update)}
    wrong = last._replace(complaint=last.complaint.model_copy(update={"clocks": clocks}))
    for policy in policies:
        assert Code.TIME_LOST in found([*history[:-1], wrong], policy)
    assert found(history) == found(history, None) == []


def test_time_that_an_answer_does_not_keep() -> None:
    history = rejected()[:-1]
    last = history[-1]
    assert isinstance(last.fact, f.FollowUpRecorded)
    assert last.fact.answered_clock is not None
    less = last.fact.answered_clock.model_copy(update={"remaining": "1 working day"})
    wrong = f.Recorded(
        last.fact.model_copy(update={"answered_clock": less}),
        last.at,
        last.cause,
        last.complaint.model_copy(update={"answered_clock": less}),
    )
    assert found([*history[:-1], wrong]) == [Code.TIME_LOST]
