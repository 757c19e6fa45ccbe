"""Options of the command line, derived from the fields of a command."""

import inspect
import json
import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from agents.cli.errors import MISUSED, Failure
from events.commands import Command

STAGES_ONLY: Final = frozenset({"revision", "round", "status", "breaches"})
"""Fields for the state that a stage decided on; for a person that is the present state."""
_FIELD: Final = re.compile(r"\bdata\.(\w+)")


def with_parameters(function: Callable[..., None], parameters: Iterable[inspect.Parameter]) -> Callable[..., None]:
    """Make typer use `parameters` instead of the signature of a function."""
    signature = inspect.Signature(list(parameters))
    function.__signature__ = signature  # type: ignore[attr-defined]  # inspect reads it, mypy does not
    function.__annotations__ = {name: each.annotation for name, each in signature.parameters.items()}
    return function


def option(name: str, annotation: object, default: object = inspect.Parameter.empty) -> inspect.Parameter:
    """Return a parameter in the form that typer turns into an option."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def fields_of(command: type[Command]) -> dict[str, FieldInfo]:
    """Return the fields that a person fills in."""
    return {name: info for name, info in command.model_fields.items() if name not in STAGES_ONLY}


def options(command: type[Command]) -> list[inspect.Parameter]:
    """Return an option for each field."""
    return [_option(name, info) for name, info in fields_of(command).items()]


def _option(name: str, info: FieldInfo) -> inspect.Parameter:
    kind = _kind(info.annotation)
    flag = _flag(name) if kind is not bool else f"{_flag(name)}/--no-{name.replace('_', '-')}"
    help_text = (info.description or "") + ("; may be given several times" if kind is list else "")
    annotation: Any = list[str] if kind is list else kind
    if info.is_required():
        return option(name, Annotated[annotation, typer.Option(flag, help=help_text)])
    return option(name, Annotated[annotation | None, typer.Option(flag, help=help_text)], None)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _kind(annotation: object) -> type:
    """Return the type of a field on the command line: a flag, a number, a choice, a list, else a text."""
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return next(_kind(part) for part in get_args(annotation) if part is not type(None))
    if get_origin(annotation) is tuple:
        return list
    if isinstance(annotation, type) and (annotation in {bool, int} or issubclass(annotation, StrEnum)):
        return annotation
    return str


def data_of(command: type[Command], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a command as in JSON, not validated yet; raise Failure for an object that is not JSON."""
    return {
        info.alias or name: _value(name, info, values[name])
        for name, info in fields_of(command).items()
        if values.get(name) is not None and values[name] != []
    }


def _value(name: str, info: FieldInfo, value: object) -> object:
    if not isinstance(value, str) or not _is_object(info.annotation):
        return value
    try:
        return json.loads(value)
    except ValueError:
        example = '\'{"province": "Bali", "city": "Denpasar"}\''
        raise Failure(f"{_flag(name)}: not JSON; write it like {example}", MISUSED) from None


def _is_object(annotation: object) -> bool:
    if isinstance(annotation, type):
        return issubclass(annotation, BaseModel)
    return get_origin(annotation) is not tuple and any(_is_object(part) for part in get_args(annotation))


def in_options(reason: str) -> str:
    """Replace the names of fields in a message by those of their options."""
    return _FIELD.sub(lambda match: _flag(match[1]), reason).replace("data: ", "")
