"""What the guides about the policy have people type is typed here, in a copy of what a checkout has."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "how-to"
MARKED = re.compile(r"<!-- tried by tests/unit/test_how_to.py -->\n```sh\n(.*?)```\n<!-- end -->", re.DOTALL)
SHOWN = {
    "add-an-office.md": "policy lapor: 1 versions, 96 offices, no mistakes found\n",
    "change-a-policy.md": "policy lapor: 2 versions, 94 offices, no mistakes found\n",
}


def test_these_guides_are_tried() -> None:
    assert {path.name for path in GUIDES.glob("*.md") if MARKED.search(path.read_text())} == set(SHOWN)


@pytest.mark.parametrize("guide", SHOWN)
def test_it_works_as_it_stands(guide: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "workflow" / "policies", tmp_path / "workflow" / "policies")
    block = MARKED.search((GUIDES / guide).read_text())
    assert block is not None
    typed = ["bash", "-e", "-c", block[1]]
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(typed, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(SHOWN[guide])
