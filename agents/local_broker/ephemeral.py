"""Ephemeral broker for tests and demonstrations: on free ports, removed afterwards."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from agents.config.settings import Settings
from agents.local_broker import watchdog
from agents.local_broker.container import Docker
from agents.local_broker.engines import Engine, choose_engine
from agents.local_broker.errors import StartFailed
from agents.local_broker.java import LOG, last_words
from agents.local_broker.node import Notify, address, await_answer, free_ports
from agents.ops.topics import broker_answers
from events.client.errors import BrokerUnreachable

_ATTEMPTS: Final = 3
_END_S: Final = 60.0


@contextmanager
def running_broker(env: Mapping[str, str], say: Notify = lambda _line: None) -> Iterator[str]:
    """Yield the address of a broker that runs until the block or this process ends, even by SIGKILL.

    Uses the broker in `ALUR_BROKER` instead, if set. Raises BrokerError, BrokerUnreachable, SettingsError.
    """
    if env.get("ALUR_BROKER"):
        named = Settings.from_environment(env)
        if not broker_answers(named.broker, security=named.security):
            raise BrokerUnreachable(named.broker)
        yield named.broker
        return
    engine = choose_engine(env)
    engine.fetch(say)
    with running_engine(engine) as started:
        yield started


@contextmanager
def running_engine(engine: Engine) -> Iterator[str]:
    """Yield the address of a broker that `engine` runs until the block or this process ends; raise StartFailed."""
    keeper, port = _start(engine)
    try:
        yield address(port)
    finally:
        _end(keeper)


def _start(engine: Engine) -> tuple[subprocess.Popen[bytes], int]:
    """Start the broker; retry with other ports if it exits, since another program may use one by then."""
    for _ in range(_ATTEMPTS - 1):
        with suppress(StartFailed):
            return _start_once(engine)
    return _start_once(engine)


def _start_once(engine: Engine) -> tuple[subprocess.Popen[bytes], int]:
    directory = Path(tempfile.mkdtemp(prefix="alur-broker-"))
    [port] = free_ports(1)
    try:
        keeper = _watched(_watchdog_input(engine, directory, port))
        try:
            await_answer(port, lambda: keeper.poll() is None, lambda: last_words(directory))
        except BaseException:
            _end(keeper)
            raise
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return keeper, port


def _watchdog_input(engine: Engine, directory: Path, port: int) -> dict[str, Any]:
    orders: dict[str, Any] = {"directory": str(directory), "log": str(directory / LOG)}
    if isinstance(engine, Docker):
        name = directory.name
        return {"run": engine.command(name, port, "--rm"), "stop": engine.removal(name), **orders}
    return {"run": engine.prepare(directory, port), "stop": None, **orders}


def _watched(orders: dict[str, Any]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", watchdog.__file__, json.dumps(orders)]
    # its own session: Ctrl-C must not reach the broker, which this process may need to finish
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)


def _end(keeper: subprocess.Popen[bytes]) -> None:
    if keeper.stdin is not None:
        keeper.stdin.close()
    keeper.wait(_END_S)
