"""Handlers, one per command: check the context, return the resulting fact, or refuse.

`workflow.machine.checks` checks role and status before; further checks have the same order: permission, state of the
complaint, data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from events import commands as c
from events import facts as f
from events.snapshot import Clock, Complaint
from events.vocabulary import ArchiveReason, ClockName, Detail, Refusal, Status
from events.wording import number_of
from workflow.machine.clocks import ClockContext
from workflow.machine.content_digests import completed, differing, key_of
from workflow.machine.permissions import Role, is_stage
from workflow.policy.model import Policy


@dataclass(frozen=True, slots=True)
class Rejected:
    """A command that had no effect, with the reason."""

    code: Refusal
    message: str
    detail: Detail | None = None


class Refused(Exception):
    """Raised by a handler to reject its command."""

    def __init__(self, code: Refusal, message: str, detail: Detail | None = None) -> None:
        super().__init__(message)
        self.rejected = Rejected(code, message, detail)


class CommandContext(NamedTuple):
    """Context of a decision: the complaint at the log's time, and the sender."""

    complaint: Complaint
    before: Complaint
    """The complaint before announcements and overdue deadlines were applied."""
    by: str
    roles: frozenset[Role]
    now: datetime
    policy: Policy
    elapsed: tuple[f.Fact, ...] = ()
    """Facts of announcements and overdue deadlines, before the command's own."""
    content: str | None = None
    """Digests of the command's report fields; None if they cannot be compared."""
    sender: str | None = None
    """Digest of the sender if a citizen, as `report.reporter_digest` of the complaint."""

    @property
    def holder(self) -> str:
        """The office that holds the complaint, where the role of the sender implies one."""
        return self.complaint.office or ""


Check = Callable[[CommandContext, Any], object]
"""Check of one command; its data are None if unreadable. Raises Refused."""


@dataclass(frozen=True, slots=True)
class CommandHandler:
    """Decision on one command, after its sender's role and the status were checked."""

    fact: Callable[[CommandContext, Any], f.Fact | None]
    """Checks the data and returns the resulting fact; None if the history already has it."""
    permission_check: Check | None = None
    """Checks further permissions of the sender."""
    state_check: Check | None = None
    """Checks further conditions on the state of the complaint."""


def known_office(office: str | None, now: datetime, policy: Policy) -> str | None:
    """Return `office` if the directory has it on the day of `now`, else None."""
    return office if office is not None and policy.directory.exists_on(office, policy.day_of(now)) else None


def _verify(context: CommandContext, data: c.VerifyComplaint) -> f.Fact:
    return f.ComplaintVerified(by=context.by, category=data.category, edited_text=data.edited_text)


def _postpone(context: CommandContext, data: c.PostponeComplaint) -> f.Fact:
    return f.ComplaintPostponed(by=context.by, missing=data.missing, reason=data.reason)


_BEFORE_DISPOSITION: Final = frozenset({Status.REGISTERED, Status.POSTPONED, Status.VERIFIED})
_ANSWERED: Final = frozenset({Status.FOLLOWED_UP, Status.REPLIED})
_FOUND_LATER: Final = frozenset({ArchiveReason.SPAM, ArchiveReason.ABUSIVE})


def _check_later(context: CommandContext) -> None:
    """Check that only an administrator still verifies or archives after the status for that."""
    if context.roles & {Role.ADMINISTRATOR, Role.ARBITER}:
        return
    status = context.complaint.status
    if is_stage(context.by):
        raise Refused(Refusal.OVERTAKEN, f"the complaint is {status} by now", Detail.NOT_ALLOWED_IN_STATUS)
    raise Refused(Refusal.NOT_ALLOWED_IN_STATUS, f"the complaint is {status} by now: ask its administrator")


def _archivable(context: CommandContext, data: c.ArchiveComplaint | None) -> None:
    if context.complaint.status in _BEFORE_DISPOSITION:
        return
    _check_later(context)
    if data is not None and data.reason not in _FOUND_LATER:
        raise Refused(
            Refusal.NOT_ALLOWED_IN_STATUS,
            f"an office has had it: it is archived as spam or abusive only, not as {data.reason}",
            Detail.DISPOSED_ALREADY,
        )


