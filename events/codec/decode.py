"""Decoding of messages: CloudEvents 1.0, JSON, structured mode.

Raises only `Undecodable` (or `InvalidCommand`), for any bytes. Messages from others are read strictly: an unknown field
is refused. Records of the engine are read leniently: an unknown field is ignored, as one of a newer version.
"""

from contextlib import suppress
from functools import cache
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from pydantic import ValidationError

from events.announcements import CALENDAR, CALENDAR_TYPE, AnnouncementEvent, Announcements
from events.cloudevents import AboutComplaint, Envelope
from events.codec import partial
from events.codec.parsing import json_object, read_ours, reasons
from events.codec.partial import StateEvent
from events.commands import COMMANDS, Command, CommandEvent, command_type
from events.errors import InvalidCommand, Sender, Undecodable
from events.facts import FACTS, Cause, Fact, Recorded, fact_type
from events.ids import is_stage_source
from events.outcomes import Resolution, ResolutionEvent, ResolutionReopened, ResolutionReopenedEvent
from events.provenance import foreign
from events.reports import ReportSubmitted
from events.snapshot import STATE_TYPE, Complaint
from events.texts import FactTexts
from events.wording import clipped

_COMMANDS: Final[dict[str, type[Command]]] = {command_type(command.NAME): command for command in COMMANDS}
F = TypeVar("F", bound=Fact)
E = TypeVar("E", bound=Envelope)

_SENDERS_PART: Final = {"data", "expectedversion"}
_UNICODE_ESCAPE: Final = b"\\u"
_NAN: Final = b"NaN"
_INFINITY: Final = b"Infinity"
"""Infinity and NaN are invalid in JSON, but pydantic accepts them in unknown fields."""
_ANNOUNCEMENT_MARK: Final = AnnouncementEvent.TYPE.encode()


def decode_report(raw: bytes | None) -> ReportSubmitted:
    """Read a report of a channel; raise `Undecodable` for anything else."""
    try:
        return ReportSubmitted.model_validate_json(_of_type(raw, ReportSubmitted.TYPE), by_alias=True, by_name=False)
    except ValidationError as error:
        raise Undecodable("invalid", reasons(error)) from None


def _of_type(raw: bytes | None, expected: str) -> bytes:
    """Return `raw` if it is an event of the expected type; raise Undecodable for another."""
    name = json_object(raw).get("type")
    if name != expected:
        raise Undecodable("unknown-type", f"type {clipped(repr(name))} is not {expected}")
    return raw or b""


def decode_command(raw: bytes | None) -> CommandEvent[Command]:
    """Read a command about a complaint; raise Undecodable, or InvalidCommand for its data."""
    # search the bytes first, so as not to parse them twice
    name = partial.command_type_in(raw or b"")
    command = _COMMANDS.get(name) if name else None
    if raw is not None and command is not None and _NAN not in raw and _INFINITY not in raw:
        try:
            event = _command_event(command).model_validate_json(raw, by_alias=True, by_name=False)
            if event.type == name:
                return event
        except ValidationError:  # `suppress` takes as long as the rest of this function
            pass  # the error is reported below
    value = json_object(raw)
    command = _COMMANDS.get(str(value.get("type")))
    if command is None:
        raise Undecodable("unknown-type", f"type {clipped(repr(value.get('type')))} is not a command of the contract")
    return _asked(_command_event(command), raw or b"")


@cache
def _command_event(command: type[Command]) -> type[CommandEvent[Any]]:
    """Return the model of a command as it is sent, built on first use, since building all would delay each start."""
    return CommandEvent.__class_getitem__(command)  # type: ignore[return-value]  # made at run time


def is_announcement(raw: bytes | None) -> bool:
    """Check whether a command is about the calendar: then read it with `decode_announcement`."""
    # search the bytes first: most commands are about a complaint, and must not be parsed twice
    if raw is None or (_ANNOUNCEMENT_MARK not in raw and _UNICODE_ESCAPE not in raw):
        return False
    try:
        return json_object(raw).get("type") == AnnouncementEvent.TYPE
    except Undecodable:
        return False


def decode_announcement(raw: bytes | None) -> AnnouncementEvent:
    """Read a command about the calendar; raise Undecodable, or InvalidCommand for its data."""
    return _asked(AnnouncementEvent, _of_type(raw, AnnouncementEvent.TYPE))


def _asked(model: type[E], raw: bytes) -> E:
    try:
        return model.model_validate_json(raw, by_alias=True, by_name=False)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        if any(each["loc"][0] not in _SENDERS_PART for each in errors):
            raise Undecodable("invalid", reasons(error)) from None
        envelope = (Envelope if model is AnnouncementEvent else AboutComplaint).model_validate_json(raw)
        if is_stage_source(envelope.source):
            with suppress(Undecodable):
                return read_ours(model, raw)
        subject = str(envelope.subject) if isinstance(envelope, AboutComplaint) else CALENDAR
        sender = Sender(subject, envelope.source, envelope.id, envelope.type)
        raise InvalidCommand(sender, reasons(error)) from None


