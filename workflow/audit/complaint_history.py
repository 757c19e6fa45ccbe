"""Checks of a complaint's history, one fact at a time: completeness of the history, and correctness of each fact."""

from collections.abc import Iterator
from enum import IntEnum, StrEnum
from typing import Final

from events import facts as f
from events.codec.decode import read_complaint
from events.codec.encode import encode_complaint
from events.ids import complaint_id, digest
from events.outcomes import Resolution
from events.snapshot import Complaint
from events.texts import holds_words
from workflow.audit.bounds import exceeded, time_lost
from workflow.machine.evolve import folded
from workflow.machine.transitions import IllegalTransition
from workflow.policy.model import Policy
from workflow.stages.resolution import publishes


class Code(StrEnum):
    """Kinds of violations."""

    REPORT_LOST = "report-lost"
    """A report that never became a complaint."""
    REPORT_DOUBLED = "report-doubled"
    """A report that became a complaint twice."""
    REPORT_UNKNOWN = "report-unknown"
    """A complaint without a report."""
    COMMAND_LOST = "command-lost"
    """A command without facts, without a rejection and without a dead letter."""
    COMMAND_DOUBLED = "command-doubled"
    """A command that had its effect twice."""
    COMMAND_UNKNOWN = "command-unknown"
    """A fact without its command."""
    FACT_LOST = "fact-lost"
    """A version is missing in a history."""
    FACT_DOUBLED = "fact-doubled"
    """A version is in a history twice."""
    ILLEGAL_FACT = "illegal-fact"
    """A fact that may not follow on the one before it."""
    SNAPSHOT_DIFFERS = "snapshot-differs"
    """A fact whose snapshot differs from the fold of the facts."""
    TIME_BACKWARDS = "time-backwards"
    """A fact with an earlier time than the one before it."""
    QUARANTINED = "quarantined"
    """A complaint, or the calendar, whose last state record is foreign."""
    STATE_DIFFERS = "state-differs"
    """A snapshot that differs from the facts."""
    DEADLINE_UNNOTICED = "deadline-unnoticed"
    """A fact after a missed deadline that was not recorded as breached."""
    DEADLINE_NOT_PASSED = "deadline-not-passed"
    """A deadline was recorded as passed, but was not running or had not passed."""
    BOUND_EXCEEDED = "bound-exceeded"
    """A reversal or note more often or later than the policy allows."""
    TIME_LOST = "time-lost"
    """A deadline that did not resume with its remaining time after a rejected follow-up."""
    BREACH_UNANSWERED = "breach-unanswered"
    """A missed deadline that was not escalated."""
    RESOLUTION_LOST = "resolution-lost"
    """A settled complaint that was not published."""
    RESOLUTION_DOUBLED = "resolution-doubled"
    """A settlement published twice."""
    RESOLUTION_UNKNOWN = "resolution-unknown"
    """A resolution of a complaint that was open at that version."""
    PRIVATE_PUBLISHED = "private-published"
    """A resolution with an unpublished story, or with details of a secret complaint."""
    CALENDAR_DIFFERS = "calendar-differs"
    """An announcement that is not in every partition, or in force without an announcement."""
    TEXT_LOST = "text-lost"
    """A text that is missing in `complaints.texts` without an erasure."""
    TEXT_KEPT = "text-kept"
    """An erased text that is in `complaints.texts`."""
    IDENTITY_EXPOSED = "identity-exposed"
    """The reporter's identity outside of `complaints.identities`."""
    IDENTIFIER_PUBLISHED = "identifier-published"
    """An identifier in a published story that its publisher did not confirm."""
    EXPIRED_UNREAD = "expired-unread"
    """Records that retention deleted before the stage read them."""
    MISPLACED = "misplaced"
    """A record in another partition than that of its complaint."""
    UNREADABLE = "unreadable"
    """A record on a topic of the engine that violates the contract."""


LOSSES: Final = frozenset(
    {Code.REPORT_LOST, Code.COMMAND_LOST, Code.FACT_LOST, Code.TEXT_LOST, Code.RESOLUTION_LOST, Code.EXPIRED_UNREAD}
)
DOUBLES: Final = frozenset({Code.REPORT_DOUBLED, Code.COMMAND_DOUBLED, Code.FACT_DOUBLED, Code.RESOLUTION_DOUBLED})


