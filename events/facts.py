"""Facts: what has happened to a complaint. Named after what happened, never taken back.

A fact on the wire is its own fields, plus `by` (whose command it was), plus `complaint` (the snapshot after it).
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AwareDatetime, Field

from events.cloudevents import Body, Frozen, Links, Name, Text, Title
from events.ids import stage_source
from events.outcomes import Finding
from events.reports import Location, ReportContent
from events.snapshot import Complaint
from events.vocabulary import ArchiveReason, ClockName, Outcome

SYSTEM: Final = stage_source("lifecycle")
"""Who does what nobody asked for: the passing of a deadline."""


class Fact(Frozen):
    """One thing that happened. `NAME` is its name in the contract."""

    NAME: ClassVar[str]
    by: str
    """Source of the command that caused it."""


class Worded(Fact):
    """A fact with words of a person. They may lie apart from it, to be erased: see `events.texts`."""

    text_ref: str | None = None
    """Key of the words in `complaints.texts`; the fields then hold a placeholder. None where the fact holds them."""


class Settling(Fact):
    """A fact that ends a complaint."""

    working_days: int | None = None
    """Working days since the complaint was received, by the calendar of that time; the first day is not counted.

    None in facts of a time when it was not kept."""


class ComplaintRegistered(Worded):
    """A report has become a complaint."""

    NAME = "registered"
    complaint_id: str
    tracking_id: str
    source: str
    report_id: str
    policy: str
    chosen_office: str | None
    report: ReportContent
    content_digests: str | None = None
    """Keyed digests of the report, to compare repeats with; None in facts of a time without them."""
    reporter_digest: str | None = None
    """Keyed digest of the complaint's id and the reporter's subject; None where the channel gave none."""
    title_length: int | None = None
    body_length: int | None = None
    """Characters of title and body; None where the report holds both."""
    signature: str | None = None
    """Keyed digest of words and place, the same for a duplicate; None where the report holds them or is too short."""


class ComplaintVerified(Worded):
    """It is complete and in scope (*terverifikasi*)."""

    NAME = "verified"
    category: Name | None = None
    edited_text: Body | None = None


class ComplaintPostponed(Worded):
    """The citizen has been asked to complete it (*tunda*)."""

    NAME = "postponed"
    missing: tuple[Name, ...]
    reason: Text


class ReportCompleted(Worded):
    """The citizen has supplied more: the fields that changed, null for the others."""

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
    completed_digests: str | None = None
    """Keyed digests of the report as it is now; None where those before are not known."""
    title_length: int | None = None
    body_length: int | None = None
    """Characters of a title and a body that were supplied; None where the fact holds them."""


class ComplaintArchived(Settling):
    """It ends without being handled (*diarsipkan*)."""

    NAME = "archived"
    reason: ArchiveReason
    duplicate_of: str | None = None


class ComplaintWithdrawn(Worded, Settling):
    """The citizen took it back, or is deemed to have by not completing it."""

    NAME = "withdrawn"
    reason: Text | None = None
    deadline: AwareDatetime | None = None
    """The deadline whose passing did it; None if the citizen asked for it."""


class ComplaintDisposed(Fact):
    """It is with an office (*terdisposisi*)."""

    NAME = "disposed"
    office: Name
    round: int


class DispositionReturned(Worded):
    """The office handed it back (*bukan wewenang*)."""

    NAME = "returned"
    office: Name
    reason: Text


class FollowUpRecorded(Worded):
    """The office has answered (*ditindaklanjuti*)."""

    NAME = "followed-up"
    office: Name
    text: Text
    evidence: Links = ()


class FollowUpReplied(Worded):
    """The citizen has answered the office (*ditanggapi oleh pelapor*)."""

    NAME = "replied"
    text: Text


class ComplaintClosed(Worded, Settling):
    """It is settled (*selesai*), by an administrator or by the passing of time."""

    NAME = "closed"
    outcome: Literal[Outcome.RESOLVED] = Outcome.RESOLVED
    reason: Text | None = None
    deadline: AwareDatetime | None = None
    """The deadline whose passing did it; None if an administrator closed it."""


class ResolutionRated(Worded):
    """The citizen has rated how it was settled."""

    NAME = "rated"
    rating: Annotated[int, Field(ge=1, le=5)]
    text: Text | None = None


class PrivacyChanged(Fact):
    """The citizen has asked for privacy, or does without it: the flags that changed, null for the other."""

    NAME = "privacy-changed"
    anonymous: bool | None = None
    secret: bool | None = None


class StoryPublished(Worded):
    """An administrator has published what became of it."""

    NAME = "story-published"
    title: Title
    answer: Text | None = None
    findings: tuple[Finding, ...] | None = None
    """Identifiers that a scan had found in both texts, by kind; None if they were not scanned."""


class StoryUnpublished(Worded):
    """An administrator has taken the story back."""

    NAME = "story-unpublished"
    reason: Text | None = None


class DeadlineWarned(Fact):
    """A deadline is near."""

    NAME = "warned"
    clock: ClockName
    due_at: AwareDatetime


class DeadlineBreached(Fact):
    """A deadline has passed without what it was for."""

    NAME = "breached"
    clock: ClockName
    due_at: AwareDatetime


class ComplaintEscalated(Fact):
    """The next one up the ladder has it before them."""

    NAME = "escalated"
    rung: int
    office: Name


class EscalationExhausted(Fact):
    """The ladder has no further rung: an incident for the operators."""

    NAME = "escalation-exhausted"
    rung: int


class ExtensionRequested(Worded):
    """The holder asks for more time."""

    NAME = "extension-requested"
    working_days: int
    reason: Text


class DeadlineExtended(Worded):
    """The superior granted it; the new deadline counts from the old one."""

    NAME = "extended"
    clock: ClockName
    working_days: int
    old_due_at: AwareDatetime
    due_at: AwareDatetime
    reason: Text | None = None


class ExtensionRefused(Worded):
    """The superior did not grant it."""

    NAME = "extension-refused"
    reason: Text | None = None


class DeadlineRescheduled(Fact):
    """The calendar changed under an open deadline."""

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
    ComplaintWithdrawn,
    ComplaintDisposed,
    DispositionReturned,
    FollowUpRecorded,
    FollowUpReplied,
    ComplaintClosed,
    ResolutionRated,
    PrivacyChanged,
    StoryPublished,
    StoryUnpublished,
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
    """Return the CloudEvents type of the fact called `name`."""
    return f"lapor.complaint.{name}.v1"


@dataclass(frozen=True, slots=True)
class Cause:
    """The command that a fact follows from."""

    source: str
    id: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A fact in its place in a complaint's history."""

    fact: Fact
    at: datetime
    """Log time of the command, UTC; never before that of the fact before it."""
    cause: Cause
    complaint: Complaint
    """Where the complaint stands after it."""
