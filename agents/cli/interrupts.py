"""Ctrl-C and SIGTERM: one line and the exit status of a shell, from the start of the process.

Imports the standard library only, so that it can precede slow imports. A command ends at once, except inside `raising`,
where it cleans up or reports.
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
"""Added to the signal's number: a shell's exit status for a signal."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, as `KeyboardInterrupt` is Ctrl-C."""


def install() -> None:
    """End this process at once on Ctrl-C and SIGTERM; an ignored signal, as under nohup, stays ignored."""
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
    with suppress(Exception):  # whatever was interrupted, the process ends
        sys.stdout.flush()
    with suppress(OSError):
        os.write(_STDERR, b"alur: interrupted\n")
    os._exit(_SHELL + number)
