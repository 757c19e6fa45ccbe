"""Tables as rows of text, whichever program wrote them; CSV is read here, workbooks in `workbooks`."""

import csv
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Protocol

from agents.integrations.entries import Skipped

HEAD: Final = 60
"""Number of rows that are searched for the header."""

_DELIMITERS: Final = ";,\t|"
_LONGEST_CELL: Final = 16 * 1024 * 1024
# a body has at most 20,000 characters: a quote that is open for longer is stray
_LONGEST_RECORD: Final = 100_000
_MOST_LINES: Final = 1_000
_ROWS_FOR_WIDTH: Final = 20
"""Number of rows with one width that determine the width of the table."""

_LONG_NUMBER: Final = 4
"""Minimum digits of an id at the beginning of a line; a shorter number may be that of a list."""

Row = tuple[int, list[str]]
"""The number of a row, as in an editor or spreadsheet, and its cells."""

Score = Callable[[Sequence[str]], int]
"""Counts known column names among the cells of a row."""


class Grid(Protocol):
    """Rows of text that can be read more than once."""

    name: str
    """Name of the table for people: empty for a file with one table."""

    def rows(self) -> Iterator[Row | Skipped]:
        """Yield each non-empty row, or the reason why it is invalid."""


@dataclass
class CsvGrid:
    """A CSV file, with any column separator."""

    lines: Callable[[], Iterator[str]]
    """Returns the lines of the file from the first."""
    delimiter: str
    name: str = ""
    start: int = 1
    """Line number of the first row."""

    def rows(self) -> Iterator[Row | Skipped]:
        """Yield each row; an unclosed quote invalidates the line that opens it."""
        numbered = _Lines(islice(self.lines(), self.start - 1, None), self.start)
        shape = _Shape()
        while (line := numbered.take()) is not None:
            if not line.strip(" \t\r\n\0" + self.delimiter):
                continue
            row = self._record(line, numbered, shape)
            if isinstance(row, Skipped):
                yield row
            elif any(cell.strip() for cell in row[1]):
                shape.see(row[1])
                yield row

    def _record(self, line: str, numbered: "_Lines", shape: "_Shape") -> Row | Skipped:
        number, used = numbered.number, 0

        def feed() -> Iterator[str]:
            nonlocal used
            yield line
            length = len(line)
            for more in islice(numbered.ahead(), _MOST_LINES):
                length += len(more)
                if length > _LONGEST_RECORD:
                    return
                used += 1
                yield more

        try:
            cells = next(csv.reader(feed(), delimiter=self.delimiter, strict=True))
        except (csv.Error, StopIteration) as error:
            # only this line is invalid; continue with the next one
            open_ = used or "unexpected end" in str(error)
            reason = "opens a quote that is not closed" if open_ else str(error)
            return Skipped(number, f"not a row of a table: {reason}", self._split_line(line))
        swallowed = list(islice(numbered.ahead(), used))
        if swallowed and (shape.differs(cells) or shape.has_rows(swallowed, self.delimiter)):
            reason = f"opens a quote that is closed in line {number + used} only, across other rows"
            return Skipped(number, f"not a row of a table: {reason}", self._split_line(line))
        numbered.skip(used)
        return number, cells

    def _split_line(self, line: str) -> list[str]:
        return next(csv.reader([line], delimiter=self.delimiter, quoting=csv.QUOTE_NONE), [])


@dataclass
class _Shape:
    """Common shape of the rows of a file, to detect rows that an unclosed quote has swallowed."""

    widths: Counter[int] = field(default_factory=Counter)
    numbered: int = 0
    """Number of rows that begin with a number."""
    digits: int = 0
    """Number of digits in the last of these numbers."""

    def see(self, cells: Sequence[str]) -> None:
        self.widths[len(cells)] += 1
        if (number := cells[0].strip()).isdigit():
            self.numbered += 1
            self.digits = len(number)

    def differs(self, cells: Sequence[str]) -> bool:
        """Return whether a row is not as wide as the rows before it, if those are numerous enough."""
        width, rows = max(self.widths.items(), key=lambda each: each[1], default=(0, 0))
        return rows >= _ROWS_FOR_WIDTH and (len(cells) < width or any(cell.strip() for cell in cells[width:]))

    def has_rows(self, swallowed: Sequence[str], delimiter: str) -> bool:
        """Return whether most lines within a text are rows of the table, or one has a row number."""
        width = max(self.widths, key=lambda each: (self.widths[each], each), default=0)
        if width < 2:  # noqa: PLR2004 -- each line of a text would be a row
            return False
        split = [_of_width(line, delimiter, width) for line in swallowed]
        if self.numbered * 2 > self.widths.total():
            if self.digits >= _LONG_NUMBER and any(self._begins_row(line, delimiter) for line in swallowed):
                return True
            return any(cells is not None and cells[0].strip().isdigit() for cells in split)
        within = split[:-1]
        return sum(cells is not None for cells in within) * 2 > len(within)

    def _begins_row(self, line: str, delimiter: str) -> bool:
        """Return whether a line, perhaps damaged at its end, begins with a number as long as those of the table."""
        number, *rest = line.split(delimiter, 2)
        return len(rest) > 1 and (number := number.strip(' "')).isdigit() and abs(len(number) - self.digits) <= 1


def _of_width(line: str, delimiter: str, width: int) -> list[str] | None:
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
        try:
            cells = next(csv.reader([line], delimiter=delimiter, quoting=quoting), [])
        except csv.Error:
            continue
        if len(cells) == width:
            return cells
    return None


@dataclass
class _Lines:
    """Lines of a file with look-ahead."""

    source: Iterator[str]
    first: int
    number: int = field(init=False)
    _waiting: deque[str] = field(default_factory=deque, init=False)

    def __post_init__(self) -> None:
        self.number = self.first - 1

    def take(self) -> str | None:
        """Return the next line, None after the last one."""
        self.number += 1
        return self._waiting.popleft() if self._waiting else next(self.source, None)

    def ahead(self) -> Iterator[str]:
        """Yield the next lines without consuming them."""
        at = 0
        while True:
            if at == len(self._waiting):
                line = next(self.source, None)
                if line is None:
                    return
                self._waiting.append(line)
            yield self._waiting[at]
            at += 1

    def skip(self, count: int) -> None:
        for _ in range(count):
            self._waiting.popleft()
        self.number += count


def csv_grid(lines: Callable[[], Iterator[str]], score: Score) -> CsvGrid:
    """Return the table of a CSV file, with the separator detected.

    The separator is named by a first line `sep=`, else it is the one that yields the most known names in one of the
    first rows, then the most rows of one width.
    """
    csv.field_size_limit(_LONGEST_CELL)
    first = next(lines(), "")
    marker = first.strip().strip('"').casefold()
    if marker.startswith("sep=") and len(marker) <= len("sep=x"):
        return CsvGrid(lines, first.strip().strip('"')[4:] or "\t", start=2)
    grids = [CsvGrid(lines, delimiter) for delimiter in _DELIMITERS]
    return max(grids, key=lambda grid: _fitness(grid, score))


def _fitness(grid: CsvGrid, score: Score) -> tuple[int, int, int]:
    rows = [row[1] for row in islice(grid.rows(), HEAD) if not isinstance(row, Skipped)]
    widths = Counter(len(row) for row in rows if len(row) > 1)
    width, count = max(widths.items(), key=lambda each: (each[1], each[0]), default=(1, 0))
    return max(map(score, rows), default=0), count, width
