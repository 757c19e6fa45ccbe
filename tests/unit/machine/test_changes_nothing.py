"""A command that would change nothing is refused: a row for each command of people."""

from datetime import timedelta

import pytest

from agents.config.keys import Keys
from agents.stages.report_digests import ContentDigests
from events import commands as c
from events import facts as f
from events.reports import Location
from events.vocabulary import ClockName, Detail, Refusal, Status
from tests.support.tables import Rows, every
from tests.support.worlds import (
    APPEAL,
    ARCHIVE,
    CITIZEN,
    CLOSE,
    COMPLETE,
    CORRECTING,
    DEMO,
    DENPASAR,
    DISPOSE,
    FOLLOW_UP,
    GRANT,
    LAPOR,
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
    VERIFY,
    WITHDRAW,
    World,
    to_status,
)
from workflow.machine.content_digests import differing
from workflow.machine.handlers import Rejected
from workflow.policy.model import Policy
from workflow.stages.verification import verification

KEYS = ContentDigests(Keys.derived("test"))
ANYTHING = "a fact each time"
NOTHING = Detail.NOTHING_CHANGED

# sent twice by the same sender, the second time under another id: what becomes of the second
AGAIN: list[tuple[c.Command, Status, str, object]] = [
    (VERIFY, Status.REGISTERED, PANRB, Refusal.NOT_ALLOWED_IN_STATUS),
    (POSTPONE, Status.REGISTERED, PANRB, Refusal.NOT_ALLOWED_IN_STATUS),
    (ARCHIVE, Status.REGISTERED, PANRB, Refusal.NOT_ALLOWED_IN_STATUS),
    (RESTORE, Status.ARCHIVED, PANRB, Refusal.NOT_ALLOWED_IN_STATUS),
    (REOPEN, Status.CLOSED, CITIZEN, Refusal.NOT_ALLOWED_IN_STATUS),
    (COMPLETE, Status.POSTPONED, CITIZEN, Refusal.NOT_ALLOWED_IN_STATUS),
    (WITHDRAW, Status.DISPOSED, CITIZEN, Refusal.NOT_ALLOWED_IN_STATUS),
    (DISPOSE, Status.VERIFIED, PANRB, NOTHING),
    (RETURN, Status.DISPOSED, PUPR, Detail.NOT_THE_HOLDER),
    # the same words may well be what there is to tell again
    (FOLLOW_UP, Status.DISPOSED, PUPR, ANYTHING),
    (PROGRESS, Status.DISPOSED, PUPR, ANYTHING),
    (REJECT, Status.FOLLOWED_UP, PANRB, Refusal.NOT_ALLOWED_IN_STATUS),
    (REPLY, Status.FOLLOWED_UP, CITIZEN, ANYTHING),
    (CLOSE, Status.FOLLOWED_UP, PANRB, Refusal.NOT_ALLOWED_IN_STATUS),
    (APPEAL, Status.CLOSED, CITIZEN, NOTHING),
    (RATE, Status.CLOSED, CITIZEN, NOTHING),
    # no text is kept, so one may be new
    (c.RateResolution(rating=4, text="Terima kasih."), Status.CLOSED, CITIZEN, ANYTHING),
    (c.ChangePrivacy(secret=True), Status.DISPOSED, CITIZEN, NOTHING),
    # its texts are not kept in the snapshot either
    (c.PublishStory(title="Jalan berlubang"), Status.CLOSED, PANRB, ANYTHING),
    (c.UnpublishStory(), Status.CLOSED, PANRB, NOTHING),
    # there may be texts that are newer
    (c.EraseData(texts=True, reason="Diminta pelapor."), Status.CLOSED, PANRB, ANYTHING),
    (REQUEST, Status.DISPOSED, PUPR, Refusal.EXTENSION_PENDING),
    (GRANT, Status.DISPOSED, DENPASAR, Refusal.NO_EXTENSION_REQUESTED),
]


@every(Rows(AGAIN))
def test_the_same_again_under_another_id(command: c.Command, status: Status, by: str, second: object) -> None:
    world = to_status(status, CORRECTING)
    if isinstance(command, c.DecideExtension):
        world.send(REQUEST, PUPR)
    world.send(command, by)
    before = world.complaint
    answer = world.ask(command, by)
    if second is ANYTHING:
        assert isinstance(answer, tuple)
        assert answer
        return
    assert isinstance(answer, Rejected)
    assert second in {answer.code, answer.detail}
    assert world.complaint is before


def test_the_table_has_every_command_of_people() -> None:
    of_stages = {c.RegisterComplaint, c.NoticeDeadline, c.EscalateComplaint, c.RescheduleDeadlines}
    assert {type(row[0]) for row in AGAIN} == set(c.COMMANDS) - of_stages


