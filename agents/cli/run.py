"""`alur run`: the stages, one process each."""

import os

import structlog
import typer

from agents.cli.context import settings_of
from agents.cli.options import Stages
from agents.config import policy_files
from agents.local_broker.keys import with_local_keys
from agents.observability import logs
from agents.ops.topics import ensure_topics, with_recorded_layout
from events.access import ROLES


def run(ctx: typer.Context, stages: Stages = None) -> None:
    """Run the stages, one process each, until Ctrl-C or SIGTERM; restart one that exits.

    Topics that do not exist yet are created first. Logs `all_stages_ready` once each stage works on all its partitions.

        alur run

        ALUR_POLICY=demo alur run

        alur run sla escalation
    """
    from agents.runtime import supervisor  # noqa: PLC0415 -- imports Faust, after the arguments are checked

    wanted = tuple(stages or ())
    settings = with_local_keys(settings_of(ctx), os.environ)
    policy_files.load(settings.policy)
    needed = {topic for stage in wanted for topic in ROLES[stage].topics}
    settings = with_recorded_layout(settings, needed)
    logs.configure(settings.log)
    if created := ensure_topics(settings, needed).created:
        structlog.get_logger().info("topics_created", topics=created)
    raise typer.Exit(supervisor.run(wanted, settings))
