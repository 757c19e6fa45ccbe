"""Input files of commands."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from agents.cli.errors import MISUSED, Failure
from agents.cli.wording import safe
from agents.integrations.entries import BadLayout, UnreadableFile
from agents.integrations.import_file import TableOnly

_STDIN: Final = "-"


def name_of(file: str) -> str:
    """Return the name of a file in messages."""
    return "stdin" if file == _STDIN else file


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """Open a file, or standard input for `-`."""
    if not file:
        raise Failure(f"the name of the file is empty: name one, or {_STDIN} for standard input", MISUSED)
    if file == _STDIN:
        yield sys.stdin.buffer
    else:
        with Path(file).open("rb") as stream:
            yield stream


@contextmanager
def one_line(file: str) -> Iterator[None]:
    """Raise a Failure with a message of one line for an unreadable file."""
    try:
        yield
    except UnreadableFile as error:
        raise Failure(safe(f"{file}: {error}")) from None
    except BadLayout as error:
        raise Failure(safe(f"{file}: {error}"), MISUSED) from None
    except TableOnly as error:
        raise Failure(str(error), MISUSED) from None