def _archive(context: CommandContext, data: c.ArchiveComplaint) -> f.Fact:
    original = None if data.duplicate_of is None else str(data.duplicate_of)
    if original == context.complaint.complaint_id:
        raise Refused(Refusal.INVALID_DATA, "data.duplicate_of: a complaint cannot be a duplicate of itself")
    if original is not None and data.reason is not ArchiveReason.DUPLICATE:
        raise Refused(Refusal.INVALID_DATA, "data.duplicate_of: goes with reason duplicate only")
    if original is not None and original == context.complaint.follows:
        raise Refused(Refusal.INVALID_DATA, "data.duplicate_of: the reporter comes back to that one on purpose")
    return f.ComplaintArchived(by=context.by, reason=data.reason, duplicate_of=original)


_IN_SNAPSHOT: Final = frozenset({"category", "location", "anonymous", "secret"})
"""Report fields in the snapshot, which an administrator may have changed since."""


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
    """Return a completion that switches no privacy flag off, since forms send unset flags by default."""
    kept = {name: None for name in ("anonymous", "secret") if getattr(data, name) is False and getattr(complaint, name)}
    return data.model_copy(update=kept)


def _changes_report(context: CommandContext, data: c.CompleteReport, before: str | None, chosen: str | None) -> bool:
    """Check whether a completion changes a field, as far as snapshot and digests can show."""
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


def _to_own_unit(context: CommandContext, data: c.DisposeComplaint) -> bool:
    directory = context.policy.directory
    if Role.HOLDER not in context.roles or data.office not in directory:
        return False
    return directory.is_below(data.office, context.holder)


def _may_dispose(context: CommandContext, data: c.DisposeComplaint | None) -> None:
    if data is not None and context.roles <= {Role.HOLDER, Role.SUPERIOR} and not _to_own_unit(context, data):
        raise Refused(Refusal.NOT_PERMITTED, f"the holder disposes to its own units only, and {data.office} is none")


def _disposable(context: CommandContext, data: c.DisposeComplaint | None) -> None:
    complaint, policy = context.complaint, context.policy
    if complaint.status in _ANSWERED:
        _check_later(context)
    if complaint.returns < policy.return_limit or Role.ARBITER in context.roles:
        return
    if Role.HOLDER in context.roles if data is None else _to_own_unit(context, data):
        return
    raise Refused(
        Refusal.RETURN_LIMIT,
        f"returned {number_of(complaint.returns, 'time')}: only the arbiter ({policy.arbiter}) can dispose it now",
    )


def _dispose(context: CommandContext, data: c.DisposeComplaint) -> f.Fact:
    complaint = context.complaint
    if known_office(data.office, context.now, context.policy) is None:
        raise Refused(Refusal.UNKNOWN_OFFICE, f"there is no office {data.office!r} in the directory today")
    if data.office == complaint.office:
        raise Refused(
            Refusal.INVALID_DATA,
            f"data.office: {data.office} holds the complaint already, and its deadline goes on; dispose it to another",
            Detail.NOTHING_CHANGED,
        )
    return f.ComplaintDisposed(by=context.by, office=data.office, round=complaint.round + 1)


def _returnable(context: CommandContext, _data: c.ReturnDisposition | None) -> None:
    policy, returns = context.policy, context.complaint.returns
    if policy.arbiter_final and returns >= policy.return_limit:
        raise Refused(
            Refusal.RETURN_LIMIT,
            f"returned {number_of(returns, 'time')}, and the arbiter ({policy.arbiter}) has decided: answer it",
        )


def _return(context: CommandContext, data: c.ReturnDisposition) -> f.Fact:
    return f.DispositionReturned(by=context.by, office=context.holder, reason=data.reason)


def check_has(context: CommandContext, what: str, rule: object, instead: str) -> None:
    """Check that the policy has `what`, by a `rule` other than 0 or None; else name the alternative `instead`."""
    if not rule:
        raise Refused(
            Refusal.NOT_PERMITTED, f"policy {context.policy.version} has no {what}: {instead}", Detail.NOT_IN_POLICY
        )


def check_limit(what: str, count: int, limit: int, instead: tuple[str, Detail]) -> None:
    """Check that the policy allows more `what` than the `count` so far; else name the alternative `instead`."""
    way, detail = instead
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
    """Return the follow-up clock as stopped by this answer, or by an earlier one."""
    complaint, name = context.complaint, ClockName.FOLLOW_UP
    clock = complaint.clocks.get(name)
    if clock is None:
        return complaint.answered_clock
    return ClockContext.of(context.policy, complaint).pause(name, clock, context.now)


