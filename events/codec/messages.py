"""Bytes to messages and back: CloudEvents 1.0, JSON, structured mode.

Decoding raises `Undecodable` (or `InvalidCommand`) and nothing else, whatever the bytes are. What comes from outside is
read strictly: a field that we do not know is a mistake of the sender's, and refused. What our own stages write is read
leniently: a field that we do not know is from a newer version of us that runs beside this one, and passed over.
"""

from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from events.announcements import CALENDAR, AnnouncementEvent, Announcements
from events.cloudevents import CONTENT_TYPE, AboutComplaint, Envelope, Frozen, timestamp
from events.codec import partial_reads
from events.codec.parsing import json_object, read_ours, reasons
from events.codec.partial_reads import StateEvent
from events.commands import COMMANDS, Command, CommandEvent, command_type
from events.errors import InvalidCommand, Sender, Undecodable
from events.facts import FACTS, SYSTEM, Cause, Fact, Recorded, fact_type
from events.ids import fact_id, is_stage_source, rejection_id, stage_source
from events.outcomes import Rejection, Resolution
from events.reports import ReportSubmitted
from events.snapshot import Complaint
from events.texts import FactTexts
from events.wording import clipped
from events.writer import foreign, marked

HEADERS: Final = (("content-type", CONTENT_TYPE.encode()),)
STATE_TYPE: Final = partial_reads.STATE_TYPE
CALENDAR_TYPE: Final = "lapor.calendar.snapshot.v1"


def _event_model(command: type[Command]) -> type[CommandEvent[Any]]:
    return CommandEvent.__class_getitem__(command)  # type: ignore[return-value]  # made at run time, one a command


_COMMAND_EVENTS: Final[dict[str, type[CommandEvent[Any]]]] = {
    command_type(command.NAME): _event_model(command) for command in COMMANDS
}
M = TypeVar("M", bound=BaseModel)
F = TypeVar("F", bound=Fact)
E = TypeVar("E", bound=Envelope)

_SENDERS_PART: Final = {"data", "expectedversion"}
_UNICODE_ESCAPE: Final = b"\\u"
_ANNOUNCEMENT_MARK: Final = AnnouncementEvent.TYPE.encode()


def _valid(model: type[M], raw: bytes) -> M:
    try:
        return model.model_validate_json(raw, by_alias=True, by_name=False)
    except ValidationError as error:
        raise Undecodable("invalid", reasons(error)) from None


def decode_report(raw: bytes | None) -> ReportSubmitted:
    """Read a report as a channel sent it.

    Raises:
        Undecodable: whatever is wrong with it.
    """
    found = json_object(raw).get("type")
    if found != ReportSubmitted.TYPE:
        raise Undecodable("unknown-type", f"type {clipped(repr(found))} is not {ReportSubmitted.TYPE}")
    assert raw is not None  # noqa: S101 -- _object refused it otherwise
    return _valid(ReportSubmitted, raw)


def decode_command(raw: bytes | None) -> CommandEvent[Command]:
    """Read a command about a complaint.

    Raises:
        Undecodable: it cannot be told who asks what of which complaint.
        InvalidCommand: that can be told, but the data are not what the command needs.
    """
    value = json_object(raw)
    model = _COMMAND_EVENTS.get(str(value.get("type")))
    if model is None:
        raise Undecodable("unknown-type", f"type {clipped(repr(value.get('type')))} is no command of the contract")
    return _asked(model, raw or b"")


def is_announcement(raw: bytes | None) -> bool:
    """Say whether a command is about the calendar instead of a complaint: `decode_announcement` reads it then."""
    # looked for in the bytes first: nearly every command is about a complaint, and should not be read twice
    if raw is None or (_ANNOUNCEMENT_MARK not in raw and _UNICODE_ESCAPE not in raw):
        return False
    try:
        return json_object(raw).get("type") == AnnouncementEvent.TYPE
    except Undecodable:
        return False


def decode_announcement(raw: bytes | None) -> AnnouncementEvent:
    """Read a command about the calendar.

    Raises:
        Undecodable: it cannot be told who asks, or it is about something else.
        InvalidCommand: that can be told, but the data are not what an announcement needs.
    """
    found = json_object(raw).get("type")
    if found != AnnouncementEvent.TYPE:
        raise Undecodable("unknown-type", f"type {clipped(repr(found))} is not {AnnouncementEvent.TYPE}")
    return _asked(AnnouncementEvent, raw or b"")


