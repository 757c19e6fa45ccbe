"""One handler a command: look at the context, return the fact that follows, or refuse.

`workflow.machine.decide` has checked status, sender and passed deadlines before; what is left is each command's own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from events import commands as c
from events import facts as f
from events.snapshot import Clock, Complaint
from events.vocabulary import ArchiveReason, ClockName, Detail, Refusal, Status
from workflow.deadlines.clocks import ClockContext
from workflow.machine.permissions import Role, is_stage
from workflow.policy.model import Policy
from workflow.stages.content_digests import completed, differing, key_of
from workflow.stages.escalation import next_office


@dataclass(frozen=True, slots=True)
class Rejected:
    """A command that had no effect, and why."""

    code: Refusal
    message: str
    detail: Detail | None = None


class Refused(Exception):
    """Raised by a handler to reject its command."""

    def __init__(self, code: Refusal, message: str, detail: Detail | None = None) -> None:
        super().__init__(message)
        self.rejected = Rejected(code, message, detail)


@dataclass(frozen=True, slots=True)
class CommandContext:
    """What a handler looks at: the complaint as it stands at the log's time, and who asks."""

    complaint: Complaint
    before: Complaint
    """The complaint as it stood before it was moved by what was announced and overdue."""
    by: str
    roles: frozenset[Role]
    now: datetime
    policy: Policy
    elapsed: tuple[f.Fact, ...] = ()
    """What was announced and overdue: the facts that come before the command's own."""
    content: str | None = None
    """Digests of the command's report fields; None where they cannot be compared."""

    @property
    def holder(self) -> str:
        """The office that holds the complaint, where the role of the sender implies one."""
        return self.complaint.office or ""


def known_office(office: str | None, now: datetime, policy: Policy) -> str | None:
    """Return `office` if the directory has it on the day of `now`, else None."""
    return office if office is not None and policy.directory.known(office, policy.day_of(now)) else None


_SEEN: Final = {
    "status": attrgetter("status"),
    "revision": attrgetter("report.revision"),
    "round": attrgetter("round"),
    "breaches": attrgetter("breaches"),
}
_SEEN_IN: Final = {
    command: tuple((name, of) for name, of in _SEEN.items() if name in command.model_fields) for command in c.COMMANDS
}


def check_decided_on(data: c.Command, complaint: Complaint) -> None:
    """Check the fields in which a stage names what it decided on: an older decision read again changes nothing.

    Raises:
        Refused: the complaint has moved on. The fact that moved it shows the stage the new standing.
    """
    for name, of in _SEEN_IN[type(data)]:
        seen = getattr(data, name)
        if seen is not None and seen != (now := of(complaint)):
            raise Refused(Refusal.OVERTAKEN, f"decided on {name} {seen}, and by now the complaint has {name} {now}")


def _verify(context: CommandContext, data: c.VerifyComplaint) -> f.Fact:
    return f.ComplaintVerified(by=context.by, category=data.category, edited_text=data.edited_text)


def _postpone(context: CommandContext, data: c.PostponeComplaint) -> f.Fact:
    return f.ComplaintPostponed(by=context.by, missing=data.missing, reason=data.reason)


_BEFORE_DISPOSITION: Final = frozenset({Status.REGISTERED, Status.POSTPONED, Status.VERIFIED})
_ANSWERED: Final = frozenset({Status.FOLLOWED_UP, Status.REPLIED})
_FOUND_LATER: Final = frozenset({ArchiveReason.SPAM, ArchiveReason.ABUSIVE})


def _check_later(context: CommandContext) -> None:
    """Check that a command of a stage or an office that comes later than it may is its administrator's."""
    if context.roles & {Role.ADMINISTRATOR, Role.ARBITER}:
        return
    stage = is_stage(context.by)
    raise Refused(
        Refusal.OVERTAKEN if stage else Refusal.NOT_ALLOWED_IN_STATUS,
        f"the complaint is {context.complaint.status} by now{'' if stage else ': ask its administrator'}",
    )


def _archive(context: CommandContext, data: c.ArchiveComplaint) -> f.Fact:
    if context.complaint.status not in _BEFORE_DISPOSITION:
        _check_later(context)
        if data.reason not in _FOUND_LATER:
            raise Refused(
                Refusal.NOT_ALLOWED_IN_STATUS,
                f"an office has had it: it is archived as spam or abusive only, not as {data.reason}",
                Detail.DISPOSED_ALREADY,
            )
    original = None if data.duplicate_of is None else str(data.duplicate_of)
    if original == context.complaint.complaint_id:
        raise Refused(Refusal.INVALID_DATA, "data.duplicate_of: a complaint is no duplicate of itself")
    if original is not None and data.reason is not ArchiveReason.DUPLICATE:
        raise Refused(Refusal.INVALID_DATA, "data.duplicate_of: goes with reason duplicate only")
    if original is not None and original == context.complaint.follows:
        raise Refused(Refusal.INVALID_DATA, "data.duplicate_of: the reporter comes back to that one on purpose")
    return f.ComplaintArchived(by=context.by, reason=data.reason, duplicate_of=original)


