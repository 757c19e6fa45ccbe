"""Lookup of one complaint: its id, its history, and the rejections of commands about it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from events.announcements import CALENDAR_KEY, Announcement, Announcements
from events.client.reader import Reader, Record, read_all
from events.client.settings import ClientSettings
from events.client.texts import with_texts
from events.codec.decode import decode_calendar, decode_fact, decode_snapshot
from events.codec.parsing import read_ours
from events.errors import AlurError, Undecodable
from events.facts import ComplaintRegistered, Recorded, ReportCompleted
from events.ids import canonical_id
from events.outcomes import Rejection, RejectionEvent
from events.snapshot import Complaint
from events.topics import TopicName

_Value = TypeVar("_Value")


class NoSuchComplaint(AlurError):
    """There is no complaint with this id; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class RefusedCommand:
    """A command about the complaint that had no effect."""

    rejection: Rejection
    at: datetime


@dataclass(slots=True)
class ComplaintHistory:
    """All records of one complaint, in the log's order; raises ValueError for an invalid complaint id."""

    complaint: str
    history: list[Recorded] = field(default_factory=list)
    refusals: list[RefusedCommand] = field(default_factory=list)
    foreign: int = 0
    """Number of foreign records in the complaint's partition, which are skipped."""

    def __post_init__(self) -> None:
        """Normalize the complaint id, accepted in any spelling."""
        self.complaint = canonical_id(self.complaint)

    @property
    def texts(self) -> tuple[str, str]:
        """Title and body of the report after the last completion."""
        title = body = ""
        for recorded in self.history:
            if isinstance(recorded.fact, ComplaintRegistered):
                title, body = recorded.fact.report.title, recorded.fact.report.body
            elif isinstance(recorded.fact, ReportCompleted):
                title = title if recorded.fact.title is None else recorded.fact.title
                body = body if recorded.fact.body is None else recorded.fact.body
        return title, body

    @property
    def asked_office(self) -> str | None:
        """The requested office as free text, if it is not in the directory."""
        words = None
        for recorded in self.history:
            if isinstance(recorded.fact, ComplaintRegistered):
                words = recorded.fact.report.office
            elif isinstance(recorded.fact, ReportCompleted):
                words = recorded.fact.office or words
        return words if self.history and self.history[-1].complaint.chosen_office is None else None


def find_complaint(settings: ClientSettings, number: str) -> str:
    """Return the complaint id for a tracking id (digits), which is looked up, or for a complaint id, which is not.

    Raises NoSuchComplaint, and the errors of `Reader`.
    """
    with suppress(ValueError):
        return canonical_id(number)
    if not (number.isascii() and number.isdecimal()):
        raise NoSuchComplaint(f"{number!r} is neither a complaint id (a UUID) nor a tracking id (digits)")
    mark = number.encode()
    for record in read_all(settings, [TopicName.STATE]):
        if record.value is None or mark not in record.value:
            continue
        try:
            complaint = decode_snapshot(record.value)
        except Undecodable:
            continue
        if complaint.tracking_id == number:
            return complaint.complaint_id
    raise NoSuchComplaint(f"there is no complaint with the tracking id {number}")


def read_history(settings: ClientSettings, complaint: str) -> ComplaintHistory:
    """Read all records of a complaint; the history is empty if there are none.

    Texts stored apart are included with the right to read `complaints.texts`, else a placeholder. Raises ValueError if
    `complaint` is not a complaint id, and the errors of `Reader`.
    """
    known = ComplaintHistory(complaint)
    with Reader(settings, [TopicName.EVENTS, TopicName.REJECTIONS], complaint=known.complaint) as reader:
        for record in reader.to_end():
            add_to(known, record)
        known.foreign = reader.foreign
    known.history.sort(key=lambda recorded: recorded.complaint.version)
    if known.history:
        known.history = with_texts(settings, known.history)
    return known


def read_snapshot(settings: ClientSettings, complaint: str) -> Complaint | None:
    """Return the last snapshot of a complaint, or None if there is none."""
    return last_value(settings, TopicName.STATE, complaint, complaint.encode(), decode_snapshot)


def last_value(
    settings: ClientSettings, topic: TopicName, complaint: str, key: bytes, decode: Callable[[bytes | None], _Value]
) -> _Value | None:
    """Return the last value of a key that can be decoded, in the partition of a complaint; None without one."""
    value: _Value | None = None
    for record in read_all(settings, [topic], complaint=complaint):
        if record.key == key:
            with suppress(Undecodable):
                value = decode(record.value)
    return value


def announcements_for(settings: ClientSettings, complaint: str) -> tuple[Announcement, ...]:
    """Return the calendar changes that have been announced in a complaint's partition, in their order."""
    return calendar_for(settings, complaint).announcements


def calendar_for(settings: ClientSettings, complaint: str) -> Announcements:
    """Return the record of announcements in the partition of a complaint."""
    return last_value(settings, TopicName.STATE, complaint, CALENDAR_KEY, decode_calendar) or Announcements.of()


def add_to(known: ComplaintHistory, record: Record) -> None:
    """Add a record of complaints.events or complaints.rejections if it is readable and about this complaint."""
    if record.key != known.complaint.encode():
        return
    try:
        if record.topic is TopicName.EVENTS:
            known.history.append(decode_fact(record.value))
        elif record.value is not None:
            event = read_ours(RejectionEvent, record.value)
            known.refusals.append(RefusedCommand(event.data, event.time or record.at))
    except Undecodable:
        return  # a foreign record
