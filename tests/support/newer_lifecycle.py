"""Lifecycle of a later version: its snapshots have a field that the present code lacks."""

from unittest.mock import patch

import faust

from events import provenance
from events.codec import encode
from events.snapshot import Complaint

WRITER = provenance.WRITER + 1
_present = encode.encode_complaint


def _with_more(complaint: Complaint) -> bytes:
    return _present(complaint)[:-1] + b',"unheard_of":{"since":2027}}'


def main() -> None:
    """Run it; patched where the names are defined, before a stage has imported them from there."""
    mark = (provenance.WRITER_HEADER, str(WRITER).encode())
    with patch.multiple(provenance, WRITER=WRITER, _MARK=mark), patch.object(encode, "encode_complaint", _with_more):
        from agents.lifecycle import app  # noqa: PLC0415 -- what it imports has to be patched by then

        faust.Worker(app, loglevel="ERROR").execute_from_commandline()


if __name__ == "__main__":
    main()
