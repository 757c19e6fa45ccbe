"""Handlers of the commands that take back what was decided, as far as the policy has that (docs/adr/0043)."""

from collections.abc import Callable
from typing import Any, Final

from events import commands as c
from events import facts as f
from events.vocabulary import Detail, Refusal
from workflow.deadlines.due_dates import due_at
from workflow.machine.handlers import CommandContext, Refused, known_office


def _check_version(context: CommandContext) -> None:
    """Check that a settled complaint has its policy still: an open one needs its version."""
    version = context.complaint.policy
    if context.policy.version != version:
        raise Refused(
            Refusal.NOT_ALLOWED_IN_STATUS, f"the policy has no version {version} any more: restore that version first"
        )


def _restore(context: CommandContext, data: c.RestoreComplaint) -> f.Fact:
    _check_version(context)
    return f.ComplaintRestored(by=context.by, reason=data.reason)


def _reopen(context: CommandContext, data: c.ReopenComplaint) -> f.Fact:
    complaint, policy = context.complaint, context.policy
    _check_version(context)
    bounds = policy.reopen
    if bounds is None:
        raise Refused(
            Refusal.NOT_PERMITTED,
            f"policy {policy.version} has no reopening: report it anew",
            Detail.NOT_IN_POLICY,
        )
    closed_at = complaint.closed_at or complaint.updated_at
    until = due_at(closed_at, bounds.within, policy.national_zone, policy.calendar, hours=policy.hours)
    if context.now > until:
        raise Refused(Refusal.DEADLINE_PASSED, f"it could be reopened until {until}: report it anew")
    if complaint.reopenings >= bounds.limit:
        raise Refused(
            Refusal.NOT_PERMITTED,
            f"it was reopened {complaint.reopenings} times, and {bounds.limit} are allowed: report it anew",
            Detail.REOPENING_LIMIT,
        )
    return f.ComplaintReopened(by=context.by, office=_last_holder(context), reason=data.reason)


def _last_holder(context: CommandContext) -> str:
    """Return the last holder; if it has ended, the office above it, or the national administrator."""
    office, policy = context.complaint.office, context.policy
    if office is not None and known_office(office, context.now, policy) is None:
        office = policy.directory.superior_on(office, policy.day_of(context.now))
    return office or policy.national


CORRECTIONS: Final[dict[type[c.Command], Callable[[CommandContext, Any], f.Fact]]] = {
    c.RestoreComplaint: _restore,
    c.ReopenComplaint: _reopen,
}
