"""OpenTelemetry spans: one for each record with outputs, from decision to commit.

Needs the extra `alur[otel]`. OpenTelemetry's own variables set sampling, service name and exporter.
"""

import logging
import re
import time
from collections.abc import Mapping
from importlib.metadata import version
from threading import Thread
from typing import Final

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from agents.kafka.protocols import KafkaRecord
from agents.kafka.records import OutgoingRecord
from agents.observability.trace_context import TRACEPARENT, TraceContext, Tracing, carrying, context_of, read
from events.topics import TopicName

log = structlog.get_logger()

_ATTRIBUTE: Final = re.compile(rb'"%s"\s*:\s*"([^"\\]{55,512})"' % TRACEPARENT.encode())
"""The extension attribute of a CloudEvent; inside a JSON string the quotation marks would be escaped."""
_FLUSH_SECONDS: Final = 2.0
_LOG_SECONDS: Final = 60.0


class _OncePerMinute(logging.Handler):
    """Log filter: one line a minute while the collector refuses spans."""

    def __init__(self, stage: str) -> None:
        super().__init__(logging.ERROR)
        self._stage = stage
        self._logged_at = float("-inf")

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record, unless one was logged within the minute."""
        now = time.monotonic()
        if now - self._logged_at > _LOG_SECONDS:
            self._logged_at = now
            reason = " ".join(record.getMessage().split())
            log.warning("spans_dropped", stage=self._stage, reason=reason)


class Spans(Tracing):
    """Exports the spans of one worker to the collector that the environment configures."""

    def __init__(self, stage: str, env: Mapping[str, str]) -> None:
        logger = logging.getLogger("opentelemetry")
        logger.handlers = [_OncePerMinute(stage)]
        logger.propagate = False
        about = {"service.version": version("alur")}
        if not env.get("OTEL_SERVICE_NAME"):
            about["service.name"] = f"alur-{stage}"
        self._provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("alur")
        self._stage = stage

    def batch(self) -> Tracing:
        """Begin a batch: its spans start now."""
        return _Spanned(self._stage, self._tracer)

    def stop(self) -> None:
        """Export pending spans within a short timeout."""
        # in a daemon thread: an unreachable collector would delay the exit by ten seconds
        flushing = Thread(target=self._provider.force_flush, daemon=True)
        flushing.start()
        flushing.join(_FLUSH_SECONDS)


class _Spanned(Tracing):
    def __init__(self, stage: str, tracer: trace.Tracer) -> None:
        self._stage = stage
        self._tracer = tracer
        self._open: list[trace.Span] = []
        self._began_ns = time.time_ns()

    def follow(self, record: KafkaRecord, outputs: list[OutgoingRecord]) -> list[OutgoingRecord]:
        """Create a span for `record`, child of the record's own context, and add it to `outputs`."""
        if not outputs:
            return outputs
        about: dict[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.operation.name": self._stage,
            "messaging.destination.name": record.topic,
            "messaging.destination.partition.id": str(record.partition),
            "messaging.kafka.offset": record.offset,
            "alur.waited_ms": max(0, self._began_ns // 1_000_000 - record.timestamp),
        }
        return self._span(record.topic, context_of(record) or _attribute_of(record.value), about, outputs)

    def start(self, outputs: list[OutgoingRecord]) -> list[OutgoingRecord]:
        """Create a root span for each of `outputs`."""
        return [each for output in outputs for each in self._span("timer", None, {}, [output])]

    def batch_processed(self) -> None:
        for span in self._open:
            span.end()

    def _span(
        self, cause: str, parent: TraceContext | None, about: dict[str, str | int], outputs: list[OutgoingRecord]
    ) -> list[OutgoingRecord]:
        span = self._tracer.start_span(
            f"{self._stage} {cause}",
            context=_remote(parent),
            kind=trace.SpanKind.CONSUMER,
            attributes=about | _consequences(outputs),
            start_time=self._began_ns,
        )
        if outputs[0].topic is TopicName.DEAD_LETTERS:
            code = dict(outputs[0].headers)["code"].decode()
            span.set_status(trace.StatusCode.ERROR, f"dead letter: {code}")
        self._open.append(span)
        own = span.get_span_context()
        return carrying(TraceContext(f"{own.trace_id:032x}", f"{own.span_id:016x}", own.trace_flags), outputs)


def _attribute_of(value: bytes | None) -> TraceContext | None:
    match = _ATTRIBUTE.search(value or b"")
    return None if match is None else read(match[1])


def _remote(parent: TraceContext | None) -> Context:
    if parent is None:
        return trace.set_span_in_context(trace.INVALID_SPAN)
    context = trace.SpanContext(
        int(parent.trace, 16), int(parent.span, 16), is_remote=True, trace_flags=trace.TraceFlags(parent.flags)
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(context))


def _consequences(outputs: list[OutgoingRecord]) -> dict[str, str | int]:
    """Return topics and complaint of the outputs, but no key of a dead letter, which could be a phone number."""
    about: dict[str, str | int] = {
        "alur.writes": " ".join(output.topic.removeprefix("complaints.") for output in outputs)
    }
    events = [output for output in outputs if output.topic is TopicName.EVENTS]
    first = (events or outputs)[0]  # records of texts have other keys
    if first.topic is not TopicName.DEAD_LETTERS and first.key is not None:
        about["alur.complaint"] = first.key.decode(errors="replace")
    if events:
        about["alur.facts"] = " ".join(
            value.decode() for output in events for name, value in output.headers if name == "fact"
        )
    return about
