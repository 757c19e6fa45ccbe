"""What docs/integrating.md has people write is run here, in its order, on an engine whose days are days."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from engines import Engine, eventually

DOCUMENT = Path(__file__).parents[2] / "docs" / "integrating.md"
EXAMPLES = dict(re.findall(r"<!-- tried: ([\w-]+) -->\n```(?:python|js)\n(.*?)```", DOCUMENT.read_text(), re.DOTALL))
NODE = {name for name in EXAMPLES if name.startswith("node-")}
COMPLAINT = "419535e9-5c83-5206-857a-a7517e758cf7"

Run = Callable[[str], str]


@pytest.fixture(scope="module")
def run(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run an example as a program of its own, in one directory for all of them; return what it prints."""
    directory = tmp_path_factory.mktemp("integrating")

    def started(name: str) -> str:
        done = subprocess.run(
            [*(("node", "-e") if name in NODE else (sys.executable, "-c")), EXAMPLES[name]],
            env={**os.environ, **engine.settings.to_environment()},
            cwd=directory,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{name}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return started


@pytest.fixture(scope="module")
def closed(engine: Any, run: Run) -> dict[str, str]:
    """A complaint goes from its report to its end, by the examples; what each of them printed."""
    said = {"channel": run("channel"), "channel-plain": run("channel-plain")}
    engine.await_status(COMPLAINT, "registered")
    said["complaints"] = run("complaints")
    engine.command("verify-complaint", COMPLAINT, "/offices/panrb")
    engine.await_status(COMPLAINT, "disposed")
    said["officer"] = run("officer")
    said["officer-plain"] = run("officer-plain")
    eventually("the resolution is published", lambda: engine.events("complaints.resolutions", COMPLAINT))
    return said


def test_every_example_is_tried() -> None:
    text = DOCUMENT.read_text()
    assert len(EXAMPLES) == text.count("```python") + text.count("```js")
    assert set(EXAMPLES) - NODE == {
        f"{who}{how}" for who in ("channel", "officer", "resolutions", "complaints") for how in ("", "-plain")
    }


def test_a_report_becomes_a_complaint_of_a_known_id(engine: Engine, closed: dict[str, str], run: Run) -> None:
    assert closed["channel"] == f"{COMPLAINT}\n"
    other = closed["channel-plain"].strip()
    assert engine.facts(other)[0] == "registered"

    assert run("channel") == f"{COMPLAINT}\n"
    engine.await_quiet()
    assert engine.facts(COMPLAINT).count("registered") == 1


def test_a_command_is_answered(closed: dict[str, str]) -> None:
    assert closed["officer"] == "record-follow-up: followed-up\nthe complaint is followed_up\n"
    assert closed["officer-plain"] == "lapor.complaint.closed.v1\n"


def test_resolutions_are_taken_in_once(closed: dict[str, str], run: Run) -> None:
    assert closed
    first = run("resolutions")
    assert [line.split()[::2] for line in first.splitlines()] == [[COMPLAINT, "resolved"]]
    assert run("resolutions") == first
    assert [line.split()[::2] for line in run("resolutions-plain").splitlines()] == [[COMPLAINT, "resolved"]]


def test_the_present_and_then_the_facts(engine: Engine, closed: dict[str, str], run: Run) -> None:
    assert f"{COMPLAINT} 1 registered None\n" in closed["complaints"]
    after = run("complaints")
    told = [line.split()[2] for line in after.splitlines() if line.startswith(COMPLAINT)]
    # facts beside the standing: without the first, which was in the present, and each of the others once
    assert sorted(told) == sorted([*engine.facts(COMPLAINT)[1:], "closed"])
    assert run("complaints") == after

    mirrored = run("complaints-plain")
    version = len(engine.facts(COMPLAINT))
    assert f"{COMPLAINT} {version} closed\n" in mirrored
    assert run("complaints-plain") == mirrored


def has_kafkajs() -> bool:
    typed = ["node", "-e", "require('kafkajs')"]
    return which("node") is not None and subprocess.run(typed, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not has_kafkajs(), reason="needs Node with kafkajs, in NODE_PATH")
def test_another_language(engine: Engine, run: Run) -> None:
    complaint = run("node-channel").strip()
    engine.await_status(complaint, "postponed")
    assert "lapor.complaint.withdrawn.v1\n" in run("node-gateway")
    eventually("the resolution is published", lambda: engine.events("complaints.resolutions", complaint))
    assert f"{complaint} withdrawn\n" in run("node-resolutions")
