"""`alur run`: the stages, one process each."""

import os
from typing import Annotated

import typer

from agents.cli.context import note, settings_of
from agents.cli.errors import MISUSED, Failure
from agents.config import policy_files
from agents.local_broker.keys import with_local_keys
from agents.ops.topics import ensure_topics, with_recorded_layout
from events.access import ROLES
from events.topics import STAGES


def run(
    ctx: typer.Context,
    stages: Annotated[
        list[str] | None, typer.Argument(metavar="[STAGE]...", help=f"{', '.join(STAGES)}; all of them unless named")
    ] = None,
) -> None:
    """Run the stages, one process each, until Ctrl-C or SIGTERM; one that dies is started again.

    Topics that do not exist yet are made first.

        alur run

        ALUR_POLICY=demo alur run

        alur run sla escalation
    """
    from agents.runtime import supervisor  # noqa: PLC0415 -- takes Faust along, which the other commands need not wait for

    wanted = tuple(dict.fromkeys(stages or STAGES))
    for stage in wanted:
        if stage not in STAGES:
            raise Failure(f"there is no stage {stage!r}; there are {', '.join(STAGES)}", MISUSED)
    settings = with_local_keys(settings_of(ctx), os.environ)
    policy_files.load(settings.policy)
    needed = {topic for stage in wanted for topic in ROLES[stage].topics}
    settings = with_recorded_layout(settings, needed)
    made = ensure_topics(settings, needed).created
    if made:
        note(f"made {len(made)} topics: {', '.join(made)}")
    raise typer.Exit(supervisor.run(wanted, settings))
