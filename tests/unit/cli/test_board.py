"""`alur board` fails in one line."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from typer.testing import CliRunner, Result

from agents.cli.app import application
from agents.local_broker.node import free_ports

pytestmark = pytest.mark.long

NOWHERE = ("--broker", "127.0.0.1:1")


def board(*arguments: str) -> Result:
    return CliRunner().invoke(application(), [*NOWHERE, "board", *arguments])


def line(result: Result, status: int = 1) -> str:
    assert result.exit_code == status
    assert len(result.stderr.splitlines()) == 1, result.stderr
    return result.stderr


def test_a_port_that_is_taken() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        message = line(board("--port", str(port)))
    assert message == f"alur: port {port} of 127.0.0.1 is taken: choose another with --port\n"


def test_a_broker_that_is_not_there() -> None:
    assert line(board("--port", "0")).startswith("alur: no Kafka broker answers at 127.0.0.1:1")


def test_an_address_that_is_not_ours() -> None:
    output = board("--port", "0", "--bind", "192.0.2.1").stderr.splitlines()
    assert output[-1].startswith("alur: cannot listen at 192.0.2.1: ")


@pytest.mark.parametrize("link", ["Rapor", "=https://example.org", "Rapor=javascript:alert(1)", "Rapor=example.org"])
def test_a_link_that_no_browser_would_follow(link: str) -> None:
    message = line(board("--port", "0", "--link", link), status=2)
    assert message == f"alur: --link {link!r} is not NAME=URL with an http or https URL\n"


@pytest.mark.parametrize("port", ["-1", "65536", "x"])
def test_a_port_that_is_none(port: str) -> None:
    assert "--port" in line(board("--port", port), 2)


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1"])  # noqa: S104 -- there is no broker
def test_listening_beyond_localhost_is_announced(address: str) -> None:
    output = board("--port", "0", "--bind", address).stderr.splitlines()
    assert output[0].startswith("anyone who reaches this machine can read the board")
    assert len(output) == 2


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=1):
            return True
    except urllib.error.URLError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_it_ends_cleanly_while_it_waits_for_a_silent_broker(number: signal.Signals) -> None:
    [port] = free_ports(1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        broker = f"127.0.0.1:{silent.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, "-c", "from agents.cli import main; main()", "board", "--port", str(port)],
            env={**os.environ, "ALUR_BROKER": broker},
            stderr=subprocess.PIPE,
        )
        try:
            deadline = time.monotonic() + 30
            while not _answers(port):
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.05)
            process.send_signal(number)
            _, output = process.communicate(timeout=5)
        finally:
            process.kill()
    assert (process.returncode, output) == (0, b"")
