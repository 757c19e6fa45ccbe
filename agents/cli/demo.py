"""`alur demo`: the whole engine for about a minute."""

from pathlib import Path
from typing import Annotated

import typer

from agents.cli.context import settings_of
from agents.cli.errors import interruptible


def demo(  # noqa: PLR0913 -- one for each option
    ctx: typer.Context,
    *,
    reports: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, readable=True, help="real reports (CSV or JSON lines)"),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="number of reports to generate")] = 400,
    seed: Annotated[int, typer.Option(help="the same seed generates the same reports and the same people")] = 1708,
    seconds: Annotated[float, typer.Option(min=1, help="duration")] = 60.0,
    clean: Annotated[bool, typer.Option("--clean", help="delete its topics at the end")] = False,
) -> None:
    """Run broker, stages, citizens and officers for about a minute; end with a reconciliation.

    alur demo

    alur demo --reports city_reports.csv
    """
    from agents.demo.demonstration import demonstrate  # noqa: PLC0415 -- takes seconds, after the arguments are checked

    with interruptible():
        status = demonstrate(settings_of(ctx), reports, count=count, seed=seed, seconds=seconds, clean=clean)
    raise typer.Exit(status)
