"""Lifecycle of a later version: its snapshots have a field that the present code lacks."""

from typing import Any

import faust

from agents.lifecycle import app
from agents.stages import lifecycle
from events.codec import encode
from events.snapshot import Complaint


def _with_more(complaint: Complaint) -> bytes:
    return encode.encode_complaint(complaint)[:-1] + b',"unheard_of":{"since":2027}}'


module: Any = lifecycle
module.encode_complaint = _with_more
module.state_headers = lambda offset: (("source-offset", str(offset).encode()), ("writer", b"2"))
module.WRITER = 2

if __name__ == "__main__":
    faust.Worker(app, loglevel="ERROR").execute_from_commandline()
