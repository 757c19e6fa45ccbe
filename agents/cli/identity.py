"""`alur identity`: show the identity of a reporter."""

from typing import Annotated

import typer

from agents.cli.context import console, policy_now, say, settings_of
from agents.cli.errors import Failure
from agents.cli.options import Complaint
from agents.cli.wording import local, safe
from agents.ops.identities import ErasedIdentity, look_up
from events.client import find_complaint

app = typer.Typer()


@app.command()
def show(ctx: typer.Context, complaint: Complaint) -> None:
    """Show who reported a complaint.

    alur identity show 1042007
    """
    settings = settings_of(ctx)
    stored = look_up(settings, find_complaint(settings, complaint))
    zone = policy_now(settings).national_zone
    if isinstance(stored, ErasedIdentity):
        say(f"erased at {local(stored.at, zone)} by {safe(stored.by)}: {safe(stored.reason)} ({stored.position})")
        return
    for name, value in stored.reporter.model_dump().items():
        console().print(f"{name:<7} {safe(value or 'not given')}", markup=False)
    say(f"(kept since {local(stored.since, zone)}, {stored.position})")


@app.command("erase", hidden=True, context_settings={"ignore_unknown_options": True})
def erase_identity(complaint: str, _others: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Refuse, and name `alur privacy erase`, which also covers redelivered reports."""
    raise Failure(f"nothing was erased: use `alur privacy erase {safe(complaint)} --identity --reason TEXT`")
