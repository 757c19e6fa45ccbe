"""The supervisor with real processes in place of stages."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agents.config.settings import Settings, WebAddress
from agents.runtime.supervisor import environment_of

pytestmark = pytest.mark.long

_SUPERVISED = """
import sys
from agents.observability import logs
from agents.config.settings import Settings
from agents.runtime.supervisor import Supervisor
programs = dict(zip(("one", "another"), sys.argv[1:]))
logs.configure("json")
supervisor = Supervisor(tuple(programs), Settings(), work=lambda stage: exec(programs[stage]), refused_pause=0.2)
raise SystemExit(supervisor.run())
"""
_REFUSES = "raise SystemExit(78)"
_WORKS = """
import os, time
from agents.runtime import lifeline
lifeline.hold(os.environ, 20.0)
print(file=open({ready!r}, "w"))
time.sleep(60)
"""
_REPORTS = """
import os, sys, time
from agents.runtime import lifeline
lifeline.report_ready(os.environ, {name!r})
time.sleep(60)
"""
_STUBBORN = """
import os, signal, time
from agents.runtime import lifeline
signal.signal(signal.SIGTERM, signal.SIG_IGN)
lifeline.hold(os.environ, 0.1)
print(file=open({ready!r}, "w"))
time.sleep(60)
"""


def supervised(*programs: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", _SUPERVISED, *programs], stderr=subprocess.PIPE, text=True)


def wait_for(file: Path, process: "subprocess.Popen[str]") -> None:
    while not file.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


@pytest.mark.parametrize("place", [0, 6])
def test_each_stage_gets_a_web_port_of_its_own(place: int) -> None:
    settings = Settings(web=WebAddress("127.0.0.1", 6066))

    assert Settings.from_environment(environment_of(settings, place)).web == WebAddress("127.0.0.1", 6066 + place)


def test_no_web_port_is_none_for_each() -> None:
    assert Settings.from_environment(environment_of(Settings(), 3)).web is None


def test_that_all_stages_are_ready_is_logged_once() -> None:
    process = supervised(_REPORTS.format(name="one"), _REPORTS.format(name="another"))
    assert process.stderr is not None
    line = process.stderr.readline()
    assert '"all_stages_ready"' in line
    assert '"stages": 2' in line
    process.terminate()
    _, output = process.communicate(timeout=20)
    assert "all_stages_ready" not in output


def test_stages_are_not_all_ready_while_one_is_not() -> None:
    process = supervised(_REPORTS.format(name="one"), _REFUSES)
    assert process.stderr is not None
    lines = [process.stderr.readline() for _ in range(2)]
    process.terminate()
    _, output = process.communicate(timeout=20)
    assert all('"stage_refused"' in line for line in lines)
    assert "all_stages_ready" not in output


def test_a_stage_that_cannot_start_is_tried_again_and_ends_no_other(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    process = supervised(_WORKS.format(ready=str(ready)), _REFUSES)
    wait_for(ready, process)
    assert process.stderr is not None
    refused = 0
    while refused < 2:
        line = process.stderr.readline()
        assert line, "it ended with the stage that cannot start"
        refused += '"stage_refused"' in line
    process.terminate()
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 78, output


def test_it_ends_where_no_stage_can_start() -> None:
    process = supervised(_REFUSES, _REFUSES)
    _, output = process.communicate(timeout=20)
    assert (process.returncode, output.count('"stage_refused"') >= 2) == (78, True), output
    last = [line for line in output.splitlines() if '"stage_refused"' in line][-1]
    assert "starts_again_in_s" not in last, output


def test_a_single_stage_that_refuses_to_start_is_not_said_to_start_again() -> None:
    process = supervised(_REFUSES)
    _, output = process.communicate(timeout=20)
    assert (process.returncode, '"stage_refused"' in output, "starts_again" in output) == (78, True, False), output


@pytest.mark.parametrize(
    ("name", "value"), [("ALUR_KEY_FILE", "/missing"), ("ALUR_POLICY", "/missing.toml"), ("ALUR_PARTITIONS", "x")]
)
def test_a_stage_logs_why_its_environment_is_refused(name: str, value: str) -> None:
    program = [sys.executable, "-c", "import agents.sla"]
    done = subprocess.run(
        program, env=os.environ | {"ALUR_LOG": "json", name: value}, capture_output=True, text=True, check=False
    )
    said = json.loads(done.stderr)
    assert (done.returncode, said["event"], said["stage"]) == (78, "start_refused", "sla")
    assert value in said["reason"]


def test_what_it_has_started_ends_with_it_when_it_is_killed(tmp_path: Path) -> None:
    works, stubborn = tmp_path / "works", tmp_path / "stubborn"
    process = supervised(_WORKS.format(ready=str(works)), _STUBBORN.format(ready=str(stubborn)))
    wait_for(works, process)
    wait_for(stubborn, process)
    process.send_signal(signal.SIGKILL)
    # the stages have inherited standard error: it is at its end when both are
    process.communicate(timeout=20)