def _asked(model: type[E], raw: bytes) -> E:
    try:
        return model.model_validate_json(raw, by_alias=True, by_name=False)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        if any(each["loc"][0] not in _SENDERS_PART for each in found):
            raise Undecodable("invalid", reasons(error)) from None
        envelope = (Envelope if model is AnnouncementEvent else AboutComplaint).model_validate_json(raw)
        if is_stage_source(envelope.source):
            with suppress(Undecodable):
                return read_ours(model, raw)
        subject = str(envelope.subject) if isinstance(envelope, AboutComplaint) else CALENDAR
        sender = Sender(subject, envelope.source, envelope.id, envelope.type)
        raise InvalidCommand(sender, reasons(error)) from None


class _FactEvent(AboutComplaint, Generic[F]):
    """A fact, without the snapshot after it."""

    causationid: str
    causationsource: str
    data: F


_FACT_EVENTS: Final[dict[str, type[_FactEvent[Any]]]] = {
    fact_type(fact.NAME): _FactEvent.__class_getitem__(fact)  # type: ignore[misc]  # made at run time, one a fact
    for fact in FACTS
}


class _CalendarEvent(Envelope):
    data: Announcements


def decode_fact(raw: bytes | None) -> Recorded:
    """Read a fact.

    Raises:
        Undecodable: it is none of ours.
    """
    parts = partial_reads.cut_fact(raw)
    if parts is not None:
        try:
            value = json_object(parts[0])
            if partial_reads.is_well_cut(value):
                return _recorded(value, *parts)
        except Undecodable:  # `suppress` takes as long as the rest of this function
            pass  # cut in the wrong place, or wrong: the whole shows which
    head, snapshot = partial_reads.part_fact(raw)
    return _recorded(json_object(head), head, snapshot)


def decode_own_fact(key: bytes | None, raw: bytes | None) -> Recorded:
    """Read a fact as lifecycle writes it: under the id of its complaint.

    Raises:
        Undecodable: it is none of ours.
    """
    recorded = decode_fact(raw)
    if recorded.complaint.complaint_id.encode() != key:
        raise foreign(f"it is a fact of complaint {recorded.complaint.complaint_id}")
    return recorded


def _recorded(value: dict[str, Any], head: bytes, snapshot: bytes) -> Recorded:
    found = value.get("type")
    model = _FACT_EVENTS.get(str(found))
    if model is None:
        raise Undecodable("unknown-type", f"type {clipped(repr(found))} is no fact of the contract")
    event = read_ours(model, head)
    if event.time is None:
        raise Undecodable("invalid", "time: required")
    cause = Cause(event.causationsource, event.causationid)
    return Recorded(event.data, event.time, cause, read_ours(Complaint, snapshot))


def decode_snapshot(raw: bytes | None) -> Complaint:
    """Read a record of `complaints.state`.

    Raises:
        Undecodable: it is none of ours.
    """
    found = json_object(raw).get("type")
    if found != STATE_TYPE:
        raise Undecodable("unknown-type", f"type {clipped(repr(found))} is not {STATE_TYPE}")
    return read_ours(StateEvent, raw or b"").data.complaint


def decode_calendar(raw: bytes | None) -> Announcements:
    """Read the record of `complaints.state` that has the key `calendar`.

    Raises:
        Undecodable: it is none of ours.
    """
    found = json_object(raw).get("type")
    if found != CALENDAR_TYPE:
        raise Undecodable("unknown-type", f"type {clipped(repr(found))} is not {CALENDAR_TYPE}")
    return read_ours(_CalendarEvent, raw or b"").data


def _event(kind: str, source: str, message_id: str, subject: str, time: str, **extensions: str) -> dict[str, str]:
    return {
        "specversion": "1.0",
        "type": kind,
        "source": source,
        "id": message_id,
        "subject": subject,
        "time": time,
        "datacontenttype": "application/json",
        **extensions,
    }


def _spliced(envelope: dict[str, str], data: bytes) -> bytes:
    # the snapshot is written once and used in two records: joining bytes costs a tenth of writing it again
    return to_json(envelope)[:-1] + b',"data":' + data + b"}"


def encode_complaint(complaint: Complaint) -> bytes:
    """Write a snapshot by itself, as `encode_fact` and `encode_snapshot` take it."""
    return complaint.__pydantic_serializer__.to_json(complaint)


def read_complaint(snapshot: bytes) -> Complaint:
    """Read what `encode_complaint` wrote."""
    return Complaint.model_validate_json(snapshot, extra="ignore")


