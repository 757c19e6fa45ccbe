"""A stage's worker on a machine whose clock is wrong: `skewed_worker.py STAGE SECONDS`."""

import importlib
import sys
from datetime import datetime, timedelta, tzinfo
from typing import Any

stage, skew = sys.argv[1], timedelta(seconds=float(sys.argv[2]))


class SkewedClock(datetime):
    """`datetime` with a wrong present time."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        """The machine's time plus the error."""
        return datetime.now(tz) + skew


for module in ("agents.runtime.stage_consumer", "agents.runtime.watermark", "agents.stages.sla"):
    importlib.import_module(module).datetime = SkewedClock  # type: ignore[attr-defined]  # the module's only clock

if __name__ == "__main__":
    import faust

    faust.Worker(importlib.import_module(f"agents.{stage}").app, loglevel="ERROR").execute_from_commandline()
