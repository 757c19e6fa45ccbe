"""Automatic verification of a new report: complete, incomplete, or a duplicate.

An administrator decides whether it is in scope, and what the policy does not automate, with a deadline.
"""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from events.commands import ArchiveComplaint, Command, PostponeComplaint, VerifyComplaint
from events.snapshot import Complaint
from events.vocabulary import ArchiveReason, Status
from workflow.policy.model import Policy, Requirement

_HAS: Final[dict[Requirement, Callable[[Complaint, Policy], bool]]] = {
    "title": lambda complaint, _: complaint.report.title_length > 0,
    "body": lambda complaint, policy: complaint.report.body_length >= max(policy.completeness.min_body, 1),
    # a requested office replaces a place: its officers know theirs
    "location": lambda complaint, _: (
        complaint.chosen_office is not None or (complaint.location is not None and complaint.location.is_known)
    ),
    "category": lambda complaint, _: complaint.category is not None,
    "event_date": lambda complaint, _: complaint.report.dated,
}

_IN_WORDS: Final[dict[Requirement, str]] = {
    "title": "judul laporan",
    "body": "uraian kejadian yang lebih lengkap",
    "location": "lokasi kejadian (nama tempat atau koordinat) atau instansi tujuan",
    "category": "kategori",
    "event_date": "tanggal kejadian",
}


def missing_fields(complaint: Complaint, policy: Policy) -> tuple[Requirement, ...]:
    """Return the fields that the policy requires and the report lacks, in the policy's order."""
    return tuple(name for name in policy.completeness.requires if not _HAS[name](complaint, policy))


def verification(complaint: Complaint, policy: Policy, original: str | None = None) -> Command | None:
    """Return the automatic command about the report, or None if it is for a person or already decided."""
    if complaint.status is not Status.REGISTERED:
        return None
    decided_on: dict[str, Any] = {"revision": complaint.report.revision, "status": complaint.status}
    # a report that names an earlier complaint repeats it on purpose
    if original is not None and complaint.follows is None and "archive" in policy.machine:
        return ArchiveComplaint(reason=ArchiveReason.DUPLICATE, duplicate_of=UUID(original), **decided_on)
    missing = missing_fields(complaint, policy)
    # past the limit of completions a person decides
    if missing and "postpone" in policy.machine and complaint.report.revision <= policy.completion_limit:
        fields = ", ".join(_IN_WORDS[name] for name in missing)
        return PostponeComplaint(missing=missing, reason=f"Mohon lengkapi: {fields}.", **decided_on)
    if not missing and "verify" in policy.machine:
        return VerifyComplaint(**decided_on)
    return None
