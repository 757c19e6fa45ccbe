"""Options of the command line made from the fields of a command, so that the contract is written once."""

import inspect
import json
from collections.abc import Mapping
from enum import StrEnum
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from agents.cli.errors import MISUSED, Failure
from events.commands import Command

STAGES_ONLY: Final = frozenset({"revision", "round", "status", "breaches"})
"""Fields in which stages say what they decided on: a person means the complaint as it stands."""


def fields_of(command: type[Command]) -> dict[str, FieldInfo]:
    """Return the fields that a person fills in."""
    return {name: info for name, info in command.model_fields.items() if name not in STAGES_ONLY}


def options(command: type[Command]) -> list[inspect.Parameter]:
    """Return a keyword parameter for each field, as typer reads it."""
    return [_option(name, info) for name, info in fields_of(command).items()]


def _option(name: str, info: FieldInfo) -> inspect.Parameter:
    kind = _kind(info.annotation)
    flag = f"--{name.replace('_', '-')}"
    flag = f"{flag}/--no-{name.replace('_', '-')}" if kind is bool else flag
    required = info.is_required()
    help_text = (info.description or "") + ("; may be given several times" if kind is list else "")
    annotation: Any = list[str] if kind is list else kind
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if required else None,
        annotation=Annotated[annotation if required else annotation | None, typer.Option(flag, help=help_text)],
    )


def _kind(annotation: Any) -> type:  # noqa: ANN401 -- annotations are of no common type
    """Return how a field is typed on a command line: a flag, a number, a choice, a list, else a text."""
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return next(_kind(part) for part in get_args(annotation) if part is not type(None))
    if get_origin(annotation) is tuple:
        return list
    if isinstance(annotation, type) and (annotation in {bool, int} or issubclass(annotation, StrEnum)):
        return annotation
    return str


def data_of(command: type[Command], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a command as JSON will hold them; what is in them is for the contract's model to judge.

    Raises:
        Failure: a field that is an object is not given as JSON.
    """
    known = fields_of(command)
    return {
        info.alias or name: _value(name, info, given[name])
        for name, info in known.items()
        if given.get(name) is not None and given[name] != []
    }


def _value(name: str, info: FieldInfo, given: object) -> object:
    if not isinstance(given, str) or not _is_object(info.annotation):
        return given
    try:
        return json.loads(given)
    except ValueError:
        example = '\'{"province": "Bali", "city": "Denpasar"}\''
        raise Failure(f"--{name.replace('_', '-')}: not JSON; write it like {example}", MISUSED) from None


def _is_object(annotation: Any) -> bool:  # noqa: ANN401 -- as above
    if isinstance(annotation, type):
        return issubclass(annotation, BaseModel)
    return get_origin(annotation) is not tuple and any(_is_object(part) for part in get_args(annotation))
