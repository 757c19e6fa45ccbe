"""A reporter appeals with consent, after the closing or once the time to settle has passed."""

from datetime import timedelta

import pytest

from events import facts as f
from events.vocabulary import Detail, Refusal, Status
from tests.support.worlds import APPEAL, CITIZEN, CORRECTING, LAPOR, PANRB, PUPR, days, to_status


def test_the_top_rung_has_it_and_nothing_else_changes() -> None:
    world = to_status(Status.CLOSED, CORRECTING)
    before = world.complaint
    assert world.send(APPEAL, CITIZEN, after=days(1)) == ["appealed"]
    changed = {"version", "updated_at", "recent", "appealed_to"}
    assert world.complaint.model_dump(exclude=changed) == before.model_dump(exclude=changed)
    assert world.complaint.appealed_to == "ombudsman"
    assert world.history[-1].fact == f.ComplaintAppealed(by=CITIZEN, office="ombudsman", reason=APPEAL.reason)


def test_while_it_is_open_its_time_to_settle_has_to_have_passed() -> None:
    world = to_status(Status.DISPOSED, CORRECTING)
    assert world.refusal(APPEAL, CITIZEN) == (Refusal.NOT_ALLOWED_IN_STATUS, Detail.NOT_OVERDUE)
    names = world.send(APPEAL, CITIZEN, at=world.due("settlement") + timedelta(milliseconds=1))
    assert names == ["breached", "breached", "appealed"]
    assert world.complaint.status is Status.DISPOSED


def test_it_needs_consent_and_a_policy_that_has_it() -> None:
    assert to_status(Status.CLOSED, LAPOR).refusal(APPEAL, CITIZEN) == (Refusal.NOT_PERMITTED, Detail.NOT_IN_POLICY)
    without = APPEAL.model_copy(update={"consent": False})
    assert to_status(Status.CLOSED, CORRECTING).refusal(without, CITIZEN) == (Refusal.INVALID_DATA, None)


@pytest.mark.parametrize("by", [PANRB, PUPR, "/offices/ombudsman"])
def test_it_is_the_reporters(by: str) -> None:
    assert to_status(Status.CLOSED, CORRECTING).refuse(APPEAL, by) is Refusal.NOT_PERMITTED
