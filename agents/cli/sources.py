"""The names of senders that commands are given."""

import re
from typing import Final

import typer

from events.cloudevents import MAX_ATTRIBUTE

# RFC 3986, appendix B, with the characters that each part may have
_CHARACTER: Final = r"[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2}"
_URI_REFERENCE: Final = re.compile(
    rf"(?:[A-Za-z][A-Za-z0-9+.\-]*:|(?![^/?#]*:))"
    rf"(?://(?:{_CHARACTER}|[\[\]])*(?=[/?#]|$))?"
    rf"(?:{_CHARACTER}|/)*"
    rf"(?:\?(?:{_CHARACTER}|[/?])*)?"
    rf"(?:#(?:{_CHARACTER}|[/?])*)?"
)


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
