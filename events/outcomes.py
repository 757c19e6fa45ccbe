"""Rejections to senders, and resolutions to the public."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from events.cloudevents import AboutComplaint, Envelope, Frozen, Name
from events.vocabulary import ComplaintClass, Outcome, Refusal, Status


class Rejection(Frozen):
    """Rejection of a command. The complaint is unchanged."""

    TYPE: ClassVar[str] = "lapor.command.rejected.v1"

    command_id: str
    command_type: str
    command_source: str
    code: Refusal
    message: str
    """One line for people: the error and the remedy."""
    status: Status | None = None
    """Status of the complaint; None if it does not exist."""
    version: int = 0
    detail: str | None = None
    """Refines `code` for programs; an open list."""


class RejectionEvent(Envelope):
    """A record of `complaints.rejections`."""

    subject: UUID | Literal["calendar"]
    data: Rejection


class Finding(Frozen):
    """Number of identifiers per kind that a scan found in a text, without the identifiers."""

    kind: Name
    count: Annotated[int, Field(ge=1)]


class Story(Frozen):
    """The story of a complaint, as published by an administrator."""

    title: str
    answer: str | None = None
    """The office's action."""


class Resolution(Frozen):
    """The public view of a settled complaint."""

    TYPE: ClassVar[str] = "lapor.resolution.published.v1"

    tracking_id: str
    outcome: Outcome
    class_: Annotated[ComplaintClass, Field(alias="class")]
    category: str | None
    province: str | None
    city: str | None
    office: str | None
    received_at: AwareDatetime
    closed_at: AwareDatetime
    working_days: int
    """Working days to settlement, without the day of receipt."""
    on_time: bool
    """True if no deadline was breached."""
    breaches: int
    escalations: int
    rating: int | None
    story: Story | None
    """None unless published by an administrator (`publish-story`)."""


class ResolutionReopened(Frozen):
    """Revocation of a published outcome: the complaint is open again."""

    TYPE: ClassVar[str] = "lapor.resolution.reopened.v1"

    tracking_id: str
    reopened_at: AwareDatetime


class ResolutionReopenedEvent(AboutComplaint):
    """A record of `complaints.resolutions` that revokes the one before it."""

    sequence: str
    """The version of the complaint, ten digits."""
    data: ResolutionReopened


class ResolutionEvent(AboutComplaint):
    """A record of `complaints.resolutions`."""

    sequence: str
    """The version of the complaint, ten digits."""
    data: Resolution
