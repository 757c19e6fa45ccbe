"""The commands of `alur`, put together."""

from functools import cache
from importlib.metadata import version as version_of
from typing import Annotated

import typer

from agents.cli import (
    audit,
    board,
    broker,
    calendar,
    dead,
    demo,
    explain,
    export,
    identity,
    lag,
    offsets,
    policy,
    run,
    schemas,
    send,
    show,
    state,
    story,
    submit,
    topics,
    validate,
    watch,
)
from agents.cli.context import Overrides, say
from agents.cli.errors import OneLineErrors

_HELP = """
Carries public-service complaints from report to resolution over Apache Kafka.

What it works on is taken from the environment, or from the options here, which stand before the command. Read are
ALUR_BROKER, ALUR_PREFIX, ALUR_POLICY, ALUR_PARTITIONS, ALUR_REPLICATION and ALUR_LOG, and for a broker that asks who
one is ALUR_SECURITY, ALUR_SASL_* and ALUR_TLS_* (docs/reference/security.md).

    alur --broker kafka:9092 --prefix test. watch
"""


def root(
    ctx: typer.Context,
    broker_address: Annotated[
        str | None, typer.Option("--broker", metavar="HOST:PORT", help="Kafka, instead of ALUR_BROKER")
    ] = None,
    prefix: Annotated[
        str | None, typer.Option(metavar="TEXT", help="what stands before every topic, instead of ALUR_PREFIX")
    ] = None,
    policy_name: Annotated[
        str | None, typer.Option("--policy", metavar="NAME|FILE", help="lapor, demo or a file, instead of ALUR_POLICY")
    ] = None,
) -> None:
    """Take the options that hold for every command."""
    given = {"ALUR_BROKER": broker_address, "ALUR_PREFIX": prefix, "ALUR_POLICY": policy_name}
    ctx.obj = Overrides({name: value for name, value in given.items() if value is not None})
    if ctx.invoked_subcommand is None:
        say(ctx.get_help())


def version() -> None:
    """Print the version of alur."""
    say(f"alur {version_of('alur')}")


@cache
def application() -> typer.Typer:
    """Return the whole command line."""
    app = typer.Typer(
        name="alur",
        cls=OneLineErrors,
        help=_HELP,
        rich_markup_mode="rich",
        invoke_without_command=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(root)
    app.command("run")(run.run)
    app.command("validate")(validate.validate)
    app.command("submit")(submit.submit)
    app.add_typer(send.application(), name="send")
    app.add_typer(story.application(), name="story")
    app.command("show")(show.show)
    app.command("explain")(explain.explain_deadlines)
    app.command("watch")(watch.watch)
    app.command("board")(board.board)
    app.command("lag")(lag.lag)
    app.add_typer(offsets.application(), name="offsets")
    app.command("export")(export.export)
    app.command("audit")(audit.audit_topics)
    app.add_typer(dead.application(), name="dead")
    app.add_typer(state.application(), name="state")
    app.add_typer(identity.application(), name="identity")
    app.command("demo")(demo.demo)
    app.add_typer(topics.application(), name="topics")
    app.add_typer(broker.application(), name="broker")
    app.add_typer(policy.application(), name="policy")
    app.add_typer(calendar.application(), name="calendar")
    app.add_typer(schemas.application(), name="schemas")
    app.command("version")(version)
    return app
