"""The one place where a failure becomes a line on stderr and an exit status."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import typer
from typer.core import TyperGroup

from agents.cli.interrupts import raising, status_of
from agents.contract.files import SchemasError
from agents.local_broker import BrokerError
from agents.ops.dead_letters import DeadLetterNotFound, DeadLetterRefused
from agents.ops.identities import IdentityNotFound
from agents.ops.repair import RepairRefused
from agents.runtime.disk_map import DiskFailed
from events.client import NoSuchComplaint
from events.client.errors import KafkaFailure
from events.client.settings import SettingsError
from workflow.policy.model import PolicyError

FAILED: Final = 1
MISUSED: Final = 2
UNDECIDED: Final = 3


class Failure(Exception):
    """The command could not do what it was asked; the message is one line for a person."""

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status


@contextmanager
def interruptible(known: Callable[[], str] = str) -> Iterator[None]:
    """Let a command put things in order on Ctrl-C and SIGTERM; `known` returns what to tell of it, and what to do next.

    Raises:
        Failure: it was interrupted.
    """
    try:
        with raising():
            yield
    except KeyboardInterrupt as interrupt:
        raise Failure(": ".join(filter(None, ("interrupted", known()))), status_of(interrupt)) from None


ORDER: Final = (
    "demo",
    "broker",
    "topics",
    "run",
    "validate",
    "submit",
    "send",
    "show",
    "explain",
    "watch",
    "board",
    "lag",
    "offsets",
    "export",
    "audit",
    "dead",
    "state",
    "identity",
    "policy",
    "calendar",
    "schemas",
    "version",
)

_FORESEEN: Final = (
    KafkaFailure,
    BrokerError,
    DiskFailed,
    NoSuchComplaint,
    DeadLetterNotFound,
    RepairRefused,
    IdentityNotFound,
    DeadLetterRefused,
    PolicyError,
    SchemasError,
    SettingsError,
)


class OneLineErrors(TyperGroup):
    """Commands that fail in one line. What nobody foresaw keeps its traceback: that one is for a bug report."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 -- typer does not export the type
        """Name the commands in the order in which one comes to need them."""
        known = super().list_commands(ctx)
        return sorted(known, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))

    def main(self, *args: Any, **extra: Any) -> Any:  # noqa: ANN401 -- as in the class it extends
        """Run a command and exit: 0, 1 (could not), 2 (asked wrongly), 3 (not known yet), 130 or 143 (interrupted)."""
        extra["standalone_mode"] = False
        try:
            status = super().main(*args, **extra)
            sys.stdout.flush()
        except Failure as failure:
            _fail(str(failure), failure.status)
        except _FORESEEN as error:
            _fail(str(error), FAILED)
        except typer.TyperException as error:
            _fail(_usage(error), error.exit_code)
        except typer.Abort:
            _fail("the input has ended", FAILED)
        except BrokenPipeError:
            # what reads the output has left, as `head` does; Python writes what is left of it when it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(FAILED)
        except OSError as error:
            _fail(_system(error), FAILED)
        sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str, status: int) -> None:
    typer.echo(f"alur: {' '.join(message.split())}", err=True)
    sys.exit(status)


def _usage(error: typer.TyperException) -> str:
    context: typer.Context | None = getattr(error, "ctx", None)
    path = context.command_path if context else "alur"
    # pydantic puts it before what is wrong with an argument
    said = error.format_message().replace(": Value error, ", ": ", 1).rstrip(".")
    return f"{said} (see {path} --help)"


def _system(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason
