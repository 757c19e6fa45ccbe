"""Fold of facts into a complaint, with the deadlines that were decided with each fact."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from events import facts as f
from events.ids import digest
from events.snapshot import REMEMBERED_COMMANDS, Clock, Complaint, ExtensionRequest, ReportReference, Waiting
from events.vocabulary import ClockName, Outcome, Status
from workflow.machine.transitions import IllegalTransition, status_after

Clocks = dict[ClockName, Clock]
Change = dict[str, Any]


def _length(text: str | None, kept: int | None, before: int) -> int:
    """Return the length of a text: from the snapshot, if the text is stored apart."""
    return kept if kept is not None else before if text is None else len(text)


def _completed(before: Complaint, fact: f.ReportCompleted) -> Change:
    report = before.report.model_copy(
        update={
            "revision": fact.revision,
            "title_length": _length(fact.title, fact.title_length, before.report.title_length),
            "body_length": _length(fact.body, fact.body_length, before.report.body_length),
            "dated": before.report.dated or fact.event_date is not None,
            "completed_digests": fact.completed_digests,
        }
    )
    kept = ("category", "location", "chosen_office", "anonymous", "secret")
    return {"report": report} | {name: value for name in kept if (value := getattr(fact, name)) is not None}


def _disposed(_before: Complaint, fact: f.ComplaintDisposed) -> Change:
    return {"office": fact.office, "round": fact.round, "extension": None, "answered_clock": None}


def _returned(before: Complaint, fact: f.DispositionReturned) -> Change:
    return {
        "office": None,
        "returns": before.returns + 1,
        "returned_by": (*before.returned_by, fact.office),
        "extension": None,
    }


def _privacy_changed(before: Complaint, fact: f.PrivacyChanged) -> Change:
    flags = {name: value for name in ("anonymous", "secret") if (value := getattr(fact, name)) is not None}
    # a story stays unpublished when the complaint is no longer secret
    return flags | ({"story_published": False} if fact.secret and before.story_published else {})


def _erased(before: Complaint, fact: f.DataErased) -> Change:
    requested = [name for name, is_set in (("identity", fact.identity), ("texts", fact.texts)) if is_set]
    change: Change = {"erased": tuple(sorted({*before.erased, *requested}))}
    digests = {"content_digests": None, "completed_digests": None} if fact.texts else {}
    digests |= {"reporter_digest": None} if fact.identity else {}
    change["report"] = before.report.model_copy(update=digests)
    if fact.texts and before.story_published:
        change["story_published"] = False
    return change


def _breached(before: Complaint, fact: f.DeadlineBreached) -> Change:
    # the escalation clock is not the office's: no second breach
    return {"breaches": before.breaches + (fact.clock is not ClockName.ESCALATION)}


def _extended(before: Complaint, fact: f.DeadlineExtended) -> Change:
    return {
        "extension": None,
        "extended_days": before.extended_days + fact.working_days,
        "extensions": before.extensions + 1,
    }


def _open_again(before: Complaint) -> Change:
    # the new ladder may notify the same offices again
    anew = {"exhausted": False, "earlier_rungs": before.rung}
    return {"outcome": None, "closed_at": None, "working_days": None} | anew


def _reopened(before: Complaint, fact: f.ComplaintReopened) -> Change:
    # rating and story of the earlier end stay in the history only
    untold = {"story_published": False} if before.story_published else {}
    return (
        _open_again(before)
        | untold
        | {
            "office": fact.office,
            "rating": None,
            "reopenings": before.reopenings + 1,
            "closed_clock": None,
        }
    )


def _nothing_else(_before: Complaint, _fact: f.Fact) -> Change:
    return {}


_CHANGES: Final[dict[type[f.Fact], Callable[[Complaint, Any], Change]]] = {
    f.ComplaintVerified: lambda _, fact: {} if fact.category is None else {"category": fact.category},
    f.ReportCompleted: _completed,
    f.ComplaintArchived: lambda *_: {"outcome": Outcome.ARCHIVED, "office": None, "extension": None},
    f.ComplaintRestored: lambda before, _: _open_again(before) | {"restorations": before.restorations + 1},
    f.ComplaintReopened: _reopened,
    f.ComplaintWithdrawn: lambda *_: {"outcome": Outcome.WITHDRAWN, "extension": None},
    f.ComplaintDisposed: _disposed,
    f.DispositionReturned: _returned,
    f.FollowUpRecorded: lambda _, fact: {"extension": None, "answered_clock": fact.answered_clock},
    f.FollowUpRejected: lambda before, _: {"follow_up_rejections": before.follow_up_rejections + 1},
    f.ComplaintClosed: lambda _, fact: {
        "outcome": Outcome.RESOLVED,
        "extension": None,
        "closed_clock": fact.closed_clock,
    },
    f.ComplaintAppealed: lambda _, fact: {"appealed_to": fact.office},
    f.ProgressRecorded: lambda before, _: {"progress_notes": before.progress_notes + 1},
    f.LateReplyRecorded: lambda before, _: {"late_replies": before.late_replies + 1},
    f.ResolutionRated: lambda _, fact: {"rating": fact.rating},
    f.PrivacyChanged: _privacy_changed,
    f.StoryPublished: lambda *_: {"story_published": True},
    f.StoryUnpublished: lambda *_: {"story_published": False},
    f.DataErased: _erased,
    f.DeadlineBreached: _breached,
    f.ComplaintEscalated: lambda before, fact: {
        "rung": fact.rung,
        "escalated_to": (*before.escalated_to, fact.office),
    },
    f.EscalationExhausted: lambda *_: {"exhausted": True},
    f.DeadlineExtended: _extended,
    f.ExtensionRefused: lambda *_: {"extension": None},
}

# The actions that deadlines demand. Returning or reassigning a complaint is none: the breach stays.
_CLIMBED: Final = (f.EscalationExhausted, f.ComplaintEscalated)
OPEN_AGAIN: Final = (f.ComplaintRestored, f.ComplaintReopened)
"""Facts that restart the ladder."""
_ANSWERS: Final = (f.ComplaintVerified, f.ComplaintPostponed, f.FollowUpRecorded, f.Settling)


def settled_at(fact: f.Settling, at: datetime) -> datetime:
    """Return when `fact`, recorded `at`, settled a complaint: the due time, if a deadline did."""
    return getattr(fact, "deadline", None) or at


def needs_rung(before: Complaint, fact: f.Fact, clocks: Clocks) -> bool:
    """Return whether, after `fact`, a missed deadline waits for escalation to the next rung."""
    pressing = is_pressing(clocks)
    if not (pressing or before.escalation_due or isinstance(fact, f.DeadlineBreached)):
        return False  # for most facts
    anew = isinstance(fact, OPEN_AGAIN)
    if (before.exhausted and not anew) or isinstance(fact, _CLIMBED):
        return False
    if isinstance(fact, f.DeadlineBreached) or (before.escalation_due and not isinstance(fact, _ANSWERS)):
        return True
    return pressing and (before.escalation_due or anew or before.rung == before.earlier_rungs)


def is_pressing(clocks: Clocks) -> bool:
    """Return whether a deadline was missed and its required action is still missing."""
    for clock in clocks.values():  # noqa: SIM110 -- `any` takes three times as long
        if clock.pressing:
            return True
    return False


def _remember(recent: tuple[str, ...], cause: f.Cause) -> tuple[str, ...]:
    mark = digest(cause.source, cause.id)
    return recent if recent[-1:] == (mark,) else (*recent, mark)[-REMEMBERED_COMMANDS:]


def evolve(  # noqa: PLR0913 -- a fact with its position and deadlines
    before: Complaint | None, fact: f.Fact, at: datetime, cause: f.Cause, clocks: Clocks, *, calendar: int = 0
) -> Complaint:
    """Return the complaint after `fact`, recorded at log time `at`.

    `clocks`: the deadlines decided with the fact; `calendar`: number of announcements in their calendar.

    Raises:
        IllegalTransition: the fact may not follow on `before`.
    """
    status = status_after(before.status if before else None, fact)
    if before is None:
        if not isinstance(fact, f.ComplaintRegistered):  # for the type checker; the table ensures it
            raise IllegalTransition(f"{fact.NAME} may not be the first fact")
        return _registered(fact, at, cause, clocks, calendar)
    change = _CHANGES.get(type(fact), _nothing_else)(before, fact)
    if isinstance(fact, f.Settling):
        change |= {"closed_at": settled_at(fact, at), "working_days": fact.working_days}
    if before.answered_clock is not None and status is not Status.FOLLOWED_UP:
        change["answered_clock"] = None
    if isinstance(fact, f.ExtensionRequested):
        change["extension"] = ExtensionRequest(working_days=fact.working_days, requested_at=at)
    return before.model_copy(
        update=change
        | {
            "version": before.version + 1,
            "status": status,
            "updated_at": at,
            "clocks": clocks,
            "calendar": calendar,
            "escalation_due": needs_rung(before, fact, clocks),
            "recent": _remember(before.recent, cause),
        }
    )


def _registered(fact: f.ComplaintRegistered, at: datetime, cause: f.Cause, clocks: Clocks, calendar: int) -> Complaint:
    report = fact.report
    return Complaint(
        complaint_id=fact.complaint_id,
        tracking_id=fact.tracking_id,
        version=1,
        status=Status.REGISTERED,
        class_=report.class_,
        category=report.category,
        location=report.location,
        channel=fact.source.removeprefix("/channels/").lstrip("/"),
        report=ReportReference(
            source=fact.source,
            id=fact.report_id,
            title_length=_length(report.title, fact.title_length, 0),
            body_length=_length(report.body, fact.body_length, 0),
            dated=report.event_date is not None,
            content_digests=fact.content_digests,
            reporter_digest=fact.reporter_digest,
        ),
        anonymous=report.anonymous,
        secret=report.secret,
        chosen_office=fact.chosen_office,
        follows=report.follows,
        policy=fact.policy,
        calendar=calendar,
        received_at=at,
        updated_at=at,
        clocks=clocks,
        recent=_remember((), cause),
    )


def replay(history: Iterable[f.Recorded]) -> Complaint | None:
    """Fold a history, with the deadlines of its snapshots.

    Raises:
        IllegalTransition: a fact may not follow on the one before it.
    """
    complaint: Complaint | None = None
    for recorded in history:
        complaint = folded(complaint, recorded)
    return complaint


def folded(before: Complaint | None, recorded: f.Recorded) -> Complaint:
    """Return the complaint after a recorded fact, with the deadlines of its snapshot.

    Raises:
        IllegalTransition: the fact may not follow on `before`.
    """
    after = recorded.complaint
    complaint = evolve(before, recorded.fact, recorded.at, recorded.cause, dict(after.clocks), calendar=after.calendar)
    return waiting(complaint, after.waiting_for)


def waiting(complaint: Complaint, whom: Waiting | None) -> Complaint:
    """Set for whom a complaint waits, in place: only for one that `evolve` has just returned."""
    object.__setattr__(complaint, "waiting_for", whom)  # a second copy would cost as much as the rest of the fold
    return complaint
