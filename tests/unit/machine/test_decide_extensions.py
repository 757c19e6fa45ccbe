"""Extensions: requested by the holder, decided by its superior, within the policy's limits."""

from datetime import timedelta

from events import commands as c
from events import facts as f
from events.vocabulary import ClockName, Refusal, Status
from tests.support.worlds import (
    BADUNG,
    BALI,
    CITIZEN,
    DEMO,
    DENPASAR,
    DENY,
    FOLLOW_UP,
    GRANT,
    LAPOR,
    PANRB,
    PUPR,
    REPLY,
    REQUEST,
    RETURN,
    WITHDRAW,
    days,
    to_status,
    wib,
)

MOMENT = timedelta(milliseconds=1)


def more(count: int) -> c.RequestExtension:
    return c.RequestExtension(working_days=count, reason="Menunggu aspal.")


def test_granted_it_counts_from_the_old_deadline() -> None:
    world = to_status(Status.DISPOSED)
    before = world.complaint.clocks[ClockName.FOLLOW_UP]
    assert world.send(REQUEST, PUPR, after=days(1)) == ["extension-requested"]
    request = world.complaint.extension
    assert request is not None
    assert (request.working_days, request.requested_at) == (2, world.now)
    assert world.complaint.clocks[ClockName.FOLLOW_UP] == before
    assert world.send(GRANT, DENPASAR, after=days(1)) == ["extended"]
    fact, after = world.history[-1].fact, world.complaint.clocks[ClockName.FOLLOW_UP]
    assert isinstance(fact, f.DeadlineExtended)
    assert fact.old_due_at == before.due_at == wib("2026-03-09T22:59:59.999")
    assert fact.due_at == after.due_at == wib("2026-03-11T22:59:59.999")
    assert after.started_at == before.started_at
    assert (after.warn_at or world.now) > (before.warn_at or world.now)
    assert (world.complaint.extension, world.complaint.extended_days, world.complaint.extensions) == (None, 2, 1)


def test_in_time_by_the_new_deadline_is_in_time() -> None:
    world = to_status(Status.DISPOSED)
    old = world.due("follow_up")
    world.send(REQUEST, PUPR)
    world.send(GRANT, DENPASAR)
    assert world.refuse(c.NoticeDeadline(clock=ClockName.FOLLOW_UP, due_at=old), "/stages/sla", at=old + MOMENT) is (
        Refusal.OVERTAKEN
    )
    assert world.send(FOLLOW_UP, PUPR, at=world.due("follow_up")) == ["followed-up"]
    assert world.complaint.breaches == 0


def test_a_warning_is_given_again_before_the_new_deadline() -> None:
    world = to_status(Status.DISPOSED)
    world.notice("follow_up", after=days(5))
    world.send(REQUEST, PUPR)
    world.send(GRANT, DENPASAR)
    assert not world.complaint.clocks[ClockName.FOLLOW_UP].warned


def test_refused_it_leaves_the_deadline() -> None:
    world = to_status(Status.DISPOSED)
    before = world.complaint.clocks
    world.send(REQUEST, PUPR)
    assert world.send(DENY, DENPASAR) == ["extension-refused"]
    assert (world.complaint.extension, world.complaint.extensions, world.complaint.clocks) == (None, 0, before)
    assert world.send(REQUEST, PUPR) == ["extension-requested"]


def test_only_the_superior_decides() -> None:
    world = to_status(Status.DISPOSED)
    world.send(REQUEST, PUPR)
    for by in (PUPR, BALI, PANRB, BADUNG, CITIZEN):
        assert world.refuse(GRANT, by) is Refusal.NOT_PERMITTED


def test_one_request_at_a_time() -> None:
    world = to_status(Status.DISPOSED)
    assert world.refuse(GRANT, DENPASAR) is Refusal.NO_EXTENSION_REQUESTED
    assert world.refuse(DENY, DENPASAR) is Refusal.NO_EXTENSION_REQUESTED
    world.send(REQUEST, PUPR)
    assert world.refuse(REQUEST, PUPR) is Refusal.EXTENSION_PENDING


def test_the_policy_bounds_days_and_times() -> None:
    world = to_status(Status.DISPOSED)
    assert (LAPOR.extension.max_days, LAPOR.extension.max_times) == (5, 1)
    assert world.refuse(more(6), PUPR) is Refusal.EXTENSION_LIMIT
    world.send(more(5), PUPR)
    world.send(GRANT, DENPASAR)
    assert world.refuse(more(1), PUPR) is Refusal.EXTENSION_LIMIT


def test_the_days_are_bounded_in_all() -> None:
    twice = LAPOR.model_copy(update={"extension": LAPOR.extension.model_copy(update={"max_times": 3})})
    world = to_status(Status.DISPOSED, twice)
    world.send(more(3), PUPR)
    world.send(GRANT, DENPASAR)
    assert world.refuse(more(3), PUPR) is Refusal.EXTENSION_LIMIT
    world.send(more(2), PUPR)
    world.send(GRANT, DENPASAR)
    assert world.complaint.extended_days == 5
    assert world.refuse(more(1), PUPR) is Refusal.EXTENSION_LIMIT


def test_after_the_deadline_there_is_nothing_to_extend() -> None:
    world = to_status(Status.DISPOSED)
    late = world.due("follow_up") + MOMENT
    assert world.refuse(REQUEST, PUPR, at=late) is Refusal.DEADLINE_PASSED
    world.notice("follow_up", at=late)
    assert world.refuse(REQUEST, PUPR) is Refusal.DEADLINE_PASSED


def test_a_superior_who_decides_too_late_cannot_undo_the_breach() -> None:
    world = to_status(Status.DISPOSED)
    world.send(REQUEST, PUPR)
    assert world.refuse(GRANT, DENPASAR, at=world.due("follow_up") + MOMENT) is Refusal.DEADLINE_PASSED
    assert world.send(DENY, DENPASAR) == ["breached", "extension-refused"]


def test_at_the_last_moment_it_can_be_granted() -> None:
    world = to_status(Status.DISPOSED)
    world.send(REQUEST, PUPR)
    assert world.send(GRANT, DENPASAR, at=world.due("follow_up")) == ["extended"]


def test_what_ends_the_wait_ends_the_request() -> None:
    for command, by in (
        (FOLLOW_UP, PUPR),
        (RETURN, PUPR),
        (WITHDRAW, CITIZEN),
        (c.DisposeComplaint(office="badung"), PANRB),
    ):
        world = to_status(Status.DISPOSED)
        world.send(REQUEST, PUPR)
        world.send(command, by)
        assert world.complaint.extension is None


def test_after_a_reply_too() -> None:
    world = to_status(Status.REPLIED)
    world.send(REQUEST, PUPR)
    assert world.send(GRANT, DENPASAR) == ["extended"]
    world.send(FOLLOW_UP, PUPR)
    world.send(REPLY, CITIZEN)
    # the new wait starts with its plain five days
    assert world.due("follow_up") == wib("2026-03-09T22:59:59.999")


def test_a_demonstration_counts_its_own_days() -> None:
    world = to_status(Status.DISPOSED, DEMO)
    before = world.due("follow_up")
    world.send(more(5), PUPR)
    world.send(GRANT, DENPASAR)
    assert world.due("follow_up") - before == timedelta(seconds=20)
