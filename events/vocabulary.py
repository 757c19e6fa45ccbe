"""Enumerations of the contract: statuses, classes, reasons, clocks, codes; all closed, except `Detail`."""

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """Status of a complaint."""

    REGISTERED = "registered"
    POSTPONED = "postponed"
    VERIFIED = "verified"
    DISPOSED = "disposed"
    RETURNED = "returned"
    FOLLOWED_UP = "followed_up"
    REPLIED = "replied"
    CLOSED = "closed"
    ARCHIVED = "archived"
    WITHDRAWN = "withdrawn"


OPEN: Final = frozenset(Status) - {Status.CLOSED, Status.ARCHIVED, Status.WITHDRAWN}
"""Statuses of a complaint that has not ended."""


class ComplaintClass(StrEnum):
    """Class of a report; Permen PANRB 62/2018 gives each its own time to settlement."""

    COMPLAINT = "complaint"
    """*Pengaduan tidak berkadar pengawasan.*"""
    COMPLAINT_INSPECTION = "complaint_inspection"
    """*Pengaduan berkadar pengawasan*: needs an inspection."""
    ASPIRATION = "aspiration"
    """*Aspirasi.*"""
    INFORMATION_REQUEST = "information_request"
    """*Permintaan informasi.*"""


class ArchiveReason(StrEnum):
    """Reason for archiving a report."""

    UNCLEAR = "unclear"
    TOO_GENERAL = "too_general"
    WRONG_FORMAT = "wrong_format"
    NOT_GOVERNMENT = "not_government"
    OUT_OF_SCOPE = "out_of_scope"
    DUPLICATE = "duplicate"
    ABUSIVE = "abusive"
    SPAM = "spam"


class Outcome(StrEnum):
    """Outcome of a settled complaint. Archived is not resolved."""

    RESOLVED = "resolved"
    ARCHIVED = "archived"
    WITHDRAWN = "withdrawn"


class ClockName(StrEnum):
    """The clocks of a complaint; several can run at once."""

    VERIFICATION = "verification"
    COMPLETION = "completion"
    FOLLOW_UP = "follow_up"
    CITIZEN_REPLY = "citizen_reply"
    SETTLEMENT = "settlement"
    ESCALATION = "escalation"


class Refusal(StrEnum):
    """Code of a rejection."""

    UNKNOWN_COMPLAINT = "unknown-complaint"
    INVALID_DATA = "invalid-data"
    NOT_ALLOWED_IN_STATUS = "not-allowed-in-status"
    NOT_PERMITTED = "not-permitted"
    VERSION_MISMATCH = "version-mismatch"
    DEADLINE_PASSED = "deadline-passed"
    UNKNOWN_OFFICE = "unknown-office"
    RETURN_LIMIT = "return-limit"
    EXTENSION_PENDING = "extension-pending"
    NO_EXTENSION_REQUESTED = "no-extension-requested"
    EXTENSION_LIMIT = "extension-limit"
    OVERTAKEN = "overtaken"
    """The basis of a stage's decision has changed; the stage reacts to the next fact."""
    NOT_DUE = "not-due"
    """By the log's time the deadline has not passed yet."""
    ALREADY_ANNOUNCED = "already-announced"
    """An announcement has already changed that day so."""


class Detail(StrEnum):
    """Refinement of a rejection code. An open list: a text in the contract."""

    ALREADY_REGISTERED = "already-registered"
    CONTENT_DIFFERS = "content-differs"
    """To the channel: an earlier report with this source and id has other content."""
    NOTHING_CHANGED = "nothing-changed"
    NOT_THE_REPORTER = "not-the-reporter"
    """Only the reporter and the channel of the report may send a citizen's commands."""
    NOT_THE_HOLDER = "not-the-holder"
    """The sending office does not hold the complaint."""
    NOT_ALLOWED_IN_STATUS = "not-allowed-in-status"
    """To a stage whose command is `overtaken`, due to the status."""
    SECRECY = "secrecy"
    """The reporter asked for secrecy: only the outcome is published."""
    TEXTS_IN_FACTS = "texts-in-facts"
    """To an erasure of texts: the installation writes them to facts, which are never altered."""
    OFFICE_ENDED = "office-ended"
    """The sending office has ended (`until`)."""
    DISPOSED_ALREADY = "disposed-already"
    """After a disposition, only an administrator archives, and only spam and abuse."""
    NOT_IN_POLICY = "not-in-policy"
    """The policy of the complaint does not provide for it."""
    REOPENING_LIMIT = "reopening-limit"
    """Reopened as often as the policy allows."""
    LATE_REPLY_LIMIT = "late-reply-limit"
    """As many replies after the closing as the policy allows."""
    PROGRESS_LIMIT = "progress-limit"
    """Progress was recorded as often as the policy allows."""
    FOLLOW_UP_REJECTION_LIMIT = "follow-up-rejection-limit"
    """Follow-ups were rejected as often as the policy allows."""
    NOT_OVERDUE = "not-overdue"
    """To an appeal: the complaint is open, within its time to settle."""
    COMPLETION_LIMIT = "completion-limit"
    ANNOUNCEMENT_LIMIT = "announcement-limit"
