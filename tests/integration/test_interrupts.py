"""Ctrl-C and SIGTERM, sent to real processes of the command line: one line, the right status, and no traceback."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import typer

from agents.cli.app import application
from agents.config.settings import Settings
from agents.ops.topics import ensure_topics
from events.client import read_all
from events.topics import STAGES, TopicName
from tests.support.engines import eventually

ALUR = str(Path(sys.executable).with_name("alur"))
COMPLAINT = "7f1c0f4e-6a0e-5a41-9c0e-0d8f3c1f2a11"
REPORT = {"specversion": "1.0", "type": "lapor.report.submitted.v1", "source": "/channels/sms"}
LETTER = "complaints.dead-letters-0@0"
ARGUMENTS = {
    "validate": ("-",),
    "submit": ("-",),
    "send withdraw-complaint": ("--complaint", COMPLAINT),
    "show": (COMPLAINT,),
    "explain": (COMPLAINT,),
    "board": ("--port", "0"),
    "export": ("--format", "lapor"),
    "dead show": (LETTER,),
    "dead replay": (LETTER,),
    "dead discard": (LETTER, "--reason", "a test"),
    "state repair": (COMPLAINT,),
    "identity show": (COMPLAINT,),
    "calendar show": ("2026",),
    "calendar announce": ("2026-05-15", "--name", "Cuti bersama", "--decree", "SKB"),
}
WRITE = [
    "submit",
    "send withdraw-complaint",
    "dead replay",
    "dead discard",
    "calendar announce",
    "offsets accept",
    "state repair",
    "policy rollout",
]


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    inner = getattr(command, "commands", {})
    if not inner:
        yield " ".join(path)
    for name, each in inner.items():
        yield from leaves(each, (*path, name))


# the commands of `send` differ in nothing but their fields
COMMANDS = [
    each
    for each in leaves(typer.main.get_command(application()))
    if not each.startswith("send ") or each == "send withdraw-complaint"
]


class Silent:
    """A broker that takes connections and answers nothing."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        self.asked = threading.Event()
        self._held: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                self._held.append(self._server.accept()[0])
            except OSError:
                return
            self.asked.set()

    def close(self) -> None:
        for each in (self._server, *self._held):
            each.close()


@pytest.fixture
def silent() -> Iterator[Silent]:
    found = Silent()
    yield found
    found.close()


def started(command: str, environment: dict[str, str], *more: str, text: str = "") -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [ALUR, *command.split(), *ARGUMENTS.get(command, ()), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment, "NO_COLOR": "1", "TERM": "dumb"},
        start_new_session=True,
    )
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()
    return process


