"""Supervisor: one process for each stage, restarted when it exits.

They are forked from this process (docs/adr/0052), and end with it even if it is killed (`agents/runtime/lifeline.py`).
"""

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.context import ForkProcess
from types import FrameType
from typing import Final

import structlog

from agents.config.settings import Settings
from agents.observability.metrics import RESTARTS
from agents.runtime import lifeline, stage_process
from agents.runtime.process import EXIT_REFUSED, STOP_SECONDS

log = structlog.get_logger()

HEALTHY_SECONDS: Final = 30.0
"""Seconds of running after which an exited stage is restarted at once."""
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 15.0
REFUSED_PAUSE: Final = 60.0
"""Seconds until a stage that refused to start is restarted: an operator has to repair the configuration first."""
_WATCH_SECONDS: Final = 0.1
_REPORTS: Final = 65_536
"""Bytes per read of a pipe."""


@dataclass(slots=True)
class _Child:
    stage: str
    environment: dict[str, str]
    process: ForkProcess | None = None
    started: float = 0.0
    pause: float = 0.0
    start_at: float = 0.0
    starts: int = 0
    refused: bool = False
    """Whether the stage refused to start, and has not run well since."""
    ready: bool = False
    """Whether the stage works on all its partitions."""


def environment_of(settings: Settings, place: int) -> dict[str, str]:
    """Return the environment of the stage number `place`: with its own web port, if there are any."""
    web = None if settings.web is None else settings.web.after(place)
    return replace(settings, web=web).to_environment()


class Supervisor:
    """Runs stage processes until SIGTERM or SIGINT.

    Args:
        stages: their names.
        settings: which environment.
        work: what runs in the process of a stage.
        refused_pause: seconds until a stage that refused to start is restarted.
    """

    def __init__(
        self,
        stages: Sequence[str],
        settings: Settings,
        *,
        work: Callable[[str], None] = stage_process.work,
        refused_pause: float = REFUSED_PAUSE,
    ) -> None:
        self._children = [_Child(stage, environment_of(settings, place)) for place, stage in enumerate(stages)]
        self._work = work
        self._refused_pause = refused_pause
        self._stopping = False
        self._lifeline, self._held_end = os.pipe()
        self._ready, self._reports = os.pipe()
        os.set_blocking(self._ready, False)
        self._began, self._all_ready = time.monotonic(), False

    def run(self) -> int:
        """Run until SIGTERM or SIGINT, or until no stage can start; return the exit status.

        If a stage refuses to start, the others continue, and the status is that of a refusal.
        """
        self.handle_signals()
        try:
            while not self._stopping and not all(child.refused and child.process is None for child in self._children):
                if lifeline.is_cut(os.environ, STOP_SECONDS + _WATCH_SECONDS):
                    self._stopping = True
                for child in self._children:
                    self._watch(child)
                self._note_ready()
                time.sleep(_WATCH_SECONDS)
        finally:
            self._stop_all()  # `multiprocessing` would wait for each without a limit
        return EXIT_REFUSED if any(child.refused for child in self._children) else 0

    def handle_signals(self) -> None:
        """Let SIGTERM and SIGINT end `run`, also before it has begun."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _watch(self, child: _Child) -> None:
        """Start `child` if it is due; record its exit if it has just ended."""
        now = time.monotonic()
        lived = now - child.started
        if child.process is None:
            if now >= child.start_at:
                child.process, child.started = self._start(child), now
        elif (status := child.process.exitcode) is not None:
            self._ended(child, status, lived)
            child.process, child.start_at = None, now + child.pause
        elif lived > HEALTHY_SECONDS:
            child.refused = False

    def _note_ready(self) -> None:
        """Log once that all stages are ready; again after a restart."""
        with suppress(BlockingIOError):
            for name in os.read(self._ready, _REPORTS).decode().split():
                for child in self._children:
                    child.ready = child.ready or child.stage == name
        everything = all(child.ready for child in self._children)
        if self._all_ready and not everything:
            self._began = time.monotonic()
        if everything and not self._all_ready:
            seconds = round(time.monotonic() - self._began, 1)
            log.info("all_stages_ready", stages=len(self._children), seconds=seconds)
        self._all_ready = everything

    def _ended(self, child: _Child, status: int, lived: float) -> None:
        child.refused, child.ready = status == EXIT_REFUSED, False
        if child.refused:
            child.pause = self._refused_pause
            # if no stage can start, none is started again
            ends = all(each.refused and (each is child or each.process is None) for each in self._children)
            again = {} if ends else {"starts_again_in_s": child.pause}
            log.error("stage_refused", stage=child.stage, status=status, **again)
            return
        child.pause = FIRST_PAUSE if lived > HEALTHY_SECONDS else min(max(child.pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
        log.warning(
            "stage_exited", stage=child.stage, status=status, lived_s=round(lived, 1), starts_again_in_s=child.pause
        )

    def _start(self, child: _Child) -> ForkProcess:
        restarts, child.starts = child.starts, child.starts + 1
        environment = {
            **child.environment,
            **lifeline.environment(),
            **lifeline.readiness(self._reports),
            RESTARTS: str(restarts),
        }
        return stage_process.fork(
            child.stage, self._work, environment, self._lifeline, closed=(self._held_end, self._ready)
        )

    def _stop_all(self) -> None:
        running = [(child.stage, child.process) for child in self._children if child.process is not None]
        for _, process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for stage, process in running:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.exitcode is None:
                log.warning("stage_killed", stage=stage, reason=f"did not stop within {STOP_SECONDS:.0f} s")
                process.kill()
                process.join()
        log.info("stages_stopped", stages=[stage for stage, _ in running])


def run(stages: Sequence[str], settings: Settings) -> int:
    """Run `stages`, one process each, until SIGTERM or Ctrl-C; return the exit status."""
    supervisor = Supervisor(stages, settings)
    supervisor.handle_signals()
    stage_process.import_modules(stages)
    return supervisor.run()
