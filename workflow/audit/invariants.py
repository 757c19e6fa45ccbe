"""Audit of an environment from its topics: every report has become exactly one complaint with an unbroken history.

It detects losses, duplicates and contradictions from the records of the topics only. `Audit.take_*` reads all
partitions once (reports, dead letters, misrouted commands). Then it checks partition by partition, since partition *n*
of each topic has the same complaints; `PartitionAudit.finish` frees their memory.

A backlog is not a fault: records after the progress of the stages (`Handled`) are pending.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from struct import Struct
from typing import Final
from uuid import UUID

from events.announcements import CALENDAR, REMEMBERED_ANNOUNCEMENTS, Announcements
from events.commands import command_type
from events.facts import Recorded
from events.ids import digest
from events.reports import ReportSubmitted
from events.snapshot import Complaint
from events.texts import without_digests
from events.topics import RecordPosition, TopicName
from events.vocabulary import Detail
from workflow.audit.complaint_history import DOUBLES, LOSSES, Code, Finding, History, Shown, differing
from workflow.audit.evidence import EVERYTHING, AuditedCommand, Command, Counts, Handled, Retained, Violation
from workflow.policy.model import Policy

_DIGITS: Final = 9  # digits of a version that others may have written
_REGISTER: Final = command_type("register-complaint")
# packed, since reports of all partitions are kept until their partition is audited: 28 bytes each
_REPORT: Final = Struct(">16sIQ")


class Audit:
    """The audit of one environment.

    `handled`: progress of the stages, `escalated`: that of escalation; `EVERYTHING` after the end of all topics.
    `whole`: nothing has expired; otherwise facts may lack their commands and reports. `live`: topics that are read
    later may be ahead.
    """

    def __init__(
        self,
        partition_of: Callable[[str], int],
        *,
        handled: Handled = EVERYTHING,
        whole: bool = True,
        live: bool = False,
        escalated: Handled = EVERYTHING,
    ) -> None:
        self.partition_of = partition_of
        self.handled = handled
        self.escalated = escalated
        self.whole = whole
        self.live = live
        self.counts = Counts()
        self.retained: dict[TopicName, Retained] = {}
        """How much of each topic the log still has; unlisted topics: all."""
        self.policy_of: Callable[[str], Policy | None] = lambda _: None
        """The policy of a version; None if unknown: then its bounds are not checked."""
        self.texts = False
        """Whether `complaints.texts` is read."""
        self.violations: list[Violation] = []
        self.dead: set[RecordPosition] = set()
        self.foreign: list[RecordPosition] = []
        """Foreign records on the engine's own topics."""
        self.erased: dict[str, tuple[str, ...]] = {}
        """Erased data by complaint."""
        self._resolved: set[str] = set()
        self.announced: dict[str, dict[int, RecordPosition | None]] = defaultdict(dict)
        """By digest of each announcement and partition: its record; None while pending."""
        self._partitions: set[int] = set()
        self._reports: dict[int, bytearray] = defaultdict(bytearray)
        self._strayed: dict[int, dict[tuple[str, str], RecordPosition]] = defaultdict(dict)

    def take_expired(self, stage: str, source: RecordPosition, records: int) -> None:
        """Add `records` from `source` on that expired before the stage read them."""
        self.note(
            source, None, (Code.EXPIRED_UNREAD, f"{records} records from here on expired before {stage} has read them")
        )

    def take_dead_letter(self, of: RecordPosition | None) -> None:
        """Add a dead letter by the position of its original record, None if unknown."""
        self.counts.dead += 1
        if of is not None:
            self.dead.add(of)

    def take_settled_letter(self, letter: str) -> None:
        """Add the disposition of a dead letter by its position; a replayed record is a new one."""
        self._resolved.add(letter)
        self.counts.resolved_letters = len(self._resolved)

    def take_report(self, position: RecordPosition, report: ReportSubmitted | None) -> None:
        """Add a record of the intake topic, None if it is not a report; call it after `take_dead_letter`."""
        if position in self.dead:
            return  # a dead letter: neither lost nor a complaint
        if report is None:
            if self.handled.includes(position):
                self.note(position, None, (Code.REPORT_LOST, "neither a report nor a dead letter"))
            return
        self.counts.deliveries += 1
        packed = _REPORT.pack(UUID(report.complaint_id).bytes, position.partition, position.offset)
        self._reports[self.partition_of(report.complaint_id)] += packed

    def take_command(self, position: RecordPosition, command: Command | None) -> None:
        """Add a command in the first pass, which keeps only those in a wrong partition."""
        self.counts.commands += 1
        if command is None or position in self.dead:
            return
        sent = AuditedCommand.of(command)
        right = position.partition if sent.subject == CALENDAR else self.partition_of(sent.subject)
        if right == position.partition:
            return
        if not self.handled.includes(position):
            self.counts.pending += 1
            return
        self.counts.strayed += 1
        self._strayed[right][sent.subject, sent.mark] = position

    def partition(self, number: int) -> "PartitionAudit":
        """Begin with partition `number`, after all calls of `take_*`."""
        self._partitions.add(number)
        reports: dict[str, RecordPosition] = {}
        for name, partition, offset in _REPORT.iter_unpack(self._reports.pop(number, b"")):
            reports.setdefault(str(UUID(bytes=name)), RecordPosition(TopicName.INTAKE, partition, offset))
        self.counts.reports += len(reports)
        return PartitionAudit(self, number, reports, self._strayed.pop(number, {}))

    def finish(self) -> None:
        """Compare the partitions, after all are finished."""
        for recorded in self.announced.values():
            missing = sorted(self._partitions - recorded.keys())
            positions = [position for position in recorded.values() if position is not None]
            if positions and missing and not self.live:
                where = ", ".join(map(str, missing))
                missed = f"an announcement is missing in partitions {where}"
                self.note(positions[0], None, (Code.CALENDAR_DIFFERS, missed))

    def note(self, position: RecordPosition, complaint: str | None, *findings: Finding) -> None:
        """Add findings about the record at `position`."""
        self.violations += (Violation(code, position, complaint, message) for code, message in findings)

    def by_code(self) -> Counter[Code]:
        """Count the violations of each kind."""
        return Counter(violation.code for violation in self.violations)

    @property
    def lost(self) -> int:
        """Number of lost records."""
        return sum(violation.code in LOSSES for violation in self.violations)

    @property
    def doubled(self) -> int:
        """Number of duplicates."""
        return sum(violation.code in DOUBLES for violation in self.violations)


