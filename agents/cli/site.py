"""`alur site`: the public site, from the mirror."""

from pathlib import Path
from typing import Annotated

import typer

from agents.cli.context import note
from agents.cli.options import FromMirror
from agents.mirror.site import build as build_site
from agents.mirror.stores import Reading

app = typer.Typer(no_args_is_help=True)


@app.callback()
def site() -> None:
    """Public figures and success stories as static pages."""


@app.command()
def build(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="an empty directory, or one of an earlier build")],
    *,
    mirror: FromMirror,
    url: Annotated[str, typer.Option(help="address of the site, for the feed")] = "",
) -> None:
    """Write pages in Indonesian and English, a feed and open data.

    Keep DIR: the next build reads the published quarters from it.

    alur site build public --from mirror.duckdb --url https://example.org
    """
    with Reading(mirror) as reading:
        built = build_site(reading, directory, url)
    note(
        f"wrote {built.written:,} files to {directory} ({built.unchanged:,} unchanged, {built.removed:,} removed): "
        f"{built.quarters:,} quarters, {built.stories:,} stories"
    )