class Shown(IntEnum):
    """Amount of information in a resolution."""

    OUTCOME = 0
    DETAILS = 1
    """With category, place, office or rating: never for a secret complaint."""
    STORY = 2

    @classmethod
    def of(cls, resolution: Resolution) -> "Shown":
        """Return the amount of information in `resolution`."""
        if resolution.story is not None:
            return cls.STORY
        details = (getattr(resolution, name) for name in ("category", "province", "city", "office", "rating"))
        return cls.DETAILS if any(each is not None for each in details) else cls.OUTCOME

    @classmethod
    def allowed(cls, complaint: Complaint) -> "Shown":
        """Return the maximum that a resolution may show of `complaint`."""
        if "story_published" not in complaint.model_fields_set:
            return cls.STORY  # releases without the field published each story
        if complaint.secret:
            return cls.OUTCOME
        return cls.STORY if complaint.story_published else cls.DETAILS


Finding = tuple[Code, str]
"""A kind of violation, and its message."""

_BY_DEADLINE: Final = (f.DeadlineBreached, f.DeadlineRescheduled, f.ComplaintWithdrawn, f.ComplaintClosed)


class History:
    """State of one complaint for the check of its next fact."""

    __slots__ = (
        *("_causes", "_one_more", "_snapshot", "escalation_due", "may_show", "offset", "published", "version"),
        *("_texts_due", "_texts_erased", "_texts_found", "_texts_in_facts"),
    )

    def __init__(self) -> None:
        self.version = 0
        """Number of the last fact."""
        self.offset = 0
        """Offset of the last fact."""
        self.escalation_due = False
        """Whether a missed deadline is still to be escalated."""
        self.published: dict[int, bool] = {}
        """Versions to publish as a resolution, and whether a resolution was read."""
        self.may_show: dict[int, Shown] = {}
        """Maximum content of each."""
        # bytes and numbers, since all histories of a partition are in memory
        self._snapshot = b""
        self._causes: dict[int, bool] = {}
        self._one_more = True  # whether the command of the last fact may lead to another fact
        # versions as bits: text expected, erased, read, contained in the fact
        self._texts_due = self._texts_erased = self._texts_found = self._texts_in_facts = 0

    @property
    def complaint(self) -> Complaint | None:
        """The complaint after the facts read so far."""
        return read_complaint(self._snapshot) if self._snapshot else None

    def mark_found(self, mark: str) -> bool:
        """Mark the command with the digest `mark` as read from the log; return True if it had an effect."""
        cause = int(mark, 16)
        if cause not in self._causes:
            return False
        self._causes[cause] = True
        return True

    @property
    def unknown_causes(self) -> int:
        """Number of commands that had an effect but are not in the log."""
        return sum(not in_log for in_log in self._causes.values())

    def follow(self, recorded: f.Recorded, policy: Policy | None = None) -> Iterator[Finding]:
        """Check the next fact and return its findings; limits are checked only with the `policy` of the complaint.

        After a finding the check continues with the fact's own snapshot, so that one error is reported once.
        """
        before, after = self.complaint, recorded.complaint
        expected = before.version + 1 if before else 1
        if isinstance(recorded.fact, f.ComplaintRegistered):
            yield from _registered(recorded.fact, before, after)
        if before is not None and after.version < expected:
            if not isinstance(recorded.fact, f.ComplaintRegistered):
                yield Code.FACT_DOUBLED, f"version {after.version} again, after version {before.version}"
            return
        if before is not None and recorded.at < before.updated_at:
            yield Code.TIME_BACKWARDS, f"version {after.version} of {recorded.at}, after one of {before.updated_at}"
        if after.version > expected:
            yield Code.FACT_LOST, f"version {after.version} follows on version {expected - 1}"
        else:
            yield from _folded(before, recorded)
            yield from _deadlines(before, recorded)
            yield from _bounds(before, recorded, policy)
        yield from self._caused(recorded)
        if publishes(recorded):
            self.published[after.version] = False
            self.may_show[after.version] = Shown.allowed(after)
        self._expect_text(recorded.fact, after.version)
        self._snapshot = encode_complaint(after)
        self.version, self.escalation_due = after.version, after.escalation_due

    def take_text(self, version: int, *, present: bool) -> None:
        """Add a record of `complaints.texts`: the text of the fact with that version, or its tombstone."""
        bit = 1 << version
        self._texts_found = self._texts_found | bit if present else self._texts_found & ~bit

    def check_texts(self, *, read: bool, erased: bool) -> Iterator[Finding]:
        """Compare the facts with the texts, if these were `read`; with `erased`, any may be missing."""
        lost, kept = self._texts_due & ~self._texts_found, self._texts_erased & self._texts_found
        if in_facts := self._texts_erased & self._texts_in_facts:
            yield Code.TEXT_KEPT, f"the text of {_versions(in_facts)} is in its fact though it was erased"
        if lost and read and not erased:
            yield Code.TEXT_LOST, f"the text of {_versions(lost)} is not there and was not erased"
        if kept:
            yield Code.TEXT_KEPT, f"the text of {_versions(kept)} is there though it was erased"

    def _expect_text(self, fact: f.Fact, version: int) -> None:
        if isinstance(fact, f.DataErased) and fact.texts:
            self._texts_due, self._texts_erased = 0, (1 << version) - 1
        if isinstance(fact, f.Worded) and fact.text_ref is not None:
            self._texts_due |= 1 << version
        elif holds_words(fact):
            self._texts_in_facts |= 1 << version

    def _caused(self, recorded: f.Recorded) -> Iterator[Finding]:
        cause = int(digest(recorded.cause.source, recorded.cause.id), 16)
        again = cause in self._causes
        if again and not (self._one_more and cause == next(reversed(self._causes))):
            yield (
                Code.COMMAND_DOUBLED,
                f"command {recorded.cause.id} of {recorded.cause.source} has had its effect before",
            )
        self._causes.setdefault(cause, False)
        # a command also records calendar changes and overdue deadlines, before its own fact
        self._one_more = isinstance(recorded.fact, _BY_DEADLINE) and recorded.fact.by == f.SYSTEM


