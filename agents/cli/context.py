"""What every command is given: the settings, and where to print."""

import getpass
import os
from dataclasses import dataclass, field

import typer
from rich.console import Console

from agents.config.settings import Settings

# a pipe has no width: what reads it cuts for itself
_PIPE_WIDTH = 160
_LONGEST_LOGIN = 100


@dataclass(frozen=True)
class Overrides:
    """Options that stand before the command and win over the environment."""

    environment: dict[str, str] = field(default_factory=dict)


def settings_of(ctx: typer.Context, **more: str | None) -> Settings:
    """Return the settings of this call: `more`, then the global options, then the environment.

    Raises:
        SettingsError: a value cannot be used.
    """
    overrides = ctx.obj.environment if isinstance(ctx.obj, Overrides) else {}
    given = {name: value for name, value in more.items() if value is not None}
    return Settings.from_environment({**os.environ, **overrides, **given})


def login() -> str:
    """Return who is at the keyboard, for a record of who did what."""
    try:
        return getpass.getuser()[:_LONGEST_LOGIN]
    except (KeyError, OSError):
        return "unknown"


def console(*, stderr: bool = False) -> Console:
    """Return a console for stdout or stderr as they are now."""
    found = Console(stderr=stderr, highlight=False, emoji=False)
    if not found.is_terminal:
        found.width = _PIPE_WIDTH
    return found


def say(message: str) -> None:
    """Print a line to stdout as it is."""
    typer.echo(message)


def note(message: str) -> None:
    """Print a line to stderr: what goes on, beside the result."""
    typer.echo(message, err=True)
