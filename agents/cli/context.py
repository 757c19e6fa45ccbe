"""Settings and consoles of a command."""

import getpass
import os
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from agents.config.settings import Settings
    from workflow.policy.model import Policy

_PIPE_WIDTH: Final = 2_000
"""Width in columns in a pipe, so that nothing is truncated or wrapped."""
_LONGEST_LOGIN: Final = 100
_OPTIONS: Final = {"ALUR_BROKER": "--broker", "ALUR_PREFIX": "--prefix", "ALUR_POLICY": "--policy"}
_COMMAND: Final = re.compile(r"(?<![\w/.-])alur (?=[a-z])(?!broker )")
"""A command in a message, except `alur broker`, which has an address of its own."""


@dataclass(frozen=True)
class Overrides:
    """Options before the command; they override the environment."""

    environment: dict[str, str] = field(default_factory=dict)


def settings_of(ctx: typer.Context, **more: str | None) -> "Settings":
    """Return the settings of this call, by precedence: `more`, global options, environment."""
    from agents.config.settings import Settings  # noqa: PLC0415 -- imports the Kafka client, which --help must not

    overrides = ctx.obj.environment if isinstance(ctx.obj, Overrides) else {}
    values = {name: value for name, value in more.items() if value is not None}
    return Settings.from_environment({**os.environ, **overrides, **values})


def proposed(message: str, ctx: typer.Context | None) -> str:
    """Return a message with global options in its suggested commands, and in place of variables."""
    overrides = ctx.obj.environment if ctx is not None and isinstance(ctx.obj, Overrides) else {}
    variable, colon, wrong = message.partition(": ")
    if variable in overrides:
        message = f"{_OPTIONS[variable]}{colon}{wrong}"
    options = "".join(f"{_OPTIONS[name]} {shlex.quote(value)} " for name, value in overrides.items())
    return _COMMAND.sub(lambda match: match[0] + options, message)


def policy_now(settings: "Settings") -> "Policy":
    """Return the version of the policy that is in force; raise PolicyError if it cannot be read."""
    from datetime import UTC, datetime  # noqa: PLC0415 -- as above

    from agents.config import policy_files  # noqa: PLC0415 -- as above

    return policy_files.load(settings.policy).at(datetime.now(UTC))


def login(name: str | None = None) -> str:
    """Return `name`, else the user's login, as the author in a record."""
    try:
        return (name or getpass.getuser())[:_LONGEST_LOGIN]
    except (KeyError, OSError):
        return "unknown"


def console(*, stderr: bool = False) -> "Console":
    """Return a console for the present stdout or stderr, without a width limit for a pipe."""
    from rich.console import Console  # noqa: PLC0415 -- as above

    output = Console(stderr=stderr, highlight=False, emoji=False)
    if not output.is_terminal:
        output.width = _PIPE_WIDTH
    return output


def say(message: str) -> None:
    """Print a line to stdout unchanged."""
    typer.echo(message)


def note(message: str) -> None:
    """Print a line to stderr: progress and remarks beside the result."""
    typer.echo(message, err=True)
