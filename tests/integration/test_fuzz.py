"""A few thousand hostile records on each inward topic: no stage exits or grows, and each is accounted for."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LAST = re.compile(
    r"fuzz: records=(\d+) dead=(\d+) rejected=(\d+) complaints=(\d+) memory=([\d.]+) lost=0 doubled=0 pending=0"
)


def test_each_hostile_record_is_accounted_for(tmp_path: Path, broker: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.system.fuzz", "--records", "1500", "--rounds", "2"],
        env={**os.environ, "ALUR_BROKER": broker, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=300,
    )
    last = LAST.fullmatch(done.stdout.strip().rpartition("\n")[2])
    assert last is not None, f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, done.stdout
    sent, dead, rejected, complaints = map(int, last.groups()[:4])
    assert sent > 3_000
    assert dead > sent / 3, "most is no message"
    assert rejected > sent / 20, "some is one, and refused"
    assert complaints > 50, "and some is in order"
