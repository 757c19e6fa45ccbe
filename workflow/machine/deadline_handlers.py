"""Handlers of deadline commands: extensions, and the notices of the sla and escalation stages."""

from datetime import datetime
from typing import Final

from events import commands as c
from events import facts as f
from events.snapshot import ExtensionRequest
from events.vocabulary import ClockName, Refusal
from events.wording import number_of
from workflow.machine.clocks import ClockContext
from workflow.machine.handlers import CommandContext, CommandHandler, Refused
from workflow.stages.escalation import next_office


def _extendable(context: CommandContext, _data: c.RequestExtension | None) -> None:
    if context.complaint.extension is not None:
        raise Refused(Refusal.EXTENSION_PENDING, "an extension has been asked for already: its superior decides it")
    _still_running(context)
    times = context.complaint.extensions
    if times >= context.policy.extension.max_times:
        raise Refused(Refusal.EXTENSION_LIMIT, f"extended {number_of(times, 'time')}: no more is possible")


def _request_extension(context: CommandContext, data: c.RequestExtension) -> f.Fact:
    left = context.policy.extension.max_days - context.complaint.extended_days
    if data.working_days > left:
        raise Refused(Refusal.EXTENSION_LIMIT, f"at most {number_of(left, 'more working day')} can be added")
    return f.ExtensionRequested(by=context.by, working_days=data.working_days, reason=data.reason)


def _requested(context: CommandContext, _data: c.DecideExtension | None) -> ExtensionRequest:
    if context.complaint.extension is None:
        raise Refused(Refusal.NO_EXTENSION_REQUESTED, "no extension waits to be decided")
    return context.complaint.extension


def _decide_extension(context: CommandContext, data: c.DecideExtension) -> f.Fact:
    if not data.approved:
        return f.ExtensionRefused(by=context.by, reason=data.reason)
    due, request = _still_running(context), _requested(context, data)
    complaint = context.complaint
    clock = ClockContext.of(context.policy, complaint).extend(
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
        return None  # its expiry is already in the history
    if data.clock not in context.complaint.clocks:
        if any(isinstance(fact, f.DeadlineRescheduled) for fact in context.elapsed):
            return None  # a recalculated deadline has ended the complaint
        raise Refused(Refusal.OVERTAKEN, f"the complaint is {context.complaint.status} by now: another deadline passed")
    if context.complaint.clocks[data.clock].due_at != data.due_at:
        return None  # the deadline has just moved, which is already in the history
    if clock.warn_at is None or clock.warned or context.now < clock.warn_at:
        raise Refused(Refusal.NOT_DUE, f"by the log it is {context.now}, and nothing is due before {data.due_at}")
    return f.DeadlineWarned(by=f.SYSTEM, clock=data.clock, due_at=data.due_at)


def _reschedule(context: CommandContext, data: c.RescheduleDeadlines) -> f.Fact | None:
    if not context.elapsed:
        raise Refused(Refusal.OVERTAKEN, f"no deadline moves by the first {data.calendar} announcements by now")
    return None  # the moved deadlines are already in the history


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


DEADLINE_HANDLERS: Final[dict[type[c.Command], CommandHandler]] = {
    c.RequestExtension: CommandHandler(_request_extension, state_check=_extendable),
    c.DecideExtension: CommandHandler(_decide_extension, state_check=_requested),
    c.NoticeDeadline: CommandHandler(_notice),
    c.EscalateComplaint: CommandHandler(_escalate),
    c.RescheduleDeadlines: CommandHandler(_reschedule),
}
