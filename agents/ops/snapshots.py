"""The last snapshot of each complaint in `complaints.state`."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from events.client import Record
from events.errors import Undecodable

_Read = TypeVar("_Read")


def last_of_each(
    records: Iterable[Record], read: Callable[[bytes], _Read | None], *, skip_unreadable: bool = False
) -> dict[bytes, _Read]:
    """Return what `read` makes of the last record of each key, without what it makes None of.

    Args:
        records: of the topic, in its order.
        read: may raise `Undecodable` for the calendar and for foreign records.
        skip_unreadable: the last readable record counts; otherwise a key whose last record is unreadable is left out.
    """
    found: dict[bytes, _Read] = {}
    for record in records:
        key = record.key or b""
        try:
            value = None if record.value is None else read(record.value)
        except Undecodable:
            if skip_unreadable:
                continue
            value = None
        found.pop(key, None)  # in the order of the last records
        if value is not None:
            found[key] = value
    return found
