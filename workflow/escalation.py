"""Who hears of a missed deadline next."""

from events.commands import EscalateComplaint
from events.snapshot import Complaint
from workflow.policy import Policy


def next_rung(complaint: Complaint, policy: Policy) -> EscalateComplaint | None:
    """Return the next step up the ladder, or None if nothing waits to be escalated.

    Past the top it names the top office again: the machine then records that the ladder is exhausted.
    """
    if not complaint.escalation_due:
        return None
    ladder = policy.ladder_for(complaint.office)
    rung = complaint.rung + 1
    return EscalateComplaint(rung=rung, office=ladder[min(rung, len(ladder)) - 1] if ladder else policy.national)
