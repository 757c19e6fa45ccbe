"""`alur state`: restore complaints that a foreign record has quarantined."""

from typing import Annotated

import typer

from agents.cli.context import say, settings_of
from agents.cli.errors import interruptible
from agents.ops import repair
from events.announcements import CALENDAR
from events.client import find_complaint

app = typer.Typer()


@app.command("repair")
def repair_state(
    ctx: typer.Context,
    complaint: Annotated[str, typer.Argument(help="complaint id, tracking id, or `calendar` for announcements")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show what would be written, and write nothing")] = False,
) -> None:
    """Restore a quarantined complaint from its last fact and lift the quarantine.

    A running lifecycle of its partition is fenced and restarts with the restored state. Then replay the
    complaint's dead letters. Exits with 1 if nothing is quarantined.

        alur state repair 419535e9-5c83-5206-857a-a7517e758cf7 --dry-run

        alur state repair calendar
    """
    settings = settings_of(ctx)
    name = complaint if complaint == CALENDAR else find_complaint(settings, complaint)
    with interruptible(lambda: "it may or may not be repaired; repair it again, which does no harm"):
        if name == CALENDAR:
            repairs = repair.repair_calendar(settings, dry_run=dry_run)
        else:
            repairs = [repair.repair_complaint(settings, name, dry_run=dry_run)]
    for line in repair.described(repairs, name):
        say(line)
