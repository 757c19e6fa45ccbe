"""A short run of chaos: workers and broker killed, frozen and moved under load, then an audit."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LAST = re.compile(r"chaos: faults=(\d+) commands=(\d+) lost=0 doubled=0 out_of_order=0 stuck=0")


def test_nothing_is_lost_doubled_or_stuck(tmp_path: Path) -> None:
    arguments = ["--seed", "1708", "--minutes", "0.5", "--rate", "10"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.system.chaos.chaos", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=500,
    )
    last = LAST.fullmatch(done.stdout.strip().rpartition("\n")[2])
    assert last is not None, f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 0
    assert int(last[1]) > 3, "some faults"
    assert int(last[2]) > 100, "under load"
