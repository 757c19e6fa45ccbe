"""The commands of the tutorial are run in their order, and their output is compared."""

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.config.settings import Settings
from tests.support.engines import Engine

TEXT = (Path(__file__).parents[2] / "docs" / "tutorial" / "getting-started.md").read_text()
BLOCK = re.compile(
    r"<!-- (?P<how>tried|tried: is refused|by hand: [^>]+) -->\n"
    r"```sh\n(?P<typed>.*?)```\n"
    r"(?:\n```text\n(?P<shown>.*?)```)?",
    re.DOTALL,
)
BLOCKS = [match.groupdict() for match in BLOCK.finditer(TEXT)]
TRIED = [block for block in BLOCKS if block["how"].startswith("tried")]
STAGES = "alur run\n"


def like(shown: str) -> str:
    """What is shown as a pattern: its lines in their order, `…` for anything, spaces for any number of them."""
    lines = (line.split() for line in shown.splitlines())
    patterns = (r"\s+".join(re.escape(word).replace("…", ".*") for word in line) for line in lines)
    return r"(?:.*\n)*?".join(rf"\s*{pattern}.*\n" for pattern in patterns)


@pytest.fixture
def newcomer(broker: str, tmp_path: Path) -> Iterator[Engine]:
    """What a newcomer has before step 2: a broker, and nothing on it."""
    settings = Settings(broker=broker, prefix=f"t{uuid.uuid4().hex[:12]}.", partitions=4)
    engine = Engine(settings, tmp_path / "stages.log")
    yield engine
    for status in engine.stop().values():
        assert status == 0


def test_every_block_is_tried_or_has_a_reason() -> None:
    assert TEXT.count("```sh\n") == len(BLOCKS)
    assert TEXT.count("```text\n") == sum(block["shown"] is not None for block in BLOCKS)
    assert [block["typed"] for block in TRIED].count(STAGES) == 1


def test_the_tutorial_as_it_stands(newcomer: Engine, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # who types has a default of everything but the broker, and a terminal of some width
    env = {name: value for name, value in os.environ.items() if not name.startswith("ALUR_")}
    env |= {"PATH": path, "COLUMNS": "200", "ALUR_BROKER": newcomer.settings.broker}
    env |= {"ALUR_PREFIX": newcomer.settings.prefix}
    for block in TRIED:
        if block["typed"] == STAGES:
            newcomer.start_command("alur run", env)
            continue
        env.update(re.findall(r"^([A-Z]+)=(\S+)$", block["typed"], re.MULTILINE))
        refused = block["how"] == "tried: is refused"
        typed = ["bash", "-e", "-c", block["typed"]]
        done = subprocess.run(typed, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
        output = done.stdout + done.stderr
        assert (done.returncode != 0) is refused, f"{block['typed']}\n{output}"
        shown = (block["shown"] or "").replace("created complaints", f"created {newcomer.settings.prefix}complaints")
        assert re.search(like(shown), output), f"{block['typed']}\n{output}\nis not like\n{shown}"
        if newcomer.processes:
            # a person reads for longer than the stages take; a test does not
            newcomer.await_quiet()