_OTHER_WAY: Final = "dispose it to another office, or close it"


def _may_reject(context: CommandContext, _data: c.RejectFollowUp | None) -> None:
    check_has(context, "rejected follow-ups", context.policy.follow_up_rejection_limit, _OTHER_WAY)


def _rejectable(context: CommandContext, _data: c.RejectFollowUp | None) -> None:
    count, limit = context.complaint.follow_up_rejections, context.policy.follow_up_rejection_limit
    check_limit("rejected follow-ups", count, limit, (_OTHER_WAY, Detail.FOLLOW_UP_REJECTION_LIMIT))


def _reject_follow_up(context: CommandContext, data: c.RejectFollowUp) -> f.Fact:
    return f.FollowUpRejected(by=context.by, office=context.holder, reason=data.reason)


def _may_progress(context: CommandContext, _data: c.RecordProgress | None) -> None:
    check_has(context, "progress notes", context.policy.progress_limit, "record a follow-up")


def _progress_left(context: CommandContext, _data: c.RecordProgress | None) -> None:
    count, limit = context.complaint.progress_notes, context.policy.progress_limit
    check_limit("progress notes", count, limit, ("record a follow-up", Detail.PROGRESS_LIMIT))


def _progress(context: CommandContext, data: c.RecordProgress) -> f.Fact:
    return f.ProgressRecorded(
        by=context.by, office=context.holder, text=data.text, evidence=data.evidence, expected_on=data.expected_on
    )


def _close(context: CommandContext, data: c.CloseComplaint) -> f.Fact:
    return f.ComplaintClosed(by=context.by, reason=data.reason)


def _may_rate(context: CommandContext, _data: c.RateResolution | None) -> None:
    """Check that a rating is the reporter's, if known, even if any citizen may send commands."""
    reporter = context.complaint.report.reporter_digest
    if context.sender is not None and reporter not in {None, context.sender}:
        raise Refused(
            Refusal.NOT_PERMITTED, "only the reporter rates what became of a complaint", Detail.NOT_THE_REPORTER
        )


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


def _may_publish(context: CommandContext, _data: c.PublishStory | None) -> None:
    if context.complaint.secret:
        raise Refused(
            Refusal.NOT_PERMITTED, "its reporter asked for secrecy: no story of it is published", Detail.SECRECY
        )


def _publish_story(context: CommandContext, data: c.PublishStory) -> f.Fact:
    return f.StoryPublished(by=context.by, title=data.title, answer=data.answer, findings=data.findings)


def _unpublish_story(context: CommandContext, data: c.UnpublishStory) -> f.Fact:
    # earlier releases may have published an undecided story
    if context.complaint.story_published is False:
        raise Refused(Refusal.INVALID_DATA, "data: its story is not published", Detail.NOTHING_CHANGED)
    return f.StoryUnpublished(by=context.by, reason=data.reason)


def _erase_data(context: CommandContext, data: c.EraseData) -> f.Fact:
    return f.DataErased(by=context.by, texts=data.texts, identity=data.identity, reason=data.reason)


HANDLERS: Final[dict[type[c.Command], CommandHandler]] = {
    c.VerifyComplaint: CommandHandler(_verify),
    c.PostponeComplaint: CommandHandler(_postpone),
    c.ArchiveComplaint: CommandHandler(_archive, state_check=_archivable),
    c.CompleteReport: CommandHandler(_complete),
    c.WithdrawComplaint: CommandHandler(_withdraw),
    c.DisposeComplaint: CommandHandler(_dispose, permission_check=_may_dispose, state_check=_disposable),
    c.ReturnDisposition: CommandHandler(_return, state_check=_returnable),
    c.RecordFollowUp: CommandHandler(_follow_up),
    c.RecordProgress: CommandHandler(_progress, permission_check=_may_progress, state_check=_progress_left),
    c.RejectFollowUp: CommandHandler(_reject_follow_up, permission_check=_may_reject, state_check=_rejectable),
    c.CloseComplaint: CommandHandler(_close),
    c.RateResolution: CommandHandler(_rate, permission_check=_may_rate),
    c.ChangePrivacy: CommandHandler(_change_privacy),
    c.PublishStory: CommandHandler(_publish_story, permission_check=_may_publish),
    c.UnpublishStory: CommandHandler(_unpublish_story),
    c.EraseData: CommandHandler(_erase_data),
}
