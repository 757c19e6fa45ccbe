"""`alur mirror`: copy the topics into DuckDB or PostgreSQL."""

import os
import signal
import threading
from typing import Annotated, Final

import typer

from agents.cli.context import console, note, settings_of
from agents.cli.errors import MISUSED, Failure, interruptible
from agents.mirror.service import Mirror
from agents.mirror.stores import open_store, without_password
from agents.mirror.web import MirrorWeb
from agents.runtime import failpoints
from events.wording import number_of

app = typer.Typer(no_args_is_help=True)
_RESUME: Final = "run it again to resume"
Target = Annotated[
    str,
    typer.Argument(metavar="FILE|URL", help="DuckDB file, or postgresql://user@host/database", envvar="ALUR_MIRROR"),
]
Rebuild = Annotated[bool, typer.Option("--rebuild", help="begin with empty tables, while readers keep the old ones")]


@app.command()
def sync(ctx: typer.Context, target: Target, *, rebuild: Rebuild = False) -> None:
    """Copy the present records of the topics. An interrupted run is resumed by the next one.

    alur mirror sync mirror.duckdb
    """
    settings = settings_of(ctx)
    failpoints.arm("mirror", os.environ)
    total = unread = 0
    with interruptible(lambda: _RESUME), open_store(target, rebuild=rebuild) as store:
        from rich.progress import Progress as Bar  # noqa: PLC0415 -- slow to import, not needed by --help

        screen = console(stderr=True)
        with Bar(console=screen, transient=True, disable=not screen.is_terminal) as bar:
            task = bar.add_task("records")
            for each in Mirror(settings, store).sync():
                total, unread = total + each.records, unread + each.unread
                bar.update(task, completed=total, total=total + each.lag)
    note(f"copied {number_of(total, 'record')} to {without_password(target, target)}")
    if unread:
        note(f"not readable: {number_of(unread, 'record')}: see the table unread")


@app.command()
def run(
    ctx: typer.Context,
    target: Target,
    *,
    rebuild: Rebuild = False,
    port: Annotated[int | None, typer.Option(help="serve /metrics and /health there", min=1, max=65_535)] = None,
) -> None:
    """Copy continuously into PostgreSQL, until Ctrl-C or SIGTERM.

    alur mirror run postgresql://alur@db/alur --port 9109
    """
    settings = settings_of(ctx)
    ending = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ending.set())
    with open_store(target, rebuild=rebuild) as store:
        if not store.persistent:
            raise Failure("a DuckDB file is read between two runs of `alur mirror sync`: run needs PostgreSQL", MISUSED)
        web = MirrorWeb()
        if port is not None:
            web.serve(port)
        for each in Mirror(settings, store).run(ending.is_set):
            web.observe(each)