_IN_SNAPSHOT: Final = frozenset({"category", "location", "anonymous", "secret"})
"""Fields of a report that a snapshot has as they are: an administrator may have changed them since."""


def _complete(context: CommandContext, data: c.CompleteReport) -> f.Fact:
    data = _without_exposure(data, context.complaint)
    report, limit = context.complaint.report, context.policy.completion_limit
    chosen = known_office(data.office, context.now, context.policy)
    before = report.completed_digests or report.content_digests
    if not _changes_report(context, data, before, chosen):
        raise Refused(
            Refusal.INVALID_DATA,
            "data: the report has all of this already; supply what was asked for",
            Detail.NOTHING_CHANGED,
        )
    if report.revision > limit:
        raise Refused(
            Refusal.INVALID_DATA,
            f"the report was completed {report.revision - 1} times, and {limit} are allowed: ask its administrator, or "
            "withdraw it and report anew",
            Detail.COMPLETION_LIMIT,
        )
    changes = {name: getattr(data, name) for name in c.CompleteReport.model_fields}
    digests = completed(before, context.content)
    return f.ReportCompleted(
        by=context.by, revision=report.revision + 1, chosen_office=chosen, completed_digests=digests, **changes
    )


def _without_exposure(data: c.CompleteReport, complaint: Complaint) -> c.CompleteReport:
    """Return a completion that switches no privacy off: forms send the flags along, unset as they come."""
    kept = {name: None for name in ("anonymous", "secret") if getattr(data, name) is False and getattr(complaint, name)}
    return data.model_copy(update=kept)


def _changes_report(context: CommandContext, data: c.CompleteReport, before: str | None, chosen: str | None) -> bool:
    """Check whether a completion changes a field, as far as the snapshot and its digests know the report."""
    comparable = before is not None and context.content is not None and key_of(before) == key_of(context.content)
    otherwise = differing(before, context.content)
    for name in c.CompleteReport.model_fields:
        value = getattr(data, name)
        if value is None:
            continue
        if name in _IN_SNAPSHOT:
            changed = value != getattr(context.complaint, name)
        else:
            changed = not comparable or name in otherwise
        if changed or (name == "office" and chosen is not None and chosen != context.complaint.chosen_office):
            return True
    return False


def _withdraw(context: CommandContext, data: c.WithdrawComplaint) -> f.Fact:
    return f.ComplaintWithdrawn(by=context.by, reason=data.reason)


def _dispose(context: CommandContext, data: c.DisposeComplaint) -> f.Fact:
    complaint, directory = context.complaint, context.policy.directory
    if complaint.status in _ANSWERED:
        _check_later(context)
    if known_office(data.office, context.now, context.policy) is None:
        raise Refused(Refusal.UNKNOWN_OFFICE, f"there is no office {data.office!r} in the directory today")
    own_unit = Role.HOLDER in context.roles and directory.is_below(data.office, context.holder)
    if not own_unit and context.roles <= {Role.HOLDER, Role.SUPERIOR}:
        raise Refused(Refusal.NOT_PERMITTED, f"the holder disposes to its own units only, and {data.office} is none")
    if data.office == complaint.office:
        raise Refused(
            Refusal.INVALID_DATA,
            f"data.office: {data.office} holds the complaint already, and its deadline goes on; dispose it to another",
            Detail.NOTHING_CHANGED,
        )
    if complaint.returns >= context.policy.return_limit and Role.ARBITER not in context.roles and not own_unit:
        raise Refused(
            Refusal.RETURN_LIMIT,
            f"returned {complaint.returns} times: only the arbiter ({context.policy.arbiter}) can dispose it now",
        )
    return f.ComplaintDisposed(by=context.by, office=data.office, round=complaint.round + 1)


def _return(context: CommandContext, data: c.ReturnDisposition) -> f.Fact:
    policy, returns = context.policy, context.complaint.returns
    if policy.arbiter_final and returns >= policy.return_limit:
        raise Refused(
            Refusal.RETURN_LIMIT,
            f"returned {returns} times, and the arbiter ({policy.arbiter}) has decided: answer it",
        )
    return f.DispositionReturned(by=context.by, office=context.holder, reason=data.reason)


