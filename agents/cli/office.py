"""`alur office`: move the open complaints of an office that ends to another."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import Annotated, Final

import typer
from pydantic import BaseModel

from agents.cli.context import note, policy_now, say, settings_of
from agents.cli.errors import UNDECIDED, Failure, interruptible
from agents.cli.options import WAIT_S, Wait, command_source
from agents.config.settings import Settings
from agents.ops.snapshots import last_of_each
from events.client import CommandClient, CommandRequest, CommandResult, read_all, require_topics
from events.codec.decode import decode_snapshot
from events.codec.partial import read_part
from events.commands import DisposeComplaint
from events.errors import Undecodable
from events.ids import stage_command_id
from events.snapshot import Complaint
from events.topics import TopicName
from events.vocabulary import OPEN, Status
from events.wording import number_of
from workflow.policy.offices import Directory, Level

_AGAIN: Final = "close it again, which moves what is left"

app = typer.Typer()


@app.callback()
def _group() -> None:
    """Offices."""


@app.command()
def close(  # noqa: PLR0913 -- its options
    ctx: typer.Context,
    office: Annotated[str, typer.Argument(metavar="ID", help="the office that ends, with its units")],
    *,
    to: Annotated[str, typer.Option(metavar="ID", help="the new holder of its open complaints")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="list the complaints, and move none")] = False,
    sender: Annotated[
        str | None, typer.Option("--as", metavar="SOURCE", callback=command_source, help="an administrator of all")
    ] = None,
    wait: Wait = WAIT_S,
) -> None:
    """List the open complaints that an office and its units hold, and dispose each to another office.

    An answered complaint keeps its status and the citizen's time. Run it again after an interruption. Exits with 1 if a
    complaint could not be moved, with 3 if one is not decided in time.

        alur office close badung-dlhk --to badung --dry-run
    """
    settings = settings_of(ctx)
    policy = policy_now(settings)
    closing = _closing(policy.directory, office, to)
    if policy.directory.last_day(office) is None:
        note(f"{office} has no last day in the offices file (`until`): new complaints still come to it")
    require_topics(settings, [TopicName.STATE])
    held = sorted(_open_complaints(settings, closing), key=lambda each: each.received_at)
    for each in held:
        say(f"{each.tracking_id}  {each.complaint_id}  {each.status}  held by {each.office}")
    if dry_run or not held:
        say(f"{number_of(len(held), 'open complaint')} of {office}; nothing was moved")
        return
    moved, by = 0, sender or f"/offices/{policy.national}"
    left = interruptible(lambda: f"moved {moved:,} of {number_of(len(held), 'complaint')}; {_AGAIN}")
    with left, CommandClient(settings) as client:
        for each in held:
            _report(client.send(_disposition(each, to, by), seconds=wait), each, moved)
            moved += 1
    say(f"moved {number_of(moved, 'complaint')} of {office} to {to}")


def _closing(directory: Directory, office: str, to: str) -> set[str]:
    """Return the office and its units; raise Failure if their complaints cannot be moved to `to`."""
    today = date.today()  # noqa: DTZ011 -- the day of the person who calls it
    if unknown := [each for each in (office, to) if each not in directory]:
        raise Failure(f"there is no office {unknown[0]}: `alur policy check` reads the offices file")
    units = (each for each in directory.children(office) if directory.get(each).level is Level.UNIT)
    closing = {office, *units}
    if to in closing:
        raise Failure(f"{to} ends with {office}: name another office")
    if not directory.exists_on(to, today):
        raise Failure(f"{to} does not exist today (since, until): name another office")
    return closing


class _Holding(BaseModel):
    """The fields of a snapshot that decide whether a complaint is moved."""

    status: Status
    office: str | None = None


def _open_complaints(settings: Settings, offices: set[str]) -> Iterator[Complaint]:
    def if_held(value: bytes) -> bytes | None:
        holding = read_part(_Holding, value)
        return value if holding.status in OPEN and holding.office in offices else None

    for value in last_of_each(read_all(settings, [TopicName.STATE]), if_held).values():
        with suppress(Undecodable):  # foreign
            yield decode_snapshot(value)


def _disposition(complaint: Complaint, to: str, sender: str) -> CommandRequest:
    name, seen = complaint.complaint_id, complaint.round
    data = {"office": to, "round": seen}
    return CommandRequest(DisposeComplaint.NAME, name, sender, stage_command_id(name, "office-close", to, seen), data)


def _report(result: CommandResult, complaint: Complaint, moved: int) -> None:
    done = f"moved {moved:,} before; {_AGAIN}"
    if result.refused is not None:
        raise Failure(f"{complaint.tracking_id}: {result}; {done}")
    if not result.decided:
        raise Failure(f"{complaint.tracking_id}: {result}; {done}", UNDECIDED)
