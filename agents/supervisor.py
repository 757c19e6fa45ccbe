"""One process a stage: starts them, starts again what dies, and stops them all in good order."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import FrameType
from typing import Final

import structlog

from agents import logs
from agents.settings import Settings
from agents.shell.metrics import RESTARTS
from agents.shell.process import EXIT_REFUSED

log = structlog.get_logger()

STOP_SECONDS: Final = 20.0
"""So long a stage may take to settle its poll and leave; then it is killed, and nothing is lost either."""
HEALTHY_SECONDS: Final = 30.0
"""Whoever has run so long starts again at once when it dies."""
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 15.0
_WATCH_SECONDS: Final = 0.1


@dataclass(slots=True)
class _Child:
    stage: str
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = 0.0
    start_at: float = 0.0
    starts: int = 0


def environment_of(settings: Settings, place: int) -> dict[str, str]:
    """Return what the stage at `place` finds in its environment: a web port of its own, if there are to be any."""
    web = None if settings.web is None else settings.web.after(place)
    return replace(settings, web=web).to_environment()


class Supervisor:
    """Runs stages until it is told to stop."""

    def __init__(self, stages: Sequence[str], settings: Settings) -> None:
        self._children = [_Child(stage, environment_of(settings, place)) for place, stage in enumerate(stages)]
        self._stopping = False

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; return the exit status.

        A stage that refuses to start, because the set-up is wrong, ends all of it: starting again would change nothing.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        refused = None
        while not self._stopping and refused is None:
            refused = next((child for child in self._children if self._watch(child) == EXIT_REFUSED), None)
            time.sleep(_WATCH_SECONDS)
        self._stop_all()
        return EXIT_REFUSED if refused else 0

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _watch(self, child: _Child) -> int | None:
        """Start `child` if it is time to; return the exit status if it has just died."""
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_at:
                child.process, child.started = self._start(child), now
            return None
        status = child.process.poll()
        if status is None:
            return None
        lived = now - child.started
        child.pause = FIRST_PAUSE if lived > HEALTHY_SECONDS else min(max(child.pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
        child.process, child.start_at = None, now + child.pause
        if status != EXIT_REFUSED:
            log.warning(
                "died", stage=child.stage, status=status, lived_s=round(lived, 1), starts_again_in_s=child.pause
            )
        return status

    def _start(self, child: _Child) -> subprocess.Popen[bytes]:
        restarts, child.starts = child.starts, child.starts + 1
        # a process group of its own: Ctrl-C on the terminal reaches us alone, and we stop the stages in order
        return subprocess.Popen(  # noqa: S603 -- our own modules
            [
                sys.executable,
                "-m",
                "faust",
                "-A",
                f"agents.{child.stage}",
                "--quiet",
                "worker",
                "-l",
                "error",
            ],
            env={**os.environ, **child.environment, RESTARTS: str(restarts)},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
        )

    def _stop_all(self) -> None:
        running = [(child.stage, child.process) for child in self._children if child.process is not None]
        for _, process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for stage, process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("killed", stage=stage, reason=f"did not stop within {STOP_SECONDS:.0f} s")
                process.kill()
                process.wait()
        log.info("stopped", stages=[stage for stage, _ in running])


def run(stages: Sequence[str], settings: Settings) -> int:
    """Run `stages`, one process each, until SIGTERM or Ctrl-C; return the exit status."""
    logs.configure(settings.log)
    return Supervisor(stages, settings).run()
