"""Every command in every status: accepted exactly where the contract allows it, otherwise refused and nothing changed.

The table is written out here once more, by hand, so that a slip in the code's own table is seen.
"""

from collections.abc import Callable
from datetime import timedelta

from events import commands as c
from events.announcements import Announcements
from events.ids import stage_command_id
from events.vocabulary import ClockName, ComplaintClass, Refusal, Status
from tests.support.tables import every
from tests.support.worlds import (
    APPEAL,
    CITIZEN,
    CLOSE,
    COMPLETE,
    CORRECTING,
    DENPASAR,
    ESCALATION,
    FOLLOW_UP,
    GRANT,
    INTAKE,
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
    VERIFY,
    WITHDRAW,
    World,
    announcement,
    days,
    report,
    to_status,
)
from workflow.machine.transitions import ALLOWED_IN
from workflow.policy.announcements import with_announcements
from workflow.stages.escalation import next_rung

# A switch: here the time to settle never stands still, so that a deadline can be missed in every open status.
NEVER_PAUSED = CORRECTING.model_copy(update={"settlement_pauses_in": frozenset()})
OPEN = ["registered", "postponed", "verified", "disposed", "returned", "followed_up", "replied"]
ENDED = ["closed", "archived", "withdrawn"]

Make = Callable[[World], c.Command]


def extension_to_decide(world: World) -> c.Command:
    if world.complaint.status in {Status.DISPOSED, Status.REPLIED}:
        world.send(REQUEST, PUPR)
    return GRANT


def notice(world: World) -> c.Command:
    if not world.complaint.clocks:
        return c.NoticeDeadline(clock=ClockName.SETTLEMENT, due_at=world.now)
    command = world.notice_of("settlement")
    world.now = command.due_at + timedelta(milliseconds=1)
    return command


def escalation(world: World) -> c.Command:
    if not world.complaint.clocks:
        return c.EscalateComplaint(rung=1, office="panrb")
    world.notice("settlement", at=world.due("settlement") + timedelta(milliseconds=1))
    command = next_rung(world.complaint, world.policy)
    assert command is not None
    return command


def appeal(world: World) -> c.Command:
    if world.complaint.clocks:
        world.notice("settlement", at=world.due("settlement") + timedelta(milliseconds=1))
    return APPEAL


def rescheduling(world: World) -> c.Command:
    day = world.due("settlement").date() if world.complaint.clocks else world.now.date()
    world.policy = with_announcements(world.policy, Announcements.of([announcement(day, at=world.now)]))
    return c.RescheduleDeadlines(calendar=1)


ELSEWHERE = c.DisposeComplaint(office="badung")  # `to_status` has it with denpasar-pupr

# command: where it is accepted and the status after it; its sender; how it is made
TABLE: dict[str, tuple[dict[str, str], str, Make]] = {
    "verify-complaint": ({"registered": "verified"}, PANRB, lambda _: VERIFY),
    "postpone-complaint": ({"registered": "postponed"}, PANRB, lambda _: POSTPONE),
    "archive-complaint": (dict.fromkeys(OPEN, "archived"), PANRB, lambda _: SPAM),
    "restore-complaint": ({"archived": "registered"}, PANRB, lambda _: RESTORE),
    "reopen-complaint": ({"closed": "disposed"}, CITIZEN, lambda _: REOPEN),
    "complete-report": ({"postponed": "registered"}, CITIZEN, lambda _: COMPLETE),
    "withdraw-complaint": (dict.fromkeys(OPEN, "withdrawn"), CITIZEN, lambda _: WITHDRAW),
    "dispose-complaint": (
        dict.fromkeys(["verified", "disposed", "returned"], "disposed")
        | {status: status for status in ["followed_up", "replied"]},
        PANRB,
        lambda _: ELSEWHERE,
    ),
    "return-disposition": ({"disposed": "returned"}, PUPR, lambda _: RETURN),
    "record-follow-up": (
        dict.fromkeys(["disposed", "followed_up", "replied"], "followed_up"),
        PUPR,
        lambda _: FOLLOW_UP,
    ),
    "record-progress": ({"disposed": "disposed", "replied": "replied"}, PUPR, lambda _: PROGRESS),
    "reject-follow-up": ({"followed_up": "disposed"}, PANRB, lambda _: REJECT),
    "reply-to-follow-up": (
        {"followed_up": "replied", "replied": "replied", "closed": "closed"},
        CITIZEN,
        lambda _: REPLY,
    ),
    "close-complaint": (dict.fromkeys(["followed_up", "replied"], "closed"), PANRB, lambda _: CLOSE),
    "appeal-complaint": ({status: status for status in [*OPEN, "closed"]}, CITIZEN, appeal),
    "rate-resolution": ({"closed": "closed"}, CITIZEN, lambda _: RATE),
    "change-privacy": ({status: status for status in [*OPEN, *ENDED]}, CITIZEN, lambda _: c.ChangePrivacy(secret=True)),
    "publish-story": ({"closed": "closed"}, PANRB, lambda _: c.PublishStory(title="Jalan berlubang")),
    "unpublish-story": ({status: status for status in ENDED}, PANRB, lambda _: c.UnpublishStory()),
    "erase-data": (
        {status: status for status in [*OPEN, *ENDED]},
        PANRB,
        lambda _: c.EraseData(texts=True, identity=True, reason="Diminta pelapor."),
    ),
    "request-extension": ({"disposed": "disposed", "replied": "replied"}, PUPR, lambda _: REQUEST),
    "decide-extension": ({"disposed": "disposed", "replied": "replied"}, DENPASAR, extension_to_decide),
    "notice-deadline": ({status: status for status in OPEN}, SLA, notice),
    "escalate-complaint": ({status: status for status in OPEN}, ESCALATION, escalation),
    "reschedule-deadlines": ({status: status for status in OPEN}, SLA, rescheduling),
}


