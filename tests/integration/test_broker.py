"""A local broker is started, found again and stopped, and does not outlive its owner."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.config.keys import Keys
from agents.config.settings import Settings
from agents.local_broker import running_broker, start, status, stop
from agents.local_broker.engines import choose_engine
from agents.local_broker.errors import NoEngine, PortTaken, RunningElsewhere
from agents.local_broker.node import address, free_ports, port_is_free
from agents.ops.topics import broker_answers, ensure_topics
from events.client import Publisher
from events.client.administration import topics_missing
from events.client.errors import BrokerUnreachable, Unconfirmed
from events.client.settings import SettingsError
from events.topics import TopicName

_PATIENCE_S = 90.0
_OWNER = """
import os, sys
from agents.local_broker import running_broker
with running_broker(os.environ) as broker:
    print(broker, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def own() -> dict[str, str]:
    """Our environment without a named broker: what is started then is ours."""
    env = {name: value for name, value in os.environ.items() if name != "ALUR_BROKER"}
    try:
        choose_engine(env)
    except NoEngine as error:
        pytest.skip(str(error))
    return env


@pytest.fixture
def home(own: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    """A user who has started nothing yet, but has Kafka's libraries."""
    env = {name: value for name, value in own.items() if name != "ALUR_HOME"}
    if "ALUR_HOME" in own:
        env["XDG_CACHE_HOME"] = own["ALUR_HOME"]
    env["XDG_STATE_HOME"] = str(tmp_path)
    yield env
    stop(env)


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_broker_is_started_once_and_stopped_once(home: dict[str, str]) -> None:
    [port] = free_ports(1)
    assert status(home).broker is None

    first = start(home, port=port)
    again = start(home)

    assert not first.already
    assert again.already
    assert again.broker == first.broker
    assert first.broker.address == address(port)
    assert broker_answers(first.broker.address)
    assert status(home).broker == first.broker
    assert status(home).answers
    with pytest.raises(RunningElsewhere, match=str(port)):
        start(home, port=port + 1)

    assert stop(home) == first.broker
    assert port_is_free(port)
    assert stop(home) is None
    assert status(home).broker is None


def test_data_stay_when_the_broker_is_killed_and_started_again(home: dict[str, str]) -> None:
    broker = start(home, port=free_ports(1)[0]).broker
    if broker.pid is None:
        pytest.skip("runs as a container here, which has no process of ours to kill")
    if sys.platform == "linux":
        assert re.search(r"kafka-[\d.]+-java-\S+\.jsa$", Path(f"/proc/{broker.pid}/maps").read_text(), re.MULTILINE)
    settings = Settings(broker=broker.address, partitions=1)
    ensure_topics(settings)

    with Publisher(settings, silence_s=2.0) as publisher:
        publisher.publish_now(TopicName.INTAKE, "a", b"{}")

        os.kill(broker.pid, signal.SIGKILL)

        assert eventually(lambda: status(home).broker is None)
        publisher.publish(TopicName.INTAKE, "a", b"{}")
        begun = time.monotonic()
        with pytest.raises(Unconfirmed, match="has not confirmed the message"):
            publisher.flush()
        assert time.monotonic() - begun < 10
        assert not start(home, port=broker.port).already
        assert topics_missing(settings) == ()
        assert publisher.publish_now(TopicName.INTAKE, "a", b"{}").offset > 0


def test_a_worker_whose_broker_has_stopped_logs_it_in_few_lines(home: dict[str, str], tmp_path: Path) -> None:
    """Its client tries again many times a second, and would log each attempt in a format of its own."""
    [port] = free_ports(1)
    Keys.generate(tmp_path / "keys")
    settings = Settings(broker=start(home, port=port).broker.address, partitions=2, key_file=str(tmp_path / "keys"))
    ensure_topics(settings)
    log, out = tmp_path / "log", tmp_path / "out"

    def lines() -> list[dict[str, Any]]:
        return [json.loads(line) for line in log.read_text().splitlines()]

    def repeated() -> int:
        return sum(line.get("repeated", 0) for line in lines())

    with log.open("wb") as stderr, out.open("wb") as stdout:
        worker = subprocess.Popen(
            [sys.executable, "-m", "faust", "-A", "agents.verification", "worker", "-l", "error"],
            env={**os.environ, **settings.to_environment()},
            stdout=stdout,
            stderr=stderr,
        )
    try:
        assert eventually(lambda: sum(line["event"] == "partition_acquired" for line in lines()) == 2), log.read_text()
        stop(home)
        assert eventually(lambda: repeated() > 100), log.read_text()
        messages = [line for line in lines() if line["event"] == "library_message"]
        assert {line["stage"] for line in messages} == {"verification"}
        assert any("Connect call failed" in line["message"] for line in messages)
        assert len(messages) < 40, "however often it has tried"
        assert max(line.get("repeated", 0) for line in messages) < 500, "it waits between attempts"
        start(home, port=port)
    finally:
        worker.terminate()
        assert worker.wait(_PATIENCE_S) == 0
    assert lines(), "all of them are JSON, to the last"
    assert b"\x1b" not in out.read_bytes()


def test_a_port_that_is_taken_is_named(home: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} is taken"):
            start(home, port=port)

    assert status(home).broker is None


def test_a_broker_for_a_block_is_gone_after_it(own: dict[str, str]) -> None:
    with running_broker(own) as broker:
        assert broker_answers(broker)

    assert port_is_free(int(broker.rpartition(":")[2]))


def owned(own: dict[str, str], folder: Path) -> tuple[subprocess.Popen[str], str]:
    """A process that owns a broker, with its files in `folder`, and the broker's address."""
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER],
        env={**own, "TMPDIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    return owner, owner.stdout.readline().strip()


def test_a_broker_dies_with_its_owner_even_when_that_is_killed(own: dict[str, str], tmp_path: Path) -> None:
    owner, broker = owned(own, tmp_path)
    assert broker_answers(broker)
    assert list(tmp_path.iterdir())

    owner.kill()
    owner.communicate()

    assert eventually(lambda: port_is_free(int(broker.rpartition(":")[2])))
    assert eventually(lambda: not list(tmp_path.iterdir()))


@pytest.mark.skipif(sys.platform != "linux", reason="only there a child can be told to die with its parent")
def test_a_broker_dies_with_the_one_that_looks_after_it(own: dict[str, str], tmp_path: Path) -> None:
    owner, broker = owned(own, tmp_path)
    children = Path(f"/proc/{owner.pid}/task/{owner.pid}/children").read_text().split()

    for child in children:
        os.kill(int(child), signal.SIGKILL)

    assert eventually(lambda: port_is_free(int(broker.rpartition(":")[2])))
    owner.communicate()


def test_a_named_broker_is_used_and_left_running(broker: str) -> None:
    with running_broker({"ALUR_BROKER": broker}) as named:
        assert named == broker

    assert broker_answers(broker)


def test_a_named_broker_that_does_not_answer_is_not_replaced(own: dict[str, str]) -> None:
    nowhere = address(free_ports(1)[0])

    with pytest.raises(BrokerUnreachable, match=nowhere), running_broker({**own, "ALUR_BROKER": nowhere}):
        pass
    with pytest.raises(SettingsError, match="ALUR_BROKER"), running_broker({**own, "ALUR_BROKER": "nonsense"}):
        pass
