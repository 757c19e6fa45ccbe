"""Tables on a terminal and in a pipe, without truncated texts."""

from collections.abc import Collection
from typing import Final

from rich.table import Table

_DAY: Final = len("2026-11-30")


def new_table(*columns: str, unwrapped: Collection[str] = (), right: Collection[str] = ()) -> Table:
    """Return a table without lines; columns in `unwrapped` and `right` (numbers) are wrapped only as a last resort."""
    table = Table(box=None, pad_edge=False)
    for name in columns:
        number = name in right
        table.add_column(
            name,
            overflow="fold",
            no_wrap=number or name in unwrapped,
            justify="right" if number else "left",
            min_width=_DAY if name in {"due", "time"} else None,
        )
    return table


def grid(columns: int, *, time: int | None = None, padding: tuple[int, int, int, int] = (0, 2, 0, 2)) -> Table:
    """Return a table without lines and headings; the column `time` begins with a date, which is not wrapped."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=padding)
    for number in range(columns):
        table.add_column(overflow="fold", min_width=_DAY if number == time else None)
    return table
