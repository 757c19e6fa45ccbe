"""Background broker of this machine: started by one command, found and stopped by later ones.

The Java process inherits a locked file: it runs as long as the lock is held. A process id would be no proof, since the
system reuses them.
"""

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final, Literal

from agents.local_broker.container import Docker
from agents.local_broker.engines import choose_engine
from agents.local_broker.errors import PortTaken, RunningElsewhere, StartFailed, StopFailed
from agents.local_broker.java import LOG, Java, last_words
from agents.local_broker.node import Notify, address, await_answer, port_is_free
from agents.local_broker.paths import BrokerPaths
from agents.ops.topics import broker_answers

DEFAULT_PORT: Final = 9092

_RECORD: Final = "broker.json"
_LOCK: Final = "broker.lock"
_STOP_S: Final = 30.0
_KILL_S: Final = 10.0
_OTHER_START_S: Final = 120.0
_POLL_S: Final = 0.05


@dataclass(frozen=True)
class Broker:
    """The local broker: a process (`pid`), or a container (`container`)."""

    engine: Literal["java", "docker"]
    port: int
    pid: int | None = None
    container: str | None = None

    @property
    def address(self) -> str:
        """Address for clients on this machine."""
        return address(self.port)


@dataclass(frozen=True)
class Started:
    """The running broker; `already`: it was running before."""

    broker: Broker
    already: bool


@dataclass(frozen=True)
class BrokerStatus:
    """The running broker, if any, whether it answers, and its directories."""

    broker: Broker | None
    answers: bool
    directory: Path


def start(env: Mapping[str, str], *, port: int | None = None, say: Notify = lambda _line: None) -> Started:
    """Start the broker, unless it is running, and return when it answers; raise a BrokerError. Default `port`: 9092."""
    state = BrokerPaths.from_environment(env).state
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}"
        raise StartFailed(f"{reason}: set ALUR_HOME to a directory where you may write") from error
    with _locked(state) as lock:
        running = _other_start(state) if lock is None else _container(env, state)
        if running is not None:
            if port not in {None, running.port}:
                raise RunningElsewhere(running.port, port or DEFAULT_PORT)
            return Started(running, already=True)
        if lock is None:
            raise StartFailed(f"another start of the broker takes too long; see {state}")
        return Started(_start(env, state, port or DEFAULT_PORT, lock, say), already=False)


def stop(env: Mapping[str, str]) -> Broker | None:
    """Stop the broker, keep its data, and return it once it has exited, None if none ran; raise StopFailed."""
    state = BrokerPaths.from_environment(env).state
    if not state.is_dir():
        return None
    with _locked(state) as lock:
        broker = _read_record(state) if lock is None else _container(env, state)
    if broker is None:
        if lock is None:
            raise StopFailed(f"a start of the broker is under way, or its record is lost: it holds {state / _LOCK}")
        return None
    if broker.container is not None:
        _docker(env).stop(broker.container)
    else:
        _end(state, broker.pid)
    (state / _RECORD).unlink(missing_ok=True)
    return broker


def status(env: Mapping[str, str]) -> BrokerStatus:
    """Return whether the broker is running and answers."""
    state = BrokerPaths.from_environment(env).state
    broker = None
    if state.is_dir():
        with _locked(state) as lock:
            broker = _read_record(state) if lock is None else _container(env, state)
    return BrokerStatus(broker, broker is not None and broker_answers(broker.address), state)


def _start(env: Mapping[str, str], state: Path, port: int, lock: IO[bytes], say: Notify) -> Broker:
    if not port_is_free(port):
        raise PortTaken(port)
    (state / _RECORD).unlink(missing_ok=True)  # of a broker that was not stopped cleanly
    engine = choose_engine(env)
    engine.fetch(say)
    say(f"starting Apache Kafka on port {port}")
    return _start_java(engine, state, port, lock) if isinstance(engine, Java) else _start_docker(engine, state, port)


def _start_java(java: Java, state: Path, port: int, lock: IO[bytes]) -> Broker:
    command = java.prepare(state, port)
    with (state / LOG).open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(lock.fileno(),),
            start_new_session=True,
        )

    def end() -> None:
        process.kill()
        process.wait()

    with _begun(Broker("java", port, pid=process.pid), state, end) as broker:
        await_answer(port, lambda: process.poll() is None, lambda: last_words(state))
    return broker


def _start_docker(docker: Docker, state: Path, port: int) -> Broker:
    name = f"alur-broker-{port}"
    docker.start(name, port)
    with _begun(Broker("docker", port, container=name), state, lambda: docker.stop(name)) as broker:
        await_answer(port, lambda: docker.runs(name), lambda: docker.last_words(name))
    return broker


@contextmanager
def _begun(broker: Broker, state: Path, end: Callable[[], object]) -> Iterator[Broker]:
    """Record the broker, and yield it; if the block fails, stop it and remove the record."""
    try:
        _write_record(state, broker)
        yield broker
    except BaseException:
        end()
        (state / _RECORD).unlink(missing_ok=True)
        raise


def _container(env: Mapping[str, str], state: Path) -> Broker | None:
    """Return the recorded broker if it is a running container."""
    broker = _read_record(state)
    if broker is None or broker.container is None:
        return None
    return broker if _docker(env).runs(broker.container) else None


def _docker(env: Mapping[str, str]) -> Docker:
    docker = Docker.find(env)
    if docker is None:
        raise StopFailed("the broker was started as a container, but no Docker engine answers any more")
    return docker


def _other_start(state: Path) -> Broker | None:
    """Wait for the broker that holds the lock; return it if it answers in time."""
    deadline = time.monotonic() + _OTHER_START_S
    while time.monotonic() < deadline:
        broker = _read_record(state)
        if broker is not None and broker_answers(broker.address, timeout=1.0):
            return broker
        time.sleep(_POLL_S)
    return None


def _end(state: Path, pid: int | None) -> None:
    for signal_number, patience in ((signal.SIGTERM, _STOP_S), (signal.SIGKILL, _KILL_S)):
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal_number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            with _locked(state) as lock:
                if lock is not None:
                    return
            time.sleep(_POLL_S)
    raise StopFailed(f"the broker, process {pid}, does not end")


@contextmanager
def _locked(state: Path) -> Iterator[IO[bytes] | None]:
    """Return the locked file, or None while another process has the lock."""
    with (state / _LOCK).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield file


def _write_record(state: Path, broker: Broker) -> None:
    scratch = state / f"{_RECORD}.new"
    scratch.write_text(json.dumps(asdict(broker)))
    scratch.replace(state / _RECORD)


def _read_record(state: Path) -> Broker | None:
    try:
        return Broker(**json.loads((state / _RECORD).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