@pytest.fixture(autouse=True)
def received() -> None:
    """Let children hear of Ctrl-C also where these tests run in the background of a shell, which has it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def prints(process: subprocess.Popen[str]) -> bool:
    """Return whether there is something to read, or its end."""
    assert process.stdout is not None
    return bool(select.select([process.stdout], [], [], 0)[0])


def handles_signals(process: subprocess.Popen[str]) -> bool:
    """Return whether our own first line has run; what comes before it is the start of the interpreter."""
    caught = Path(f"/proc/{process.pid}/status").read_text().partition("SigCgt:")[2].split(maxsplit=1)[0]
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def interrupted(process: subprocess.Popen[str], number: int = signal.SIGINT) -> tuple[int, str, str]:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)  # as a terminal does, to whatever runs in the foreground
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    return process.returncode, out, err


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_shows_a_traceback(command: str, silent: Silent, tmp_path: Path) -> None:
    environment = {"ALUR_BROKER": silent.address, "ALUR_HOME": str(tmp_path)}
    # they differ in nothing yet while they import, so one of them is enough; of the broker there is no more to try
    for moment in {"submit": (0.05, 0.2, 0.5, 1.0), "broker start": (0.05,)}.get(command, ()):
        process = started(command, environment)
        time.sleep(moment)
        eventually("the interpreter is up", partial(handles_signals, process), 20)
        status, _, err = interrupted(process)
        known = ("alur: interrupted\n", "alur: interrupted: nothing was submitted\n")  # once it has begun to send
        assert (status, err in known) == (130, True), (moment, err)
    if command == "broker start":
        return  # it would go and fetch one

    process = started(command, environment, text=f"{json.dumps(REPORT | {'id': '1', 'data': {}})}\n")
    eventually("it asks the broker, prints or ends", lambda: silent.asked.is_set() or prints(process), 30)
    status, _, err = interrupted(process)
    if status == 130:
        assert err == "alur: interrupted\n" or err.startswith("alur: interrupted: ")
    else:
        assert command == "board" or not silent.asked.is_set()


@pytest.mark.parametrize("command", WRITE)
def test_a_command_that_writes_ends_likewise_on_sigterm(command: str, silent: Silent) -> None:
    process = started(
        command, {"ALUR_BROKER": silent.address}, text=f"{json.dumps(REPORT | {'id': '1', 'data': {}})}\n"
    )
    eventually("it asks the broker", silent.asked.is_set, 30)
    status, _, err = interrupted(process, signal.SIGTERM)
    assert (status, err[:17]) == (143, "alur: interrupted")


@pytest.mark.parametrize("command", ["topics list", "audit", "calendar show", "schemas check"])
def test_a_reader_that_closes_the_pipe_early_is_not_a_failure(command: str, topics: Settings) -> None:
    process = started(command, topics.to_environment())
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert (process.wait(60), process.stderr.read()) == (1, "")


@pytest.fixture
def topics(settings: Settings) -> Settings:
    ensure_topics(settings)
    return settings


def in_topic(settings: Settings, topic: TopicName) -> int:
    return len(list(read_all(settings, [topic])))


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_submit_reports_what_was_sent(topics: Settings, tmp_path: Path, number: int, expected: int) -> None:
    rejects = tmp_path / "rejects.jsonl"
    process = started("submit", topics.to_environment(), "--rejects", str(rejects))
    assert process.stdin is not None
    lines = [REPORT | {"id": each, "data": {"class": "complaint", "body": "Lampu mati"}} for each in "123"]
    process.stdin.write("".join(f"{json.dumps(each)}\n" for each in [*lines, {}]))
    process.stdin.flush()
    eventually("the reports are in", lambda: in_topic(topics, TopicName.INTAKE) == 3, 30)

    status, out, err = interrupted(process, number)

    assert (status, err) == (expected, "alur: interrupted: 3 were submitted; doing it again does no harm\n")
    assert out.splitlines()[-1] == "submitted 3, skipped 1"
    [refused] = map(json.loads, rejects.read_text().splitlines())
    assert refused["alurreason"].startswith("type None is not lapor.report.submitted.v1: ")


def test_send_names_its_command_and_how_to_find_the_answer(topics: Settings) -> None:
    process = started("send withdraw-complaint", topics.to_environment(), "--wait", "60")
    eventually("the command is in the log", lambda: in_topic(topics, TopicName.COMMANDS) == 1, 30)

    status, _, err = interrupted(process)

    assert status == 130
    assert re.match(r"alur: interrupted: withdraw-complaint is in the log: complaints\.commands-\d@0; ", err), err
    assert err.endswith(f"`alur show {COMPLAINT}` shows the result\n")


def test_announce_states_that_it_can_be_repeated(topics: Settings) -> None:
    process = started("calendar announce", topics.to_environment(), "--wait", "60")
    eventually("it is in the log", lambda: in_topic(topics, TopicName.COMMANDS) == topics.partitions, 30)
    status, _, err = interrupted(process)
    assert (status, err.count("announce it again, which does no harm")) == (130, 1)


def test_interrupting_lag_while_it_follows_is_not_an_error(topics: Settings) -> None:
    process = started("lag", topics.to_environment(), "--watch", "--json")
    eventually("it prints", lambda: prints(process), 60)
    status, out, err = interrupted(process)
    assert (status in {0, 1}, out[:1], err) == (True, "{", "")


def test_stages_end_with_the_command_that_runs_them(topics: Settings) -> None:
    process = started("run", topics.to_environment())
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    eventually("the stages are being started", lambda: len(children.read_text().split()) == len(STAGES), 60)
    status, _, _ = interrupted(process)
    assert status == 0
