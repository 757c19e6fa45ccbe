r"""Lets kafka-python unpack records whose header has a name that is not UTF-8.

The broker takes such records, and clients in C, Go or Java send them as readily as any other. kafka-python fails on one
while it unpacks a fetch, again and again, and nobody behind it would be read any more. Here such a name is read with
its bytes written out (`\xff`), and the record is one like any other: what its value says decides.

The client has no place to plug this in, so a name in one of its modules is replaced.
"""

from typing import Any, final

import kafka.record.memory_records as kafka_records
from kafka.record.default_records import DefaultRecordBatch


def install() -> None:
    """Let all of kafka-python's consumers in this process unpack whatever the broker has taken."""
    kafka_records.DefaultRecordBatch = _Batch


class _Lenient(bytearray):
    """Bytes whose parts are text in any case."""

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 -- a number or bytes
        found = super().__getitem__(index)
        return _Lenient(found) if isinstance(index, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)


class AnyNames:
    """A batch in the form of kafka-python, which aiokafka has too: `_read_msg` reads from `_buffer` at `_pos`."""

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
