"""`alur identity`: who reported a complaint, and to forget it."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from agents.cli.context import console, login, say, settings_of
from agents.cli.errors import MISUSED, Failure, interruptible
from agents.cli.wording import local, safe
from agents.config import policy_files
from agents.config.settings import Settings
from agents.ops.identities import Erasure, erase, look_up
from events.client import Place, find_complaint
from events.topics import TOPICS, TopicName

_DAY_MS = 86_400_000
_LONGEST_REASON = 1_000

Complaint = Annotated[str, typer.Argument(help="its complaint id, or its tracking id (digits)")]


def application() -> typer.Typer:
    """Return the commands about identities."""
    app = typer.Typer(help="Who reported: for the identity desk only.")
    app.command("show")(show)
    app.command("erase")(erase_identity)
    return app


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


def erase_identity(
    ctx: typer.Context,
    complaint: Complaint,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="why, for the record")],
    by: Annotated[
        str | None, typer.Option(metavar="NAME", help="who does it, for the record; your login unless given")
    ] = None,
) -> None:
    """Erase who reported a complaint. The complaint itself stays as it is.

    alur identity erase 1042007 --reason "asked for by the reporter, letter of 3 March"
    """
    if not reason.strip():
        raise Failure("--reason: say why", MISUSED)
    if len(reason) > _LONGEST_REASON:
        raise Failure(f"--reason: {len(reason)} characters are too many, {_LONGEST_REASON} at most", MISUSED)
    settings = settings_of(ctx)
    chosen = find_complaint(settings, complaint)
    with interruptible(lambda: "it may be erased or not; erase it again, which does no harm"):
        erasure = erase(settings, chosen, reason=reason.strip(), by=by or login())
    if erasure is None:
        if isinstance(found := look_up(settings, chosen), Erasure):
            say(f"nothing is left to erase: {_erased(found, settings)}")
        return
    say(f"the identity of who reported {chosen} is erased ({_at(erasure.place)}); the complaint is as it was")
    say(
        f"Kafka drops the old record about {_compacted_within()} from now; the report as it came, with the identity in "
        f"it, stays on {TopicName.INTAKE} until it is {_kept(TopicName.INTAKE)} old"
    )


def _erased(found: Erasure, settings: Settings) -> str:
    return f"erased at {_local(found.at, settings)} by {safe(found.by)}: {safe(found.reason)} ({_at(found.place)})"


def _local(moment: datetime, settings: Settings) -> str:
    return local(moment, policy_files.load(settings.policy).at(datetime.now(UTC)).national_zone)


def _at(place: Place) -> str:
    return f"{TopicName.IDENTITIES}, partition {place.partition}, offset {place.offset}"


def _setting(topic: TopicName, name: str) -> int:
    return next(int(each.config[name]) for each in TOPICS if each.name is topic)


def _kept(topic: TopicName) -> str:
    return f"{_setting(topic, 'retention.ms') // _DAY_MS} days"


def _compacted_within() -> str:
    return f"{_setting(TopicName.IDENTITIES, 'max.compaction.lag.ms') // _DAY_MS} days"
