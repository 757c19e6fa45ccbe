"""Commands: requests to change a complaint. Each may be refused."""

from datetime import date
from typing import Annotated, ClassVar, Final, Generic, Self, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from events.cloudevents import (
    AboutComplaint,
    Attribute,
    Body,
    Frozen,
    Line,
    Name,
    NewLinks,
    OptionalBody,
    OptionalName,
    OptionalTitle,
    Text,
    unseen,
)
from events.outcomes import Finding
from events.reports import Location, ReportContent
from events.vocabulary import ArchiveReason, ClockName, Status

Days = Annotated[int, Field(ge=1, le=366)]
Revision = Annotated[int, Field(ge=1)]
Findings = Annotated[tuple[Finding, ...], Field(max_length=20)]
Digest = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9._-]{1,32}:[0-9a-f]{32}$")]
SeenStatus = Annotated[Status | None, Field(description="status at the decision (stages)")]
SeenRound = Annotated[int | None, Field(ge=0, description="number of dispositions at the decision (stages)")]


class Command(Frozen):
    """`data` of a command. `NAME` is its name in the contract."""

    NAME: ClassVar[str]

    @model_validator(mode="after")
    def _has_visible_texts(self) -> Self:
        for name, value in self.__dict__.items():
            if isinstance(value, str) and value and unseen(value):
                msg = f"its {name} is invisible"
                raise ValueError(msg)
        return self


class RegisterComplaint(Command):
    """Register a report as a complaint (intake)."""

    NAME = "register-complaint"
    tracking_id: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
    source: Attribute
    report_id: Attribute
    report: ReportContent
    reporter_digest: Digest | None = None
    """Keyed digest of complaint id and the reporter's subject; null without a subject."""


class VerifyComplaint(Command):
    """Declare the report complete and in scope."""

    NAME = "verify-complaint"
    category: Annotated[Name | None, Field(description="a better category")] = None
    edited_text: Annotated[Body | None, Field(description="the text as the administrator edited it")] = None
    revision: Annotated[Revision | None, Field(description="report revision at the decision (stages)")] = None
    status: SeenStatus = None


class PostponeComplaint(Command):
    """*Tunda*: ask the citizen to complete the report."""

    NAME = "postpone-complaint"
    missing: Annotated[tuple[Name, ...], Field(min_length=1, max_length=20, description="names of the missing fields")]
    reason: Annotated[Text, Field(description="text for the citizen")]
    revision: Annotated[Revision | None, Field(description="report revision at the decision (stages)")] = None
    status: SeenStatus = None


class ArchiveComplaint(Command):
    """*Arsipkan*: end the complaint without handling."""

    NAME = "archive-complaint"
    reason: Annotated[ArchiveReason, Field(description="reason for not handling it")]
    duplicate_of: Annotated[UUID | None, Field(description="the original complaint")] = None
    revision: Annotated[Revision | None, Field(description="report revision at the decision (stages)")] = None
    status: SeenStatus = None


class RestoreComplaint(Command):
    """An administrator restores an archived complaint, which is verified again."""

    NAME = "restore-complaint"
    reason: Annotated[Text, Field(description="why it should not have been archived")]


class ReopenComplaint(Command):
    """The reporter or an administrator reopens a closed complaint, with its last holder."""

    NAME = "reopen-complaint"
    reason: Annotated[Text, Field(description="why it is not settled")]


class CompleteReport(Command):
    """The citizen completes the report; only with the fields that change."""

    NAME = "complete-report"
    title: Annotated[OptionalTitle, Field(description="new title")] = None
    body: Annotated[OptionalBody, Field(description="new text of the report")] = None
    category: Annotated[OptionalName, Field(description="new category")] = None
    event_date: Annotated[date | None, Field(description="day it happened, YYYY-MM-DD")] = None
    location: Annotated[Location | None, Field(description="its place, as JSON")] = None
    office: Annotated[OptionalName, Field(description="office that should have it")] = None
    anonymous: Annotated[bool | None, Field(description="hide who reports")] = None
    secret: Annotated[bool | None, Field(description="hide the content from the public")] = None
    attachments: Annotated[NewLinks | None, Field(description="links to files")] = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if all(getattr(self, name) is None for name in type(self).model_fields):
            msg = "name at least one field of the report"
            raise ValueError(msg)
        return self


class WithdrawComplaint(Command):
    """The citizen withdraws the complaint."""

    NAME = "withdraw-complaint"
    reason: Annotated[Text | None, Field(description="why")] = None


class DisposeComplaint(Command):
    """*Disposisi*: assign the complaint to the office that has to follow up."""

    NAME = "dispose-complaint"
    office: Annotated[Name, Field(description="the office's id")]
    round: SeenRound = None
    status: SeenStatus = None


class ReturnDisposition(Command):
    """*Bukan wewenang*: the holder declares that it is not competent."""

    NAME = "return-disposition"
    reason: Annotated[Text, Field(description="reason why the office is not competent")]


class RecordFollowUp(Command):
    """*Tindak lanjut*: the holder answers the citizen."""

    NAME = "record-follow-up"
    text: Annotated[Text, Field(description="the answer, as the citizen reads it")]
    evidence: Annotated[NewLinks, Field(description="links to photos or documents")] = ()


class RecordProgress(Command):
    """The holder reports progress to the citizen; this is not a follow-up and stops no clock."""

    NAME = "record-progress"
    text: Annotated[Text, Field(description="what has been done so far, as the citizen reads it")]
    evidence: Annotated[NewLinks, Field(description="links to photos or documents")] = ()
    expected_on: Annotated[date | None, Field(description="day on which an answer is expected, YYYY-MM-DD")] = None