def test_a_redisposition_to_the_holder_does_not_start_its_deadline_anew() -> None:
    world = to_status(Status.DISPOSED)
    due = world.due("follow_up")
    assert world.refuse(DISPOSE, PANRB, after=timedelta(days=2)) is Refusal.INVALID_DATA
    assert world.due("follow_up") == due


def postponed(policy: Policy = LAPOR) -> World:
    world = World(policy, contents=KEYS)
    world.send(POSTPONE, PANRB)
    return world


# of the report in `worlds`
SAME: list[c.CompleteReport] = [
    c.CompleteReport(title="Jalan berlubang di depan Pasar Badung"),
    c.CompleteReport(body="Lubang besar sejak dua pekan, sudah ada yang jatuh.", secret=False),
    c.CompleteReport(location=Location(province="Bali", city="Denpasar"), category="infrastruktur-jalan"),
    c.CompleteReport(anonymous=False),
    c.CompleteReport(attachments=()),
]
OTHER: list[c.CompleteReport] = [
    c.CompleteReport(title="Jalan berlubang"),
    c.CompleteReport(title="Jalan berlubang di depan Pasar Badung", anonymous=True),
    c.CompleteReport(location=Location(province="Bali", city="Denpasar", district="Denpasar Barat")),
    c.CompleteReport(office="denpasar"),
    c.CompleteReport(attachments=("https://example.org/foto-1.jpg",)),
]


@pytest.mark.parametrize("command", SAME)
def test_a_completion_with_the_present_content_is_refused(command: c.CompleteReport) -> None:
    world = postponed()
    due = world.due("completion")
    answer = world.ask(command, CITIZEN, after=timedelta(days=3))
    assert isinstance(answer, Rejected)
    assert (answer.code, answer.detail) == (Refusal.INVALID_DATA, Detail.NOTHING_CHANGED)
    assert world.due("completion") == due


@pytest.mark.parametrize("command", OTHER)
def test_a_completion_with_something_new_is_a_fact_once(command: c.CompleteReport) -> None:
    world = postponed()
    assert world.send(command, CITIZEN) == ["report-completed"]
    world.send(POSTPONE, PANRB)
    answer = world.ask(command, CITIZEN)
    assert isinstance(answer, Rejected)
    assert answer.detail is Detail.NOTHING_CHANGED


def test_what_was_completed_first_counts_no_more() -> None:
    world = postponed()
    for title in ("Jalan berlubang", "Jalan berlubang di depan Pasar Badung", "Jalan berlubang"):
        assert world.send(c.CompleteReport(title=title), CITIZEN) == ["report-completed"]
        world.send(POSTPONE, PANRB)
    report = world.complaint.report
    assert differing(report.content_digests, report.completed_digests) == ("title",)


def test_a_complaint_without_digests_is_completed_as_before() -> None:
    world = World()
    world.send(POSTPONE, PANRB)
    assert world.complaint.report.content_digests is None
    assert world.send(c.CompleteReport(title="Jalan berlubang di depan Pasar Badung"), CITIZEN) == ["report-completed"]
    world.send(POSTPONE, PANRB)
    # what the snapshot has can be compared all the same
    assert world.refuse(c.CompleteReport(anonymous=False), CITIZEN) is Refusal.INVALID_DATA


def complete(number: int) -> c.CompleteReport:
    return c.CompleteReport(title=f"Jalan berlubang, {number}")


def test_completions_are_limited_by_the_policy() -> None:
    assert (LAPOR.completion_limit, DEMO.completion_limit) == (5, 5)
    world = postponed(LAPOR.model_copy(update={"completion_limit": 2}))
    for number in range(2):
        world.send(complete(number), CITIZEN)
        world.send(POSTPONE, PANRB)
    answer = world.ask(complete(3), CITIZEN)
    assert isinstance(answer, Rejected)
    assert (answer.code, answer.detail) == (Refusal.INVALID_DATA, Detail.COMPLETION_LIMIT)
    assert "report anew" in answer.message
    assert ClockName.COMPLETION in world.complaint.clocks
    assert sum(isinstance(recorded.fact, f.ReportCompleted) for recorded in world.history) == 2


@pytest.mark.parametrize(("limit", "kind"), [(1, type(None)), (2, c.PostponeComplaint)])
def test_a_machine_asks_for_no_more_than_the_citizen_may_supply(limit: int, kind: type) -> None:
    policy = DEMO.model_copy(update={"completion_limit": limit})
    world = World(policy, location=None)
    world.send(POSTPONE, PANRB)
    world.send(c.CompleteReport(title="Jalan berlubang"), CITIZEN)
    assert type(verification(world.complaint, policy)) is kind
