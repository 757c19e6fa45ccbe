"""Trace context: what is accepted and forwarded, and that outputs do not change otherwise."""

import logging
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry import trace
from structlog.testing import capture_logs

from agents.kafka.records import OutgoingRecord
from agents.observability.spans import Spans
from agents.observability.trace_context import PASS_THROUGH, TRACEPARENT, TraceContext, context_of, read
from agents.observability.tracing import HTTP, tracing
from events.codec.encode import HEADERS
from events.topics import TopicName
from tests.support.tables import every

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01".encode()
FACT = (*HEADERS, ("fact", b"registered"))
NOWHERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


@pytest.fixture(autouse=True, scope="module")
def _silent_afterwards() -> Iterator[None]:
    """Spans on their way to nowhere are given up seconds later, in a thread that would print into another test."""
    yield
    logging.getLogger("opentelemetry").handlers = [logging.NullHandler()]


def record(*headers: tuple[str, bytes | None], value: bytes = b"{}") -> Any:
    return SimpleNamespace(
        headers=headers, value=value, topic="complaints.commands", partition=1, offset=7, timestamp=1_000
    )


def output(topic: TopicName = TopicName.EVENTS, headers: Any = FACT) -> OutgoingRecord:
    return OutgoingRecord(topic, b"a complaint", b"the value", 1, headers)


def parents(outputs: list[OutgoingRecord]) -> list[bytes]:
    return [value for each in outputs for name, value in each.headers if name == TRACEPARENT]


class TestReading:
    def test_what_the_standard_gives_as_an_example(self) -> None:
        context = read(PARENT)
        assert context == TraceContext(TRACE, SPAN, 1)
        assert context.header() == PARENT

    def test_a_version_to_come_may_say_more_and_is_written_on_as_ours(self) -> None:
        context = read(b"cc-" + PARENT[3:] + b"-what-will-be")
        assert context is not None
        assert context.header() == PARENT

    @every(
        [
            None,
            b"",
            PARENT.upper(),
            PARENT + b"-more",
            PARENT + b"\n",
            PARENT[:-1],
            b"ff-" + PARENT[3:],
            b"00-" + b"0" * 32 + PARENT[35:],
            PARENT[:36] + b"0" * 16 + b"-01",
            b"00_" + PARENT[3:],
            PARENT.replace(b"a", b"\xef\xbd\x81"),
            b"00-" + b"x" * 2_000_000,
        ]
    )
    def test_an_invalid_one_is_ignored(self, value: bytes | None) -> None:
        assert read(value) is None
        assert PASS_THROUGH.follow(record((TRACEPARENT, value)), [output()]) == [output()]

    @given(st.binary(max_size=80))
    @example(b"00-" + b"f" * 32)
    def test_any_bytes_give_a_context_or_none(self, value: bytes) -> None:
        context = read(value)
        assert context is None or read(context.header()) == context

    def test_one_of_several_is_not_chosen(self) -> None:
        assert context_of(record((TRACEPARENT, PARENT), (TRACEPARENT, PARENT))) is None


class TestPassingOn:
    def test_what_follows_has_the_header_and_is_the_same_otherwise(self) -> None:
        [found] = PASS_THROUGH.follow(record(*HEADERS, (TRACEPARENT, PARENT)), [output()])
        assert found == output(headers=(*FACT, (TRACEPARENT, PARENT)))

    def test_what_was_sent_on_with_its_headers_has_it_once(self) -> None:
        again = output(TopicName.COMMANDS, ((TRACEPARENT, PARENT), ("forwarded-from", b"1/7")))
        assert parents(PASS_THROUGH.follow(record((TRACEPARENT, PARENT)), [again])) == [PARENT]

    def test_no_trace_is_begun(self) -> None:
        assert PASS_THROUGH.follow(record(*HEADERS), [output()]) == [output()]
        assert PASS_THROUGH.start([output()]) == [output()]


