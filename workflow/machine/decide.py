"""Decision on a command: the facts that follow from it, or the reason for its rejection.

The caller passes the time (the log's timestamp of the command), so that a replay reaches the same decision.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from events import commands as c
from events import facts as f
from events.announcements import Announcement
from events.commands import COMMANDS, Command, CommandEvent, command_type
from events.errors import Sender
from events.ids import complaint_id, digest, stage_command_id, stage_source
from events.snapshot import Complaint
from events.vocabulary import ClockName, Detail, Refusal
from workflow.deadlines.clock_rules import RULES, OnExpiry
from workflow.deadlines.working_days import Calendar
from workflow.machine.checks import HANDLER_OF, check
from workflow.machine.clocks import ClockContext, clocks_after
from workflow.machine.content_digests import differing
from workflow.machine.evolve import evolve, settled_at, waiting
from workflow.machine.handlers import CommandContext, Refused, Rejected, known_office
from workflow.machine.permissions import roles_of, who_may
from workflow.machine.recalculation import recalculated
from workflow.machine.transitions import IllegalTransition, status_after
from workflow.machine.waiting import waiting_for
from workflow.policy.model import Policy
from workflow.stages.resolution import working_days

_IN_PLACE: Final = (f.DeadlineWarned, f.DeadlineBreached, f.ComplaintEscalated, f.DeadlineRescheduled)
"""Facts that do not change `Complaint.waiting_for`."""
_KINDS: Final = {command_type(command.NAME): command for command in COMMANDS}
_INTAKE: Final = stage_source("intake")

Facts = tuple[f.Recorded, ...]
"""Facts of a command, in order; empty for a known repeat."""


class _History:
    """The facts of one decision so far, each with the complaint after it."""

    def __init__(self, complaint: Complaint | None, now: datetime, cause: f.Cause, policy: Policy) -> None:
        self.complaint = complaint
        self.now = now
        self.cause = cause
        self.policy = policy
        self.facts: list[f.Recorded] = []

    def add(self, fact: f.Fact) -> None:
        """Record `fact` at the time of the command."""
        before = self.complaint
        if isinstance(fact, f.Settling) and before is not None:
            fact = self._settled(fact, before)
        status = status_after(before.status if before else None, fact)
        context = _clock_context(self.policy, before, fact)
        clocks = clocks_after(before, fact, status, self.now, context)
        after = evolve(before, fact, self.now, self.cause, clocks, calendar=self.policy.announced)
        if not isinstance(fact, _IN_PLACE):
            after = waiting(after, waiting_for(after, self.policy, self.now))
        self.complaint = after
        self.facts.append(f.Recorded(fact, self.now, self.cause, self.complaint))

    def _settled(self, fact: f.Settling, before: Complaint) -> f.Settling:
        at, policy = settled_at(fact, self.now), self.policy
        update: dict[str, Any] = {"working_days": working_days(before.received_at, at, policy)}
        clock = before.clocks.get(ClockName.SETTLEMENT)
        if isinstance(fact, f.ComplaintClosed) and clock and policy.reopen and policy.reopen.settlement == "remaining":
            update["closed_clock"] = ClockContext.of(policy, before).stop(ClockName.SETTLEMENT, clock, at)
        return fact.model_copy(update=update)

    def catch_up(self) -> None:
        """Recalculate deadlines for announcements since the last fact, and record overdue ones.

        An announcement is in force from its log position on: a deadline that was overdue by then stays missed. A
        forwarded command may be older than an announcement before it in the log; then only deadlines that are overdue
        at the command's own time are recorded.
        """
        policy, complaint = self.policy, self.complaint
        for later in policy.since(complaint.calendar) if complaint and complaint.calendar != policy.announced else ():
            announcement, self.policy = later.announcements[-1], later.earlier or later
            old = self.policy.calendar
            self.pass_deadlines(min(self.now, announcement.announced_at))
            self.policy = later
            self._recalculate(announcement, old)
        self.policy = policy
        self.pass_deadlines(self.now)

    def _recalculate(self, announcement: Announcement, old: Calendar) -> None:
        complaint = self.complaint
        if complaint is None:
            return
        context = ClockContext.of(self.policy, complaint)
        for name, clock in complaint.clocks.items():
            due = recalculated(name, clock, announcement.day, old, context)
            if due is not None and clock.due_at is not None:
                self.add(
                    f.DeadlineRescheduled(
                        by=f.SYSTEM, clock=name, old_due_at=clock.due_at, due_at=due, reason=announcement.reason
                    )
                )

    def pass_deadlines(self, until: datetime) -> None:
        """Record deadlines that are overdue by `until`, a log time, before the command is decided.

        So a late follow-up comes after its breach even if no timer fired, and a timely one stays timely however late it
        is read.
        """
        while passed := self._passed(until):
            due, name = min(passed)
            match RULES[name].on_expiry:
                case OnExpiry.BREACH:
                    self.add(f.DeadlineBreached(by=f.SYSTEM, clock=name, due_at=due))
                case OnExpiry.WITHDRAWAL:
                    self.add(f.ComplaintWithdrawn(by=f.SYSTEM, reason="not completed in time", deadline=due))
                case OnExpiry.CLOSURE:
                    self.add(f.ComplaintClosed(by=f.SYSTEM, reason="no reply from the reporter in time", deadline=due))

    def _passed(self, until: datetime) -> list[tuple[datetime, ClockName]]:
        if self.complaint is None:
            return []
        return [
            (due, name)
            for name, clock in self.complaint.clocks.items()
            if (due := clock.due_at) is not None and until > due and clock.running
        ]


def decide(  # noqa: PLR0913 -- all inputs of a decision
    command: CommandEvent[Any],
    complaint: Complaint | None,
    now: datetime,
    policy: Policy,
    content: str | None = None,
    *,
    sender: str | None = None,
) -> Facts | Rejected:
    """Return the facts that follow from `command`, or its rejection.

    Args:
        command: the command with its sender.
        complaint: its present state; None if there is no complaint with that id.
        now: the log's timestamp of the command, timezone-aware, UTC.
        policy: the version that applies to the complaint (for a new one: by the day of receipt).
        content: digests of the report in the command (`workflow.machine.content_digests`); None: no comparison.
        sender: digest of a citizen who sends the command, as `report.reporter_digest` of the complaint.

    A repeat of a command that had its effect yields an empty tuple. A rejected command leaves no fact, not even of
    deadlines that have passed meanwhile, which their own notices record.
    """
    data: Command = command.data
    cause = f.Cause(command.source, command.id)
    if complaint is None:
        return _register(command, data, _History(None, now, cause, policy), content)
    if isinstance(data, c.RegisterComplaint):
        return _registered_already(command, complaint, content)
    if digest(command.source, command.id) in complaint.recent:
        return ()
    history = _History(complaint, max(now, complaint.updated_at), cause, policy)
    try:
        context = _caught_up(command.source, complaint, history, content, sender)
        check(type(data), context, data, command.expectedversion)
        fact = HANDLER_OF[type(data)].fact(context, data)
        if fact is not None:
            history.add(fact)
    except Refused as refusal:
        return refusal.rejected
    return tuple(history.facts)


def refuse(  # noqa: PLR0913 -- as `decide`
    asked: Sender, reason: str, complaint: Complaint | None, now: datetime, policy: Policy, *, citizen: str | None
) -> Rejected:
    """Return the rejection of a command with data unreadable for `reason`, after all other checks.

    `citizen` is the `sender` of `decide`.
    """
    kind, unreadable = _KINDS[asked.command_type], Rejected(Refusal.INVALID_DATA, reason)
    if kind is c.RegisterComplaint:
        return _not_intake(asked.source) or unreadable
    if complaint is None:
        return _unknown(asked.subject)
    history = _History(complaint, max(now, complaint.updated_at), f.Cause(asked.source, asked.command_id), policy)
    try:
        check(kind, _caught_up(asked.source, complaint, history, None, citizen), None, None)
    except Refused as refusal:
        return refusal.rejected
    return unreadable


def _caught_up(
    source: str, before: Complaint, history: _History, content: str | None, sender: str | None
) -> CommandContext:
    """Return the context for a command of `source`, after recording recalculated and missed deadlines."""
    history.catch_up()
    complaint, policy, now = history.complaint or before, history.policy, history.now
    roles = roles_of(source, complaint, policy, now, sender)
    elapsed = tuple(recorded.fact for recorded in history.facts)
    return CommandContext(complaint, before, source, roles, now, policy, elapsed, content, sender)


def _register(command: CommandEvent[Any], data: Command, history: _History, content: str | None) -> Facts | Rejected:
    if not isinstance(data, c.RegisterComplaint):
        return _unknown(str(command.subject))
    if refused := _not_intake(command.source):
        return refused
    if str(command.subject) != complaint_id(data.source, data.report_id):
        # under another id the same report could become two complaints
        return Rejected(Refusal.INVALID_DATA, "subject: not the complaint id of this report")
    history.add(
        f.ComplaintRegistered(
            by=command.source,
            complaint_id=str(command.subject),
            tracking_id=data.tracking_id,
            source=data.source,
            report_id=data.report_id,
            policy=history.policy.version,
            chosen_office=known_office(data.report.office, history.now, history.policy),
            report=data.report,
            content_digests=content,
            reporter_digest=data.reporter_digest,
        )
    )
    return tuple(history.facts)


def _registered_already(command: CommandEvent[Any], complaint: Complaint, content: str | None) -> Facts | Rejected:
    """Decide on a registration of a complaint that exists.

    Intake's is a repeat if the report equals the first delivery, whatever completions have changed since.
    """
    if refused := _not_intake(command.source):
        return refused
    processed = digest(command.source, command.id) in complaint.recent
    if not processed and command.id != stage_command_id(complaint.complaint_id, "register"):
        return Rejected(
            Refusal.NOT_ALLOWED_IN_STATUS,
            f"complaint {complaint.complaint_id} is registered already",
            Detail.ALREADY_REGISTERED,
        )
    if changed := differing(complaint.report.content_digests, content):
        return Rejected(
            Refusal.INVALID_DATA,
            f"a report with this source and id came before with another {', '.join(changed)}, and that one counts: "
            "send another report under another source or id",
            Detail.CONTENT_DIFFERS,
        )
    return ()


def _unknown(subject: str) -> Rejected:
    return Rejected(Refusal.UNKNOWN_COMPLAINT, f"there is no complaint {subject}")


def _not_intake(source: str) -> Rejected | None:
    if source == _INTAKE:
        return None
    return Rejected(
        Refusal.NOT_PERMITTED,
        f"{c.RegisterComplaint.NAME} is for {who_may(c.RegisterComplaint)}: send a report instead",
    )


_Held = tuple[str | None, str | None]
"""Office and category of a complaint, which select overrides."""
_HELD_AFTER: Final[dict[type[f.Fact], Callable[[Complaint, Any], _Held]]] = {
    f.ComplaintDisposed: lambda before, fact: (fact.office, before.category),
    f.ComplaintReopened: lambda before, fact: (fact.office, before.category),
    f.DispositionReturned: lambda before, _: (None, before.category),
    f.ComplaintVerified: lambda before, fact: (before.office, fact.category or before.category),
    f.ReportCompleted: lambda before, fact: (before.office, fact.category or before.category),
}
"""Facts that change office or category."""


def _clock_context(policy: Policy, before: Complaint | None, fact: f.Fact) -> ClockContext:
    """Return the inputs of the clocks after `fact`.

    Raises:
        IllegalTransition: the fact cannot be the first one.
    """
    if before is None:
        if not isinstance(fact, f.ComplaintRegistered):
            raise IllegalTransition(f"{fact.NAME} may not be the first fact")
        return ClockContext(policy, None, fact.report.class_, fact.report.category)
    held = _HELD_AFTER.get(type(fact))
    office, category = (before.office, before.category) if held is None else held(before, fact)
    return ClockContext(policy, office, before.class_, category)
