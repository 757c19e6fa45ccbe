"""`alur board`: the dashboard, a web page."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from agents.cli.context import note, policy_now, say, settings_of
from agents.cli.errors import MISUSED, Failure
from agents.cli.options import FromMirrorIfAny
from agents.observability import logs
from agents.runtime import lifeline

PORT: Final = 1708
_STOP_S: Final = 5.0


def board(  # noqa: PLR0913 -- one for each option
    ctx: typer.Context,
    *,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="port to listen on; 0: any free one")] = PORT,
    bind: Annotated[
        str, typer.Option(metavar="ADDRESS", help="address to listen on; default: only this machine")
    ] = "127.0.0.1",
    host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="host name in the requests of a proxy; may be repeated")
    ] = None,
    link: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=URL", help="page to link to, such as scorecards or the site; may be repeated"),
    ] = None,
    mirror: FromMirrorIfAny = None,
) -> None:
    """Serve the dashboard: statuses, offices, deadlines, lag, dead letters, histories.

    Read-only, without identities of reporters, and without a login: put a proxy with one before it
    (docs/how-to/use-the-dashboard.md). Ends with Ctrl-C or SIGTERM.

        alur board

        alur board --port 8000 --bind 0.0.0.0 --host board.example.go.id --link Rapor=https://rapor.example.go.id/
    """
    from agents.dashboard.figures import DisplayContext  # noqa: PLC0415 -- imports aiohttp; arguments are checked first
    from agents.dashboard.service import serve  # noqa: PLC0415 -- as above

    settings = settings_of(ctx)
    context = DisplayContext.of(policy_now(settings), settings, links_of(link or ()))
    logs.configure(settings.log)
    lifeline.hold(os.environ, _STOP_S)
    _note_setup(bind, mirror)
    hosts = frozenset(name.lower() for name in host or ())

    def started(url: str) -> None:
        say(f"board: {url} (Ctrl-C ends it)")

    asyncio.run(serve(settings, context, (bind, port), hosts=hosts, started=started, mirror=mirror))


def _note_setup(bind: str, mirror: str | None) -> None:
    """Print a note on settings of the dashboard that are probably unintended."""
    from agents.dashboard.security_headers import LOOPBACK  # noqa: PLC0415 -- as above
    from agents.mirror.stores import without_password  # noqa: PLC0415 -- as above

    if bind not in LOOPBACK:
        note("anyone who reaches this machine can read the board: put a proxy with a login in front of it")
    if mirror and "://" not in mirror and not Path(mirror).is_file():
        shown = without_password(mirror, mirror)
        note(f"there is no mirror {shown} yet: lists come from memory until alur mirror sync has made it")


def links_of(options: Sequence[str]) -> dict[str, str]:
    """Parse the links of the page; raise Failure for one without a name or with an invalid address."""
    links = {}
    for each in options:
        name, _, address = each.partition("=")
        if not name.strip() or not address.startswith(("https://", "http://", "/")):
            raise Failure(f"--link {each!r} is not NAME=URL with an http or https URL", MISUSED)
        links[name.strip()] = address
    return links
