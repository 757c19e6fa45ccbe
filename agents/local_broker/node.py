"""Settings of the broker: one KRaft node, broker and controller combined, with small internal topics."""

import socket
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from importlib.resources import files
from typing import Final

from agents.local_broker.errors import StartFailed
from agents.ops.topics import broker_answers

KAFKA_VERSION: Final = "4.3.1"
HOST: Final = "127.0.0.1"

_LISTS: Final = ("listeners", "advertised.listeners", "listener.security.protocol.map")
_START_S: Final = 90.0
_POLL_S: Final = 0.1
_LAST_WORDS: Final = 300

Notify = Callable[[str], None]
"""Receives progress lines for the user."""


def address(port: int) -> str:
    """Return the address for clients on this machine."""
    return f"{HOST}:{port}"


def node_settings(
    port: int, controller_port: int, data: str, *, listen_on: str, more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the node's properties, with `more` ones; values of an existing list, such as `listeners`, are appended."""
    places = {"host": HOST, "port": port, "controller_port": controller_port, "listen_on": listen_on, "data": data}
    lines = (files("agents.local_broker") / "broker.properties").read_text("utf-8").splitlines()
    written = (line.partition("=") for line in lines if not line.startswith("#"))
    settings = {key: value.format(**places) for key, _, value in written}
    for key, value in (more or {}).items():
        settings[key] = f"{settings[key]},{value}" if key in _LISTS else value
    return settings


def port_is_free(port: int) -> bool:
    """Return True if no program listens on the port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_ports(count: int) -> list[int]:
    """Return distinct ports that are free at present."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def await_answer(port: int, alive: Callable[[], bool], last_words: Callable[[], str]) -> None:
    """Wait until the broker answers; raise StartFailed if it exits or takes too long."""
    deadline = time.monotonic() + _START_S
    while not broker_answers(address(port), timeout=1.0):
        if not alive():
            raise StartFailed(f"the broker ended while it was starting: {last_words()}")
        if time.monotonic() > deadline:
            raise StartFailed(f"the broker did not answer on port {port} within {_START_S:.0f} seconds: {last_words()}")
        time.sleep(_POLL_S)


def in_one_line(output: str) -> str:
    """Return the end of a program's output, in one line."""
    return " ".join(output.split())[-_LAST_WORDS:]
