"""`alur offsets`: the offsets that the stages have committed."""

from typing import Annotated

import typer

from agents.cli.context import say, settings_of
from agents.cli.errors import MISUSED, Failure, interruptible
from agents.ops.offsets import accept
from events.topics import STAGES


def application() -> typer.Typer:
    """Return the commands about offsets."""
    app = typer.Typer(help="The offsets that the stages have committed.")
    app.command("accept")(accept_offsets)
    return app


def accept_offsets(
    ctx: typer.Context,
    stages: Annotated[
        list[str] | None, typer.Argument(metavar="[STAGE]...", help=f"{', '.join(STAGES)}; all of them unless named")
    ] = None,
) -> None:
    """Accept the committed offsets of stages that are stopped, though no stage has committed them.

    A stage refuses an offset that it has not committed itself. Needed once after an upgrade from a version that did not
    mark its offsets, and after offsets were set with kafka-consumer-groups. What lies before an accepted offset is not
    read any more; what lies behind it is read again. Where rights are checked, use the principal of the stage.

        alur offsets accept

        alur offsets accept lifecycle
    """
    for stage in stages or ():
        if stage not in STAGES:
            raise Failure(f"there is no stage {stage!r}; there are {', '.join(STAGES)}", MISUSED)
    settings = settings_of(ctx)
    with interruptible(lambda: "some offsets may be accepted and some not; accept them again, which does no harm"):
        found = accept(settings, stages or tuple(STAGES))
    for each in found:
        say(f"{each.stage}: accepted offset {each.offset} of {each.topic}-{each.partition}")
    say(f"{len(found)} offsets accepted" if found else "0 offsets accepted: all were committed by their stages")
