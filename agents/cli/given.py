"""The files that commands are given."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

NOTHING: Final = "there is nothing in it"
"""What is said of an empty file, by whichever command."""

_STDIN: Final = "-"


def name_of(file: str) -> str:
    """Return how a file is named to whoever gave it."""
    return "stdin" if file == _STDIN else file


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """Give the bytes of a file, or of standard input for `-`."""
    if file == _STDIN:
        yield sys.stdin.buffer
    else:
        with Path(file).open("rb") as stream:
            yield stream
