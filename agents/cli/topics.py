"""`alur topics`: create the topics, list them, and print their access rights."""

import os
from dataclasses import replace
from typing import Annotated

import typer
from rich.table import Table

from agents.cli.context import console, proposed, say, settings_of
from agents.cli.errors import FAILED, MISUSED, Failure
from agents.cli.options import require_known
from agents.cli.tables import new_table
from agents.config.settings import Settings
from agents.ops.acl import apply, rights, script
from agents.ops.topics import TopicsDiffer, ensure_topics, with_recorded_layout
from events.access import ROLES
from events.client import Extent, extents
from events.client.administration import topics_missing
from events.topics import TOPICS, Topic, TopicName

_DAY_MS = 24 * 60 * 60 * 1000


app = typer.Typer()


@app.command()
def create(
    ctx: typer.Context,
    partitions: Annotated[
        int | None, typer.Option(metavar="N", help="partitions of each topic, instead of ALUR_PARTITIONS")
    ] = None,
    replication: Annotated[
        int | None, typer.Option(metavar="N", help="replicas of each partition, instead of ALUR_REPLICATION")
    ] = None,
) -> None:
    """Create missing topics and bring those of an existing installation up to date.

    The number of partitions is fixed when an installation is created. Settings are altered unless records would be
    lost, and empty topics get missing partitions; otherwise a command for the repair is printed. Stop all stages before
    you recreate deleted topics.

    alur topics create --partitions 12 --replication 3
    """
    settings = settings_of(
        ctx,
        ALUR_PARTITIONS=None if partitions is None else str(partitions),
        ALUR_REPLICATION=None if replication is None else str(replication),
    )
    recorded = with_recorded_layout(settings)
    if partitions is None and not os.environ.get("ALUR_PARTITIONS"):
        settings = replace(settings, partitions=recorded.partitions)
    if replication is None and not os.environ.get("ALUR_REPLICATION"):
        settings = replace(settings, replication=recorded.replication)
    try:
        report = ensure_topics(settings, mend=True)
    except TopicsDiffer as error:
        if partitions is None:
            raise
        raise Failure(str(error).replace("unset ALUR_PARTITIONS", "leave out --partitions")) from None
    for line in report.altered:
        say(f"altered {line}")
    for name in report.created:
        say(f"created {name}")
    say(f"{len(report.created)} topics created, {len(report.present)} {'' if report.altered else 'already '}up to date")


@app.command("list")
def listing(ctx: typer.Context) -> None:
    """List the topics with their retention, readers and number of records.

    Exits with 1 if some do not exist.
    """
    settings = settings_of(ctx)
    missing = topics_missing(settings)
    there = [topic.name for topic in TOPICS if settings.topic(topic.name) not in missing]
    console().print(_table(settings, extents(settings, there)))
    if missing:
        say(proposed(f"{len(missing)} topics are missing: create them with `alur topics create`", ctx))
        raise typer.Exit(FAILED)


@app.command()
def acl(
    ctx: typer.Context,
    roles: Annotated[
        list[str] | None, typer.Argument(metavar="[ROLE]...", help=f"{', '.join(ROLES)}; default: all")
    ] = None,
    *,
    principal_prefix: Annotated[
        str, typer.Option(metavar="TEXT", help="prefix of principals, before the name of the role")
    ] = "User:alur-",
    principal: Annotated[str | None, typer.Option(metavar="NAME", help="one principal for all of these roles")] = None,
    make: Annotated[bool, typer.Option("--apply", help="grant the rights now, instead of printing a script")] = False,
) -> None:
    """Print the rights that each role needs on Kafka as a script of kafka-acls commands, or grant them.

    These are the minimal rights of each stage and each kind of client. No right is revoked.

        alur topics acl > acl.sh

        alur topics acl intake lifecycle --apply

        alur topics acl gateways --principal User:portal
    """
    require_known("role", roles or (), ROLES)
    if principal is not None and ":" not in principal:
        raise Failure(f"--principal: {principal!r} is none; write it like User:{principal}", MISUSED)
    settings = settings_of(ctx)
    chosen = list(dict.fromkeys(roles or ROLES))
    required = [
        right for name in chosen for right in rights(ROLES[name], settings, principal or f"{principal_prefix}{name}")
    ]
    if not make:
        say(script(required, settings, chosen).rstrip())
        return
    granted = apply(required, settings)
    say(f"granted {granted} rights to {len({right.principal for right in required})} principals")


def _table(settings: Settings, extents: dict[TopicName, Extent]) -> Table:
    table = new_table("topic", "partitions", "offsets", "kept", "stamp", "read by", right=["partitions", "offsets"])
    for topic in TOPICS:
        extent = extents.get(topic.name)
        size = ("missing", "") if extent is None else (str(extent.partitions), f"{extent.offsets:,}")
        stamp = "log append" if topic.config["message.timestamp.type"] == "LogAppendTime" else "create"
        table.add_row(settings.topic(topic.name), *size, _retention(topic), stamp, topic.readers)
    return table


def _retention(topic: Topic) -> str:
    if topic.config["cleanup.policy"] == "compact":
        return "compacted"
    retention = int(topic.config["retention.ms"])
    return "for good" if retention < 0 else f"{retention // _DAY_MS} days"
