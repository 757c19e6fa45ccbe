"""By the log alone: a deadline is kept, or its breach precedes later facts."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from events.codec.decode import decode_fact
from events.commands import RecordFollowUp
from events.facts import DeadlineBreached, Recorded
from tests.support.demo_world import World
from tests.unit.audit.test_audit import report, subject
from workflow.audit.complaint_history import Code, History

OFFICER = "/offices/denpasar-pupr"


def findings(history: list[Recorded]) -> Iterator[Code]:
    following = History()
    for recorded in history:
        yield from (code for code, _ in following.follow(recorded))


@pytest.fixture(scope="module")
def history() -> list[Recorded]:
    """Disposed, followed up too late, and so breached."""
    world = World()
    world.submit(report(0))
    world.later(11, lambda: world.send(RecordFollowUp(text="Sudah ditambal."), OFFICER, "f-1", subject(0)))
    world.run(12)
    facts = [decode_fact(value) for values in world.topics["complaints.events"].values() for value in values]  # type: ignore[index]  # a StrEnum is its text
    assert any(isinstance(recorded.fact, DeadlineBreached) for recorded in facts)
    return facts


def test_a_breach_before_what_came_too_late_is_right(history: list[Recorded]) -> None:
    assert list(findings(history)) == []


def test_a_fact_after_a_deadline_without_breach(history: list[Recorded]) -> None:
    at = next(i for i, recorded in enumerate(history) if isinstance(recorded.fact, DeadlineBreached))
    due = history[at].fact.due_at  # type: ignore[attr-defined]  # found as a breach
    late = history[at - 1]._replace(at=due + timedelta(days=1))
    assert Code.DEADLINE_UNNOTICED not in findings(history[:at])
    assert Code.DEADLINE_UNNOTICED in findings([*history[: at - 1], late])


def test_a_breach_that_is_said_too_early(history: list[Recorded]) -> None:
    at = next(i for i, recorded in enumerate(history) if isinstance(recorded.fact, DeadlineBreached))
    due = history[at].fact.due_at  # type: ignore[attr-defined]  # found as a breach
    early = history[at]._replace(at=due)
    assert Code.DEADLINE_NOT_PASSED in findings([*history[:at], early])
