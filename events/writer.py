"""Headers that mark records of lifecycle: its writer number, and the offset of the command they follow from."""

from collections.abc import Iterable
from typing import Final

from events.base import CONTENT_TYPE

WRITER: Final = 1
"""Writer number of this version. Raise it when an older lifecycle would lose something by writing over our records."""
WRITER_HEADER: Final = "writer"
SOURCE_OFFSET_HEADER: Final = "source-offset"
_MARK: Final = (WRITER_HEADER, str(WRITER).encode())
_DIGITS: Final = 19

Headers = Iterable[tuple[str, bytes | None]]


def marked(*headers: tuple[str, bytes]) -> tuple[tuple[str, bytes], ...]:
    """Return the headers of a record that lifecycle writes, with `headers` among them."""
    return (("content-type", CONTENT_TYPE.encode()), *headers, _MARK)


def state_headers(source_offset: int) -> tuple[tuple[str, bytes], ...]:
    """Return the headers of a record of `complaints.state` that follows from the command at `source_offset`."""
    return marked((SOURCE_OFFSET_HEADER, str(source_offset).encode()))


def writer_of(headers: Headers) -> int | None:
    """Return the writer number of a record with these headers, or None if it has none."""
    return _number(headers, WRITER_HEADER)


def source_offset_of(headers: Headers) -> int | None:
    """Return the offset in `complaints.commands` of the command that a record follows from, or None if it has none."""
    return _number(headers, SOURCE_OFFSET_HEADER)


def _number(headers: Headers, wanted: str) -> int | None:
    value = next((value for name, value in headers if name == wanted), None)
    return int(value) if value and value.isdigit() and len(value) <= _DIGITS else None
