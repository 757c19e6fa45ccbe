"""`alur send`: a command about a complaint, and what came of it."""

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import uuid4

import typer

from agents.cli.context import say, settings_of
from agents.cli.errors import FAILED, MISUSED, UNDECIDED, Failure, interruptible
from agents.cli.fields import data_of, options
from agents.cli.sources import source as source_given
from agents.config import policy_files
from agents.config.settings import Settings
from events.client import AnswerUnreadable, Gateway, Order, Outcome, Unconfirmed, find_complaint, require_topics
from events.commands import COMMANDS, Command
from events.errors import InvalidCommand, Undecodable
from events.topics import TopicName
from workflow.machine.permissions import MAY, Role, who_may
from workflow.machine.transitions import HEARD_IN, OPEN

_STAGES_OWN: Final = frozenset({"register-complaint", "notice-deadline", "escalate-complaint", "reschedule-deadlines"})
_STORIES_OWN: Final = frozenset({"publish-story", "unpublish-story"})
"""Sent by `alur story`, which scans what is published."""
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIELD: Final = re.compile(r"\bdata\.(\w+)")


def application() -> typer.Typer:
    """Return one sub-command for each command that comes from outside."""
    app = typer.Typer(
        help="Send a command about a complaint and say what came of it. "
        "Exits with 0 if it had its effect, 1 if it was refused, 3 if it is not decided in time."
    )
    for command in COMMANDS:
        if command.NAME not in _STAGES_OWN | _STORIES_OWN:
            app.command(command.NAME, help=_help(command))(_sender(command))
    return app


def _help(command: type[Command]) -> str:
    heard_in = HEARD_IN[command]
    statuses = "open" if heard_in == OPEN else ", ".join(sorted(heard_in))
    return f"{(command.__doc__ or '').strip()}\n\nFrom {who_may(command)}, while the complaint is {statuses}."


def _sender(command: type[Command]) -> Callable[..., None]:
    """Make the function that typer calls, with the command's fields as its options."""

    def run(ctx: typer.Context, **given: Any) -> None:  # noqa: ANN401 -- typer fills them in by the signature below
        _send(ctx, command, given)

    parameters = [
        inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        *_envelope_options(command),
        *options(command),
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # inspect reads it, mypy does not
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _envelope_options(command: type[Command]) -> list[inspect.Parameter]:
    empty = inspect.Parameter.empty
    sender, default_sender = _default_sender(command)
    found: list[tuple[str, Any, Any]] = [
        (
            "complaint",
            Annotated[str, typer.Option(metavar="ID", help="its complaint id, or its tracking id (digits)")],
            empty,
        ),
        (
            "sender",
            Annotated[
                str if sender is empty else str | None,
                typer.Option("--as", metavar="SOURCE", callback=source_given, help=default_sender),
            ],
            sender,
        ),
        (
            "command_id",
            Annotated[str | None, typer.Option("--id", metavar="ID", help="repeats with this id are one command")],
            None,
        ),
        (
            "expected_version",
            Annotated[
                int | None, typer.Option(metavar="N", min=0, help="refuse it unless the complaint is at this version")
            ],
            None,
        ),
        (
            "wait",
            Annotated[float, typer.Option(metavar="SECONDS", min=0, help="how long to wait for what comes of it")],
            10.0,
        ),
    ]
    kind = inspect.Parameter.KEYWORD_ONLY
    return [inspect.Parameter(name, kind, default=default, annotation=hint) for name, hint, default in found]


def _default_sender(command: type[Command]) -> tuple[Any, str]:
    """Return the default of `--as` and its help: an office that holds a complaint has to say which one it is."""
    if Role.CITIZEN in MAY[command]:
        return None, "who sends it; /citizens/anonymous unless given"
    if Role.ADMINISTRATOR in MAY[command]:
        return None, "who sends it; the national administrator unless given"
    return inspect.Parameter.empty, f"{who_may(command)}: /offices/OFFICE or /offices/OFFICE/officers/ID"


def source_of(settings: Settings, command: type[Command], given: str | None) -> str:
    """Return the sender of a command: the one that is given, else the one that usually sends it."""
    if given is not None:
        return given
    if Role.CITIZEN in MAY[command]:
        return "/citizens/anonymous"
    return f"/offices/{policy_files.load(settings.policy).at(datetime.now(UTC)).national}"


def _send(ctx: typer.Context, command: type[Command], given: dict[str, Any]) -> None:
    settings = settings_of(ctx)
    data = data_of(command, given)
    source = source_of(settings, command, given["sender"])
    require_topics(settings, [TopicName.STATE])
    complaint = find_complaint(settings, given["complaint"])
    command_id = given["command_id"] or str(uuid4())
    order = Order(command.NAME, complaint, source, command_id, data, given["expected_version"])
    send_and_tell(settings, order, given["wait"], again=given["command_id"] is not None)


def send_and_tell(settings: Settings, order: Order, wait: float, *, again: bool = False) -> None:
    """Send a command, wait for its outcome and print it.

    Args:
        settings: which environment.
        order: the command.
        wait: seconds.
        again: it may have been sent before, under the same id.

    Raises:
        Failure: it was refused, or is not decided in time.
    """
    sent: list[Outcome] = []
    with Gateway(settings) as gateway, in_words_of_options(), interruptible(lambda: _known(order, sent)):
        try:
            sent.append(gateway.send(order, seconds=0, repeats_since=_BEGINNING if again else None))
            outcome = gateway.wait(sent[0], wait)
        except Unconfirmed as error:
            raise Failure(f"{error} (--id {order.id})") from error
        except AnswerUnreadable as error:
            raise Failure(str(error), UNDECIDED) from error
    _tell(outcome)


def _known(order: Order, sent: list[Outcome]) -> str:
    """Say what is known of a command by the time that the wait for its answer is interrupted."""
    if sent:
        return f"{sent[0]}; `alur show {order.complaint}` shows what comes of it"
    return f"{order.name} may be in the log or not; send it again with --id {order.id}, which does no harm"


@contextmanager
def in_words_of_options() -> Iterator[None]:
    """Name the option in place of the field of a command that is none of the contract.

    Raises:
        Failure: it is none.
    """
    try:
        yield
    except (InvalidCommand, Undecodable) as error:
        raise Failure(in_options(error.reason), MISUSED) from None


def in_options(reason: str) -> str:
    """Name the options in place of the fields of a command."""
    named = _FIELD.sub(lambda match: f"--{match[1].replace('_', '-')}", reason)
    return named.replace("data: ", "")


def _tell(outcome: Outcome) -> None:
    if outcome.refused is not None:
        raise Failure(str(outcome), FAILED)
    if not outcome.decided and outcome.waited:
        raise Failure(str(outcome), UNDECIDED)
    say(str(outcome))
    if outcome.facts:
        after = outcome.facts[-1].complaint
        place = f"{TopicName.COMMANDS}, partition {outcome.place.partition}, offset {outcome.place.offset}"
        say(f"complaint {after.tracking_id} is {after.status} at version {after.version}; it is in {place}")
