"""Public resolution of a settled complaint."""

from datetime import datetime
from typing import Final

from events import facts as f
from events.outcomes import Resolution, ResolutionReopened, Story
from events.snapshot import Complaint
from events.texts import ERASED
from workflow.policy.model import Policy
from workflow.redaction import public_view

PUBLISHED: Final = (
    f.ComplaintClosed,
    f.ComplaintArchived,
    f.ComplaintWithdrawn,
    f.ResolutionRated,
    f.PrivacyChanged,
    f.StoryPublished,
    f.StoryUnpublished,
    f.DataErased,
    f.ComplaintReopened,
    f.ComplaintRestored,
)
"""Facts that change the published resolution of a settled complaint."""
_TAKING_BACK: Final = (f.ComplaintReopened, f.ComplaintRestored)


def publishes(recorded: f.Recorded) -> bool:
    """Check whether a fact changes the published resolution of its complaint."""
    return isinstance(recorded.fact, PUBLISHED) and (recorded.complaint.outcome is not None or takes_back(recorded))


def takes_back(recorded: f.Recorded) -> bool:
    """Check whether a fact reopens a settled complaint, which revokes its published resolution."""
    return isinstance(recorded.fact, _TAKING_BACK)


def published(recorded: f.Recorded, story: Story | None, policy: Policy) -> Resolution | ResolutionReopened:
    """Return the resolution after a fact that changes it (`publishes`)."""
    complaint = recorded.complaint
    if takes_back(recorded):
        return ResolutionReopened(tracking_id=complaint.tracking_id, reopened_at=recorded.at)
    return resolution(complaint, story, policy)


def story_after(story: Story | None, recorded: f.Recorded) -> Story | None:
    """Return the published story after `recorded`; None if there is none."""
    if recorded.complaint.secret or not recorded.complaint.story_published:
        return None
    fact = recorded.fact
    if not isinstance(fact, f.StoryPublished):
        return story
    return None if fact.title == ERASED else Story(title=fact.title, answer=fact.answer)


def resolution(complaint: Complaint, story: Story | None, policy: Policy) -> Resolution:
    """Return the resolution of the `complaint`; raise ValueError if it is not settled."""
    if complaint.outcome is None or complaint.closed_at is None:
        raise ValueError(f"complaint {complaint.complaint_id} is {complaint.status}, not settled")
    view = public_view(complaint)
    place = view.location
    return Resolution(
        tracking_id=complaint.tracking_id,
        outcome=complaint.outcome,
        class_=complaint.class_,
        category=view.category,
        province=place.province if place else None,
        city=place.city if place else None,
        office=view.office,
        received_at=complaint.received_at,
        closed_at=complaint.closed_at,
        working_days=_working_days(complaint, complaint.closed_at, policy),
        on_time=complaint.breaches == 0,
        breaches=complaint.breaches,
        escalations=complaint.rung,
        rating=view.detail(complaint.rating),
        story=view.text(story),
    )


def _working_days(complaint: Complaint, closed: datetime, policy: Policy) -> int:
    if complaint.working_days is not None:
        return complaint.working_days
    return working_days(complaint.received_at, closed, policy)  # settled before this field was recorded


def working_days(received: datetime, closed: datetime, policy: Policy) -> int:
    """Return the working days that a complaint took; the day on which it was received is not counted."""
    first, last = (moment.astimezone(policy.national_zone).date() for moment in (received, closed))
    return policy.calendar.working_days_between(first, last)
