"""`alur broker`: a Kafka of one's own on this machine."""

import os
from typing import Annotated

import typer

from agents import local_broker as service
from agents.cli.context import note, say
from agents.cli.errors import FAILED, interruptible


def application() -> typer.Typer:
    """Return the commands about the broker."""
    app = typer.Typer(help="A Kafka broker on this machine, by Docker if an engine answers, else by Java and Maven.")
    app.command("start")(start)
    app.command("stop")(stop)
    app.command("status")(status)
    return app


def start(
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help=f"port to listen on; {service.DEFAULT_PORT} unless given")
    ] = None,
) -> None:
    """Start a broker in the background and return when it answers.

    alur broker start

    alur broker start --port 9192
    """
    with interruptible():
        started = service.start(os.environ, port=port, say=note)
    broker = started.broker
    before = "already runs" if started.already else "runs"
    say(f"a Kafka broker {before} at {broker.address} ({broker.engine})")
    if broker.port != service.DEFAULT_PORT:
        say(f"tell the other commands: export ALUR_BROKER={broker.address}")


def stop() -> None:
    """Stop the broker that was started here; its data stay for the next start."""
    stopped = service.stop(os.environ)
    say("no broker was running" if stopped is None else f"the broker at {stopped.address} has stopped")


def status() -> None:
    """Say whether the broker that was started here runs and answers; exits with 1 if it does not."""
    found = service.status(os.environ)
    if found.broker is None:
        say(f"no broker runs here (its files are in {found.directory})")
        raise typer.Exit(FAILED)
    answers = "answers" if found.answers else "does not answer"
    say(f"the broker at {found.broker.address} ({found.broker.engine}) {answers}; its files are in {found.directory}")
    if not found.answers:
        raise typer.Exit(FAILED)
