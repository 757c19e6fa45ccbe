"""Permissions: which roles may send which command.

The source of a command names its sender; Kafka's access control has to ensure that it is the sender's own.
"""

import re
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from events import commands as c
from events.ids import stage_source
from events.snapshot import Complaint
from workflow.policy.model import Policy


class Role(StrEnum):
    """Role of a sender towards a complaint; the value is its wording in a rejection."""

    CITIZEN = "a citizen"
    ADMINISTRATOR = "its administrator"
    HOLDER = "the office that holds it"
    SUPERIOR = "the superior of the office that holds it"
    ARBITER = "the arbiter"
    INTAKE = "the intake stage"
    VERIFICATION = "the verification stage"
    DISPOSITION = "the disposition stage"
    SLA = "the sla stage"
    ESCALATION = "the escalation stage"


NAMES_A_PERSON: Final = "looks like a phone number, a NIK or an e-mail address"
"""What is wrong with a subject that identifies a person."""
_OFFICES: Final = frozenset({Role.ADMINISTRATOR, Role.HOLDER, Role.SUPERIOR, Role.ARBITER})
_VERIFIERS: Final = frozenset({Role.ADMINISTRATOR, Role.VERIFICATION})
_CITIZEN: Final = frozenset({Role.CITIZEN})
_HOLDER: Final = frozenset({Role.HOLDER})

PERMITTED_ROLES: Final[dict[type[c.Command], frozenset[Role]]] = {
    c.RegisterComplaint: frozenset({Role.INTAKE}),
    c.VerifyComplaint: _VERIFIERS,
    c.PostponeComplaint: _VERIFIERS,
    c.ArchiveComplaint: _VERIFIERS,
    c.RestoreComplaint: frozenset({Role.ADMINISTRATOR}),
    c.ReopenComplaint: _CITIZEN | {Role.ADMINISTRATOR},
    c.CompleteReport: _CITIZEN,
    c.WithdrawComplaint: _CITIZEN,
    # the holder only for its own units, which the handler checks
    c.DisposeComplaint: frozenset({Role.ADMINISTRATOR, Role.HOLDER, Role.ARBITER, Role.DISPOSITION}),
    c.ReturnDisposition: _HOLDER,
    c.RecordFollowUp: _HOLDER,
    c.RecordProgress: _HOLDER,
    c.RejectFollowUp: frozenset({Role.ADMINISTRATOR, Role.SUPERIOR}),
    c.ReplyToFollowUp: _CITIZEN,
    c.CloseComplaint: frozenset({Role.ADMINISTRATOR}),
    c.AppealComplaint: _CITIZEN,
    c.RateResolution: _CITIZEN,
    c.ChangePrivacy: _CITIZEN,
    c.PublishStory: frozenset({Role.ADMINISTRATOR}),
    c.UnpublishStory: frozenset({Role.ADMINISTRATOR}),
    c.EraseData: frozenset({Role.ADMINISTRATOR}),
    c.RequestExtension: _HOLDER,
    c.DecideExtension: frozenset({Role.SUPERIOR}),
    c.NoticeDeadline: frozenset({Role.SLA}),
    c.EscalateComplaint: frozenset({Role.ESCALATION}),
    c.RescheduleDeadlines: frozenset({Role.SLA}),
}

_STAGES: Final = {
    stage_source("intake"): frozenset({Role.INTAKE}),
    stage_source("verification"): frozenset({Role.VERIFICATION}),
    stage_source("disposition"): frozenset({Role.DISPOSITION}),
    stage_source("sla"): frozenset({Role.SLA}),
    stage_source("escalation"): frozenset({Role.ESCALATION}),
}


CHANNELS: Final = "/channels/"
_SEPARATORS: Final = re.compile(r"[\s+().-]")
_SHORTEST_PHONE: Final = 8
_NIK: Final = 16
_SENDERS: Final = 4_096
"""Number of parsed sources in the cache: few offices send most commands."""


def is_stage(source: str) -> bool:
    """Return whether `source` is a stage, whose outdated commands are `overtaken`."""
    return source in _STAGES


@lru_cache(maxsize=_SENDERS)
def office_of(source: str) -> str | None:
    """Return the office of a source `/offices/<office>[/officers/<id>]`, or None for any other source."""
    match source.split("/"):
        case ["", "offices", office] | ["", "offices", office, "officers", _] if office:
            return office
        case _:
            return None


@lru_cache(maxsize=_SENDERS)
def subject_of(source: str) -> str | None:
    """Return the subject of a source `/citizens/<subject>`, or None for any other source."""
    match source.split("/"):
        case ["", "citizens", subject] if subject:
            return subject
        case _:
            return None


def names_a_person(subject: str) -> bool:
    """Check whether a subject has the form of a phone number, a NIK or an e-mail address."""
    plain = unquote(subject)
    digits = _SEPARATORS.sub("", plain)
    return "@" in plain or (digits.isdecimal() and _SHORTEST_PHONE <= len(digits) <= _NIK)


def roles_of(
    source: str, complaint: Complaint, policy: Policy, now: datetime, sender: str | None = None
) -> frozenset[Role]:
    """Return the roles of the sender `source` towards `complaint`; empty for an unknown sender or an ended office.

    `sender` is the digest of a citizen, as `report.reporter_digest` of the complaint.
    """
    if source in _STAGES:
        return _STAGES[source]
    if (subject := subject_of(source)) is not None:
        reporter = complaint.report.reporter_digest
        own = reporter is not None and sender == reporter and not names_a_person(subject)
        return _CITIZEN if own or policy.citizens == "open" else frozenset()
    if source.startswith(CHANNELS) and source == complaint.report.source and policy.citizens == "reporter":
        return _CITIZEN
    office = office_of(source)
    if office is None or not policy.directory.exists_on(office, today := policy.day_of(now)):
        return frozenset()
    holder = complaint.office
    roles = set()
    if office == policy.national or office == administering_agency(complaint, policy):
        roles.add(Role.ADMINISTRATOR)
    if office == policy.arbiter:
        roles.add(Role.ARBITER)
    if office == holder:
        roles.add(Role.HOLDER)
    elif holder is not None and office == policy.directory.superior_on(holder, today):
        roles.add(Role.SUPERIOR)
    return frozenset(roles)


def possible_roles(source: str) -> frozenset[Role]:
    """Return the roles that the sender `source` may have towards any complaint; empty for an unknown sender."""
    if source in _STAGES:
        return _STAGES[source]
    if subject_of(source) is not None or source.startswith(CHANNELS):
        return _CITIZEN
    return frozenset() if office_of(source) is None else _OFFICES


def administering_agency(complaint: Complaint, policy: Policy) -> str | None:
    """Return the agency that administers `complaint` because the reporter chose it or one of its units.

    The national administrator may act on every complaint too (LAPOR administrator manual, roles).
    """
    if complaint.chosen_office is None:
        return None
    return policy.directory.agency(complaint.chosen_office)


def who_may(command: type[c.Command]) -> str:
    """Return a phrase for people: the roles that may send `command`."""
    names = sorted(role.value for role in PERMITTED_ROLES[command])
    return " or ".join(names)
