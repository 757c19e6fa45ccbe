"""Metrics and health of a stage on its web port, on a real broker."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.error import HTTPError
from zlib import crc32

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agents.runtime.http.server import MOST_CONNECTIONS
from events.client.partitions import partition_of
from tests.support.engines import CITIZEN, Engine, command_event, eventually

WORKER = Path(__file__).parents[1] / "support" / "watched_worker.py"
POLICY_MACHINES = ("intake", "lifecycle", "verification", "disposition", "sla")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def health(port: int, question: str = "ready") -> tuple[int, dict[str, Any]]:
    """Status and body; (0, {}) without an answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/{question}", timeout=2) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)
    except OSError:
        return 0, {}


def metric(port: int, name: str, **labels: str) -> float | None:
    """The sum of a metric's samples that have these labels; None if there is none."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    found = [sample.value for sample in samples if labels.items() <= sample.labels.items()]
    return sum(found) if found else None


class Line:
    """A proxy between a port and the broker that forwards in both directions until it is cut."""

    def __init__(self, broker: str) -> None:
        host, _, port = broker.rpartition(":")
        self._broker = (host, int(port))
        self._whole = Event()
        self._whole.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    def close(self) -> None:
        self.mend()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._broker)
            for one, other in ((near, far), (far, near)):
                Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65_536):
                self._whole.wait()
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            one.close()
            other.close()


@pytest.fixture
def line(broker: str) -> Iterator[Line]:
    line = Line(broker.split(",", maxsplit=1)[0])
    yield line
    line.close()


def test_a_stage_that_restores_is_frozen_or_cut_off_is_not_ready(
    stopped_engine: Engine, line: Line, tmp_path: Path
) -> None:
    engine, port, gate = stopped_engine, free_port(), tmp_path / "gate"
    engine.environment["ALUR_WEB"] = f"127.0.0.1:{port}"
    engine.start_script("lifecycle", WORKER, "lifecycle", str(line.port), str(gate))

    loading = {"ready": False, "reason": "reading back the memory of partitions 0, 1, 2, 3"}
    eventually("it says that it is loading", lambda: health(port) == (503, loading))
    assert metric(port, "alur_loading_partitions") == 4
    assert health(port, "live") == (200, {"live": True})

    gate.touch()
    eventually("it is ready", lambda: health(port) == (200, {"ready": True}))
    assert metric(port, "alur_ready") == 1

    line.cut()
    _, body = eventually("it misses Kafka", lambda: (found := health(port))[0] == 503 and found)
    assert body["reason"].startswith("Kafka has not answered for "), body
    assert health(port, "live") == (200, {"live": True}), "to kill it would make nothing better"
    line.mend()
    eventually("it is ready again", lambda: health(port) == (200, {"ready": True}))

    process = engine.processes["lifecycle"]
    process.send_signal(signal.SIGSTOP)
    assert probed(engine) == (1, f"127.0.0.1:{port} does not answer: timed out")
    process.send_signal(signal.SIGCONT)
    eventually("it answers again", lambda: probed(engine) == (0, '{"ready":true}'))
    assert engine.stop() == {"lifecycle": 0}


def probed(engine: Engine) -> tuple[int, str]:
    """What the health check of a container finds."""
    found = subprocess.run(
        [sys.executable, "-m", "agents.runtime.http.health_check", "ready"],
        env={**os.environ, **engine.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return found.returncode, found.stdout.strip()


def test_a_stage_counts_its_work(stopped_engine: Engine) -> None:
    engine, ports = stopped_engine, {stage: free_port() for stage in POLICY_MACHINES}
    for stage, port in ports.items():
        engine.environment["ALUR_WEB"] = f"127.0.0.1:{port}"
        engine.environment["ALUR_RESTARTS"] = "2"
        engine.start(stage)
    lifecycle = ports["lifecycle"]

    engine.send("complaints.intake", b"not JSON at all")
    complaint = engine.report("1708-1")
    engine.await_status(complaint, "disposed")
    answered = engine.command("record-follow-up", complaint, "/offices/badung", {"text": "Bukan urusan kami."})
    assert engine.await_answer(answered)["data"]["code"] == "not-permitted"
    strayed = command_event("close-complaint", complaint, "/offices/panrb", {})
    assert crc32(complaint.encode()) % 4 != partition_of(complaint, 4), "librdkafka's own partitioner finds another"
    engine.send("complaints.commands", json.dumps(strayed).encode(), complaint.encode(), partitioner="consistent")
    engine.await_answer(strayed["id"])
    engine.await_quiet(POLICY_MACHINES)

    def counted() -> bool:
        return (
            metric(lifecycle, "alur_forwarded_commands_total") == 1 and metric(ports["sla"], "alur_armed_clocks") == 2
        )

    eventually("all is counted", counted)
    assert metric(ports["intake"], "alur_dead_letters_total", code="not-json") == 1
    assert metric(ports["intake"], "alur_dead_letters_total", code="bug") == 0
    assert metric(ports["intake"], "alur_records_total") == 2
    assert metric(lifecycle, "alur_decisions_total", command="register-complaint", verdict="accepted") == 1
    assert metric(lifecycle, "alur_decisions_total", command="record-follow-up", verdict="not-the-holder") == 1
    assert metric(lifecycle, "alur_facts_total", fact="disposed") == 1
    assert metric(lifecycle, "alur_complaints") == 1
    assert metric(lifecycle, "alur_latency_seconds_count") == metric(lifecycle, "alur_records_total")
    assert metric(lifecycle, "alur_to_office_seconds_count") == 1
    assert metric(ports["disposition"], "alur_outputs_total", topic="complaints.commands") == 1
    _works_on_behind_half_sent_requests(engine, lifecycle, complaint)
    for port in ports.values():
        assert metric(port, "alur_lag_records") == 0
        assert metric(port, "alur_partitions") == 4
        assert metric(port, "alur_restarts_total") == 2


def _works_on_behind_half_sent_requests(engine: Engine, port: int, complaint: str) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (4_096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    descriptors = Path(f"/proc/{engine.processes['lifecycle'].pid}/fd")
    before = len(list(descriptors.iterdir()))
    with ExitStack() as holding:
        for _ in range(1_200):
            client = holding.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(b"GET /health/ready HTTP/1.1\r\n")
        assert health(port) == (200, {"ready": True})
        # a refused connection counts until its descriptor is closed
        eventually("only so many are held", lambda: len(list(descriptors.iterdir())) <= before + MOST_CONNECTIONS)
        engine.command("withdraw-complaint", complaint, CITIZEN)
        engine.await_status(complaint, "withdrawn")
    engine.await_quiet(POLICY_MACHINES)


def test_a_port_in_use_is_reported_in_one_line(stopped_engine: Engine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        stopped_engine.environment["ALUR_WEB"] = taken
        stopped_engine.start("intake")
        assert stopped_engine.processes.pop("intake").wait(30) == 78
    [line] = stopped_engine.log.read_text().splitlines()
    assert json.loads(line)["event"] == "start_refused"
    assert json.loads(line)["reason"].startswith(f"ALUR_WEB={taken}: ")
