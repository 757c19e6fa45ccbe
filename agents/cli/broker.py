"""`alur broker`: a Kafka broker on this machine."""

import os
from typing import Annotated

import typer

from agents import local_broker as service
from agents.cli.context import note, say
from agents.cli.errors import FAILED, interruptible

app = typer.Typer()


@app.command()
def start(
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help=f"port to listen on; default: {service.DEFAULT_PORT}")
    ] = None,
) -> None:
    """Start a broker in the background and return when it answers.

    alur broker start

    alur broker start --port 9192
    """
    with interruptible():
        started = service.start(os.environ, port=port, say=note)
    broker = started.broker
    say(f"a Kafka broker {'already runs' if started.already else 'runs'} at {broker.address} ({broker.engine})")
    if broker.port != service.DEFAULT_PORT:
        say(f"for the other commands: export ALUR_BROKER={broker.address}")


@app.command()
def stop() -> None:
    """Stop the broker that was started here; its data are kept for the next start."""
    stopped = service.stop(os.environ)
    say("no broker was running" if stopped is None else f"the broker at {stopped.address} has stopped")


@app.command()
def status() -> None:
    """Print whether the local broker runs and answers; exits with 1 if not."""
    local = service.status(os.environ)
    if local.broker is None:
        say(f"no broker runs here (its files are in {local.directory})")
        raise typer.Exit(FAILED)
    answers = "answers" if local.answers else "does not answer"
    say(f"the broker at {local.broker.address} ({local.broker.engine}) {answers}; its files are in {local.directory}")
    if not local.answers:
        raise typer.Exit(FAILED)
