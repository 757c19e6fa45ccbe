"""A command with one broker for all its processes: `python -m tests.support.with_broker pytest tests/integration`."""

import os
import signal
import subprocess
import sys
from typing import Final

from agents.local_broker import running_broker
from events.errors import AlurError

_SHELL: Final = 128
"""Added to the number of a signal that ended a command: a shell's exit status."""


def main() -> int:
    """Run it with the broker in ALUR_BROKER; return its exit status."""
    with running_broker(os.environ) as broker:
        # Ctrl-C reaches the command too, which ends by itself; a handler, since an ignored signal stays ignored in it
        signal.signal(signal.SIGINT, lambda *_: None)
        status = subprocess.run(sys.argv[1:], env={**os.environ, "ALUR_BROKER": broker}, check=False).returncode
    return status if status >= 0 else _SHELL - status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AlurError as error:
        sys.exit(str(error))
