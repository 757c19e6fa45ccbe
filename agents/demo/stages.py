"""All stages in one child process of the demonstration: `python -m agents.demo.stages`.

The demonstration holds the other end of the child's standard input. When that closes, at the end or because the process
was killed, the stages stop cleanly.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from agents.config.settings import Settings
from agents.runtime import lifeline
from events.errors import AlurError

_STOP_SECONDS: Final = 40.0
_LAST_LINES: Final = 3


class StagesEnded(AlurError):
    """The stages exited; the message is one line with the end of their log."""


class Stages:
    """The child process."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    def check(self) -> None:
        """Raise StagesEnded if a stage does not run."""
        status = self._process.poll()
        if status is not None:
            raise StagesEnded(f"the stages ended with status {status}; their log ends with: {last_lines(self._log)}")

    def stop(self) -> None:
        """Stop them cleanly, or kill them after 40 seconds; nothing is lost either way."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def running(settings: Settings, log: Path, *command: str) -> Iterator[Stages]:
    """Run all stages, or another module of the demonstration, until the block ends; its output goes to `log`."""
    with log.open("wb") as stream:
        process = subprocess.Popen(  # noqa: S603 -- our own module
            [sys.executable, "-m", *(command or (__name__,))],
            env={**os.environ, **settings.to_environment(), **lifeline.environment()},
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=stream,
            start_new_session=True,  # Ctrl-C is for the demonstration, which then stops the stages
        )
    stages = Stages(process, log)
    try:
        yield stages
    finally:
        stages.stop()


def last_lines(log: Path) -> str:
    """Return the last lines of a log, in one line."""
    return " | ".join(log.read_text(errors="replace").splitlines()[-_LAST_LINES:]) or "nothing"


def main() -> int:
    """Run all stages until SIGTERM or the end of input."""
    from agents.observability import logs  # noqa: PLC0415 -- the demonstration itself can do without Faust
    from agents.runtime import supervisor  # noqa: PLC0415 -- the demonstration itself can do without Faust
    from events.topics import STAGES  # noqa: PLC0415 -- as above

    settings = Settings.from_environment(os.environ)
    logs.configure(settings.log)
    lifeline.hold(os.environ, _STOP_SECONDS)
    return supervisor.run(tuple(STAGES), settings)


if __name__ == "__main__":
    sys.exit(main())
