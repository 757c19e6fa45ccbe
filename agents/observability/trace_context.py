"""W3C trace context: outputs of a record belong to its trace.

It is in the header `traceparent` (https://www.w3.org/TR/trace-context/), not the value: repeats have the same bytes. No
decision depends on it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from agents.kafka.protocols import KafkaRecord
from agents.kafka.records import OutgoingRecord
from events.provenance import header_value

TRACEPARENT: Final = "traceparent"
"""The header; in a CloudEvent the attribute of its distributed tracing extension has the same name."""

# a future version may append more after the flags, and ff is invalid
_PARENT: Final = re.compile(
    rb"(?!ff)(?P<version>[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})"
    rb"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)


@dataclass(frozen=True, slots=True)
class TraceContext:
    """Position in a trace: trace id, span id and flags."""

    trace: str
    """32 hexadecimal digits, not all of them 0."""
    span: str
    """16 hexadecimal digits, not all of them 0."""
    flags: int

    def header(self) -> bytes:
        """Return the context as the value of `traceparent`."""
        return f"00-{self.trace}-{self.span}-{self.flags:02x}".encode()


def read(value: bytes | None) -> TraceContext | None:
    """Parse the value of a `traceparent`; None for an invalid value."""
    match = _PARENT.fullmatch(value or b"")
    if match is None or (match["version"] == b"00" and match["more"]):
        return None
    return TraceContext(match["trace"].decode(), match["span"].decode(), int(match["flags"], 16))


def context_of(record: KafkaRecord) -> TraceContext | None:
    """Return the context in the headers of `record`; None unless there is exactly one."""
    claims = [value for name, value in record.headers if name == TRACEPARENT]
    return read(claims[0]) if len(claims) == 1 else None


def carrying(context: TraceContext, outputs: Iterable[OutgoingRecord]) -> list[OutgoingRecord]:
    """Return `outputs` with `context` in a header of each."""
    header = (TRACEPARENT, context.header())
    carried = []
    for each in outputs:
        headers = (*(other for other in each.headers if other[0] != TRACEPARENT), header)
        carried.append(OutgoingRecord(each.topic, each.key, each.value, each.partition, headers))
    return carried


class Tracing:
    """Trace context of a worker: this class passes on the context of a record and starts no trace."""

    def batch(self) -> "Tracing":
        """Return the tracing of one batch."""
        return self

    def follow(self, record: KafkaRecord, outputs: list[OutgoingRecord]) -> list[OutgoingRecord]:
        """Return `outputs` of `record` with its trace context."""
        if header_value(record.headers, TRACEPARENT) is None:
            return outputs
        context = context_of(record)
        return outputs if context is None else carrying(context, outputs)

    def start(self, outputs: list[OutgoingRecord]) -> list[OutgoingRecord]:
        """Return `outputs` of a timer, each with a new trace if spans are exported."""
        return outputs

    def batch_processed(self) -> None:
        """Record that the outputs of the batch are written and committed."""

    def stop(self) -> None:
        """Flush pending spans for a moment, then stop."""


PASS_THROUGH: Final = Tracing()
