"""The commands of `alur`. Each is imported when it is used: clients and models take seconds to import."""

import os
import sys
import tomllib
from functools import cache
from importlib import import_module
from importlib.metadata import version as version_of
from importlib.resources import files
from inspect import cleandoc
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from agents.cli.context import Overrides, proposed, say
from agents.cli.errors import FAILED, Failure
from events.errors import AlurError
from events.wording import clipped

_HELP: Final = """
Carries public-service complaints from report to resolution over Apache Kafka.

Settings come from the environment or from the options here, which precede the command. Read are ALUR_BROKER,
ALUR_PREFIX, ALUR_POLICY, ALUR_PARTITIONS, ALUR_REPLICATION and ALUR_LOG, and for a broker with access control
ALUR_SECURITY, ALUR_SASL_* and ALUR_TLS_* (docs/reference/security.md).

    alur --broker kafka:9092 --prefix test. watch
"""

_FILE: Final = files("agents.cli").joinpath("commands.toml")
PANELS: Final[dict[str, dict[str, list[str]]]] = tomllib.loads(_FILE.read_text("utf-8"))
"""Commands by heading, in the order of `alur --help`: name, attribute of its module, and summary."""

_LONGEST_WORD: Final = 500
"""Maximum length of a word in a message, which may quote typed input."""

COMMANDS: Final = {name: command for commands in PANELS.values() for name, command in commands.items()}


@cache
def load(name: str) -> Any:  # noqa: ANN401 -- typer does not export the type
    """Import a command or group of commands."""
    attribute, summary = COMMANDS[name]
    target = version if name == "version" else getattr(import_module(f"agents.cli.{name}"), attribute)
    if isinstance(target, typer.Typer):
        target.info.help = summary
        group = typer.main.get_group(target)
        group.name = name
        for each in group.commands.values():
            each.help = _unwrapped(each.help)
        return group
    alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
    alone.command(name)(target)
    command = typer.main.get_command(alone)
    command.help = _unwrapped(command.help)
    return command


def _unwrapped(text: str | None) -> str:
    """Join the lines of each paragraph, except examples, so that a terminal of any width can wrap them."""
    paragraphs = cleandoc(text or "").split("\n\n")
    return "\n\n".join(each if each.startswith(" ") else each.replace("\n", " ") for each in paragraphs)


class AlurGroup(TyperGroup):
    """The root command: imports a command when it is called, and reports each failure in one line."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 -- as in the base class
        stubs = {
            name: TyperCommand(name, help=summary, rich_help_panel=heading)
            for heading, commands in PANELS.items()
            for name, (_, summary) in commands.items()
        }
        super().__init__(**attributes | {"commands": stubs})
        self._called = "alur"
        """The called command, for errors without a context."""
        self._context: typer.Context | None = None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 -- as in the base class
        """Replace the stub of a command by the command itself."""
        self._context = ctx
        if args[0] in COMMANDS:
            command = load(args[0])
            self.add_command(command, args[0])
            own = [name for name in args[1:2] if name in getattr(command, "commands", ())]
            self._called = " ".join(["alur", args[0], *own])
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **extra: Any) -> Any:  # noqa: ANN401 -- as in the base class
        """Run a command and exit: 0, 1 (failed), 2 (usage error), 3 (undecided), 130 or 143 (interrupted).

        An unforeseen error keeps its traceback, for a bug report.
        """
        extra["standalone_mode"] = False
        self._called, self._context = "alur", None
        try:
            status = super().main(*args, **extra)
            sys.stdout.flush()
        except AlurError as error:
            _fail(proposed(str(error), self._context), error.status if isinstance(error, Failure) else FAILED)
        except typer.TyperException as error:
            _fail(_usage(error, self._called), error.exit_code)
        except typer.Abort:
            _fail("the input has ended", FAILED)
        except BrokenPipeError:
            # the reader has closed the pipe, as `head` does; Python would flush the rest at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(FAILED)
        except OSError as error:
            reason = error.strerror or str(error)
            _fail(f"{error.filename}: {reason}" if error.filename else reason, FAILED)
        sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str, status: int) -> None:
    words = (clipped(word, _LONGEST_WORD) for word in message.split())
    typer.echo(f"alur: {' '.join(words)}", err=True)
    sys.exit(status)


def _usage(error: typer.TyperException, called: str) -> str:
    context: typer.Context | None = getattr(error, "ctx", None)
    path = context.command_path if context else called
    # pydantic's prefix of an error in an argument
    message = error.format_message().replace(": Value error, ", ": ", 1).rstrip(".")
    return f"{message} (see {path} --help)"


def root(
    ctx: typer.Context,
    *,
    broker_address: Annotated[
        str | None, typer.Option("--broker", metavar="HOST:PORT", help="Kafka, instead of ALUR_BROKER")
    ] = None,
    prefix: Annotated[
        str | None, typer.Option(metavar="TEXT", help="prefix of every topic, instead of ALUR_PREFIX")
    ] = None,
    policy_name: Annotated[
        str | None, typer.Option("--policy", metavar="NAME|FILE", help="lapor, demo or a file, instead of ALUR_POLICY")
    ] = None,
    print_version: Annotated[bool, typer.Option("--version", help="print the version of alur")] = False,
) -> None:
    """Apply the options of every command."""
    if print_version:
        version()
        raise typer.Exit
    options = {"ALUR_BROKER": broker_address, "ALUR_PREFIX": prefix, "ALUR_POLICY": policy_name}
    ctx.obj = Overrides({name: value for name, value in options.items() if value is not None})
    if ctx.invoked_subcommand is None:
        say(ctx.get_help())


def version() -> None:
    """Print the version of alur."""
    say(f"alur {version_of('alur')}")


@cache
def application() -> typer.Typer:
    """Return the command line; its commands are not imported yet."""
    app = typer.Typer(
        name="alur",
        cls=AlurGroup,
        help=_unwrapped(_HELP),
        rich_markup_mode="rich",
        invoke_without_command=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(root)
    return app


def all_commands() -> Any:  # noqa: ANN401 -- as above
    """Return the root command with every command imported."""
    command: Any = typer.main.get_command(application())
    command.commands = {name: load(name) for name in COMMANDS}
    return command