class _FactEvent(AboutComplaint, Generic[F]):
    """A fact without the snapshot after it."""

    causationid: str
    causationsource: str
    data: F


class _OwnFactEvent(_FactEvent[F], Generic[F]):
    """A fact with all that this version writes."""

    datacontenttype: str
    sequence: str


_FACTS: Final[dict[str, type[Fact]]] = {fact_type(fact.NAME): fact for fact in FACTS}


@cache
def _fact_event(fact: type[Fact]) -> type[_FactEvent[Any]]:
    """Return the model of a fact with its envelope, built on first use like `_command_event`."""
    return _FactEvent.__class_getitem__(fact)  # type: ignore[return-value]  # made at run time


@cache
def _own_fact_event(fact: type[Fact]) -> type[_OwnFactEvent[Any]]:
    return _OwnFactEvent.__class_getitem__(fact)  # type: ignore[return-value]  # as above


class _CalendarEvent(Envelope):
    data: Announcements


def decode_fact(raw: bytes | None) -> Recorded:
    """Read a fact; raise `Undecodable` for anything else."""
    parts = partial.cut_fact(raw)
    fact = None if parts is None else _FACTS.get(partial.fact_type_in(parts[0]) or "")
    if parts is not None and fact is not None:
        try:
            # without unknown fields it is split at the right position
            event = _own_fact_event(fact).model_validate_json(parts[0], extra="forbid")
            if event.type == fact_type(fact.NAME):
                return _recorded(event, parts[1])
        except (ValidationError, Undecodable):  # `suppress` takes as long as the rest of this function
            pass  # split at the wrong position, of a newer version, or invalid: parsing the whole decides
    head, snapshot = partial.part_fact(raw)
    name = json_object(head).get("type")
    fact = _FACTS.get(str(name))
    if fact is None:
        raise Undecodable("unknown-type", f"type {clipped(repr(name))} is not a fact of the contract")
    return _recorded(read_ours(_fact_event(fact), head), snapshot)


_RESOLUTION_EVENTS: Final[dict[str, type[ResolutionEvent | ResolutionReopenedEvent]]] = {
    Resolution.TYPE: ResolutionEvent,
    ResolutionReopened.TYPE: ResolutionReopenedEvent,
}


def decode_resolution(raw: bytes | None) -> ResolutionEvent | ResolutionReopenedEvent:
    """Read a record of `complaints.resolutions`; raise `Undecodable` for anything else."""
    name = read_ours(Envelope, raw or b"").type
    model = _RESOLUTION_EVENTS.get(name)
    if model is None:
        raise Undecodable("unknown-type", f"type {clipped(repr(name))} is not a resolution of the contract")
    return read_ours(model, raw or b"")


def decode_own_fact(key: bytes | None, raw: bytes | None) -> Recorded:
    """Read a fact whose record key is its complaint's id; raise `Undecodable` for anything else."""
    recorded = decode_fact(raw)
    if recorded.complaint.complaint_id.encode() != key:
        raise foreign(f"it is a fact of complaint {recorded.complaint.complaint_id}")
    return recorded


def _recorded(event: _FactEvent[Any], snapshot: bytes) -> Recorded:
    if event.time is None:
        raise Undecodable("invalid", "time: required")
    cause = Cause(event.causationsource, event.causationid)
    return Recorded(event.data, event.time, cause, read_ours(Complaint, snapshot))


def decode_snapshot(raw: bytes | None) -> Complaint:
    """Read a record of `complaints.state`; raise `Undecodable` for anything else."""
    return read_ours(StateEvent, _of_type(raw, STATE_TYPE)).data.complaint


def decode_calendar(raw: bytes | None) -> Announcements:
    """Read the record `calendar` of `complaints.state`; raise `Undecodable` for anything else."""
    return read_ours(_CalendarEvent, _of_type(raw, CALENDAR_TYPE)).data


def read_complaint(snapshot: bytes) -> Complaint:
    """Read a snapshot that `encode_complaint` has written."""
    return Complaint.model_validate_json(snapshot, extra="ignore")


def decode_texts(raw: bytes | None) -> FactTexts:
    """Read a record of `complaints.texts`; raise `Undecodable` for anything else."""
    return read_ours(FactTexts, raw or b"")


def complaint_key(key: bytes | None) -> bytes:
    """Return the 16 bytes of the complaint id in a record's key; raise `Undecodable` for another key."""
    try:
        return UUID((key or b"").decode()).bytes
    except ValueError:
        raise Undecodable("invalid", f"key: {clipped(repr(key))} is not a complaint id") from None
