"""Process of a stage, forked from one that has imported its modules: an import takes a second of processor time."""

import gc
import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.context import ForkProcess
from typing import Final

_CONTEXT: Final = multiprocessing.get_context("fork")
_OWN_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_IMPORTED: Final = (
    *("faust.cli.faust", "faust.cli.worker", "agents.runtime.app"),
    # imported by name or at the first use
    *("faust.assignor.partition_assignor", "faust.tables.manager", "faust.transport.conductor"),
    *("faust.transport.drivers.aiokafka", "faust.web.drivers.aiohttp", "holidays.countries"),
)


def modules(stages: Sequence[str]) -> list[str]:
    """Return what to import before the processes of `stages` are forked.

    Not `agents.<stage>`, which builds an app from the environment of its process.
    """
    return [*_IMPORTED, *(f"agents.stages.{stage}" for stage in stages)]


def import_modules(stages: Sequence[str]) -> None:
    """Import the modules of `stages`; their memory is shared by the processes, as far as it stays unchanged."""
    for module in modules(stages):
        importlib.import_module(module)
    gc.collect()
    gc.freeze()


def work(stage: str) -> None:
    """Run the worker of a stage in this process, as `faust -A agents.<stage> worker` does."""
    from faust.cli.faust import cli  # noqa: PLC0415 -- imports all of Faust, before the first fork

    sys.argv = ["faust", "-A", f"agents.{stage}", "--quiet", "worker", "-l", "error"]
    cli()


def fork(
    stage: str, work: Callable[[str], None], environment: Mapping[str, str], lifeline: int, closed: Sequence[int]
) -> ForkProcess:
    """Start a process for `stage` and return it; this one must have no other thread, no event loop and no open client.

    Args:
        stage: its name, and that of its process.
        work: what runs in it.
        environment: variables besides those of this process.
        lifeline: what it gets as standard input.
        closed: descriptors that stay with this process.
    """

    def begin() -> None:
        os.setsid()  # Ctrl-C reaches only the supervisor, which stops the stages
        for descriptor in closed:
            os.close(descriptor)
        os.dup2(lifeline, 0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.environ.update(environment)
        for number in _OWN_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _OWN_SIGNALS)
        work(stage)

    # daemon: ended with this process, should it end without stopping its stages
    process = _CONTEXT.Process(name=stage, target=begin, daemon=True)
    # blocked until the new process has forgotten the handlers of this one
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OWN_SIGNALS)
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return process
