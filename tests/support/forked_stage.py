"""Processes of stages and commands, forked from one with all imports, which take most of the time of a start.

What runs in them is what `python -m faust` and `alur` run: the app of a stage is built in the new process, from its
environment.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from faust.cli.faust import cli

import agents.cli
from agents.runtime.stage_process import modules
from events.topics import STAGES

_COMMANDS: Final = (
    "app",
    "audit",
    "dead",
    "export",
    "lag",
    "migrate",
    "mirror",
    "offsets",
    "privacy",
    "show",
    "topics",
)
_CONTEXT: Final = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([*modules(tuple(STAGES)), *(f"agents.cli.{module}" for module in _COMMANDS)])


def _stage(arguments: Sequence[str], environment: Mapping[str, str], lifeline: Connection, log: Path) -> None:
    with log.open("ab") as errors, Path(os.devnull).open("wb") as nowhere:
        _become(["faust", *arguments], environment, (lifeline.fileno(), nowhere.fileno(), errors.fileno()))
    lifeline.close()
    cli()


def _command(arguments: Sequence[str], environment: Mapping[str, str], output: Path, errors: Path) -> None:
    with Path(os.devnull).open("rb") as nothing, output.open("wb") as out, errors.open("wb") as err:
        _become(["alur", *arguments], environment, (nothing.fileno(), out.fileno(), err.fileno()))
    agents.cli.main()


def _become(arguments: list[str], environment: Mapping[str, str], standard: tuple[int, int, int]) -> None:
    for number, descriptor in enumerate(standard):
        os.dup2(descriptor, number)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments


def run_alur(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `alur` in a process of its own, with nothing else in its environment; return as `subprocess.run` does."""
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        process = _CONTEXT.Process(target=_command, args=(arguments, dict(environment), output, errors))
        process.start()
        process.join()
        if process.exitcode is None:
            raise ChildProcessError(f"alur {' '.join(arguments)} has not ended")
        return subprocess.CompletedProcess(
            ["alur", *arguments], process.exitcode, output.read_text(), errors.read_text()
        )


class ForkedStage:
    """A stage's process, with the part of `subprocess.Popen` that tests use.

    Args:
        arguments: what stands behind `python -m faust`.
        environment: all that it finds in its environment.
        log: where its standard error goes.
    """

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        log.touch()
        lifeline, self._lifeline = _CONTEXT.Pipe(duplex=False)
        with lifeline:
            self._process = _CONTEXT.Process(
                target=_stage, args=(arguments, dict(environment), lifeline, log), daemon=True
            )
            self._process.start()
        self.pid = int(self._process.pid or 0)

    @property
    def returncode(self) -> int | None:
        """Its exit status, as `poll` gives it."""
        return self.poll()

    def poll(self) -> int | None:
        """Return its exit status, below zero that of a signal, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended; return its exit status.

        Raises:
            subprocess.TimeoutExpired: it runs for longer.
        """
        self._process.join(timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired("faust", timeout or 0.0)
        return status

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)
