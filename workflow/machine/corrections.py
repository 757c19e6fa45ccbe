"""Handlers that reverse an answer or an end, as far as the policy allows (docs/adr/0043)."""

from datetime import datetime
from typing import Final

from events import commands as c
from events import facts as f
from events.snapshot import Complaint
from events.vocabulary import ClockName, Detail, Refusal, Status
from events.wording import number_of
from workflow.deadlines.due_dates import due_at
from workflow.deadlines.durations import Duration
from workflow.machine.handlers import CommandContext, CommandHandler, Refused, check_has, known_office
from workflow.policy.model import Policy


def _check_version(context: CommandContext, _data: object = None) -> None:
    """Check that the policy still has the version of a settled complaint, as it must for an open one."""
    version = context.complaint.policy
    if context.policy.version != version:
        raise Refused(
            Refusal.NOT_ALLOWED_IN_STATUS, f"the policy has no version {version} any more: restore that version first"
        )


def _rules(context: CommandContext) -> Policy | None:
    """Return the policy of the complaint; None if its version is gone (`_check_version`)."""
    return context.policy if context.policy.version == context.complaint.policy else None


def _restore(context: CommandContext, data: c.RestoreComplaint) -> f.Fact:
    return f.ComplaintRestored(by=context.by, reason=data.reason)


def _ends(complaint: Complaint, policy: Policy, within: Duration) -> datetime:
    """Return the end of a period that began with the closing."""
    closed_at = complaint.closed_at or complaint.updated_at
    return due_at(closed_at, within, policy.national_zone, policy.calendar, hours=policy.hours)


def _may_reopen(context: CommandContext, _data: object = None) -> None:
    policy = _rules(context)
    if policy is not None:
        check_has(context, "reopening", policy.reopen, _anew(context.complaint))


def _reopenable(context: CommandContext, _data: object = None) -> datetime | None:
    """Return until when the closed complaint can be reopened; None if the policy has no reopening."""
    _check_version(context)
    complaint, bounds = context.complaint, context.policy.reopen
    if bounds is None:
        return None
    until = _ends(complaint, context.policy, bounds.within)
    if context.now > until:
        raise Refused(Refusal.DEADLINE_PASSED, f"it could be reopened until {until}: {_anew(complaint)}")
    if complaint.reopenings >= bounds.limit:
        raise Refused(
            Refusal.NOT_PERMITTED,
            f"it was reopened {number_of(complaint.reopenings, 'time')}, of at most {bounds.limit}: {_anew(complaint)}",
            Detail.REOPENING_LIMIT,
        )
    return until


def _anew(complaint: Complaint) -> str:
    return f'report it anew, with "follows": "{complaint.tracking_id}"'


def _reopen(context: CommandContext, data: c.ReopenComplaint) -> f.Fact:
    return f.ComplaintReopened(by=context.by, office=_last_holder(context), reason=data.reason)


def _last_holder(context: CommandContext) -> str:
    """Return the last holder; if that office has ended, the office above it, or the national administrator."""
    office, policy = context.complaint.office, context.policy
    if office is not None and known_office(office, context.now, policy) is None:
        office = policy.directory.superior_on(office, policy.day_of(context.now))
    return office or policy.national


def _repliable(context: CommandContext, _data: object) -> None:
    complaint, limit = context.complaint, context.policy.late_reply_limit
    if complaint.status is Status.CLOSED and complaint.late_replies >= limit:
        until = _reopen_until(context)
        remedy = _anew(complaint) if until is None else f"have it reopened until {until}"
        raise Refused(
            Refusal.NOT_ALLOWED_IN_STATUS,
            f"it is closed, and {number_of(complaint.late_replies, 'reply', 'replies')} came after that: {remedy}",
            Detail.LATE_REPLY_LIMIT,
        )


def _reply(context: CommandContext, data: c.ReplyToFollowUp) -> f.Fact:
    if context.complaint.status is not Status.CLOSED:
        return f.FollowUpReplied(by=context.by, text=data.text)
    return f.LateReplyRecorded(by=context.by, text=data.text, reopen_until=_reopen_until(context))


def _reopen_until(context: CommandContext) -> datetime | None:
    """Return until when the closed complaint can be reopened; None if it cannot."""
    try:
        _may_reopen(context)
        return _reopenable(context)
    except Refused:
        return None


def _may_appeal(context: CommandContext, _data: object) -> None:
    policy = _rules(context)
    if policy is not None and policy.appeal is None:
        raise Refused(Refusal.NOT_PERMITTED, f"policy {policy.version} has no appeal", Detail.NOT_IN_POLICY)


def _appealable(context: CommandContext, _data: object) -> None:
    complaint, policy = context.complaint, context.policy
    _check_version(context)
    settlement = complaint.clocks.get(ClockName.SETTLEMENT)
    if complaint.status is Status.CLOSED and policy.appeal is not None:
        until = _ends(complaint, policy, policy.appeal.within)
        if context.now > until:
            raise Refused(Refusal.DEADLINE_PASSED, f"an appeal was possible until {until}: {_anew(complaint)}")
    elif settlement is None or not settlement.breached:
        raise Refused(
            Refusal.NOT_ALLOWED_IN_STATUS,
            "an appeal is possible after the closing, or once the time to settle has passed",
            Detail.NOT_OVERDUE,
        )


def _appeal(context: CommandContext, data: c.AppealComplaint) -> f.Fact:
    complaint, policy = context.complaint, context.policy
    if not data.consent:
        raise Refused(Refusal.INVALID_DATA, "data.consent: has to be true, since another office takes it over")
    if complaint.appealed_to is not None:
        raise Refused(
            Refusal.INVALID_DATA, f"data: {complaint.appealed_to} has the appeal already", Detail.NOTHING_CHANGED
        )
    ladder = policy.ladder_for(complaint, policy.day_of(context.now))
    return f.ComplaintAppealed(by=context.by, office=ladder[-1] if ladder else policy.national, reason=data.reason)


CORRECTIONS: Final[dict[type[c.Command], CommandHandler]] = {
    c.RestoreComplaint: CommandHandler(_restore, state_check=_check_version),
    c.ReopenComplaint: CommandHandler(_reopen, permission_check=_may_reopen, state_check=_reopenable),
    c.ReplyToFollowUp: CommandHandler(_reply, state_check=_repliable),
    c.AppealComplaint: CommandHandler(_appeal, permission_check=_may_appeal, state_check=_appealable),
}
