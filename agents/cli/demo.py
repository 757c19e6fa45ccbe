"""`alur demo`: the whole engine for about a minute."""

from pathlib import Path
from typing import Annotated

import typer

from agents.cli.context import settings_of


def demo(
    ctx: typer.Context,
    reports: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, readable=True, help="real reports (CSV or JSON lines) to take"),
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="how many reports to make up")] = None,
    seed: Annotated[int | None, typer.Option(help="the same seed makes up the same reports")] = None,
    seconds: Annotated[float | None, typer.Option(min=1, help="how long to run")] = None,
) -> None:
    """Run everything for about a minute: broker, stages, citizens and officers; end with a reconciliation.

    alur demo

    alur demo --reports city_reports.csv
    """
    from agents import demo as demonstration  # noqa: PLC0415 -- takes the stages along, which others need not wait for

    chosen = {"count": count, "seed": seed, "seconds": seconds}
    given = {name: value for name, value in chosen.items() if value is not None}
    raise typer.Exit(demonstration.run(settings_of(ctx), reports, **given))