def _versions(bits: int) -> str:
    versions = [str(number) for number in range(bits.bit_length()) if bits >> number & 1]
    return f"version{'s' if len(versions) > 1 else ''} {', '.join(versions)}"


def _registered(fact: f.ComplaintRegistered, before: Complaint | None, after: Complaint) -> Iterator[Finding]:
    report = f"report {fact.report_id} of {fact.source}"
    if before is not None:
        yield Code.REPORT_DOUBLED, f"{report} is registered again as version {after.version}"
    elif fact.complaint_id != complaint_id(fact.source, fact.report_id):
        yield Code.REPORT_DOUBLED, f"{report} is registered as a complaint of another id than its own"


def _deadlines(before: Complaint | None, recorded: f.Recorded) -> Iterator[Finding]:
    """Check by the log that each deadline was met, or recorded as missed before any later fact."""
    fact = recorded.fact
    if before is None or isinstance(fact, f.DeadlineRescheduled):
        return
    running = {name: clock.due_at for name, clock in before.clocks.items() if clock.running}
    passed = {name: due for name, due in running.items() if due is not None and recorded.at > due}
    if isinstance(fact, f.DeadlineBreached):
        if passed.get(fact.clock) != fact.due_at:
            yield Code.DEADLINE_NOT_PASSED, f"{fact.clock} is breached at {recorded.at}, and was due {fact.due_at}"
    elif (deadline := getattr(fact, "deadline", None)) is not None:
        if deadline not in passed.values():
            yield Code.DEADLINE_NOT_PASSED, f"{fact.NAME} by a deadline of {deadline} that had not passed"
    elif passed:
        yield Code.DEADLINE_UNNOTICED, f"{fact.NAME} at {recorded.at}, after {', '.join(passed)} had passed unnoticed"


def _bounds(before: Complaint | None, recorded: f.Recorded, policy: Policy | None) -> Iterator[Finding]:
    if before is None:
        return
    yield from ((Code.TIME_LOST, each) for each in time_lost(before, recorded, policy))
    if policy is not None:
        yield from ((Code.BOUND_EXCEEDED, each) for each in exceeded(before, recorded, policy))


def _folded(before: Complaint | None, recorded: f.Recorded) -> Iterator[Finding]:
    """Fold the fact and compare with its snapshot; deadlines are those of the snapshot."""
    try:
        expected = folded(before, recorded)
    except IllegalTransition as error:
        yield Code.ILLEGAL_FACT, str(error)
        return
    if expected != recorded.complaint:
        yield (
            Code.SNAPSHOT_DIFFERS,
            f"version {expected.version} differs in {', '.join(differing(expected, recorded.complaint))}",
        )


def differing(one: Complaint, other: Complaint) -> list[str]:
    """Return the fields in which two snapshots differ."""
    return [name for name in type(one).model_fields if getattr(one, name) != getattr(other, name)]
