"""The commands of the guides about the policy, in a copy of a checkout."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.cli.app import application

ROOT = Path(__file__).parents[3]
GUIDES = ROOT / "docs" / "how-to"
MARKED = re.compile(r"<!-- tried by tests/unit/project/test_how_to.py -->\n```sh\n(.*?)```\n<!-- end -->", re.DOTALL)
SHOWN = {
    "add-an-office.md": "policy lapor: 2 versions, 96 offices, no mistakes found\n",
    "change-a-policy.md": "policy lapor: 3 versions, 94 offices, no mistakes found\n",
}


def test_these_guides_are_tried() -> None:
    assert {path.name for path in GUIDES.glob("*.md") if MARKED.search(path.read_text())} == set(SHOWN)


@pytest.mark.parametrize("guide", SHOWN)
def test_it_works_as_it_stands(guide: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "workflow" / "policy", tmp_path / "workflow" / "policy")
    monkeypatch.chdir(tmp_path)
    block = MARKED.search((GUIDES / guide).read_text())
    assert block is not None
    shown = ""
    # `alur` in this process, which takes a tenth of the time; the rest in a shell
    for typed in re.split(r"^(alur .*)\n", block[1], flags=re.MULTILINE):
        if typed.startswith("alur "):
            result = CliRunner().invoke(application(), shlex.split(typed)[1:])
            assert result.exit_code == 0, result.output
            shown += result.stdout
        else:
            subprocess.run(["/bin/bash", "-e", "-c", typed], check=True)
    assert shown.endswith(SHOWN[guide])
