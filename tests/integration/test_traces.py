"""One trace from a report to the office, on a real broker: with spans sent to a collector, and without."""

import json
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.engines import CITIZEN, Engine, command_event, eventually, report_event

STAGES = ("intake", "lifecycle", "verification", "disposition", "resolution")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01".encode()


class Collector(ThreadingHTTPServer):
    """Receives spans as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.spans: list[dict[str, Any]] = []
        Thread(target=self.serve_forever, daemon=True).start()

    def take(self, body: bytes) -> None:
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            about = {each.key: each.value.string_value for each in group.resource.attributes}
            for span in (span for scope in group.scope_spans for span in scope.spans):
                self.spans.append(
                    {
                        "service": about["service.name"],
                        "trace": span.trace_id.hex(),
                        "id": span.span_id.hex(),
                        "parent": span.parent_span_id.hex(),
                        **{each.key: each.value.string_value for each in span.attributes},
                    }
                )


class _Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        self.server.take(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector
        collector.shutdown()


def traces(engine: Engine, topic: str, complaint: str) -> list[str | None]:
    """The trace of each record of a topic about a complaint; None where it belongs to none."""
    found = []
    for message in engine.read(topic):
        # an identity has the tracking number behind the complaint in its key
        if (message.key() or b"").split(b"/")[0] == complaint.encode():
            parents = [value.decode() for name, value in message.headers() or () if name == "traceparent"]
            assert len(parents) < 2
            found.append(parents[0].split("-")[1] if parents else None)
    return found


def send_report(engine: Engine, report_id: str, *headers: tuple[str, bytes], **attributes: str) -> str:
    event = report_event(report_id) | attributes
    engine.send("complaints.intake", json.dumps(event).encode(), report_id.encode(), headers=headers)
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"/channels/sms#{report_id}"))


def test_a_trace_is_passed_on_to_all_that_follows_and_a_hostile_one_is_not(stopped_engine: Engine) -> None:
    engine = stopped_engine
    engine.start(*STAGES)
    traced = send_report(engine, "traced", ("traceparent", PARENT))
    hostile = send_report(engine, "hostile", ("traceparent", b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01"))
    twice = send_report(engine, "twice", ("traceparent", PARENT), ("traceparent", PARENT))
    for complaint in (traced, hostile, twice):
        engine.await_status(complaint, "disposed")
    # registered, verified, disposed: each by a command that followed from the report
    assert traces(engine, "complaints.events", traced) == [TRACE] * 3
    assert traces(engine, "complaints.commands", traced) == [TRACE] * 3
    assert traces(engine, "complaints.state", traced) == [TRACE] * 3
    assert traces(engine, "complaints.identities", traced) == [TRACE]
    assert traces(engine, "complaints.events", hostile) == [None] * 3
    assert traces(engine, "complaints.events", twice) == [None] * 3

    # a command in the wrong partition is sent on, and its trace with it
    withdrawal = command_event("withdraw-complaint", traced, CITIZEN, {})
    for partitioner in ("consistent", "murmur2_random"):
        engine.send(
            "complaints.commands",
            json.dumps(withdrawal | {"id": partitioner}).encode(),
            traced.encode(),
            partitioner=partitioner,
            headers=[("traceparent", PARENT.replace(b"4b", b"5c"))],
        )
    engine.await_status(traced, "withdrawn")
    eventually("it is published", lambda: engine.events("complaints.resolutions", traced))
    other = TRACE.replace("4b", "5c")
    assert traces(engine, "complaints.events", traced)[3:] == [other]
    assert traces(engine, "complaints.resolutions", traced) == [other]


def test_a_collector_gets_one_tree_of_spans_and_a_trace_is_begun_where_none_came(
    stopped_engine: Engine, collector: Collector
) -> None:
    engine, stages = stopped_engine, ("intake", "lifecycle", "verification")
    engine.environment |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    engine.start(*stages)
    named = send_report(engine, "named", traceparent=PARENT.decode())
    nameless = send_report(engine, "nameless")
    for complaint in (named, nameless):
        engine.await_status(complaint, "verified")
    begun = set(traces(engine, "complaints.events", nameless))
    assert len(begun) == 1
    assert begun.isdisjoint({None, TRACE})
    assert traces(engine, "complaints.events", named) == [TRACE] * 2

    # intake, lifecycle twice, verification: for a complaint each
    eventually("all spans have come", lambda: len(collector.spans) >= 8)
    for trace, root in ((TRACE, "00f067aa0ba902b7"), (begun.pop(), "")):
        spans = {span["id"]: span for span in collector.spans if span["trace"] == trace}
        services = sorted(span["service"] for span in spans.values())
        assert services == ["alur-intake", "alur-lifecycle", "alur-lifecycle", "alur-verification"]
        [intake] = [span for span in spans.values() if span["service"] == "alur-intake"]
        assert intake["parent"] == root
        assert all(span["parent"] in spans for span in spans.values() if span is not intake)
        facts = [span["alur.facts"] for span in spans.values() if span["service"] == "alur-lifecycle"]
        assert sorted(facts) == ["registered", "verified"]
    assert "Ni Luh Contoh" not in str(collector.spans)
    assert engine.stop() == dict.fromkeys(stages, 0)
