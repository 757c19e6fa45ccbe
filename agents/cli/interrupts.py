"""Ctrl-C and SIGTERM: one line and the exit status of a shell, from the first moment on.

Imports nothing but the standard library, so that it can come before all that takes a second to import. A command ends
at once; one that has something to put in order, or to report, is `raising` meanwhile.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final, NoReturn

_STDERR: Final = 2
_SHELL: Final = 128
"""A shell adds this to the number of the signal that ended a command."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, where Ctrl-C raises `KeyboardInterrupt`."""


def install() -> None:
    """End this process at once on Ctrl-C and SIGTERM. What is ignored, as under nohup, stays so."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


@contextmanager
def raising() -> Iterator[None]:
    """Raise `KeyboardInterrupt` on Ctrl-C and `Terminated` on SIGTERM within the block."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, _raise)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def status_of(interrupt: KeyboardInterrupt) -> int:
    """Return the exit status of a command that was interrupted."""
    return _SHELL + (signal.SIGTERM if isinstance(interrupt, Terminated) else signal.SIGINT)


def _raise(number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    with suppress(Exception):  # whatever was being written: nothing may keep the process from ending
        sys.stdout.flush()
    with suppress(OSError):
        os.write(_STDERR, b"alur: interrupted\n")
    os._exit(_SHELL + number)