class TestSpans:
    @pytest.fixture
    def spans(self) -> Any:
        return Spans("lifecycle", NOWHERE).batch()

    def finished(self, spans: Any) -> Mapping[str, Any]:
        [span] = spans._open  # noqa: SLF001 -- the only place where it can be looked at before it is sent
        spans.batch_processed()
        assert span.end_time is not None
        return {"parent": span.parent, "status": span.status, "name": span.name, **span.attributes}

    def test_a_record_is_a_span_below_the_one_it_came_with(self, spans: Any) -> None:
        [found] = spans.follow(record((TRACEPARENT, PARENT)), [output()])
        [context] = [read(parent) for parent in parents([found])]
        assert context is not None
        assert (context.trace, context.flags) == (TRACE, 1)
        assert context.span != SPAN
        assert (found.key, found.value, found.headers[: len(FACT)]) == (b"a complaint", b"the value", FACT)
        span = self.finished(spans)
        assert f"{span['parent'].span_id:016x}" == SPAN
        assert span["name"] == "lifecycle complaints.commands"
        assert span["alur.facts"] == "registered"
        assert span["alur.complaint"] == "a complaint"

    def test_an_event_may_have_it_as_its_extension_attribute(self, spans: Any) -> None:
        value = b'{"specversion": "1.0", "traceparent": "%s"}' % PARENT
        assert TRACE.encode() in parents(spans.follow(record(value=value), [output()]))[0]

    def test_what_a_citizen_writes_is_none(self, spans: Any) -> None:
        value = b'{"title": "\\"traceparent\\": \\"%s\\""}' % PARENT
        assert TRACE.encode() not in parents(spans.follow(record(value=value), [output()]))[0]

    def test_without_a_parent_it_is_the_beginning(self, spans: Any) -> None:
        with trace.use_span(trace.NonRecordingSpan(trace.SpanContext(1, 1, is_remote=False))):
            spans.follow(record(*HEADERS), [output()])
        assert self.finished(spans)["parent"] is None

    def test_a_record_without_outputs_is_not_a_span(self, spans: Any) -> None:
        assert spans.follow(record((TRACEPARENT, PARENT)), []) == []
        assert spans._open == []  # noqa: SLF001 -- as above

    def test_each_notice_begins_a_trace(self, spans: Any) -> None:
        one, two = spans.start([output(TopicName.COMMANDS), output(TopicName.COMMANDS)])
        assert {context.trace for context in map(read, parents([one, two])) if context} != {TRACE}
        assert len(set(parents([one, two]))) == 2

    def test_a_dead_letter_is_an_error_and_its_key_stays_where_it_is(self, spans: Any) -> None:
        spans.follow(record(), [output(TopicName.DEAD_LETTERS, (("code", b"not-json"),))])
        span = self.finished(spans)
        assert (span["status"].status_code, span["status"].description) == (
            trace.StatusCode.ERROR,
            "dead letter: not-json",
        )
        assert "alur.complaint" not in span

    def test_a_collector_that_is_away_is_waited_for_for_a_moment_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("agents.observability.spans._FLUSH_SECONDS", 0.05)
        tracing = Spans("lifecycle", NOWHERE)
        spans = tracing.batch()
        spans.follow(record(), [output()])
        spans.batch_processed()
        started = time.monotonic()
        tracing.stop()
        assert time.monotonic() - started < 1


def test_the_document_names_attributes_and_log_events() -> None:
    text = (Path(__file__).parents[3] / "docs" / "how-to" / "trace-a-report.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    documented = {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}
    spans: Any = Spans("lifecycle", NOWHERE).batch()
    spans.follow(record(), [output()])
    recorded = set(spans._open[0].attributes) - {"messaging.system", "messaging.operation.type"}  # noqa: SLF001 -- as above
    assert documented == recorded | {"tracing_disabled", "spans_dropped"}


class TestSettingUp:
    @pytest.mark.parametrize(
        "env",
        [
            {},
            {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
            {**NOWHERE, "OTEL_SDK_DISABLED": "true"},
            {**NOWHERE, "OTEL_TRACES_EXPORTER": "none"},
        ],
    )
    def test_without_a_collector_context_is_passed_on(self, env: dict[str, str]) -> None:
        with capture_logs() as logs:
            assert tracing("sla", env) is PASS_THROUGH
        assert logs == []

    def test_with_one_there_are_spans(self) -> None:
        assert isinstance(tracing("sla", {**NOWHERE, "OTEL_EXPORTER_OTLP_PROTOCOL": HTTP}), Spans)

    def test_another_protocol_is_named_and_the_stage_works_on(self) -> None:
        with capture_logs() as logs:
            assert tracing("sla", {**NOWHERE, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}) is PASS_THROUGH
        assert [(line["event"], "http/protobuf only, not by grpc" in line["reason"]) for line in logs] == [
            ("tracing_disabled", True)
        ]

    def test_what_is_not_installed_is_named_and_the_stage_works_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "agents.observability.spans", None)
        with capture_logs() as logs:
            assert tracing("sla", NOWHERE) is PASS_THROUGH
        assert [line["event"] for line in logs] == ["tracing_disabled"]
        assert logs[0]["reason"].endswith("pip install 'alur[otel]'")
