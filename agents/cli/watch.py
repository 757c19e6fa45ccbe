"""`alur watch`: the whole, live."""

import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from rich.live import Live

from agents.cli.context import console, note, settings_of
from agents.cli.interrupts import raising
from agents.cli.overview import READS, Board
from agents.cli.overview_view import view
from agents.config import policy_files
from agents.config.settings import Settings
from agents.ops.topics import lag
from events.client import Reader, require_topics
from events.topics import STAGES

_REFRESH_S: Final = 0.5
_LAG_S: Final = 3.0


def watch(
    ctx: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="print the board as it is now, once")] = False,
) -> None:
    """Watch the complaints by status, how far each stage is behind, what is due soon, and what went wrong.

    Ends with Ctrl-C, which leaves the board as it was last.

        alur watch

        alur watch --once
    """
    settings = settings_of(ctx)
    zone = policy_files.load(settings.policy).at(datetime.now(UTC)).national_zone
    require_topics(settings, [*READS, *STAGES.values()])
    board = Board()
    with Reader(settings, READS) as reader:
        if console().is_terminal and not once:
            note("reading complaints.state ...")
        board.add(reader.to_end())
        if not once:
            with suppress(KeyboardInterrupt), raising():
                _live(settings, reader, board, zone)
        console().print(view(board, lag(settings), datetime.now(UTC), zone))


def _live(settings: Settings, reader: Reader, board: Board, zone: ZoneInfo) -> None:
    """Draw the board again and again, for good."""
    behind, measured = lag(settings), time.monotonic()
    screen = console()
    with Live(console=screen, auto_refresh=False, screen=screen.is_terminal) as live:
        while True:
            live.update(view(board, behind, datetime.now(UTC), zone), refresh=True)
            _follow(board, reader)
            if time.monotonic() - measured > _LAG_S:
                behind, measured = lag(settings), time.monotonic()


def _follow(board: Board, reader: Reader) -> None:
    """Take in what comes until the board is to be drawn again: not for each record of a busy system."""
    deadline = time.monotonic() + _REFRESH_S
    while (left := deadline - time.monotonic()) > 0:
        board.add(reader.poll(left))
