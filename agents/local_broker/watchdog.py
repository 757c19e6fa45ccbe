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
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

_LOOK_S = 0.5
_PR_SET_PDEATHSIG = 1


def _exit(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(1)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def start_child(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a program with its output in `log`; Linux kills it if this process, of one thread, is killed."""
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 -- there is one thread
        )


def keep(orders: dict[str, Any]) -> int:
    """Run `run` with its output in `log` until standard input ends; then call `stop`, if any, and remove `directory`.

    Returns:
        0 if the input ended, 1 if the program exited first; then its directory is kept for inspection.
    """
    process = start_child(orders["run"], Path(orders["log"]))  # if this process is killed, the directory remains
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
