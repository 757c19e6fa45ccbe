"""The state machine as two tables: which fact leads where, and which command is allowed in which status.

A new status starts as a row.
"""

from typing import Final

from events import commands as c
from events import facts as f
from events.vocabulary import OPEN, Status

Row = dict[type[f.Fact], Status]

# Facts that do not change the status of an open complaint.
_IN_PLACE: Final[tuple[type[f.Fact], ...]] = (
    f.DeadlineWarned,
    f.DeadlineBreached,
    f.ComplaintEscalated,
    f.EscalationExhausted,
    f.DeadlineRescheduled,
    f.PrivacyChanged,
    f.DataErased,
    f.ComplaintAppealed,
)
_EXTENSIONS: Final[tuple[type[f.Fact], ...]] = (f.ExtensionRequested, f.DeadlineExtended, f.ExtensionRefused)
_AFTER_ALL: Final[tuple[type[f.Fact], ...]] = (f.PrivacyChanged, f.StoryUnpublished, f.DataErased)


def _open(status: Status, moves: Row, *more_in_place: type[f.Fact]) -> Row:
    stays = dict.fromkeys((*_IN_PLACE, *more_in_place), status)
    return stays | moves | {f.ComplaintWithdrawn: Status.WITHDRAWN, f.ComplaintArchived: Status.ARCHIVED}


TRANSITIONS: Final[dict[Status | None, Row]] = {
    None: {f.ComplaintRegistered: Status.REGISTERED},
    Status.REGISTERED: _open(
        Status.REGISTERED,
        {
            f.ComplaintVerified: Status.VERIFIED,
            f.ComplaintPostponed: Status.POSTPONED,
        },
    ),
    Status.POSTPONED: _open(
        Status.POSTPONED,
        {f.ReportCompleted: Status.REGISTERED},
    ),
    Status.VERIFIED: _open(
        Status.VERIFIED,
        {f.ComplaintDisposed: Status.DISPOSED},
    ),
    Status.DISPOSED: _open(
        Status.DISPOSED,
        {
            f.ComplaintDisposed: Status.DISPOSED,
            f.DispositionReturned: Status.RETURNED,
            f.FollowUpRecorded: Status.FOLLOWED_UP,
        },
        *_EXTENSIONS,
        f.ProgressRecorded,
    ),
    Status.RETURNED: _open(Status.RETURNED, {f.ComplaintDisposed: Status.DISPOSED}),
    Status.FOLLOWED_UP: _open(
        Status.FOLLOWED_UP,
        {
            f.FollowUpRecorded: Status.FOLLOWED_UP,
            f.FollowUpRejected: Status.DISPOSED,
            f.FollowUpReplied: Status.REPLIED,
            f.ComplaintDisposed: Status.FOLLOWED_UP,
            f.ComplaintClosed: Status.CLOSED,
        },
    ),
    Status.REPLIED: _open(
        Status.REPLIED,
        {
            f.FollowUpRecorded: Status.FOLLOWED_UP,
            f.ComplaintDisposed: Status.REPLIED,
            f.ComplaintClosed: Status.CLOSED,
        },
        *_EXTENSIONS,
        f.FollowUpReplied,
        f.ProgressRecorded,
    ),
    # later facts do not change the status; archived and withdrawn complaints have no story
    Status.CLOSED: {
        f.PrivacyChanged: Status.CLOSED,
        f.ResolutionRated: Status.CLOSED,
        f.StoryPublished: Status.CLOSED,
        f.StoryUnpublished: Status.CLOSED,
        f.DataErased: Status.CLOSED,
        f.ComplaintReopened: Status.DISPOSED,
        f.LateReplyRecorded: Status.CLOSED,
        f.ComplaintAppealed: Status.CLOSED,
    },
    Status.ARCHIVED: dict.fromkeys(_AFTER_ALL, Status.ARCHIVED) | {f.ComplaintRestored: Status.REGISTERED},
    Status.WITHDRAWN: dict.fromkeys(_AFTER_ALL, Status.WITHDRAWN),
}

ALLOWED_IN: Final[dict[type[c.Command], frozenset[Status]]] = {
    c.RegisterComplaint: frozenset(),  # only if there is no complaint yet
    c.VerifyComplaint: frozenset({Status.REGISTERED}),
    c.PostponeComplaint: frozenset({Status.REGISTERED}),
    c.ArchiveComplaint: OPEN,  # after a disposition only for spam and abuse, see `handlers`
    c.RestoreComplaint: frozenset({Status.ARCHIVED}),
    c.ReopenComplaint: frozenset({Status.CLOSED}),
    c.CompleteReport: frozenset({Status.POSTPONED}),
    c.WithdrawComplaint: OPEN,
    # after a follow-up, to another office, by the administrator, without a change of status
    c.DisposeComplaint: OPEN - {Status.REGISTERED, Status.POSTPONED},
    c.ReturnDisposition: frozenset({Status.DISPOSED}),
    c.RecordFollowUp: frozenset({Status.DISPOSED, Status.FOLLOWED_UP, Status.REPLIED}),
    c.RecordProgress: frozenset({Status.DISPOSED, Status.REPLIED}),
    c.RejectFollowUp: frozenset({Status.FOLLOWED_UP}),
    c.ReplyToFollowUp: frozenset({Status.FOLLOWED_UP, Status.REPLIED, Status.CLOSED}),
    c.CloseComplaint: frozenset({Status.FOLLOWED_UP, Status.REPLIED}),
    c.AppealComplaint: OPEN | {Status.CLOSED},  # while open: after the time to settle
    c.RateResolution: frozenset({Status.CLOSED}),
    c.ChangePrivacy: frozenset(Status),
    c.PublishStory: frozenset({Status.CLOSED}),
    c.UnpublishStory: frozenset(Status) - OPEN,
    c.EraseData: frozenset(Status),
    c.RequestExtension: frozenset({Status.DISPOSED, Status.REPLIED}),
    c.DecideExtension: frozenset({Status.DISPOSED, Status.REPLIED}),
    c.NoticeDeadline: OPEN,
    c.EscalateComplaint: OPEN,
    c.RescheduleDeadlines: OPEN,
}


class IllegalTransition(Exception):
    """An impossible history: a fact that may not follow on the one before it."""


def status_after(status: Status | None, fact: f.Fact) -> Status:
    """Return the status that `fact` leads to.

    Raises:
        IllegalTransition: no such fact may happen in `status`.
    """
    try:
        return TRANSITIONS[status][type(fact)]
    except KeyError:
        raise IllegalTransition(f"{fact.NAME} may not follow in status {status}") from None
