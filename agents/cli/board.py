"""`alur board`: how things stand, on a web page."""

import asyncio
import errno
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from agents.cli.context import note, say, settings_of
from agents.cli.errors import Failure
from agents.config import policy_files
from agents.observability import logs

PORT: Final = 1708


def board(
    ctx: typer.Context,
    *,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="where to listen; 0 takes any that is free")] = PORT,
    bind: Annotated[str, typer.Option(metavar="ADDRESS", help="whom to listen to; this machine only, unless said")] = (
        "127.0.0.1"
    ),
    host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="a name by which a proxy asks for it; may be repeated")
    ] = None,
) -> None:
    """Serve a web page of how things stand: statuses, offices, deadlines, lag, dead letters, one complaint's history.

    It only reads, knows nobody's identity, and asks nobody who they are: put a proxy that does before it
    (docs/how-to/use-the-dashboard.md). Ends with Ctrl-C or SIGTERM.

        alur board

        alur board --port 8000 --bind 0.0.0.0 --host board.example.go.id
    """
    # takes aiohttp along, which the other commands need not wait for
    from agents.dashboard.figures import DisplayContext  # noqa: PLC0415 -- see above
    from agents.dashboard.security_headers import LOOPBACK  # noqa: PLC0415 -- see above
    from agents.dashboard.service import CannotListen, serve  # noqa: PLC0415 -- see above

    settings = settings_of(ctx)
    policy = policy_files.load(settings.policy).at(datetime.now(UTC))
    context = DisplayContext(policy.national_zone, {office.id: office.name for office in policy.directory})
    logs.configure(settings.log)
    if bind not in LOOPBACK:
        note("whoever reaches this machine can read the board: put a proxy before it that asks who they are")
    try:
        asyncio.run(
            serve(
                settings,
                context,
                (bind, port),
                hosts=frozenset(name.lower() for name in host or ()),
                started=lambda address: say(f"board: {address} (Ctrl-C ends it)"),
            )
        )
    except CannotListen as error:
        raise Failure(_cannot_listen(bind, port, error.errno, error.strerror or str(error))) from None


def _cannot_listen(bind: str, port: int, number: int | None, reason: str) -> str:
    if number == errno.EADDRINUSE:
        return f"port {port} of {bind} is taken: choose another with --port"
    if number == errno.EACCES:
        return f"port {port} is for root only: choose one from 1024 on with --port"
    return f"cannot listen at {bind}: {reason}"
