"""What commands are given: files, and names of senders."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import typer

from events.base import MAX_ATTRIBUTE

NOTHING: Final = "there is nothing in it"
"""What is said of an empty file, by whichever command."""

_STDIN: Final = "-"
# RFC 3986, appendix B, with the characters that each part may have
_CHARACTER: Final = r"[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2}"
_URI_REFERENCE: Final = re.compile(
    rf"(?:[A-Za-z][A-Za-z0-9+.\-]*:|(?![^/?#]*:))"
    rf"(?://(?:{_CHARACTER}|[\[\]])*(?=[/?#]|$))?"
    rf"(?:{_CHARACTER}|/)*"
    rf"(?:\?(?:{_CHARACTER}|[/?])*)?"
    rf"(?:#(?:{_CHARACTER}|[/?])*)?"
)


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


def source(given: str | None) -> str | None:
    """Take the source of messages as CloudEvents have it: a URI-reference that is not empty.

    Raises:
        typer.BadParameter: it is none, or longer than the contract takes.
    """
    if given is None:
        return None
    if not given or not _URI_REFERENCE.fullmatch(given):
        raise typer.BadParameter(f"{given!r} is no URI-reference (such as /channels/sms; a space is written %20)")
    if len(given) > MAX_ATTRIBUTE:
        raise typer.BadParameter(f"is longer than {MAX_ATTRIBUTE} characters")
    return given


def channel(given: str | None) -> str | None:
    """Take the source of reports: one of messages, without the `#` that joins it to their ids.

    Raises:
        typer.BadParameter: it is none.
    """
    if given and "#" in given:
        raise typer.BadParameter(f"{given!r} has a #, which the source of a report may not have")
    return source(given)
