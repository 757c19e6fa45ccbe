"""The dashboard in a child process of the demonstration: `python -m agents.demo.dashboard PORT`."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from typing import Final

from agents.config import policy_files
from agents.config.settings import Settings
from agents.dashboard.figures import DisplayContext
from agents.dashboard.service import serve
from agents.observability import logs
from agents.runtime import lifeline

HOST: Final = "127.0.0.1"
_STOP_SECONDS: Final = 5.0


def main(port: int) -> None:
    """Serve the dashboard on `port` of this machine until SIGTERM or the end of input."""
    settings = Settings.from_environment(os.environ)
    logs.configure(settings.log)
    lifeline.hold(os.environ, _STOP_SECONDS)
    context = DisplayContext.of(policy_files.load(settings.policy).at(datetime.now(UTC)), settings)
    asyncio.run(serve(settings, context, (HOST, port), hosts=frozenset(), started=lambda _url: None))


if __name__ == "__main__":
    main(int(sys.argv[1]))
