"""Escalation: the next office to notify of a missed deadline."""

from events.commands import EscalateComplaint
from events.snapshot import Complaint
from workflow.policy.model import Policy


def next_office(complaint: Complaint, policy: Policy) -> str | None:
    """Return the lowest office on the ladder that has not been notified yet; None if the ladder is exhausted.

    Not by the number of rungs, since the ladder changes with the holder: that could skip an office, or notify one
    twice. A reopened complaint begins with the lowest rung.
    """
    # on the day of the snapshot, so that the stage and lifecycle choose the same office
    ladder = policy.ladder_for(complaint, policy.day_of(complaint.updated_at))
    notified = complaint.escalated_to[complaint.earlier_rungs :]
    return next((office for office in ladder if office not in notified), None)


def next_rung(complaint: Complaint, policy: Policy) -> EscalateComplaint | None:
    """Return the next step up the ladder, or None if no escalation is due.

    Above the top it names the national administrator; lifecycle then records that the ladder is exhausted.
    """
    if not complaint.escalation_due:
        return None
    return EscalateComplaint(
        rung=complaint.rung + 1,
        office=next_office(complaint, policy) or policy.national,
        breaches=complaint.breaches,
        round=complaint.round,
    )