class RejectFollowUp(Command):
    """An administrator or the superior rejects a follow-up without substance; the holder has to answer again."""

    NAME = "reject-follow-up"
    reason: Annotated[Text, Field(description="what the answer lacks")]


class ReplyToFollowUp(Command):
    """*Tanggapan*: the citizen replies to the office, also after the closing."""

    NAME = "reply-to-follow-up"
    text: Annotated[Text, Field(description="text of the reply")]


class CloseComplaint(Command):
    """An administrator closes a complaint with a follow-up."""

    NAME = "close-complaint"
    reason: Annotated[Text | None, Field(description="why")] = None


class AppealComplaint(Command):
    """The reporter appeals to the office on the top rung of the ladder."""

    NAME = "appeal-complaint"
    reason: Annotated[Text, Field(description="why")]
    consent: Annotated[bool, Field(description="the reporter agrees that this office takes it over; has to be true")]


class RateResolution(Command):
    """The citizen rates a closed complaint."""

    NAME = "rate-resolution"
    rating: Annotated[int, Field(ge=1, le=5, description="1 (poor) to 5 (good)")]
    text: Annotated[Text | None, Field(description="text of the citizen")] = None


class ChangePrivacy(Command):
    """The citizen changes the privacy flags, at any time."""

    NAME = "change-privacy"
    anonymous: Annotated[bool | None, Field(description="hide who reports")] = None
    secret: Annotated[bool | None, Field(description="hide the content from the public")] = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.anonymous is None and self.secret is None:
            msg = "name anonymous, secret or both"
            raise ValueError(msg)
        return self


class PublishStory(Command):
    """Publish the story of a closed complaint: title and answer."""

    NAME = "publish-story"
    title: Annotated[Line, Field(description="the title, without anything that identifies the reporter")]
    answer: Annotated[Text | None, Field(description="the answer, likewise")] = None
    findings: Annotated[
        Findings | None,
        Field(description="identifiers that a scan found in both texts, by kind; null if they were not scanned"),
    ] = None


class UnpublishStory(Command):
    """Withdraw a published story; the outcome stays public."""

    NAME = "unpublish-story"
    reason: Annotated[Text | None, Field(description="why")] = None


class EraseData(Command):
    """Erase the free text of a complaint, the reporter's identity, or both. The history stays."""

    NAME = "erase-data"
    texts: Annotated[bool, Field(description="erase all free text up to now")] = False
    identity: Annotated[bool, Field(description="erase the digest of the reporter")] = False
    reason: Annotated[Text, Field(description="why, for the record")]

    @model_validator(mode="after")
    def _erases_something(self) -> Self:
        if not self.texts and not self.identity:
            msg = "name texts, identity or both"
            raise ValueError(msg)
        return self


class RequestExtension(Command):
    """The holder requests an extension."""

    NAME = "request-extension"
    working_days: Annotated[Days, Field(description="number of working days")]
    reason: Annotated[Text, Field(description="why")]


class DecideExtension(Command):
    """The holder's superior grants or refuses the extension."""

    NAME = "decide-extension"
    approved: Annotated[bool, Field(description="granted or not")]
    reason: Annotated[Text | None, Field(description="why")] = None


class NoticeDeadline(Command):
    """Notice that a deadline has passed, or its warning is due (sla)."""

    NAME = "notice-deadline"
    clock: Annotated[ClockName, Field(description="which clock")]
    due_at: Annotated[AwareDatetime, Field(description="the due time it was armed with, RFC 3339")]


class EscalateComplaint(Command):
    """Notify the next office of the ladder (escalation)."""

    NAME = "escalate-complaint"
    rung: Annotated[int, Field(ge=1, description="the next rung, from 1")]
    office: Annotated[Name, Field(description="the office on that rung")]
    breaches: Annotated[int | None, Field(ge=0, description="number of breaches at the decision (stages)")] = None
    round: SeenRound = None


class RescheduleDeadlines(Command):
    """Apply announcements to the deadlines of this complaint (sla)."""

    NAME = "reschedule-deadlines"
    calendar: Annotated[int, Field(ge=1, description="number of announcements that the stage has applied")]


COMMANDS: Final[tuple[type[Command], ...]] = (
    RegisterComplaint,
    VerifyComplaint,
    PostponeComplaint,
    ArchiveComplaint,
    RestoreComplaint,
    ReopenComplaint,
    CompleteReport,
    WithdrawComplaint,
    DisposeComplaint,
    ReturnDisposition,
    RecordFollowUp,
    RecordProgress,
    RejectFollowUp,
    ReplyToFollowUp,
    CloseComplaint,
    AppealComplaint,
    RateResolution,
    ChangePrivacy,
    PublishStory,
    UnpublishStory,
    EraseData,
    RequestExtension,
    DecideExtension,
    NoticeDeadline,
    EscalateComplaint,
    RescheduleDeadlines,
)


def command_type(name: str) -> str:
    """Return the CloudEvents type of the command `name`."""
    return f"lapor.command.{name}.v1"


C = TypeVar("C", bound=Command)


class CommandEvent(AboutComplaint, Generic[C]):
    """A command with its envelope: sender, complaint and data."""

    expectedversion: Annotated[int | None, Field(ge=0)] = None
    """Refuse the command unless the complaint has this version."""
    data: C
