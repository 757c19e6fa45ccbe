"""Print what this machine lacks to run a broker: `python -m agents.local_broker`, for make."""

import os
import sys

from agents.local_broker.engines import choose_engine
from agents.local_broker.errors import NoEngine

if __name__ == "__main__" and not os.environ.get("ALUR_BROKER"):
    try:
        choose_engine(os.environ)
    except NoEngine as error:
        sys.exit(str(error))
