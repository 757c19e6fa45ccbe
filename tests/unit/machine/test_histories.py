"""Random histories: whatever is sent by any sender at any time, the invariants hold and no deadline is lost."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.config.policy_files import load
from events import commands as c
from events import facts as f
from events.codec.decode import decode_fact, decode_snapshot
from events.codec.encode import encode_complaint, encode_fact, encode_snapshot
from events.snapshot import REMEMBERED_COMMANDS, Complaint
from events.vocabulary import OPEN, ClockName, ComplaintClass, Refusal, Status
from tests.support.worlds import (
    APPEAL,
    ARCHIVE,
    BADUNG,
    BALI,
    CITIZEN,
    CLOSE,
    COMPLETE,
    CORRECTING,
    DEMO,
    DENPASAR,
    DENY,
    DISPOSE,
    DISPOSITION,
    ESCALATION,
    FOLLOW_UP,
    GRANT,
    INTAKE,
    LAPOR,
    OVERRIDDEN,
    PANRB,
    POSTPONE,
    PROGRESS,
    PUPR,
    RATE,
    REJECT,
    REOPEN,
    REPLY,
    REQUEST,
    RESTORE,
    RETURN,
    SLA,
    SPAM,
    VERIFICATION,
    VERIFY,
    WITHDRAW,
    World,
    report,
)
from workflow.deadlines.clock_rules import RULES
from workflow.deadlines.durations import Duration, Unit
from workflow.deadlines.schedule import alarms
from workflow.machine.evolve import folded, replay
from workflow.machine.handlers import Rejected
from workflow.machine.transitions import ALLOWED_IN
from workflow.policy.model import Policy, Reopening
from workflow.stages.disposition import disposition
from workflow.stages.escalation import next_rung
from workflow.stages.verification import verification

MOMENT = timedelta(milliseconds=1)
NEVER_PAUSED = LAPOR.model_copy(update={"settlement_pauses_in": frozenset()})
ARBITRATED = DEMO.model_copy(update={"arbiter": "ombudsman", "machine": frozenset({"verify", "postpone", "dispose"})})
POLICIES = {
    "lapor": LAPOR,
    "correcting": CORRECTING,
    "demo": DEMO,
    "never paused": NEVER_PAUSED,
    "arbitrated": ARBITRATED,
    "remaining": CORRECTING.model_copy(
        update={"reopen": Reopening(within=Duration(10, Unit.WORKING_DAYS), limit=3, settlement="remaining")}
    ),
    "capped": load("lapor").versions[-1].model_copy(update={"citizens": "open"}),
    "overridden": OVERRIDDEN,
    "capped demo": load("demo").versions[-1].model_copy(update={"citizens": "open"}),
}
UNITS = {"lapor": timedelta(days=1), "demo": timedelta(seconds=1)}

OFFICES = ["denpasar-pupr", "denpasar", "bali", "badung-pupr", "panrb", "kota-jayapura", "nowhere"]


def _notice(world: World, pick: int) -> c.Command:
    """Send notice of a clock as it stands, or of one that is not there."""
    clocks = [(name, clock.due_at) for name, clock in world.complaint.clocks.items() if clock.due_at]
    name, due = clocks[pick % len(clocks)] if clocks and pick % 7 else (ClockName.ESCALATION, world.now)
    return c.NoticeDeadline(clock=name, due_at=due)


def _escalate(world: World, pick: int) -> c.Command:
    due = next_rung(world.complaint, world.policy)
    return due if due and pick % 7 else c.EscalateComplaint(rung=1 + pick % 4, office=OFFICES[pick % len(OFFICES)])


def _dispose(world: World, pick: int) -> c.Command:
    machine = disposition(world.complaint, world.policy, world.now.date())
    if machine and pick % 2:
        return machine
    return c.DisposeComplaint(office=OFFICES[pick % len(OFFICES)], round=[None, world.complaint.round, 0][pick % 3])


def _verify(world: World, pick: int) -> c.Command:
    return verification(world.complaint, world.policy) or c.VerifyComplaint(revision=[None, 1, 2][pick % 3])


def _always(command: c.Command) -> Callable[[World, int], c.Command]:
    return lambda _world, _pick: command


def _holder(world: World) -> str:
    return f"/offices/{world.complaint.office or 'denpasar-pupr'}"


def _superior(world: World) -> str:
    office = world.complaint.office
    return f"/offices/{(office and world.policy.directory.superior(office)) or 'bali'}"


Sender = str | Callable[[World], str]
Move = tuple[type[c.Command], Callable[[World, int], c.Command], Sender]
# who usually sends what
MOVES: list[Move] = [
    (c.VerifyComplaint, _verify, VERIFICATION),
    (c.VerifyComplaint, _always(VERIFY), PANRB),
    (c.VerifyComplaint, _always(c.VerifyComplaint(category="kesehatan-ibu")), PANRB),
    (c.PostponeComplaint, _always(POSTPONE), PANRB),
    (c.ArchiveComplaint, _always(ARCHIVE), PANRB),
    (c.ArchiveComplaint, _always(SPAM), PANRB),
    (c.RestoreComplaint, _always(RESTORE), PANRB),
    (c.ReopenComplaint, _always(REOPEN), CITIZEN),
    (c.ReopenComplaint, _always(REOPEN), PANRB),
    (c.CompleteReport, _always(COMPLETE), CITIZEN),
    (c.CompleteReport, _always(c.CompleteReport(category="kesehatan")), CITIZEN),
    (c.WithdrawComplaint, _always(WITHDRAW), CITIZEN),
    (c.DisposeComplaint, _dispose, DISPOSITION),
    (c.DisposeComplaint, _dispose, PANRB),
    (c.DisposeComplaint, _always(DISPOSE), _holder),
    (c.DisposeComplaint, _dispose, "/offices/ombudsman"),
    (c.ReturnDisposition, _always(RETURN), _holder),
    (c.RecordFollowUp, _always(FOLLOW_UP), _holder),
    (c.RecordProgress, _always(PROGRESS), _holder),
    (c.RejectFollowUp, _always(REJECT), _superior),
    (c.RejectFollowUp, _always(REJECT), PANRB),
    (c.ReplyToFollowUp, _always(REPLY), CITIZEN),
    (c.CloseComplaint, _always(CLOSE), PANRB),
    (c.AppealComplaint, _always(APPEAL), CITIZEN),
    (c.RateResolution, _always(RATE), CITIZEN),
    (c.ChangePrivacy, _always(c.ChangePrivacy(secret=True)), CITIZEN),
    (c.ChangePrivacy, _always(c.ChangePrivacy(secret=False, anonymous=True)), CITIZEN),
    (c.PublishStory, _always(c.PublishStory(title="Jalan berlubang")), PANRB),
    (c.UnpublishStory, _always(c.UnpublishStory()), PANRB),
    (c.EraseData, _always(c.EraseData(texts=True, identity=True, reason="Diminta pelapor.")), PANRB),
    (c.RequestExtension, _always(REQUEST), _holder),
    (c.DecideExtension, _always(GRANT), _superior),
    (c.DecideExtension, _always(DENY), _superior),
    (c.NoticeDeadline, _notice, SLA),
    (c.NoticeDeadline, _notice, SLA),
    (c.EscalateComplaint, _escalate, ESCALATION),
    (c.EscalateComplaint, _escalate, ESCALATION),
]
ANYTHING: list[Move] = [
    *MOVES,
    (
        c.RegisterComplaint,
        _always(c.RegisterComplaint(tracking_id="7", source="/channels/x", report_id="1", report=report())),
        INTAKE,
    ),
]
# what ends a complaint ends the test of it: it is drawn seldom
ENDS = (c.ArchiveComplaint, c.WithdrawComplaint, c.CloseComplaint)


def plausible(world: World, pick: int) -> list[Move]:
    """Return the moves that the status accepts: they lead far into the life of a complaint."""
    heard = [move for move in MOVES if world.complaint.status in ALLOWED_IN[move[0]]]
    return [move for move in heard if pick % 10 == 9 or move[0] not in ENDS] or ANYTHING


STRANGERS = [CITIZEN, PANRB, PUPR, DENPASAR, BALI, BADUNG, VERIFICATION, DISPOSITION, SLA, "/channels/sms", "?"]


class Step(NamedTuple):
    """One command on its way."""

    move: int
    plausible: bool
    when: float | str
    pick: int
    stranger: int | None
    repeat: bool
    expected: int | None


def _often(usual: Any, strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.just(usual), st.just(usual), st.just(usual), st.just(usual), strategy)


STEP = st.builds(
    Step,
    move=st.integers(0, 1000),
    plausible=_often(True, st.booleans()),  # noqa: FBT003 -- a value, not a switch
    # so many units of the policy's time later, or at, or just after, the next thing that is due
    when=st.sampled_from([0.0, 0.0, 0.0, 0.0, 0.3, 1.0, 2.0, 6.0, 40.0, -3.0, "due", "past", "past"]),
    pick=st.integers(0, 20),
    stranger=_often(None, st.integers(0, len(STRANGERS) - 1)),
    repeat=_often(False, st.booleans()),  # noqa: FBT003 -- a value, not a switch
    expected=_often(None, st.integers(0, 10)),
)
STEPS = st.lists(STEP, min_size=1, max_size=8) | st.lists(STEP, min_size=20, max_size=40)


def moment(world: World, when: float | str, unit: timedelta) -> Any:
    if isinstance(when, float):
        return world.now + when * unit
    due = [alarm.at for alarm in alarms(world.complaint)]
    return (min(due) if due else world.now) + (MOMENT if when == "past" else timedelta(0))


def take(world: World, steps: list[Step], unit: timedelta) -> World:
    for number, step in enumerate(steps):
        moves = plausible(world, step.pick) if step.plausible else ANYTHING
        _, make, usual = moves[step.move % len(moves)]
        by = usual if isinstance(usual, str) else usual(world)
        if step.stranger is not None:
            by = STRANGERS[step.stranger]
        before, facts = world.complaint, len(world.history)
        answer = world.ask(
            make(world, step.pick),
            by,
            at=moment(world, step.when, unit),
            message=f"m{number - 1 if step.repeat else number}",
            expected=step.expected,
        )
        if isinstance(answer, Rejected) or not answer:
            assert world.complaint is before
            assert len(world.history) == facts
        if isinstance(answer, Rejected):
            assert answer.message
    return world


def check_books(history: list[f.Recorded]) -> None:
    """Fold twice: each snapshot is what the facts before it add up to, and the wire changes none of it."""
    complaint: Complaint | None = None
    for number, recorded in enumerate(history, start=1):
        if complaint is not None:
            assert recorded.at >= complaint.updated_at
        complaint = folded(complaint, recorded)
        assert complaint == recorded.complaint
        assert complaint.version == number
        written = encode_complaint(complaint)
        assert decode_fact(encode_fact(recorded, written)) == recorded
        assert decode_snapshot(encode_snapshot(complaint, written)) == complaint
    assert replay(history) == complaint


def check_complaint(complaint: Complaint) -> None:
    waits = complaint.status in OPEN
    clocks = complaint.clocks
    assert waits == (complaint.outcome is None) == (complaint.closed_at is None)
    assert (complaint.office is not None) == (
        complaint.status in {Status.DISPOSED, Status.FOLLOWED_UP, Status.REPLIED, Status.CLOSED}
    ) or complaint.status is Status.WITHDRAWN
    if waits:
        running = any(clock.running for clock in clocks.values())
        assert running or complaint.escalation_due or complaint.exhausted, "a complaint that nothing will ever move"
    else:
        assert clocks == {}
        assert not complaint.escalation_due
        assert complaint.extension is None
    if any(clock.pressing for clock in clocks.values()):
        climbing = clocks.get(ClockName.ESCALATION)
        assert complaint.escalation_due or complaint.exhausted or (climbing is not None and climbing.running)
    for name, clock in clocks.items():
        assert complaint.status in RULES[name].runs_in
        assert (clock.due_at is None) == (clock.paused and not clock.breached)
        if clock.paused_for is None:
            assert (clock.remaining is not None) == (clock.due_at is None)
        else:
            assert clock.due_at is not None
    assert len(complaint.recent) <= REMEMBERED_COMMANDS


def check_every_passed_deadline_is_recorded(history: list[f.Recorded]) -> None:
    """After each command, what still runs is not yet due: a deadline that passed is in the history before it."""
    for recorded, following in zip(history, [*history[1:], None], strict=True):
        if following is None or following.cause != recorded.cause:
            for clock in recorded.complaint.clocks.values():
                assert not clock.running or (clock.due_at is not None and clock.due_at >= recorded.at)


def check_counts(history: list[f.Recorded]) -> None:
    complaint = history[-1].complaint
    facts = [recorded.fact for recorded in history]
    breaches = [
        fact for fact in facts if isinstance(fact, f.DeadlineBreached) and fact.clock is not ClockName.ESCALATION
    ]
    climbed = [fact.office for fact in facts if isinstance(fact, f.ComplaintEscalated)]
    warned = [(fact.clock, fact.due_at) for fact in facts if isinstance(fact, f.DeadlineWarned)]
    assert complaint.breaches == len(breaches)
    assert complaint.rung == len(climbed)
    assert complaint.escalated_to == tuple(climbed)
    since = climbed[complaint.earlier_rungs :]
    assert len(set(since)) == len(since), "an office was told twice"
    assert len(set(warned)) == len(warned), "a warning was given twice"
    assert (
        complaint.returns
        == len(complaint.returned_by)
        == sum(isinstance(fact, f.DispositionReturned) for fact in facts)
    )
    assert complaint.round == sum(isinstance(fact, f.ComplaintDisposed) for fact in facts)


def check_breaches_are_escalated(history: list[f.Recorded]) -> None:
    """Each breach is escalated or exhausted after it, unless what it waited for came first."""
    answers = (
        f.ComplaintVerified
        | f.ComplaintPostponed
        | f.FollowUpRecorded
        | f.ComplaintClosed
        | f.ComplaintArchived
        | f.ComplaintWithdrawn
    )
    for number, recorded in enumerate(history):
        if not isinstance(recorded.fact, f.DeadlineBreached) or recorded.complaint.exhausted:
            continue
        after = [later.fact for later in history[number + 1 :]]
        heard = next((fact for fact in after if isinstance(fact, f.ComplaintEscalated | f.EscalationExhausted)), None)
        answered = next((fact for fact in after if isinstance(fact, answers)), None)
        assert heard or answered or history[-1].complaint.escalation_due


def left_alone(world: World) -> None:
    """No officer and no citizen acts any more: only timers and the ladder."""
    for _ in range(60):
        nearest = min(alarms(world.complaint), key=lambda alarm: alarm.at, default=None)
        command = next_rung(world.complaint, world.policy)
        if command and not (nearest and nearest.at < world.now):
            answer = world.ask(command, ESCALATION)
            if isinstance(answer, Rejected):  # an announcement has moved a deadline into the past
                assert (answer.code, world.complaint.calendar) == (Refusal.OVERTAKEN, 0)
                world.send(c.RescheduleDeadlines(calendar=world.policy.announced), SLA)
        elif nearest:
            notice = c.NoticeDeadline(clock=nearest.clock, due_at=nearest.due_at)
            world.send(notice, SLA, at=max(nearest.at + MOMENT, world.now))
    assert world.complaint.outcome is not None or world.complaint.exhausted
    assert not alarms(world.complaint)


def begin(policy: Policy, pick: int) -> World:
    classes = list(ComplaintClass)
    return World(
        policy,
        class_=classes[pick % len(classes)],
        office=OFFICES[pick % len(OFFICES)] if pick % 2 else None,
        location=None if pick % 3 else report().location,
    )


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=settings().max_examples * 3 // 5)
@given(steps=STEPS, pick=st.integers(0, 41))
def test_every_history_satisfies_the_invariants(name: str, steps: list[Step], pick: int) -> None:
    policy = POLICIES[name]
    unit = UNITS[policy.name]
    world = take(begin(policy, pick), steps, unit)
    again = take(begin(policy, pick), steps, unit)
    assert again.history == world.history, "the same commands at the same times lead to the same facts"
    for recorded in world.history:
        check_complaint(recorded.complaint)
    left_alone(world)
    check_books(world.history)
    check_every_passed_deadline_is_recorded(world.history)
    check_counts(world.history)
    check_breaches_are_escalated(world.history)
