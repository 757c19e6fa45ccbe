"""Facts: what has happened to a complaint. Named after what happened, never altered.

A fact on the wire is its own fields, plus `by` (the sender of its command), plus `complaint` (the snapshot after it).
"""

from datetime import date, datetime
from operator import not_
from typing import Annotated, ClassVar, Final, Literal, NamedTuple

from pydantic import AwareDatetime, Field

from events.cloudevents import UNLESS_NONE, Body, Frozen, Links, Name, Text, Title
from events.ids import stage_source
from events.outcomes import Finding
from events.reports import Location, ReportContent
from events.snapshot import Clock, Complaint
from events.vocabulary import ArchiveReason, ClockName, Outcome

SYSTEM: Final = stage_source("lifecycle")
"""Source of facts without a command: an expired deadline."""


class Fact(Frozen):
    """A fact. `NAME` is its name in the contract."""

    NAME: ClassVar[str]
    by: str
    """Source of the causing command."""


class Worded(Fact):
    """A fact with free text, which may be stored apart, so that it can be erased: see `events.texts`."""

    text_ref: Annotated[str | None, UNLESS_NONE] = None
    """Key of the texts in `complaints.texts`; then the fields have a placeholder. None if the fact has the texts."""


class Settling(Fact):
    """A fact that ends a complaint."""

    working_days: int | None = None
    """Working days since the day of receipt, by the calendar of that time; None in older facts."""


class ComplaintRegistered(Worded):
    """A report was registered as a complaint."""

    NAME = "registered"
    complaint_id: str
    tracking_id: str
    source: str
    report_id: str
    policy: str
    chosen_office: str | None
    report: ReportContent
    content_digests: Annotated[str | None, UNLESS_NONE] = None
    """Keyed digests of the report, to compare repeats; None in older facts."""
    reporter_digest: Annotated[str | None, UNLESS_NONE] = None
    """Keyed digest of complaint id and the reporter's subject; None without a subject."""
    title_length: Annotated[int | None, UNLESS_NONE] = None
    body_length: Annotated[int | None, UNLESS_NONE] = None
    """Lengths of title and body; None if the report has the texts."""


class ComplaintVerified(Worded):
    """The complaint is complete and in scope (*terverifikasi*)."""

    NAME = "verified"
    category: Name | None = None
    edited_text: Body | None = None


class ComplaintPostponed(Worded):
    """The citizen was asked to complete the report (*tunda*)."""

    NAME = "postponed"
    missing: tuple[Name, ...]
    reason: Text


class ReportCompleted(Worded):
    """The citizen completed the report; unchanged fields are null."""

    NAME = "report-completed"
    revision: int
    title: Title | None = None
    body: Body | None = None
    category: Name | None = None
    event_date: date | None = None
    location: Location | None = None
    office: Name | None = None
    chosen_office: str | None = None
    anonymous: bool | None = None
    secret: bool | None = None
    attachments: Links | None = None
    completed_digests: Annotated[str | None, UNLESS_NONE] = None
    """Keyed digests of the present report; None without earlier digests."""
    title_length: Annotated[int | None, UNLESS_NONE] = None
    body_length: Annotated[int | None, UNLESS_NONE] = None
    """Lengths of the supplied title and body; None if the fact has the texts."""


class ComplaintArchived(Settling):
    """The complaint ended without handling (*diarsipkan*)."""

    NAME = "archived"
    reason: ArchiveReason
    duplicate_of: str | None = None


class ComplaintRestored(Worded):
    """The archived complaint was restored, and is verified again."""

    NAME = "restored"
    reason: Text


class ComplaintReopened(Worded):
    """The closed complaint was reopened, with its last holder."""

    NAME = "reopened"
    office: Name
    """The last holder; if it has ended, the office above it."""
    reason: Text


class ComplaintWithdrawn(Worded, Settling):
    """The citizen withdrew the complaint, or did not complete it in time."""

    NAME = "withdrawn"
    reason: Text | None = None
    deadline: AwareDatetime | None = None
    """The expired deadline that ended it; None if the citizen withdrew it."""


class ComplaintDisposed(Fact):
    """The complaint was assigned to an office (*terdisposisi*)."""

    NAME = "disposed"
    office: Name
    round: int


class DispositionReturned(Worded):
    """The office returned the complaint (*bukan wewenang*)."""

    NAME = "returned"
    office: Name
    reason: Text


class FollowUpRecorded(Worded):
    """The office followed up (*ditindaklanjuti*)."""

    NAME = "followed-up"
    office: Name
    text: Text
    evidence: Links = ()
    answered_clock: Annotated[Clock | None, Field(exclude_if=not_)] = None
    """The follow-up clock, stopped by the answer; None if the policy has no rejections."""


class FollowUpRejected(Worded):
    """The follow-up was rejected; the same holder has to answer again, in the time that was left."""

    NAME = "follow-up-rejected"
    office: Name
    """The holder."""
    reason: Text


