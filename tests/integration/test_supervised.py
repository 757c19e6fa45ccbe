"""`alur run` on a real Kafka: a stage that cannot start, and a supervisor that is killed."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from agents.config.settings import Settings, WebAddress
from agents.local_broker.node import HOST, free_ports
from tests.support.engines import eventually


@contextmanager
def _taken_port() -> Iterator[int]:
    """Occupy a port, and yield the free one before it."""
    while True:
        [port] = free_ports(1)
        with ExitStack() as stack:
            holder = stack.enter_context(socket.socket())
            try:
                holder.bind((HOST, port + 1))
            except OSError:
                continue
            holder.listen()
            yield port
            return


def test_stages_outlive_one_that_cannot_start_and_end_with_their_supervisor(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    for name in ("attr", "calendar", "structlog"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('no module of a stage')")

    def stages_of(event: str) -> list[str]:
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        return sorted(line["stage"] for line in lines if line["event"] == event)

    with _taken_port() as port, log.open("wb") as errors:
        watched = replace(settings, web=WebAddress(HOST, port), log="json")
        process = subprocess.Popen(
            [Path(sys.executable).parent / "alur", "run", "sla", "lifecycle", "intake"],
            cwd=tmp_path,
            env={**os.environ, **watched.to_environment()},
            stderr=errors,
            stdout=subprocess.PIPE,
        )
        eventually("lifecycle cannot open its web port", lambda: stages_of("stage_refused") == ["lifecycle"])
        eventually("the others work", lambda: set(stages_of("stage_ready")) == {"sla", "intake"})
    assert process.poll() is None
    assert len(list(Path(f"/proc/{process.pid}/task").iterdir())) == 1, "a thread would not survive in what is forked"
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    # padded to the length of the command line before
    names = [Path(f"/proc/{child}/cmdline").read_text().strip(" \0") for child in children]
    assert sorted(names) == ["alur intake", "alur sla"]
    process.send_signal(signal.SIGKILL)
    process.wait()
    eventually("the stages have ended", lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    assert stages_of("kafka_lost") == stages_of("stage_crashed") == [], "they ended in good order"
