"""Failures of the command line and their exit statuses."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from agents.cli.interrupts import raising, status_of
from events.errors import AlurError

FAILED: Final = 1
MISUSED: Final = 2
UNDECIDED: Final = 3


class Failure(AlurError):
    """The command failed with an exit status; the message is one line."""

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status


@contextmanager
def interruptible(so_far: Callable[[], str] = str) -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into a Failure; `so_far` returns the result so far, and what to do next."""
    try:
        with raising():
            yield
    except KeyboardInterrupt as interrupt:
        raise Failure(": ".join(filter(None, ("interrupted", so_far()))), status_of(interrupt)) from None
