"""`alur identity`: show or erase the identity of a reporter."""

from datetime import datetime
from typing import Annotated, Final

import typer

from agents.cli.context import console, login, policy_now, say, settings_of
from agents.cli.errors import MISUSED, Failure, interruptible
from agents.cli.options import By, Complaint
from agents.cli.wording import local, safe
from agents.config.settings import Settings
from agents.ops.identities import Erasure, erase, look_up
from events.client import Place, find_complaint
from events.topics import TOPICS, TopicName

_DAY_MS: Final = 86_400_000
_LONGEST_REASON: Final = 1_000

app = typer.Typer()


@app.command()
def show(ctx: typer.Context, complaint: Complaint) -> None:
    """Show who reported a complaint.

    alur identity show 1042007
    """
    settings = settings_of(ctx)
    found = look_up(settings, find_complaint(settings, complaint))
    if isinstance(found, Erasure):
        say(_erased(found, settings))
        return
    for name, value in found.reporter.model_dump().items():
        console().print(f"{name:<7} {safe(value or 'not given')}", markup=False)
    say(f"(kept since {_local(found.since, settings)}, {_at(found.place)})")


@app.command("erase")
def erase_identity(
    ctx: typer.Context,
    complaint: Complaint,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="why, for the record")],
    by: By = None,
) -> None:
    """Erase the identity of a complaint's reporter. The complaint itself stays as it is.

    alur identity erase 1042007 --reason "asked for by the reporter, letter of 3 March"
    """
    if not reason.strip():
        raise Failure("--reason: give one", MISUSED)
    if len(reason) > _LONGEST_REASON:
        raise Failure(f"--reason: {len(reason)} characters are too many, {_LONGEST_REASON} at most", MISUSED)
    settings = settings_of(ctx)
    chosen = find_complaint(settings, complaint)
    with interruptible(lambda: "it may be erased or not; erase it again, which does no harm"):
        erasure = erase(settings, chosen, reason=reason.strip(), by=login(by))
    if erasure is None:
        if isinstance(found := look_up(settings, chosen), Erasure):
            say(f"nothing is left to erase: {_erased(found, settings)}")
        return
    say(f"the identity of who reported {chosen} is erased ({_at(erasure.place)}); the complaint is as it was")
    say(
        f"Kafka drops the old record about {_days(TopicName.IDENTITIES, 'max.compaction.lag.ms')} days from now; the "
        f"report as it came, with the identity in it, stays on {TopicName.INTAKE} until it is "
        f"{_days(TopicName.INTAKE, 'retention.ms')} days old"
    )
    say("a repeat of the report brings it back, unless `alur privacy erase --identity` is used")


def _erased(found: Erasure, settings: Settings) -> str:
    return f"erased at {_local(found.at, settings)} by {safe(found.by)}: {safe(found.reason)} ({_at(found.place)})"


def _local(moment: datetime, settings: Settings) -> str:
    return local(moment, policy_now(settings).national_zone)


def _at(place: Place) -> str:
    return f"{TopicName.IDENTITIES}, partition {place.partition}, offset {place.offset}"


def _days(topic: TopicName, setting: str) -> int:
    return next(int(each.config[setting]) // _DAY_MS for each in TOPICS if each.name is topic)
