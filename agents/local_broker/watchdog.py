"""Watchdog: runs a program until its parent ends, and removes its files.

Standard input is a pipe from that process. When it closes, the program is ended and its directory removed. Imports only
the standard library and is run as a file, to start at once.
"""

import ctypes
import json
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any

_LOOK_S = 0.5
_PR_SET_PDEATHSIG = 1


def _exit(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(1)


def end_with_parent() -> None:
    """Make Linux kill the program that is about to run if this process is killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def keep(orders: dict[str, Any]) -> int:
    """Run `run` with its output in `log` until standard input ends; then call `stop`, if any, and remove `directory`.

    Returns:
        0 if the input ended, 1 if the program exited first; then its directory is kept for inspection.
    """
    with Path(orders["log"]).open("wb") as log:
        process = subprocess.Popen(
            orders["run"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # the directory then remains
            preexec_fn=end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 -- there is one thread
        )
    ended_first = False
    try:
        while not select.select([sys.stdin.buffer], [], [], _LOOK_S)[0]:
            if process.poll() is not None:
                ended_first = True
                return 1
        return 0
    finally:
        if orders["stop"]:
            subprocess.run(orders["stop"], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        process.kill()
        process.wait()
        if not ended_first:
            shutil.rmtree(orders["directory"], ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(keep(json.loads(sys.argv[1])))
