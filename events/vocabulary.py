"""The lists of words: statuses, classes, reasons, clocks, codes. All but the details of a rejection are closed."""

from enum import StrEnum


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
    """A stage decided on a standing that has passed; the next fact shows it the new one."""
    NOT_DUE = "not-due"
    """By the time of the log the deadline has not passed yet, whatever the timer's own clock shows."""
    ALREADY_ANNOUNCED = "already-announced"
    """The calendar has that day so already by an announcement."""


class Detail(StrEnum):
    """What exactly a rejection is about, beside its code. An open list: the contract has it as text."""

    ALREADY_REGISTERED = "already-registered"
    CONTENT_DIFFERS = "content-differs"
    """To the channel of a report: one with its source and id came before, and said something else."""
    NOTHING_CHANGED = "nothing-changed"
    NOT_THE_REPORTER = "not-the-reporter"
    """Only the reporter, or the channel that reported it, speaks for a complaint."""
    NOT_THE_HOLDER = "not-the-holder"
    """The office that sends it does not hold the complaint."""
    NOT_ALLOWED_IN_STATUS = "not-allowed-in-status"
    """To a stage, which is `overtaken`: by the status, and not by what it had decided on."""
    SECRECY = "secrecy"
    """The reporter asked for secrecy: nothing but the outcome is published."""
    TEXTS_IN_FACTS = "texts-in-facts"
    """To an erasure of texts: the installation writes them into facts, which are kept for ever."""
    OFFICE_ENDED = "office-ended"
    """The office that sends it has ended (`until`)."""
    DISPOSED_ALREADY = "disposed-already"
    """An office has had it: only spam and abuse are archived then, and by its administrator."""
    NOT_IN_POLICY = "not-in-policy"
    """The policy of the complaint does not have it."""
    REOPENING_LIMIT = "reopening-limit"
    """Reopened as often as the policy allows."""
    LATE_REPLY_LIMIT = "late-reply-limit"
    """As many replies after the closing as the policy keeps."""
    PROGRESS_LIMIT = "progress-limit"
    """Progress was recorded as often as the policy allows."""
    FOLLOW_UP_REJECTION_LIMIT = "follow-up-rejection-limit"
    """Follow-ups were rejected as often as the policy allows."""
    NOT_OVERDUE = "not-overdue"
    """To an appeal: the complaint is open, and its time to settle has not passed."""
    COMPLETION_LIMIT = "completion-limit"
    ANNOUNCEMENT_LIMIT = "announcement-limit"
