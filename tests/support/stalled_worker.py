"""A stage's worker whose start stalls once it is connected: `stalled_worker.py STAGE STEP FILE`.

Before the STEP, such as `layout_guard.LayoutGuard.check`, it makes the FILE and waits for ever.
"""

import asyncio
import importlib
import sys
from pathlib import Path
from typing import Any

stage, step, reached = sys.argv[1:]
module, kind, method = step.split(".")


async def _stall(*_arguments: Any, **_options: Any) -> None:
    Path(reached).touch()  # noqa: ASYNC240 -- nothing else runs in this loop
    await asyncio.Event().wait()


setattr(getattr(importlib.import_module(f"agents.runtime.{module}"), kind), method, _stall)

if __name__ == "__main__":
    import faust

    faust.Worker(importlib.import_module(f"agents.{stage}").app, loglevel="ERROR").execute_from_commandline()