def test_the_table_has_every_command() -> None:
    assert TABLE.keys() | {"register-complaint"} == {command.NAME for command in c.COMMANDS}


def test_the_code_has_the_same_table() -> None:
    accepted = {command.NAME: {str(status) for status in statuses} for command, statuses in ALLOWED_IN.items()}
    assert accepted == {name: set(row[0]) for name, row in TABLE.items()} | {"register-complaint": set()}


@every(TABLE, Status)
def test_command_in_status(name: str, status: Status) -> None:
    """What is refused, and why, is in `test_order_of_checks`."""
    accepted_in, by, make = TABLE[name]
    # settles in 5 working days, before the citizen's 10 to reply and the 30 days to complete have passed
    world = to_status(status, NEVER_PAUSED, class_=ComplaintClass.ASPIRATION)
    command = make(world)
    if status in accepted_in:
        assert world.send(command, by)
        assert world.complaint.status == accepted_in[status]
    else:
        world.refuse(command, by)


@every(Status)
def test_a_report_that_comes_again_changes_nothing(status: Status) -> None:
    world = to_status(status)
    again = c.RegisterComplaint(tracking_id="9999999", source="/channels/sms", report_id="1", report=report())
    before = world.complaint
    assert world.ask(again, INTAKE, message=stage_command_id(world.id, "register")) == ()
    assert world.complaint is before
    # intake gives no other id: the sender of that one gets an answer, as with any command
    assert world.refuse(again, INTAKE, message="another") is Refusal.NOT_ALLOWED_IN_STATUS


@every([name for name, row in TABLE.items() if row[1] not in {SLA, ESCALATION}], ENDED)
def test_nothing_moves_a_settled_complaint_and_few_commands_are_accepted(name: str, status: str) -> None:
    world = to_status(Status(status), CORRECTING)
    command = TABLE[name][2](world)
    if name in {"reopen-complaint", "appeal-complaint"} and status == "closed":
        assert world.refuse(command, TABLE[name][1], after=days(400)) is Refusal.DEADLINE_PASSED
    elif name == "restore-complaint" and status == "archived":
        assert world.send(command, TABLE[name][1], after=days(400)) == ["restored"]
        assert (world.complaint.status, world.complaint.outcome) == ("registered", None)
    elif status in TABLE[name][0]:
        assert len(world.send(command, TABLE[name][1], after=days(400))) == 1
        assert (world.complaint.status, world.complaint.clocks) == (status, {})
        assert world.complaint.rating == (4 if name == "rate-resolution" else None)
    else:
        refused = world.refuse(command, TABLE[name][1], after=days(400))
        assert refused in {Refusal.NOT_PERMITTED, Refusal.NOT_ALLOWED_IN_STATUS}