class ProgressRecorded(Worded):
    """The office reported progress to the citizen; its deadlines continue."""

    NAME = "progress-recorded"
    office: Name
    text: Text
    evidence: Links = ()
    expected_on: date | None = None
    """Day on which the office expects to answer."""


class FollowUpReplied(Worded):
    """The citizen replied (*ditanggapi oleh pelapor*)."""

    NAME = "replied"
    text: Text


class LateReplyRecorded(Worded):
    """The citizen replied after the closing; the status is unchanged."""

    NAME = "late-reply-recorded"
    text: Text
    reopen_until: AwareDatetime | None
    """Until when the reporter can reopen the complaint; None if that is impossible."""


class ComplaintClosed(Worded, Settling):
    """The complaint was closed (*selesai*), by an administrator or by an expired deadline."""

    NAME = "closed"
    outcome: Literal[Outcome.RESOLVED] = Outcome.RESOLVED
    reason: Text | None = None
    deadline: AwareDatetime | None = None
    """The expired deadline that closed it; None if an administrator did."""
    closed_clock: Annotated[Clock | None, Field(exclude_if=not_)] = None
    """The settlement clock, stopped by the closing; None if it would restart with its full time when reopened."""


class ComplaintAppealed(Worded):
    """The reporter appealed, with consent; the status is unchanged."""

    NAME = "appealed"
    office: Name
    """The office on the top rung of the ladder."""
    reason: Text
    consent: Literal[True] = True


class ResolutionRated(Worded):
    """The citizen rated the resolution."""

    NAME = "rated"
    rating: Annotated[int, Field(ge=1, le=5)]
    text: Text | None = None


class PrivacyChanged(Fact):
    """The citizen changed the privacy flags; an unchanged one is null."""

    NAME = "privacy-changed"
    anonymous: bool | None = None
    secret: bool | None = None


class StoryPublished(Worded):
    """An administrator published the story."""

    NAME = "story-published"
    title: Title
    answer: Text | None = None
    findings: tuple[Finding, ...] | None = None
    """Identifiers that a scan found in both texts, by kind; None without a scan."""


class StoryUnpublished(Worded):
    """An administrator withdrew the story."""

    NAME = "story-unpublished"
    reason: Text | None = None


class DataErased(Worded):
    """Free text, the reporter's identity, or both were erased."""

    NAME = "data-erased"
    texts: bool
    identity: bool
    reason: Text


class DeadlineWarned(Fact):
    """A deadline is near."""

    NAME = "warned"
    clock: ClockName
    due_at: AwareDatetime


class DeadlineBreached(Fact):
    """A deadline expired without the required action."""

    NAME = "breached"
    clock: ClockName
    due_at: AwareDatetime


class ComplaintEscalated(Fact):
    """The next office of the ladder was notified."""

    NAME = "escalated"
    rung: int
    office: Name


class EscalationExhausted(Fact):
    """The ladder has no further rung."""

    NAME = "escalation-exhausted"
    rung: int


class ExtensionRequested(Worded):
    """The holder requested an extension."""

    NAME = "extension-requested"
    working_days: int
    reason: Text


class DeadlineExtended(Worded):
    """The superior granted the extension, counted from the old deadline."""

    NAME = "extended"
    clock: ClockName
    working_days: int
    old_due_at: AwareDatetime
    due_at: AwareDatetime
    reason: Text | None = None


class ExtensionRefused(Worded):
    """The superior refused the extension."""

    NAME = "extension-refused"
    reason: Text | None = None


class DeadlineRescheduled(Fact):
    """An open deadline was recalculated after a change of the calendar."""

    NAME = "rescheduled"
    clock: ClockName
    old_due_at: AwareDatetime
    due_at: AwareDatetime
    reason: Text


FACTS: Final[tuple[type[Fact], ...]] = (
    ComplaintRegistered,
    ComplaintVerified,
    ComplaintPostponed,
    ReportCompleted,
    ComplaintArchived,
    ComplaintRestored,
    ComplaintReopened,
    ComplaintWithdrawn,
    ComplaintDisposed,
    DispositionReturned,
    FollowUpRecorded,
    FollowUpRejected,
    ProgressRecorded,
    FollowUpReplied,
    LateReplyRecorded,
    ComplaintClosed,
    ComplaintAppealed,
    ResolutionRated,
    PrivacyChanged,
    StoryPublished,
    StoryUnpublished,
    DataErased,
    DeadlineWarned,
    DeadlineBreached,
    ComplaintEscalated,
    EscalationExhausted,
    ExtensionRequested,
    DeadlineExtended,
    ExtensionRefused,
    DeadlineRescheduled,
)


def fact_type(name: str) -> str:
    """Return the CloudEvents type of the fact `name`."""
    return f"lapor.complaint.{name}.v1"


class Cause(NamedTuple):
    """The command that a fact results from."""

    source: str
    id: str


class Recorded(NamedTuple):
    """A fact with its time, cause, and the snapshot after it."""

    fact: Fact
    at: datetime
    """Log time of the command, UTC; never before that of the fact before it."""
    cause: Cause
    complaint: Complaint
    """The snapshot after it."""