def check_limit(context: CommandContext, what: str, count: int, limit: int, instead: tuple[str, Detail]) -> None:
    """Check that the policy has `what`, and allows more than the `count` so far; else name the way that is left."""
    way, detail = instead
    if not limit:
        raise Refused(
            Refusal.NOT_PERMITTED, f"policy {context.policy.version} has no {what}: {way}", Detail.NOT_IN_POLICY
        )
    if count >= limit:
        raise Refused(Refusal.NOT_PERMITTED, f"{count} {what} so far, and {limit} are allowed: {way}", detail)


def _follow_up(context: CommandContext, data: c.RecordFollowUp) -> f.Fact:
    return f.FollowUpRecorded(
        by=context.by,
        office=context.holder,
        text=data.text,
        evidence=data.evidence,
        answered_clock=_answered_clock(context) if context.policy.follow_up_rejection_limit else None,
    )


def _answered_clock(context: CommandContext) -> Clock | None:
    """Return the follow-up clock stopped by the answer; after an answer before, as that stopped it."""
    complaint, name = context.complaint, ClockName.FOLLOW_UP
    clock = complaint.clocks.get(name)
    if clock is None:
        return complaint.answered_clock
    return ClockContext(context.policy, complaint.office, complaint.class_).pause(name, clock, context.now)


def _reject_follow_up(context: CommandContext, data: c.RejectFollowUp) -> f.Fact:
    count, limit = context.complaint.follow_up_rejections, context.policy.follow_up_rejection_limit
    left = "dispose it to another office, or close it", Detail.FOLLOW_UP_REJECTION_LIMIT
    check_limit(context, "rejected follow-ups", count, limit, left)
    return f.FollowUpRejected(by=context.by, office=context.holder, reason=data.reason)


def _progress(context: CommandContext, data: c.RecordProgress) -> f.Fact:
    count, limit = context.complaint.progress_notes, context.policy.progress_limit
    check_limit(context, "progress notes", count, limit, ("record a follow-up", Detail.PROGRESS_LIMIT))
    return f.ProgressRecorded(
        by=context.by, office=context.holder, text=data.text, evidence=data.evidence, expected_on=data.expected_on
    )


def _close(context: CommandContext, data: c.CloseComplaint) -> f.Fact:
    return f.ComplaintClosed(by=context.by, reason=data.reason)


def _rate(context: CommandContext, data: c.RateResolution) -> f.Fact:
    if data.rating == context.complaint.rating and data.text is None:
        raise Refused(
            Refusal.INVALID_DATA,
            f"data.rating: it is rated {data.rating} already; give another rating, or a text",
            Detail.NOTHING_CHANGED,
        )
    return f.ResolutionRated(by=context.by, rating=data.rating, text=data.text)


def _change_privacy(context: CommandContext, data: c.ChangePrivacy) -> f.Fact:
    names = [name for name in ("anonymous", "secret") if getattr(data, name) is not None]
    changed = {name: value for name in names if (value := getattr(data, name)) != getattr(context.complaint, name)}
    if not changed:
        raise Refused(Refusal.INVALID_DATA, "data: its privacy is so already", Detail.NOTHING_CHANGED)
    return f.PrivacyChanged(by=context.by, **changed)


def _publish_story(context: CommandContext, data: c.PublishStory) -> f.Fact:
    if context.complaint.secret:
        raise Refused(
            Refusal.NOT_PERMITTED, "its reporter asked for secrecy: no story of it is published", Detail.SECRECY
        )
    return f.StoryPublished(by=context.by, title=data.title, answer=data.answer, findings=data.findings)


def _unpublish_story(context: CommandContext, data: c.UnpublishStory) -> f.Fact:
    # one that nobody has decided on may have been published by a release before
    if context.complaint.story_published is False:
        raise Refused(Refusal.INVALID_DATA, "data: its story is not published", Detail.NOTHING_CHANGED)
    return f.StoryUnpublished(by=context.by, reason=data.reason)


def _erase_data(context: CommandContext, data: c.EraseData) -> f.Fact:
    return f.DataErased(by=context.by, texts=data.texts, identity=data.identity, reason=data.reason)


def _request_extension(context: CommandContext, data: c.RequestExtension) -> f.Fact:
    complaint, bounds = context.complaint, context.policy.extension
    if complaint.extension is not None:
        raise Refused(Refusal.EXTENSION_PENDING, "an extension has been asked for already: its superior decides it")
    _still_running(context)
    if complaint.extensions >= bounds.max_times:
        raise Refused(Refusal.EXTENSION_LIMIT, f"extended {complaint.extensions} times: no more is possible")
    if complaint.extended_days + data.working_days > bounds.max_days:
        left = bounds.max_days - complaint.extended_days
        raise Refused(Refusal.EXTENSION_LIMIT, f"at most {left} more working days are possible")
    return f.ExtensionRequested(by=context.by, working_days=data.working_days, reason=data.reason)


