r"""Patch of kafka-python that unpacks records with a header name that is not UTF-8.

Brokers accept such records, and other clients may send them. kafka-python fails on one whenever it unpacks a fetch, and
would read no later record. With the patch, such a name is read with its bytes escaped (`\xff`).

For lack of an extension point, a name in one of its modules is replaced.
"""

from typing import Any, final

import kafka.record.memory_records as kafka_records
from kafka.record.default_records import DefaultRecordBatch


def install() -> None:
    """Patch all kafka-python consumers of this process to unpack every record that the broker has accepted."""
    kafka_records.DefaultRecordBatch = _Batch


class _Lenient(bytearray):
    """Bytes whose slices always decode to text."""

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 -- a number or bytes
        item = super().__getitem__(index)
        return _Lenient(item) if isinstance(index, slice) else item

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)


class AnyNames:
    """A batch of kafka-python or aiokafka: `_read_msg` reads from `_buffer` at `_pos`."""

    _buffer: bytearray

    def _read_msg(self) -> object:
        try:
            return super()._read_msg()  # type: ignore[misc]  # of the client's own class
        except UnicodeDecodeError:
            self._buffer = _Lenient(self._buffer)
            return super()._read_msg()  # type: ignore[misc]  # as above


@final
class _Batch(AnyNames, DefaultRecordBatch):  # type: ignore[misc]  # no types
    pass
