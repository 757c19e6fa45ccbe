"""Detection of the table in a file: its sheet and header row."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from agents.integrations.entries import NOTHING, BadLayout, Skipped, UnreadableFile
from agents.integrations.tables import HEAD, Grid, Row, Score
from events.wording import clipped

_SHOWN: Final = 3
_LONGEST: Final = 200
_SEVERAL: Final = 3
_A_HEADER: Final = 2
"""Minimum known names of a header, if most of its names are known."""


@dataclass(frozen=True)
class Table:
    """A header, and the rows below it."""

    grid: Grid
    header: tuple[str, ...]
    at: int
    above: tuple[str, ...] = ()
    """The first non-empty cell of each row above the header, or why the row is invalid."""
    room: int = 0
    """Number of cells in the header's row, empty ones after the last name included."""
    score: Score = lambda _: 0
    """Scores a row as the header of another table."""

    def rows(self) -> Iterator[Row | Skipped]:
        """Yield each row below the header, without empty cells beyond the header; a repeated header is skipped.

        Rows after the header of another table are invalid, since its columns differ.
        """
        width, other = len(self.header), 0
        for row in self.grid.rows():
            if isinstance(row, Skipped):
                if row.line > self.at:
                    yield row
                continue
            number, cells = row
            if number <= self.at or _trimmed(cells) == _trimmed(self.header):
                continue
            while len(cells) > width and not cells[-1].strip():
                cells.pop()
            other = other or (number if self._is_header(cells) else 0)
            if other:
                reason = f"belongs to another table, whose header is in row {other}: --header-row {other} reads it"
                yield Skipped(number, reason, cells)
            else:
                yield number, cells

    def _is_header(self, cells: Sequence[str]) -> bool:
        names = [name for name in _trimmed(cells) if name]
        if any(name.isdigit() for name in names):
            return False
        count = self.score(names)
        return count >= _A_HEADER and count * 3 >= len(names) * 2

    @property
    def note(self) -> str | None:
        """A line about the skipped rows above the header."""
        if not self.above:
            return None
        more = "…" if len(self.above) > _SHOWN else ""
        shown = ", ".join(clipped(each, _LONGEST) for each in self.above[:_SHOWN])
        return f"the header is in row {self.at}; skipped above it: {shown}{more}"


def find_table(grids: Sequence[Grid], score: Score, *, header_row: int | None = None) -> tuple[Table, list[str]]:
    """Return the table whose header has the most known column names, and the names of the other sheets.

    Raises BadLayout if there is no row `header_row`, and UnreadableFile if all sheets are empty.
    """
    candidates = [(points, table) for grid in grids for points, table in _candidates(grid, score, header_row)]
    if not candidates:
        if header_row is not None:
            raise BadLayout(f"--header-row {header_row}: there is nothing in that row")
        raise UnreadableFile(NOTHING)
    points, best = max(candidates, key=lambda each: each[0])
    best = _widened(best)
    others = [grid.name for grid in grids if grid is not best.grid]
    if points == 0 and len(grids) > 1:
        names = ", ".join(grid.name for grid in grids)
        raise BadLayout(f"no sheet has a header with known names: name one with --sheet: {names}")
    return best, others


def _candidates(grid: Grid, score: Score, header_row: int | None) -> Iterable[tuple[int, Table]]:
    above: list[str] = []
    best: tuple[int, int, Table] | None = None
    rows = grid.rows() if header_row is not None else islice(grid.rows(), HEAD)
    for row in rows:
        if isinstance(row, Skipped):
            above.append(f"row {row.line}, which is {row.reason}")
            continue
        number, cells = row
        names = _trimmed(cells)
        if header_row is not None and number != header_row:
            if number > header_row:
                break
        else:
            # without known names, the first of the widest rows is the header
            points = (score(names), len([name for name in names if name]))
            # of two header rows, the second has the more specific names
            second = best is not None and points[0] == best[0] >= _A_HEADER and number == best[2].at + 1
            if best is None or second or points[0] > best[0] or (points[0] == best[0] == 0 and points[1] > best[1]):
                others: Score = score if header_row is None else lambda _: 0
                best = (*points, Table(grid, names, number, tuple(above), len(cells), others))
        above.append(next((name for name in names if name), ""))
    return [] if best is None else [(best[0], best[2])]


def _widened(table: Table) -> Table:
    """Return a table with unnamed columns at its end in which most rows have values."""
    rows = [row[1] for row in islice(table.rows(), HEAD) if not isinstance(row, Skipped)]
    filled = Counter(place for cells in rows for place, cell in enumerate(cells) if cell.strip())
    most = (place for place, count in filled.items() if count * 2 > len(rows))
    # an additional cell in a few rows may be due to a stray separator
    width = max((place + 1 for place in most if place < table.room or filled[place] >= _SEVERAL), default=0)
    return replace(table, header=table.header + ("",) * (width - len(table.header)))


def _trimmed(cells: Sequence[str]) -> tuple[str, ...]:
    names = [" ".join(cell.split()) for cell in cells]
    while names and not names[-1]:
        names.pop()
    return tuple(names)
