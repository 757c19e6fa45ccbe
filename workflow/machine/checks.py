"""The checks of a command, in the same order for all senders and commands: permission, status, data.

`workflow.machine.decide` checks before that the complaint exists; the handlers check the data afterwards.
The first check that fails determines the code: a sender without permission gets the same code in every status.
"""

from operator import attrgetter
from typing import Final

from events import commands as c
from events.snapshot import Complaint
from events.vocabulary import Detail, Refusal
from workflow.machine.corrections import CORRECTIONS
from workflow.machine.deadline_handlers import DEADLINE_HANDLERS
from workflow.machine.handlers import HANDLERS, CommandContext, CommandHandler, Refused
from workflow.machine.permissions import (
    CHANNELS,
    PERMITTED_ROLES,
    Role,
    is_stage,
    names_a_person,
    office_of,
    subject_of,
    who_may,
)
from workflow.machine.transitions import ALLOWED_IN

HANDLER_OF: Final[dict[type[c.Command], CommandHandler]] = HANDLERS | CORRECTIONS | DEADLINE_HANDLERS
_SEEN: Final = {
    "status": attrgetter("status"),
    "revision": attrgetter("report.revision"),
    "round": attrgetter("round"),
    "breaches": attrgetter("breaches"),
}
_SEEN_IN: Final = {
    command: tuple((name, of) for name, of in _SEEN.items() if name in command.model_fields) for command in c.COMMANDS
}


def check(kind: type[c.Command], context: CommandContext, data: c.Command | None, expected: int | None) -> None:
    """Check a command except its data; None: unreadable data, without the checks that depend on them.

    Raises:
        Refused: by the first check that fails.
    """
    handler = HANDLER_OF[kind]
    if not context.roles & PERMITTED_ROLES[kind]:
        raise _not_permitted(kind, context)
    if handler.permission_check is not None:
        handler.permission_check(context, data)
    if expected is not None and expected != context.before.version:
        raise Refused(
            Refusal.VERSION_MISMATCH,
            f"the complaint is at version {context.before.version}, not {expected}: look at it again",
        )
    # the deadline of this notice may just have ended the complaint
    complaint = context.before if kind is c.NoticeDeadline else context.complaint
    if complaint.status not in ALLOWED_IN[kind]:
        raise _not_in_status(kind, context)
    if data is not None:
        _check_decided_on(data, complaint)
    if handler.state_check is not None:
        handler.state_check(context, data)


def _not_permitted(kind: type[c.Command], context: CommandContext) -> Refused:
    """Return the rejection for a sender without permission, with the roles that have it."""
    source, policy, may = context.by, context.policy, PERMITTED_ROLES[kind]
    office, subject = office_of(source), subject_of(source)
    if not context.roles and office is not None and office in policy.directory:
        ended = policy.directory.last_day(office)
        if ended is not None and ended < policy.day_of(context.now):
            return Refused(
                Refusal.NOT_PERMITTED,
                f"{office} ended on {ended}: the administrator disposes it on",
                Detail.OFFICE_ENDED,
            )
    if Role.CITIZEN in may and policy.citizens != "open":
        if subject is not None and names_a_person(subject):
            return Refused(
                Refusal.NOT_PERMITTED,
                "source: what follows /citizens/ looks like a phone number, a NIK or an e-mail address: use an id that "
                "identifies no person, and give it as reporter.subject of the report",
                Detail.NOT_THE_REPORTER,
            )
        if subject is not None or source.startswith(CHANNELS):
            return Refused(
                Refusal.NOT_PERMITTED,
                f"{kind.NAME} is for the complaint's reporter, or the channel that reported it",
                Detail.NOT_THE_REPORTER,
            )
    other = office is not None and may == {Role.HOLDER}
    detail = Detail.NOT_THE_HOLDER if other else None
    return Refused(Refusal.NOT_PERMITTED, f"{kind.NAME} is for {who_may(kind)}", detail)


def _not_in_status(kind: type[c.Command], context: CommandContext) -> Refused:
    status, allowed_in = context.complaint.status, ALLOWED_IN[kind]
    if is_stage(context.by):
        return Refused(Refusal.OVERTAKEN, f"the complaint is {status} by now", Detail.NOT_ALLOWED_IN_STATUS)
    if context.before.status in allowed_in:
        return Refused(Refusal.DEADLINE_PASSED, f"too late: a deadline has passed and the complaint is {status}")
    statuses = ", ".join(sorted(allowed_in))
    return Refused(
        Refusal.NOT_ALLOWED_IN_STATUS, f"{kind.NAME} is possible while {statuses}; the complaint is {status}"
    )


def _check_decided_on(data: c.Command, complaint: Complaint) -> None:
    """Check that the basis of a stage's decision to send this command still holds.

    Raises:
        Refused: the complaint has changed since; the stage reacts to the fact that changed it.
    """
    for name, of in _SEEN_IN[type(data)]:
        seen = getattr(data, name)
        if seen is not None and seen != (now := of(complaint)):
            raise Refused(Refusal.OVERTAKEN, f"decided on {name} {seen}, and by now the complaint has {name} {now}")
