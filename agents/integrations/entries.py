"""Entries of a file, and their results."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic_core import to_json

from events.codec.decode import decode_report
from events.errors import Undecodable
from workflow.machine.content_digests import FIELDS
from workflow.machine.permissions import NAMES_A_PERSON, names_a_person

NO_RESULT: Final = "#FORMULA!"
"""Text of a cell with a formula without a stored result."""
_COMPARED: Final = {"class_" if name == "class" else name for name in FIELDS}

NOTHING: Final = "there is nothing in it"
"""Message about a file without entries."""

REASON: Final = "alurreason"
"""JSON member or column of a reject file: why the entry was refused."""
LINE: Final = "alurline"
"""Column of a reject file: the line of the entry in its file."""
SOURCE: Final = "alursource"
"""JSON member or column of a reject file: the channel of the entry's id."""
ADDED: Final = frozenset({REASON, LINE, SOURCE})


class UnreadableFile(Exception):
    """The file contains no reports; the message is one line."""


class BadLayout(Exception):
    """The columns or words of the file are ambiguous; the message is one line with options that resolve it."""


class Unusable(Exception):
    """An entry cannot be a report of the contract; the message is the reason."""


class Settled(Exception):
    """An entry that is settled in its source system."""


class LayoutLine(Exception):
    """A row with only a total or a separator."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row, a request or a message, before it is validated."""

    line: int
    cells: Mapping[str, str]
    """The text of each field."""
    raw: Any = field(default=None, compare=False)
    """Its row or JSON value, for the reject file."""
    links: tuple[Any, ...] = ()
    """Attachments as in the file: texts or objects."""
    source: str | None = None
    """Its channel, if the file has it, as a reject file does."""


@dataclass(frozen=True, slots=True)
class Report:
    """A valid report of the contract."""

    line: int
    complaint: str
    value: bytes
    notes: tuple[str, ...] = ()
    """`field: reason` of each value that was dropped, or is kept and of no use."""
    raw: Any = field(default=None, compare=False, repr=False)
    content: int = field(default=0, compare=False, repr=False)
    """Hash of the content, for comparison with redeliveries."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """An invalid entry with the reason."""

    line: int
    reason: str
    raw: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Ignored:
    """An entry that is settled in its source system, or a row that is only a total or a separator."""

    line: int
    layout: bool = False
    """Whether the row is only a total or a separator."""


Item = Report | Skipped | Ignored


def item_of(entry: Entry, make: Callable[[Entry], tuple[Mapping[str, Any], tuple[str, ...]]]) -> Item:
    """Return the result of an entry; `make` builds its report."""
    try:
        event, notes = make(entry)
    except Unusable as error:
        return Skipped(entry.line, str(error), entry.raw)
    except Settled:
        return Ignored(entry.line)
    except LayoutLine:
        return Ignored(entry.line, layout=True)
    return validated(entry.line, to_json(event), entry.raw, notes)


def validated(line: int, value: bytes, raw: object = None, notes: tuple[str, ...] = ()) -> Report | Skipped:
    """Validate a report by the contract."""
    try:
        event = decode_report(value)
        subject = event.data.reporter.subject if event.data.reporter else None
        if subject and names_a_person(subject):
            notes = (*notes, f"reporter.subject: {NAMES_A_PERSON}: no command of the reporter will count")
        content = hash(event.data.model_dump_json(include=_COMPARED))
        return Report(line, event.complaint_id, value, notes, raw, content)
    except Undecodable as error:
        reason = error.reason.replace("data.", "").removeprefix("data: ")
        neither = ": neither a report of the contract nor an Open311 request" if error.code == "unknown-type" else ""
        return Skipped(line, reason + neither, raw)


def without_conflicts(items: Iterable[Item], entry: str) -> Iterator[Item]:
    """Skip each report with the id of an earlier one and other content, which lifecycle would reject."""
    seen: dict[str, tuple[int, int]] = {}
    for item in items:
        if isinstance(item, Report):
            line, content = seen.setdefault(item.complaint, (item.line, item.content))
            if content != item.content:
                yield Skipped(item.line, f"id: {entry} {line} has it with different content: correct one", item.raw)
                continue
        yield item
