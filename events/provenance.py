"""Headers that mark the engine's own records, and the detection of foreign records by them.

Facts, snapshots and stories have a writer number, snapshots also the offset of their command. Records of older releases
have none; after the first record with a writer number, one without is foreign: written by another producer, and ignored
by all stages.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Final

from events.cloudevents import CONTENT_TYPE
from events.errors import Undecodable
from events.topics import TopicName

WRITER: Final = 1
"""Writer number of this version, increased by each release that adds a field to the snapshot or the calendar.

An older lifecycle would drop that field, so it refuses a partition with a higher number (docs/adr/0017)."""
MARKED: Final = (TopicName.EVENTS, TopicName.TEXTS, TopicName.STATE, TopicName.STORIES)
"""Topics whose records have a writer number."""
WRITER_HEADER: Final = "writer"
SOURCE_OFFSET_HEADER: Final = "source-offset"
_REPAIR: Final = ("repair", b"1")
_CONTENT: Final = ("content-type", CONTENT_TYPE.encode())
_MARK: Final = (WRITER_HEADER, str(WRITER).encode())
_DIGITS: Final = 19

FOREIGN: Final = "foreign"
"""Code of the dead letter of a foreign record."""

Headers = Collection[tuple[str, bytes | None]]


def marked(*headers: tuple[str, bytes]) -> tuple[tuple[str, bytes], ...]:
    """Return `headers` with lifecycle's writer number added."""
    return (_CONTENT, *headers, _MARK)


def state_headers(source_offset: int) -> tuple[tuple[str, bytes], ...]:
    """Return the headers of a record of `complaints.state` that results from the command at `source_offset`."""
    return marked((SOURCE_OFFSET_HEADER, str(source_offset).encode()))


def repair_headers(source_offset: int | None) -> tuple[tuple[str, bytes], ...]:
    """Return the headers of a repair record of `complaints.state`, which replaces any other version.

    None if no record has a source offset, as after a migration.
    """
    return (*(marked() if source_offset is None else state_headers(source_offset)), _REPAIR)


def is_repair(headers: Headers) -> bool:
    """Check whether a record was written by a repair."""
    return _REPAIR in headers


def writer_of(headers: Headers) -> int | None:
    """Return the writer number of a record with these headers, or None if it has none."""
    return WRITER if _MARK in headers else header_number(headers, WRITER_HEADER)


def source_offset_of(headers: Headers) -> int | None:
    """Return the offset in `complaints.commands` of the command that a record results from, or None if it has none."""
    return header_number(headers, SOURCE_OFFSET_HEADER)


def header_value(headers: Iterable[tuple[str, bytes | None]], name: str) -> bytes | None:
    """Return the value of the first header with this name; None if there is none."""
    for each, value in headers:  # a loop is faster than a generator
        if each == name:
            return value
    return None


def header_number(headers: Iterable[tuple[str, bytes | None]], name: str, digits: int = _DIGITS) -> int | None:
    """Return a header's value as a number of at most `digits` digits; None for another value."""
    value = header_value(headers, name)
    return int(value) if value and value.isdigit() and len(value) <= digits else None


class Origin:
    """Detects foreign records of a partition, read in order; `since` returns where writer numbers begin, if known."""

    def __init__(self, since: Callable[[], int | None] = lambda: None) -> None:
        self._known_since = since
        self._first: int | None = None

    def is_foreign(self, offset: int, headers: Headers) -> bool:
        """Check whether the record at `offset` is foreign."""
        if writer_of(headers) is not None:
            if self._first is None:
                self._first = offset
            return False
        since = self._first if self._first is not None and offset > self._first else self._known_since()
        return since is not None and offset >= since

    def check(self, offset: int, headers: Headers) -> None:
        """Raise Undecodable for a foreign record."""
        # the first condition decides for most records
        if (_MARK not in headers or self._first is None) and self.is_foreign(offset, headers):
            raise foreign("it has no writer number, and the records before it have one")


def foreign(reason: str) -> Undecodable:
    """Return the error for a record that the engine did not write."""
    return Undecodable("foreign", f"not written by the engine, and not acted on: {reason}")