def complaint_key(key: bytes | None) -> bytes:
    """Return the 16 bytes of the complaint id that a record is keyed by.

    Raises:
        Undecodable: it is keyed by something else.
    """
    try:
        return UUID((key or b"").decode()).bytes
    except ValueError:
        raise Undecodable("invalid", f"key: {clipped(repr(key))} is no complaint id") from None


def fact_headers(recorded: Recorded) -> tuple[tuple[str, bytes], ...]:
    """Return the headers of a fact: enough for a subscriber to pass it over unread."""
    complaint = recorded.complaint
    return marked(
        ("fact", recorded.fact.NAME.encode()),
        ("status", complaint.status.encode()),
        ("escalation-due", b"1" if complaint.escalation_due else b"0"),
    )


def _stated(kind: str, complaint: Complaint, at: datetime) -> str:
    """Write the attributes that a fact and the snapshot after it have in common, without the closing brace.

    A complaint's id is a UUID, so nothing here needs escaping, and a template does in a third of the time.
    """
    name, version = complaint.complaint_id, complaint.version
    return (
        f'{{"specversion":"1.0","type":"{kind}","source":"{SYSTEM}","id":"{fact_id(name, version)}","subject":"{name}",'
        f'"time":"{timestamp(at)}","datacontenttype":"application/json","sequence":"{version:010d}"'
    )


def encode_fact(recorded: Recorded, snapshot: bytes) -> bytes:
    """Write a fact; `snapshot` is `encode_complaint(recorded.complaint)`."""
    cause, fact = recorded.cause, recorded.fact
    stated = _stated(fact_type(fact.NAME), recorded.complaint, recorded.at)
    # what a sender has chosen may need escaping
    caused = to_json({"causationid": cause.id, "causationsource": cause.source})
    body = fact.__pydantic_serializer__.to_json(fact)
    return b'%b,%b,"data":%b%b%b}}' % (stated.encode(), caused[1:-1], body[:-1], partial_reads.SNAPSHOT_MARK, snapshot)


def encode_snapshot(complaint: Complaint, snapshot: bytes) -> bytes:
    """Write a record of `complaints.state`; `snapshot` is `encode_complaint(complaint)`."""
    stated = _stated(STATE_TYPE, complaint, complaint.updated_at)
    return b"%b%b%b}}" % (stated.encode(), partial_reads.STATE_MARK, snapshot)


def encode_calendar(found: Announcements, *, partition: int, time: datetime) -> bytes:
    """Write what has been announced in a partition, for its record of the key `calendar` in `complaints.state`."""
    calendar_id = f"{CALENDAR}/{partition}/{found.revision}"
    sequence = f"{found.revision:010d}"
    envelope = _event(CALENDAR_TYPE, SYSTEM, calendar_id, CALENDAR, timestamp(time), sequence=sequence)
    return _spliced(envelope, to_json(found))


def encode_command(command: Command, *, source: str, command_id: str, subject: str, time: datetime) -> bytes:
    """Write a command."""
    envelope = _event(command_type(command.NAME), source, command_id, subject, timestamp(time))
    return _spliced(envelope, to_json(command, exclude_none=True, by_alias=True))


def encode_rejection(rejection: Rejection, *, subject: str, time: datetime, partition: int, offset: int) -> bytes:
    """Write the rejection of the command that lies at this place of the log, to its sender."""
    named = rejection_id(subject, partition, offset)
    envelope = _event(Rejection.TYPE, SYSTEM, named, subject, timestamp(time), causationid=rejection.command_id)
    return _spliced(envelope, to_json(rejection, by_alias=True))


def encode_resolution(resolution: Resolution, *, subject: str, version: int, time: datetime) -> bytes:
    """Write a resolution; `version` is that of the fact it follows from and rises with each change."""
    source = stage_source("resolution")
    envelope = _event(
        Resolution.TYPE, source, f"{subject}/{version}", subject, timestamp(time), sequence=f"{version:010d}"
    )
    return _spliced(envelope, to_json(resolution, by_alias=True))


def encode_texts(texts: FactTexts) -> bytes:
    """Write a record of `complaints.texts`."""
    return to_json(texts, exclude_none=True)


def decode_texts(raw: bytes | None) -> FactTexts:
    """Read a record of `complaints.texts`.

    Raises:
        Undecodable: it is none of ours.
    """
    return read_ours(FactTexts, raw or b"")


def encode_value(value: Frozen) -> bytes:
    """Write a value that is no event: an identity, a story."""
    return to_json(value, by_alias=True)
