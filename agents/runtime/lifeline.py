"""Child process that ends with its parent, even on SIGKILL.

The child's standard input is a pipe from its parent. When it closes, the child sends itself SIGTERM, and SIGALRM in
case that takes too long. PR_SET_PDEATHSIG does not suffice: it exists on Linux only and follows the forking thread.
"""

import math
import os
import select
import signal
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

VARIABLE: Final = "ALUR_LIFELINE"
"""Set for a child whose standard input is a pipe from its parent."""
READY: Final = "ALUR_READY"
"""File descriptor on which a stage reports to its supervisor that it works on all its partitions."""

_INPUT: Final = 0
"""Descriptor of standard input."""


def environment() -> dict[str, str]:
    """Return the environment of a child whose standard input is a pipe from its parent."""
    return {VARIABLE: "stdin"}


def readiness(descriptor: int) -> dict[str, str]:
    """Return the environment of a child that inherits `descriptor`, to report its readiness there."""
    return {READY: str(descriptor)}


def report_ready(env: Mapping[str, str], name: str) -> None:
    """Report to the parent, if requested, that the stage `name` works on all its partitions."""
    if descriptor := env.get(READY):
        with suppress(OSError):  # the parent has ended
            os.write(int(descriptor), f"{name}\n".encode())


def hold(env: Mapping[str, str], patience_s: float) -> None:
    """End this process when its parent ends, if `env` requests it; `patience_s`: seconds from SIGTERM to SIGALRM."""
    if env.get(VARIABLE):
        threading.Thread(target=_end_with_input, args=(patience_s,), daemon=True).start()


def is_cut(env: Mapping[str, str], patience_s: float) -> bool:
    """Return whether the parent has ended, if `env` requests it: `hold` for a process that may have no other thread.

    SIGALRM ends this process `patience_s` seconds after that.
    """
    if not env.get(VARIABLE) or not select.select([_INPUT], [], [], 0)[0] or os.read(_INPUT, 1024):
        return False
    signal.alarm(math.ceil(patience_s))
    return True


def _end_with_input(patience_s: float) -> None:
    while os.read(_INPUT, 1024):
        pass
    # a kernel timer, since this thread does not survive the interpreter's shutdown
    signal.alarm(math.ceil(patience_s))
    os.kill(os.getpid(), signal.SIGTERM)
