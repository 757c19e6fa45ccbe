"""`alur send`: a command about a complaint, and its result."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

import typer

from agents.cli.context import policy_now, say, settings_of
from agents.cli.errors import FAILED, MISUSED, UNDECIDED, Failure, interruptible
from agents.cli.fields import data_of, in_options, option, options, with_parameters
from agents.cli.options import WAIT_S, CommandId, Wait, command_source
from agents.cli.wording import after_late_reply
from agents.config import policy_files
from agents.config.settings import Settings
from events.client import (
    AnswerUnreadable,
    CommandClient,
    CommandRequest,
    CommandResult,
    Unconfirmed,
    find_complaint,
    read_snapshot,
    require_topics,
)
from events.client.errors import KafkaFailure
from events.commands import COMMANDS, Command
from events.errors import InvalidCommand, Undecodable
from events.facts import LateReplyRecorded
from events.topics import TopicName
from events.vocabulary import OPEN, Refusal
from workflow.machine.permissions import PERMITTED_ROLES, Role, who_may
from workflow.machine.transitions import ALLOWED_IN

_SENT_OTHERWISE: Final = frozenset(
    {
        *("register-complaint", "notice-deadline", "escalate-complaint", "reschedule-deadlines"),  # sent by stages
        *("publish-story", "unpublish-story"),  # sent by `alur story`, which scans the texts
        "erase-data",  # sent by `alur privacy`, which also erases outside of lifecycle
    }
)
_UTC: Final = ZoneInfo("UTC")
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)

app = typer.Typer()


def _help(command: type[Command]) -> str:
    allowed_in = ALLOWED_IN[command]
    statuses = "open" if allowed_in == OPEN else ", ".join(sorted(allowed_in))
    # documents set Indonesian terms in italics, a terminal does not
    summary = (command.__doc__ or "").strip().replace("*", "")
    return f"{summary}\n\nFrom {who_may(command)}, while the complaint is {statuses}."


def _sender(command: type[Command]) -> Callable[..., None]:
    """Return the function that typer calls, with the fields of the command as its options."""

    def run(ctx: typer.Context, **values: object) -> None:
        _send(ctx, command, values)

    identifier = typer.Option(metavar="ID", help="its complaint id, or its tracking id (digits)")
    version = typer.Option(metavar="N", min=0, help="refuse it unless the complaint is at this version")
    parameters = (
        inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        option("complaint", Annotated[str, identifier]),
        _sender_option(command),
        option("command_id", CommandId, None),
        option("expected_version", Annotated[int | None, version], None),
        option("wait", Wait, WAIT_S),
        *options(command),
    )
    return with_parameters(run, parameters)


def _sender_option(command: type[Command]) -> inspect.Parameter:
    """Return the option `--as`; it is required for a command that only offices may send."""
    default, annotation = None, str | None
    if Role.CITIZEN in PERMITTED_ROLES[command]:
        explanation = "sender; default: the channel of the report"
    elif Role.ADMINISTRATOR in PERMITTED_ROLES[command]:
        explanation = "sender; default: the national administrator"
    else:
        default, annotation = inspect.Parameter.empty, str
        explanation = f"{who_may(command)}: /offices/OFFICE or /offices/OFFICE/officers/ID"
    described = typer.Option("--as", metavar="SOURCE", callback=command_source, help=explanation)
    return option("sender", Annotated[annotation, described], default)


def source_of(settings: Settings, command: type[Command], complaint: str, sender: str | None) -> str:
    """Return `sender`, else the default sender of a command about `complaint`."""
    if sender is not None:
        return sender
    if Role.CITIZEN not in PERMITTED_ROLES[command]:
        return f"/offices/{policy_now(settings).national}"
    snapshot = read_snapshot(settings, complaint)
    if snapshot is None:
        return "/citizens/anonymous"
    policy = policy_files.load(settings.policy).governing(snapshot.policy, datetime.now(UTC))
    return "/citizens/anonymous" if policy.citizens == "open" else snapshot.report.source


def _send(ctx: typer.Context, command: type[Command], values: dict[str, Any]) -> None:
    settings = settings_of(ctx)
    data = data_of(command, values)
    require_topics(settings, [TopicName.STATE])
    complaint = find_complaint(settings, values["complaint"])
    sender = source_of(settings, command, complaint, values["sender"])
    command_id = values["command_id"] or str(uuid4())
    request = CommandRequest(command.NAME, complaint, sender, command_id, data, values["expected_version"])
    send_and_report(settings, request, values["wait"], again=values["command_id"] is not None)


def send_and_report(settings: Settings, request: CommandRequest, wait: float, *, again: bool = False) -> None:
    """Send a command, wait and print its result; `again`: it may be a retry with the same id."""
    sent: list[CommandResult] = []
    with CommandClient(settings) as client, in_words_of_options(), interruptible(lambda: _result_so_far(request, sent)):
        try:
            sent.append(client.send(request, seconds=0, repeats_since=_BEGINNING if again else None))
            result = client.wait(sent[0], wait)
        except Unconfirmed as error:
            raise Failure(f"{error} (--id {request.id})") from error
        except AnswerUnreadable as error:
            raise Failure(str(error), UNDECIDED) from error
    report(settings, result)


def _result_so_far(request: CommandRequest, sent: list[CommandResult]) -> str:
    """Return the message for an interrupted wait for a result."""
    if sent:
        return f"{sent[0]}; `alur show {request.complaint}` shows the result"
    return f"{request.name} may or may not be in the log; send it again with --id {request.id}, which does no harm"


@contextmanager
def in_words_of_options() -> Iterator[None]:
    """Turn an error in a command into a Failure that names options instead of fields."""
    try:
        yield
    except (InvalidCommand, Undecodable) as error:
        raise Failure(in_options(error.reason), MISUSED) from None


def report(settings: Settings, result: CommandResult) -> None:
    """Print the result of a command; raise a Failure if it was refused or is not decided in time."""
    if result.refused is not None:
        holder = None
        if result.refused.rejection.code == Refusal.NOT_PERMITTED:
            with suppress(KafkaFailure):  # then the refusal is reported without the holder
                snapshot = read_snapshot(settings, result.request.complaint)
                holder = snapshot and snapshot.office
        raise Failure(f"{result}; {holder} holds it" if holder else str(result), FAILED)
    if not result.decided and result.waited:
        raise Failure(str(result), UNDECIDED)
    say(str(result))
    if result.facts:
        after = result.facts[-1].complaint
        say(f"complaint {after.tracking_id} is {after.status} at version {after.version}; command in {result.position}")
        if isinstance(late := result.facts[-1].fact, LateReplyRecorded):
            say(f"it came after the closing: {after_late_reply(late, _UTC)}")


for _command in COMMANDS:
    if _command.NAME not in _SENT_OTHERWISE:
        app.command(_command.NAME, help=_help(_command))(_sender(_command))
