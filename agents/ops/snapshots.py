"""Last snapshot of each complaint in `complaints.state`."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from events.client import Record
from events.errors import Undecodable

_Read = TypeVar("_Read")


def last_of_each(
    records: Iterable[Record], read: Callable[[bytes], _Read | None], *, skip_unreadable: bool = False
) -> dict[bytes, _Read]:
    """Return the result of `read` for the last record of each key, except None.

    A key is omitted if its last record raises `Undecodable`; with `skip_unreadable` its last readable one counts.
    """
    last_values: dict[bytes, _Read] = {}
    for record in records:
        key = record.key or b""
        try:
            value = None if record.value is None else read(record.value)
        except Undecodable:
            if skip_unreadable:
                continue
            value = None
        last_values.pop(key, None)  # keep the order of the last records
        if value is not None:
            last_values[key] = value
    return last_values
