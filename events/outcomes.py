"""What goes out beside facts: rejections to senders, resolutions to the public."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from events.cloudevents import AboutComplaint, Envelope, Frozen, Name
from events.vocabulary import ComplaintClass, Outcome, Refusal, Status


class Rejection(Frozen):
    """Why a command had no effect. The complaint is as it was."""

    TYPE: ClassVar[str] = "lapor.command.rejected.v1"

    command_id: str
    command_type: str
    command_source: str
    code: Refusal
    message: str
    """One line for a person: what is wrong and what would be right."""
    status: Status | None = None
    """Where the complaint stands; None if there is no such complaint."""
    version: int = 0
    detail: str | None = None
    """What exactly, for programs; an open list beside `code`, which is closed."""


class RejectionEvent(Envelope):
    """A record of `complaints.rejections`."""

    subject: UUID | Literal["calendar"]
    data: Rejection


class Finding(Frozen):
    """How many identifiers of a kind a scan found in a text: never the identifiers themselves."""

    kind: Name
    count: Annotated[int, Field(ge=1)]


class Story(Frozen):
    """What became of a complaint, as an administrator has published it."""

    title: str
    answer: str | None = None
    """What the office did."""


class Resolution(Frozen):
    """What the public and other systems may know of a settled complaint."""

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
    """Working days it took; the day of receipt is not counted."""
    on_time: bool
    """No deadline was breached on the way."""
    breaches: int
    escalations: int
    rating: int | None
    story: Story | None
    """None unless an administrator has published it (`publish-story`)."""


class ResolutionEvent(AboutComplaint):
    """A record of `complaints.resolutions`."""

    sequence: str
    """The version of the complaint that it tells of, ten digits."""
    data: Resolution
