"""The board on a terminal."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from rich.columns import Columns
from rich.console import Group
from rich.table import Table
from rich.text import Text

from agents.cli.overview import Board
from agents.cli.wording import local, safe, span
from events.vocabulary import Status

_DUE_SHOWN: Final = 10


def view(board: Board, lag: Mapping[str, Mapping[int, int]], now: datetime, zone: ZoneInfo) -> Group:
    """Lay the board out as it stands at `now`; `lag` is by stage and partition."""
    return Group(
        Columns([_statuses(board), _lag(lag), _troubles(board)], padding=(0, 6)),
        Text(),
        _due(board, now, zone),
        Text(f"{local(now, zone)}", style="dim"),
    )


def _statuses(board: Board) -> Table:
    table = Table("status", "complaints", box=None, pad_edge=False)
    found = board.by_status
    for status in Status:
        table.add_row(status, f"{found[status]:,}", style="" if found[status] else "dim")
    table.add_row("all", f"{found.total():,}", style="bold")
    return table


def _lag(lag: Mapping[str, Mapping[int, int]]) -> Table:
    table = Table("stage", "behind", box=None, pad_edge=False)
    for stage, partitions in lag.items():
        behind = sum(partitions.values())
        table.add_row(stage, f"{behind:,}", style="yellow" if behind else "")
    return table


def _troubles(board: Board) -> Table:
    table = Table("", "count", box=None, pad_edge=False)
    rows = [
        ("overdue", board.pressing, "red"),
        ("incidents (ladder used up)", board.incidents, "bold red"),
        ("rejections", board.rejections, "yellow"),
        ("dead letters", board.dead_letters.total(), "red"),
    ]
    rows += [(f"  of {safe(stage)}", count, "red") for stage, count in sorted(board.dead_letters.items())]
    for name, count, style in rows:
        table.add_row(name, f"{count:,}", style=style if count else "")
    return table


def _due(board: Board, now: datetime, zone: ZoneInfo) -> Table:
    table = Table("due next", "clock", "complaint", "status", "office", "left", box=None, pad_edge=False)
    for due, entry in board.due_soon(_DUE_SHOWN):
        late = now > due.at
        left = f"{span(now - due.at)} over" if late else span(due.at - now)
        style = "red" if late else "yellow" if due.warned else ""
        table.add_row(
            local(due.at, zone),
            due.clock,
            entry.tracking_id,
            entry.status,
            safe(entry.office or "-"),
            left,
            style=style,
        )
    return table
