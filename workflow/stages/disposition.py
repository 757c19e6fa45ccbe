"""Choice of the office for a complaint: the one the reporter chose, else the most specific competent one."""

from datetime import date

from events.commands import DisposeComplaint
from events.snapshot import Complaint
from events.vocabulary import Status
from workflow.policy.model import Policy
from workflow.policy.offices import Level

_WAITING = frozenset({Status.VERIFIED, Status.RETURNED})


def competent_office(complaint: Complaint, policy: Policy, today: date) -> str | None:
    """Return the office to dispose `complaint` to on `today`, or None if no rule finds one.

    Offices that have returned it are skipped. If no competent one is left, it is the superior of the office that
    returned it last.
    """
    directory = policy.directory
    chosen = complaint.chosen_office
    if chosen is not None and chosen not in complaint.returned_by and directory.exists_on(chosen, today):
        return chosen
    place = complaint.location
    candidates = directory.candidates(
        complaint.category,
        place.province if place else None,
        place.city if place else None,
        today,
        excluding=complaint.returned_by,
    )
    if candidates:
        return candidates[0]
    return _superior_of_last(complaint, policy, today)


def _superior_of_last(complaint: Complaint, policy: Policy, today: date) -> str | None:
    if not complaint.returned_by:
        return None
    superior = policy.directory.superior_on(complaint.returned_by[-1], today)
    if superior is None or superior in complaint.returned_by:
        return None
    # complaints for the national administrator wait for a person
    return None if policy.directory.get(superior).level is Level.NATIONAL else superior


def disposition(complaint: Complaint, policy: Policy, today: date) -> DisposeComplaint | None:
    """Return the automatic disposition; None if there is none, or a person has to decide."""
    if complaint.status not in _WAITING or "dispose" not in policy.machine:
        return None
    if complaint.returns >= policy.return_limit:
        return None  # the arbiter decides
    office = competent_office(complaint, policy, today)
    return None if office is None else DisposeComplaint(office=office, round=complaint.round, status=complaint.status)