@dataclass(slots=True)
class PartitionAudit:
    """Audit of one partition, given all facts, then texts, snapshots, rejections, commands and resolutions."""

    audit: Audit
    number: int
    reports: dict[str, RecordPosition]
    strayed: dict[tuple[str, str], RecordPosition]
    histories: dict[str, History] = field(default_factory=dict)
    states: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Version of each complaint's last snapshot, with its difference from the fact."""
    announced: dict[str, RecordPosition] = field(default_factory=dict)
    """Records of the announcements in force, by digest."""
    rejected: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    pending: set[str] = field(default_factory=set)
    foreign: dict[str, RecordPosition] = field(default_factory=dict)
    """Last state record of a complaint or the calendar, if foreign."""

    def fact(self, position: RecordPosition, recorded: Recorded | None) -> None:
        """Check a fact, None if it is unreadable."""
        if recorded is None:
            self.unreadable(position)
            return
        complaint = recorded.complaint.complaint_id
        self.audit.counts.facts += 1
        self._belongs(position, complaint)
        history = self.histories.get(complaint)
        if history is None:
            history = self.histories[complaint] = History()
            self.audit.counts.complaints += 1
        self.audit.note(position, complaint, *history.follow(recorded, self.audit.policy_of(recorded.complaint.policy)))
        history.offset = position.offset

    def text(self, position: RecordPosition, key: bytes | None, *, present: bool) -> None:
        """Add a record of `complaints.texts` by its key; `present`: it is not a tombstone."""
        complaint, _, version = (key or b"").decode(errors="replace").partition("/")
        if not version.isdecimal() or len(version) > _DIGITS:
            self.unreadable(position)
            return
        self._belongs(position, complaint)
        history = self.histories.get(complaint)
        if history is not None and int(version) <= history.version:  # else it was written after the facts were read
            history.take_text(int(version), present=present)

    def snapshot(self, position: RecordPosition, complaint: Complaint | None) -> None:
        """Check a snapshot, None if it is unreadable."""
        if complaint is None:
            self.unreadable(position)
            return
        name, version = complaint.complaint_id, complaint.version
        repaired = self.foreign.pop(name, None) is not None  # a repair has the same version as the record before
        self._belongs(position, name)
        before, _ = self.states.get(name, (0, ""))
        if version < before + (not repaired):
            self._note(position, name, Code.STATE_DIFFERS, f"version {version} follows on version {before}")
        history = self.histories.get(name)
        last = history.complaint if history is not None and history.version == version else None
        if last is not None and last.report.content_digests is None:
            complaint = without_digests(complaint)  # facts have no digests if texts are apart
        self.states[name] = (version, "" if last is None else ", ".join(differing(complaint, last)))
        if complaint.erased:
            self.audit.erased[name] = complaint.erased

    def foreign_fact(self, position: RecordPosition) -> None:
        """Add a foreign record among the facts, which belongs to no history."""
        self.audit.counts.foreign += 1
        self.audit.foreign.append(position)

    def foreign_state(self, position: RecordPosition, name: str | None) -> None:
        """Add a foreign state record; `name`: its complaint, or the calendar, if any."""
        self.foreign_fact(position)
        if name is not None:
            self.foreign[name] = position

    def cleared(self, name: str | None) -> None:
        """Add a tombstone of the engine: a repair without a source, or an erasure."""
        self.foreign.pop(name or "", None)
        if name == CALENDAR:
            self.announced.clear()

    def calendar(self, position: RecordPosition, calendar: Announcements | None) -> None:
        """Check the announcements of the partition, None if they are unreadable."""
        if calendar is None:
            self.unreadable(position)
            return
        marks = [*calendar.known, *(digest(each.by, each.command_id) for each in calendar.announcements)]
        whole = len(calendar.known) < REMEMBERED_ANNOUNCEMENTS  # none is forgotten yet
        added_to = calendar.revision == len(marks) and self.announced.keys() <= set(marks)
        if (whole and not added_to) or len(set(marks)) < len(marks):
            mistake = f"revision {calendar.revision} does not add to what was announced before"
            self._note(position, None, Code.CALENDAR_DIFFERS, mistake)
        self.foreign.pop(CALENDAR, None)
        self.announced = dict.fromkeys(marks, position)

    def rejection(
        self, position: RecordPosition, complaint: str, source: str, command_id: str, detail: str | None = None
    ) -> None:
        """Add the rejection of a command about a complaint (or the calendar), by its source and id."""
        self.audit.counts.rejections += 1
        self.audit.counts.differing += detail == Detail.CONTENT_DIFFERS
        if complaint != CALENDAR:
            self._belongs(position, complaint)
        self.rejected[complaint].add(digest(source, command_id))

    def command(self, position: RecordPosition, command: Command | None) -> None:
        """Check the effect of a command, None if it is unreadable."""
        if position in self.audit.dead:
            return
        if command is None:
            if self.audit.handled.includes(position):
                self._note(position, None, Code.COMMAND_LOST, "neither a command nor a dead letter")
            return
        sent = AuditedCommand.of(command)
        if sent.subject == CALENDAR:
            self._announcement(position, sent)
            return
        if self.audit.partition_of(sent.subject) != self.number:
            return
        self.strayed.pop((sent.subject, sent.mark), None)
        history = self.histories.get(sent.subject)
        if history is not None and history.mark_found(sent.mark):
            return
        if not self.audit.handled.includes(position):
            self.pending.add(sent.subject)
            self.audit.counts.pending += 1
        elif not self._answered(sent, history):
            mistake = f"{sent.type} {sent.id} has led to no fact and to no rejection"
            self._note(position, sent.subject, Code.COMMAND_LOST, mistake)

    def _announcement(self, position: RecordPosition, sent: AuditedCommand) -> None:
        recorded = self.audit.announced[sent.mark]
        if sent.mark in self.announced:
            recorded[self.number] = self.announced[sent.mark]
        elif not self.audit.handled.includes(position):
            recorded[self.number] = None
            self.audit.counts.pending += 1
        elif not self._answered(sent, None):
            self._note(position, None, Code.COMMAND_LOST, f"{sent.type} {sent.id} is not in force and was not rejected")

    def resolution(self, position: RecordPosition, complaint: str, version: int, shown: Shown = Shown.OUTCOME) -> None:
        """Check a resolution: its complaint, the complaint's version, and the amount of information in it."""
        self.audit.counts.resolutions += 1
        self._belongs(position, complaint)
        history = self.histories.get(complaint)
        published = history.published if history is not None else {}
        if published.get(version):
            self._note(position, complaint, Code.RESOLUTION_DOUBLED, f"version {version} is published twice")
        elif version in published:
            published[version] = True
            if history is not None and shown > history.may_show[version]:
                mistake = f"version {version} shows more than is public: {shown.name.lower()}"
                self._note(position, complaint, Code.PRIVATE_PUBLISHED, mistake)
        elif not (self.audit.live and (history is None or version > history.version)):
            self._note(
                position, complaint, Code.RESOLUTION_UNKNOWN, f"version {version} is published, and settles nothing"
            )

    def unreadable(self, position: RecordPosition) -> None:
        """Add a record that violates the contract; no fault if it has a dead letter."""
        if position not in self.audit.dead:
            self._note(position, None, Code.UNREADABLE, "this record is not of the contract")

    def finish(self) -> None:
        """Check at the end of the partition that nothing is missing."""
        for complaint, position in self.reports.items():
            self.audit.note(position, complaint, *self._missing_report(complaint, position))
        for (complaint, mark), position in self.strayed.items():
            if mark not in self.rejected.get(complaint, ()):
                lost = f"a command in partition {position.partition} was not sent on"
                self._note(position, complaint, Code.COMMAND_LOST, lost)
        for mark, position in self.announced.items():
            if self.audit.whole and self.number not in self.audit.announced[mark]:
                self._note(position, None, Code.CALENDAR_DIFFERS, "what is in force here was not announced here")
        for name, position in self.foreign.items():
            self._note(
                position,
                None if name == CALENDAR else name,
                Code.QUARANTINED,
                f"the engine did not write this record: run `alur state repair {name}`",
            )
        for complaint, history in self.histories.items():
            position = RecordPosition(TopicName.EVENTS, self.number, history.offset)
            self.audit.note(position, complaint, *self._missing(complaint, history, position))

    def _note(self, position: RecordPosition, complaint: str | None, code: Code, message: str) -> None:
        self.audit.note(position, complaint, (code, message))

    def _belongs(self, position: RecordPosition, complaint: str) -> None:
        right = self.audit.partition_of(complaint)
        if right != position.partition:
            self._note(position, complaint, Code.MISPLACED, f"belongs to partition {right}")

    def _answered(self, sent: AuditedCommand, history: History | None) -> bool:
        if sent.mark in self.rejected.get(sent.subject, ()):
            return True
        # a redelivered report, which its complaint recognizes as a repeat
        return history is not None and sent.type == _REGISTER

    def _missing_report(self, complaint: str, position: RecordPosition) -> Iterable[Finding]:
        if complaint in self.histories:
            return
        if complaint in self.pending or not self.audit.handled.includes(position):
            self.audit.counts.pending += complaint not in self.pending
            return
        yield Code.REPORT_LOST, "this report has become no complaint"

    def _missing(self, complaint: str, history: History, position: RecordPosition) -> Iterator[Finding]:
        if self.audit.whole and complaint not in self.reports:
            yield Code.REPORT_UNKNOWN, "no report is known that this complaint was made of"
        if self.audit.whole and history.unknown_causes:
            yield Code.COMMAND_UNKNOWN, f"facts follow from {history.unknown_causes} commands that are not in the log"
        last = max((version for version, in_log in history.published.items() if in_log), default=0)
        for version, in_log in sorted(history.published.items()):
            # due once resolution has processed the last fact; compaction may have replaced it by later versions
            if not in_log and version > last and self.audit.handled.includes(position):
                yield Code.RESOLUTION_LOST, f"version {version} settled it and was not published"
        # due once escalation has processed the last fact, and lifecycle all commands
        waits = history.escalation_due and complaint not in self.pending
        if waits and self.audit.escalated.includes(position):
            yield (
                Code.BREACH_UNANSWERED,
                f"is at version {history.version} with a missed deadline that is not escalated",
            )
        erased = "texts" in self.audit.erased.get(complaint, ())
        yield from history.check_texts(read=self.audit.texts, erased=erased)
        if complaint not in self.foreign:
            yield from self._state_findings(complaint, history.version)

    def _state_findings(self, complaint: str, last: int) -> Iterator[Finding]:
        version, differs = self.states.get(complaint, (0, ""))
        if not version:
            yield Code.STATE_DIFFERS, "has no snapshot"
        elif differs:
            yield Code.STATE_DIFFERS, f"version {version} differs in {differs}"
        elif version < last or (version > last and not self.audit.live):
            yield Code.STATE_DIFFERS, f"is at version {version}, its history at {last}"
