"""Options and arguments that several commands share, and their validation."""

import re
from collections.abc import Collection
from typing import Annotated, Final

import typer

from agents.cli.errors import MISUSED, Failure
from events.cloudevents import MAX_ATTRIBUTE
from events.topics import STAGES
from workflow.machine.permissions import possible_roles

# RFC 3986, appendix B, with the characters that each part may have
_CHARACTER: Final = r"[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2}"
_URI_REFERENCE: Final = re.compile(
    rf"(?:[A-Za-z][A-Za-z0-9+.\-]*:|(?![^/?#]*:))"
    rf"(?://(?:{_CHARACTER}|[\[\]])*(?=[/?#]|$))?"
    rf"(?:{_CHARACTER}|/)*"
    rf"(?:\?(?:{_CHARACTER}|[/?])*)?"
    rf"(?:#(?:{_CHARACTER}|[/?])*)?"
)
WAIT_S: Final = 10.0


def source(text: str | None) -> str | None:
    """Validate the source of messages: a URI-reference, as in CloudEvents, neither empty nor too long."""
    if text is None:
        return None
    if not text or not _URI_REFERENCE.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is not a URI-reference (such as /channels/sms; a space is written %20)")
    if len(text) > MAX_ATTRIBUTE:
        raise typer.BadParameter(f"is longer than {MAX_ATTRIBUTE} characters")
    return text


def command_source(text: str | None) -> str | None:
    """Validate the source of a command: it must be a sender with the right to some command."""
    if text is not None and not possible_roles(text):
        forms = "/offices/OFFICE, /offices/OFFICE/officers/ID, /citizens/ID or /channels/NAME"
        raise typer.BadParameter(f"{text!r} cannot send commands; write {forms}")
    return source(text)


def channel(text: str | None) -> str | None:
    """Validate the source of reports: without `#`, which separates it from their ids."""
    if text and "#" in text:
        raise typer.BadParameter(f"{text!r} has a #, which the source of a report may not have")
    return source(text)


def require_known(kind: str, names: Collection[str], known: Collection[str]) -> None:
    """Raise a Failure unless all names of stages, roles or topics are `known`."""
    for name in names:
        if name not in known:
            raise Failure(f"there is no {kind} {name!r}; use one of {', '.join(known)}", MISUSED)


def _stages(names: list[str] | None) -> list[str]:
    require_known("stage", names or (), STAGES)
    return list(dict.fromkeys(names or STAGES))


def _stages_beginning(incomplete: str) -> list[str]:
    return [stage for stage in STAGES if stage.startswith(incomplete)]


Stages = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[STAGE]...",
        callback=_stages,
        autocompletion=_stages_beginning,
        help=f"{', '.join(STAGES)}; default: all",
    ),
]
Complaint = Annotated[str, typer.Argument(help="its complaint id, or its tracking id (digits)")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object instead")]
By = Annotated[str | None, typer.Option(metavar="NAME", help="author, for the record; default: your login")]
CommandId = Annotated[str | None, typer.Option("--id", metavar="ID", help="the same for all retries")]
Wait = Annotated[float, typer.Option(metavar="SECONDS", min=0, help="maximum time to wait for the result")]
_MIRROR: Final = typer.Option("--from", metavar="FILE|URL", help="the mirror (alur mirror)", envvar="ALUR_MIRROR")
FromMirror = Annotated[str, _MIRROR]
FromMirrorIfAny = Annotated[str | None, _MIRROR]
Administrator = Annotated[
    str | None,
    typer.Option("--as", metavar="SOURCE", callback=command_source, help="sender; default: the national administrator"),
]
