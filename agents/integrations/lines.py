"""The lines of a file of any origin, none of them longer than can be held in memory."""

from collections.abc import Iterator
from typing import BinaryIO, Final

from agents.integrations.entries import UnreadableFile

LONGEST: Final = 64 * 1024 * 1024
"""Bytes of a line: a report may have one sixty-fourth of it, a list of requests all of it."""


def lines_of(stream: BinaryIO) -> Iterator[bytes]:
    """Give the lines as they are, with their ends.

    Raises:
        UnreadableFile: one is longer than `LONGEST`; no more than that of it was read.
    """
    number = 0
    while line := stream.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            raise UnreadableFile(too_long(number))
        yield line


def too_long(number: int) -> str:
    """Return what is wrong with a line that is."""
    return f"line {number} has more than {LONGEST:,} bytes: write one entry a line, or several files"
