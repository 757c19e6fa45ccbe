"""The two tables of the machine agree with each other, with the vocabulary and with themselves."""

import pytest

from events import commands as c
from events import facts as f
from events.vocabulary import OPEN, Status
from tests.support.tables import every
from tests.support.worlds import PANRB, to_status
from workflow.machine.checks import HANDLER_OF
from workflow.machine.transitions import ALLOWED_IN, TRANSITIONS, IllegalTransition, status_after


def test_every_status_has_a_row() -> None:
    assert TRANSITIONS.keys() == {None, *Status}


def test_terminal_rows_are_spelled_out() -> None:
    ended = (f.PrivacyChanged, f.StoryUnpublished, f.DataErased)
    assert TRANSITIONS[Status.WITHDRAWN] == dict.fromkeys(ended, Status.WITHDRAWN)
    assert TRANSITIONS[Status.ARCHIVED] == dict.fromkeys(ended, Status.ARCHIVED) | {
        f.ComplaintRestored: Status.REGISTERED
    }
    assert TRANSITIONS[Status.CLOSED] == dict.fromkeys(
        (f.ResolutionRated, f.PrivacyChanged, f.StoryPublished, f.StoryUnpublished, f.DataErased), Status.CLOSED
    ) | {f.ComplaintReopened: Status.DISPOSED, f.LateReplyRecorded: Status.CLOSED, f.ComplaintAppealed: Status.CLOSED}
    assert set(Status) - OPEN == {Status.CLOSED, Status.ARCHIVED, Status.WITHDRAWN}


def test_every_fact_can_happen_somewhere() -> None:
    assert {fact for row in TRANSITIONS.values() for fact in row} == set(f.FACTS)


def test_every_status_can_be_reached_and_every_open_one_left() -> None:
    reached: set[Status | None] = {None}
    while found := {after for before in reached for after in TRANSITIONS[before].values()} - reached:
        reached |= found
    assert reached == {None, *Status}
    for status in OPEN:
        assert {after for after in TRANSITIONS[status].values() if after is not status}


def test_whatever_is_open_can_be_missed_escalated_and_withdrawn() -> None:
    always: set[type[f.Fact]] = {
        f.DeadlineWarned,
        f.DeadlineBreached,
        f.ComplaintEscalated,
        f.EscalationExhausted,
        f.DeadlineRescheduled,
    }
    for status in OPEN:
        assert all(TRANSITIONS[status][fact] is status for fact in always)
        assert TRANSITIONS[status][f.ComplaintWithdrawn] is Status.WITHDRAWN
        assert TRANSITIONS[status][f.ComplaintArchived] is Status.ARCHIVED


def test_every_command_has_a_place_and_a_handler() -> None:
    assert ALLOWED_IN.keys() == set(c.COMMANDS)
    assert HANDLER_OF.keys() == set(c.COMMANDS) - {c.RegisterComplaint}


# what a command leads to if it is accepted
LEADS_TO: dict[type[c.Command], type[f.Fact]] = {
    c.VerifyComplaint: f.ComplaintVerified,
    c.PostponeComplaint: f.ComplaintPostponed,
    c.ArchiveComplaint: f.ComplaintArchived,
    c.RestoreComplaint: f.ComplaintRestored,
    c.ReopenComplaint: f.ComplaintReopened,
    c.CompleteReport: f.ReportCompleted,
    c.WithdrawComplaint: f.ComplaintWithdrawn,
    c.DisposeComplaint: f.ComplaintDisposed,
    c.ReturnDisposition: f.DispositionReturned,
    c.RecordFollowUp: f.FollowUpRecorded,
    c.RecordProgress: f.ProgressRecorded,
    c.RejectFollowUp: f.FollowUpRejected,
    c.ReplyToFollowUp: f.FollowUpReplied,
    c.CloseComplaint: f.ComplaintClosed,
    c.AppealComplaint: f.ComplaintAppealed,
    c.RateResolution: f.ResolutionRated,
    c.ChangePrivacy: f.PrivacyChanged,
    c.PublishStory: f.StoryPublished,
    c.UnpublishStory: f.StoryUnpublished,
    c.EraseData: f.DataErased,
    c.RequestExtension: f.ExtensionRequested,
    c.EscalateComplaint: f.ComplaintEscalated,
    c.NoticeDeadline: f.DeadlineBreached,
}


@every(LEADS_TO)
def test_a_command_is_accepted_exactly_where_its_fact_may_follow(command: type[c.Command]) -> None:
    late = {f.LateReplyRecorded} if command is c.ReplyToFollowUp else set()
    may_follow = {status for status in Status if {LEADS_TO[command], *late} & TRANSITIONS[status].keys()}
    assert ALLOWED_IN[command] == may_follow


@every([None, *Status], f.FACTS)
def test_what_is_not_in_the_table_cannot_be(status: Status | None, fact: type[f.Fact]) -> None:
    happened = fact.model_construct(by=PANRB)
    if fact in TRANSITIONS[status]:
        assert status_after(status, happened) is TRANSITIONS[status][fact]
    else:
        with pytest.raises(IllegalTransition, match=fact.NAME):
            status_after(status, happened)


@every(Status)
def test_the_way_to_each_status_is_in_the_table(status: Status) -> None:
    before: Status | None = None
    for recorded in to_status(status).history:
        assert TRANSITIONS[before][type(recorded.fact)] is recorded.complaint.status
        before = recorded.complaint.status
