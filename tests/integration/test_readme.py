"""The commands of the README."""

import os
import re
import subprocess
import sys
from pathlib import Path

from events.commands import COMMANDS
from tests.support.engines import Engine
from workflow.machine.transitions import ALLOWED_IN

ROOT = Path(__file__).parents[2]
MARKED = re.compile(r"<!-- tried by tests/integration/test_readme.py -->\n```sh\n(.*?)```\n<!-- end -->", re.DOTALL)
NAMED = {command.NAME: command for command in COMMANDS}


def steps() -> list[str]:
    """The commands of the marked block, a here-document with its command."""
    block = MARKED.search((ROOT / "README.md").read_text())
    assert block is not None
    return re.findall(r"^cat (?:.|\n)*?^END$|^.+$", block[1], re.MULTILINE)


def test_the_session_by_hand(stopped_engine: Engine, tmp_path: Path) -> None:
    engine = stopped_engine
    engine.start()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, **engine.settings.to_environment(), "PATH": path, "COLUMNS": "200"}
    complaint, output = "", ""
    for step in steps():
        sent = re.match(r"alur send (\S+)", step)
        if sent:
            # a person takes longer to type than the stages to come this far; a test does not
            engine.await_status(complaint, *ALLOWED_IN[NAMED[sent[1]]])
        named = re.match(r"COMPLAINT=(\S+)", step)
        if named:
            complaint = env["COMPLAINT"] = named[1]
            continue
        typed = ["bash", "-c", step]
        done = subprocess.run(typed, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{step}\n{done.stdout}\n{done.stderr}"
        output += done.stdout
    assert engine.facts(complaint)[-2:] == ["closed", "rated"]
    for word in ("submitted 1, skipped 0", "followed-up", "replied", "closed", "rated", "Jalan berlubang"):
        assert word in output
