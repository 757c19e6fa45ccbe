"""Dry run: the predicted effect of a valid message, as far as it depends on the policy alone."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel

from events.announcements import CALENDAR, AnnouncementEvent, Announcements
from events.commands import Command, CommandEvent, DisposeComplaint, command_type
from events.ids import stage_command_id, stage_source
from events.reports import ReportSubmitted
from events.topics import TopicName
from workflow.machine.announcements import announce
from workflow.machine.decide import decide
from workflow.machine.handlers import Rejected, known_office
from workflow.machine.permissions import NAMES_A_PERSON, PERMITTED_ROLES, names_a_person, possible_roles, who_may
from workflow.policy.model import Policy
from workflow.stages.intake import registration
from workflow.stages.verification import missing_fields

_INTAKE: Final = stage_source("intake")


def dry_run(message: BaseModel, now: datetime, policy: Policy) -> Iterator[str]:
    """Yield lines with the record key of a valid message and its effect at `now` (UTC) under `policy`."""
    for kind, predict in _PREDICTIONS.items():
        if isinstance(message, kind):
            yield from predict(message, now, policy)
            return
    subject = getattr(message, "subject", None)
    yield f"its key is {subject}" if subject else "it has no key of its own"


def _report(report: ReportSubmitted, now: datetime, policy: Policy) -> Iterator[str]:
    complaint_id = report.complaint_id
    yield f"becomes complaint {complaint_id}: the key of all that follows (on {TopicName.INTAKE} any key will do)"
    command = CommandEvent[Any](
        specversion="1.0",
        type=command_type("register-complaint"),
        source=_INTAKE,
        id=stage_command_id(complaint_id, "register"),
        subject=UUID(complaint_id),
        data=registration(report, partition=0, offset=0),
    )
    answer = decide(command, None, now, policy)
    if isinstance(answer, Rejected):
        yield f"would be refused, {answer.code}: {answer.message}"
        return
    complaint = answer[-1].complaint
    if report.data.office is not None and complaint.chosen_office is None:
        yield f"the directory has no office {report.data.office}: it would be routed as if none was named"
    if report.data.reporter and policy.citizens != "open" and names_a_person(report.data.reporter.subject or ""):
        yield f"reporter.subject {NAMES_A_PERSON}: no command of the reporter will count, so give a pseudonym"
    missing = missing_fields(complaint, policy)
    if not missing:
        yield f"has all that {policy.version} asks for before it is verified"
    elif "postpone" in policy.machine:
        yield f"would be registered and at once postponed under {policy.version}: {_lacks(missing, policy)}"
    else:
        yield f"would be registered, and may be postponed under {policy.version}: {_lacks(missing, policy)}"


def _lacks(missing: tuple[str, ...], policy: Policy) -> str:
    labels = {
        "body": f"a body of at least {policy.completeness.min_body} characters",
        "location": "a location (the name of a place, or lat and lon) or an office",
        "event_date": "an event_date",
    }
    return "it lacks " + ", ".join(labels.get(name, f"a {name}") for name in missing)


def _command(event: CommandEvent[Command], now: datetime, policy: Policy) -> Iterator[str]:
    yield f"is about complaint {event.subject}, which is its key"
    command = event.data
    if not possible_roles(event.source) & PERMITTED_ROLES[type(command)]:
        yield f"would be refused, not-permitted: {command.NAME} is for {who_may(type(command))}, not for {event.source}"
    if isinstance(command, DisposeComplaint) and known_office(command.office, now, policy) is None:
        yield f"would be refused, unknown-office: the directory of {policy.version} has no office {command.office}"


def _announcement(event: AnnouncementEvent, now: datetime, policy: Policy) -> Iterator[str]:
    yield f"is for all complaints: to be sent with the key {CALENDAR}, once in each partition of {TopicName.COMMANDS}"
    answer = announce(event, Announcements.of(policy.announcements), now, policy)
    if isinstance(answer, Rejected):
        yield f"would be refused, {answer.code}: {answer.message}"


_PREDICTIONS: Final[dict[type[BaseModel], Callable[[Any, datetime, Policy], Iterator[str]]]] = {
    ReportSubmitted: _report,
    AnnouncementEvent: _announcement,
    CommandEvent: _command,
}