def _decide_extension(context: CommandContext, data: c.DecideExtension) -> f.Fact:
    request = context.complaint.extension
    if request is None:
        raise Refused(Refusal.NO_EXTENSION_REQUESTED, "no extension waits to be decided")
    if not data.approved:
        return f.ExtensionRefused(by=context.by, reason=data.reason)
    due = _still_running(context)
    complaint = context.complaint
    clock = ClockContext(context.policy, complaint.office, complaint.class_).extend(
        ClockName.FOLLOW_UP, complaint.clocks[ClockName.FOLLOW_UP], request.working_days
    )
    return f.DeadlineExtended(
        by=context.by,
        clock=ClockName.FOLLOW_UP,
        working_days=request.working_days,
        old_due_at=due,
        due_at=clock.due_at or due,
        reason=data.reason,
    )


def _still_running(context: CommandContext) -> datetime:
    clock = context.complaint.clocks.get(ClockName.FOLLOW_UP)
    if clock is None or clock.due_at is None or not clock.running:
        raise Refused(Refusal.DEADLINE_PASSED, "too late: the deadline to follow up has passed")
    return clock.due_at


def _notice(context: CommandContext, data: c.NoticeDeadline) -> f.Fact | None:
    clock = context.before.clocks.get(data.clock)
    if clock is None or clock.due_at != data.due_at or not clock.running:
        raise Refused(Refusal.OVERTAKEN, f"no {data.clock} deadline of {data.due_at} is running by now")
    if context.now > data.due_at:
        return None  # its expiry is in the history already
    if data.clock not in context.complaint.clocks:
        if any(isinstance(fact, f.DeadlineRescheduled) for fact in context.elapsed):
            return None  # a deadline was brought forward past its end, and no other notice tells that
        raise Refused(Refusal.OVERTAKEN, f"the complaint is {context.complaint.status} by now: another deadline passed")
    if context.complaint.clocks[data.clock].due_at != data.due_at:
        return None  # it has just been moved, which is in the history already
    if clock.warn_at is None or clock.warned or context.now < clock.warn_at:
        raise Refused(Refusal.NOT_DUE, f"by the log it is {context.now}, and nothing is due before {data.due_at}")
    return f.DeadlineWarned(by=f.SYSTEM, clock=data.clock, due_at=data.due_at)


def _reschedule(context: CommandContext, data: c.RescheduleDeadlines) -> f.Fact | None:
    if not context.elapsed:
        raise Refused(Refusal.OVERTAKEN, f"no deadline moves by the first {data.calendar} announcements by now")
    return None  # what moves is in the history already


def _escalate(context: CommandContext, data: c.EscalateComplaint) -> f.Fact:
    complaint = context.complaint
    if not complaint.escalation_due or data.rung != complaint.rung + 1:
        raise Refused(Refusal.OVERTAKEN, f"no escalation to rung {data.rung} is due by now")
    office = next_office(complaint, context.policy)
    if office is None:
        return f.EscalationExhausted(by=context.by, rung=complaint.rung)
    if data.office != office:
        raise Refused(Refusal.OVERTAKEN, f"rung {data.rung} is {office} by now, not {data.office}")
    return f.ComplaintEscalated(by=context.by, rung=data.rung, office=data.office)


HANDLERS: Final[dict[type[c.Command], Callable[[CommandContext, Any], f.Fact | None]]] = {
    c.VerifyComplaint: _verify,
    c.PostponeComplaint: _postpone,
    c.ArchiveComplaint: _archive,
    c.CompleteReport: _complete,
    c.WithdrawComplaint: _withdraw,
    c.DisposeComplaint: _dispose,
    c.ReturnDisposition: _return,
    c.RecordFollowUp: _follow_up,
    c.RecordProgress: _progress,
    c.RejectFollowUp: _reject_follow_up,
    c.CloseComplaint: _close,
    c.RateResolution: _rate,
    c.ChangePrivacy: _change_privacy,
    c.PublishStory: _publish_story,
    c.UnpublishStory: _unpublish_story,
    c.EraseData: _erase_data,
    c.RequestExtension: _request_extension,
    c.DecideExtension: _decide_extension,
    c.NoticeDeadline: _notice,
    c.EscalateComplaint: _escalate,
    c.RescheduleDeadlines: _reschedule,
}
