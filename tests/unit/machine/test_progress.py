"""A holder reports progress: nothing else changes, and it is limited."""

import pytest

from events import facts as f
from events.vocabulary import Detail, Refusal, Status
from tests.support.worlds import BADUNG, CITIZEN, CORRECTING, DENPASAR, LAPOR, PANRB, PROGRESS, PUPR, days, to_status
from workflow.machine.handlers import Rejected
from workflow.policy.model import Policy


@pytest.mark.parametrize("status", [Status.DISPOSED, Status.REPLIED])
def test_no_clock_stops(status: Status) -> None:
    world = to_status(status, CORRECTING)
    before = world.complaint
    assert world.send(PROGRESS, PUPR, after=days(1)) == ["progress-recorded"]
    changed = {"version", "updated_at", "recent", "progress_notes"}
    assert world.complaint.model_dump(exclude=changed) == before.model_dump(exclude=changed)
    assert world.complaint.progress_notes == 1
    assert world.history[-1].fact == f.ProgressRecorded(
        by=PUPR, office="denpasar-pupr", text=PROGRESS.text, expected_on=PROGRESS.expected_on
    )


def test_a_missed_deadline_is_still_escalated() -> None:
    world = to_status(Status.DISPOSED, CORRECTING)
    assert world.send(PROGRESS, PUPR, at=world.due("follow_up") + days(1)) == ["breached", "progress-recorded"]
    assert world.complaint.escalation_due
    assert world.climb() == ("escalated", "denpasar")


@pytest.mark.parametrize(
    ("policy", "reports", "detail"), [(LAPOR, 0, Detail.NOT_IN_POLICY), (CORRECTING, 3, Detail.PROGRESS_LIMIT)]
)
def test_it_is_limited(policy: Policy, reports: int, detail: Detail) -> None:
    world = to_status(Status.DISPOSED, policy)
    for _ in range(reports):
        world.send(PROGRESS, PUPR)
    before = world.complaint
    answer = world.ask(PROGRESS, PUPR)
    assert isinstance(answer, Rejected)
    assert (answer.code, answer.detail) == (Refusal.NOT_PERMITTED, detail)
    assert world.complaint is before


@pytest.mark.parametrize("by", [CITIZEN, PANRB, DENPASAR, BADUNG])
def test_it_is_the_holders(by: str) -> None:
    assert to_status(Status.DISPOSED, CORRECTING).refuse(PROGRESS, by) is Refusal.NOT_PERMITTED
