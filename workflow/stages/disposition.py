"""Which office a complaint goes to: the one the reporter chose, else the most specific one known for it."""

from datetime import date

from events.commands import DisposeComplaint
from events.snapshot import Complaint
from events.vocabulary import Status
from workflow.policy.model import Policy
from workflow.policy.offices import Level

_WAITING = frozenset({Status.VERIFIED, Status.RETURNED})


def competent_office(complaint: Complaint, policy: Policy, today: date) -> str | None:
    """Return the office to dispose `complaint` to on `today`, or None if no rule routes it.

    An office that has returned it is not asked again. When nobody more specific is left, it goes to the superior of the
    office that returned it last, so that no door is the wrong one.
    """
    directory = policy.directory
    chosen = complaint.chosen_office
    if chosen is not None and chosen not in complaint.returned_by and directory.known(chosen, today):
        return chosen
    place = complaint.location
    found = directory.candidates(
        complaint.category,
        place.province if place else None,
        place.city if place else None,
        today,
        excluding=complaint.returned_by,
    )
    if found:
        return found[0]
    return _superior_of_last(complaint, policy, today)


def _superior_of_last(complaint: Complaint, policy: Policy, today: date) -> str | None:
    if not complaint.returned_by:
        return None
    superior = policy.directory.superior_on(complaint.returned_by[-1], today)
    if superior is None or superior in complaint.returned_by:
        return None
    # the national administrator is nobody's routing rule: what comes to it waits for a person there
    return None if policy.directory.get(superior).level is Level.NATIONAL else superior


def disposal(complaint: Complaint, policy: Policy, today: date) -> DisposeComplaint | None:
    """Return the disposition that a machine may make now, or None if there is none, or a person has to."""
    if complaint.status not in _WAITING or "dispose" not in policy.machine:
        return None
    if complaint.returns >= policy.return_limit:
        return None  # the arbiter's
    office = competent_office(complaint, policy, today)
    return None if office is None else DisposeComplaint(office=office, round=complaint.round, status=complaint.status)
