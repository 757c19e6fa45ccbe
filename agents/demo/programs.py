"""Child processes of a demonstration: `alur run` and `alur board`, as users run them.

Their standard input is a pipe from the demonstration. When that closes, also because it was killed, they stop cleanly.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from agents.config.settings import Settings
from agents.runtime import lifeline
from events.errors import AlurError

_STOP_SECONDS: Final = 40.0
_MIRROR: Final = "ALUR_MIRROR"
"""Variable with a mirror of the user, which does not contain the demonstration."""
_LAST_LINES: Final = 3


class ProgramEnded(AlurError):
    """A program exited; the message is one line with the end of its log."""


@contextmanager
def running(settings: Settings, log: Path, *command: str) -> Iterator[Callable[[], None]]:
    """Run a command of `alur` until the block ends; its output goes to `log`.

    Yields a function that raises ProgramEnded if the program does not run.
    """
    inherited = {name: value for name, value in os.environ.items() if name != _MIRROR}
    with log.open("wb") as stream:
        process = subprocess.Popen(  # noqa: S603 -- our own module
            [sys.executable, "-P", "-m", "agents.cli", *command],
            env={**inherited, **settings.to_environment(), **lifeline.environment()},
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=stream,
            start_new_session=True,  # Ctrl-C is for the demonstration, which then stops them
        )

    def check() -> None:
        if (status := process.poll()) is not None:
            raise ProgramEnded(f"the stages ended with status {status}; their log ends with: {last_lines(log)}")

    try:
        yield check
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a program cleanly, or kill it after 40 seconds; nothing is lost either way."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def last_lines(log: Path) -> str:
    """Return the last lines of a log, in one line."""
    return " | ".join(log.read_text(errors="replace").splitlines()[-_LAST_LINES:]) or "nothing"
