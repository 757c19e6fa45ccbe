"""Tracing of a stage: outputs inherit the trace of their record; a collector gets a span for each such record."""

from collections.abc import Mapping
from typing import Final

import structlog

from agents.observability.trace_context import PASS_THROUGH, Tracing

log = structlog.get_logger()

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
HTTP: Final = "http/protobuf"


def tracing(stage: str, env: Mapping[str, str]) -> Tracing:
    """Return the tracing of a stage's worker, by OpenTelemetry's variables.

    An invalid setting is logged, and the stage works without spans: complaints do not wait for tracing.
    """
    if not any(env.get(name) for name in ENDPOINTS):
        return PASS_THROUGH
    if env.get("OTEL_SDK_DISABLED", "").lower() == "true" or env.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return PASS_THROUGH
    protocol = next((env[name] for name in PROTOCOLS if env.get(name)), HTTP)
    if protocol != HTTP:
        log.warning(
            "tracing_disabled", stage=stage, reason=f"spans are sent by {HTTP} only, not by {protocol}: name its port"
        )
        return PASS_THROUGH
    try:
        from agents.observability.spans import Spans  # noqa: PLC0415 -- an extra that takes a second to import
    except ImportError as error:
        reason = f"{error.name} is not installed: pip install 'alur[otel]'"
        log.warning("tracing_disabled", stage=stage, reason=reason)
        return PASS_THROUGH
    return Spans(stage, env)
