"""`alur offsets`: the offsets that the stages have committed."""

import typer

from agents.cli.context import say, settings_of
from agents.cli.errors import interruptible
from agents.cli.options import Stages
from agents.ops import offsets

app = typer.Typer()


@app.command()
def accept(ctx: typer.Context, stages: Stages = None) -> None:
    """Accept the committed offsets of stopped stages, although no stage has committed them.

    A stage refuses an offset that it has not committed itself. Needed after offsets were set with
    kafka-consumer-groups, and once after an upgrade from a version that did not mark its offsets. The stage continues
    at the accepted offset: records before it are skipped, later ones read again. On a broker with access control, use
    the principal of the stage.

        alur offsets accept

        alur offsets accept lifecycle
    """
    with interruptible(lambda: "some offsets may be accepted and some not; accept them again, which does no harm"):
        accepted = offsets.accept(settings_of(ctx), stages or ())
    for each in accepted:
        say(f"{each.stage}: accepted offset {each.offset} of {each.topic}-{each.partition}")
    say(f"{len(accepted)} offsets accepted" if accepted else "0 offsets accepted: all were committed by their stages")
