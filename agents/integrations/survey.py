"""Survey of all entries of a file: finds ambiguities before any entry is sent."""

from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC
from typing import Final

from agents.integrations.cells import error_of, quoted, readable
from agents.integrations.columns import Columns, refuse_overlooked
from agents.integrations.dates import DateColumn, Order, read_date
from agents.integrations.entries import NOTHING, BadLayout, Entry, Skipped, UnreadableFile, Unusable
from agents.integrations.privacy import may_be_private, private_words
from agents.integrations.report_rows import ImportOptions, is_layout

_SAMPLED: Final = 200
_ENTRIES_PER_WORD: Final = 20
"""A word in at least one of this many entries is intended, not an error."""
_WORDS: Final = (
    "class",
    "category",
    "office",
    "province",
    "city",
    "district",
    "village",
    "attachments",
    "received_time",
)
"""Fields in which a word for privacy is misplaced, unlike texts and names."""


class ColumnSurvey:
    """Contents of the unused columns of a table, and misplaced values in the used ones."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._unused = {position: _Column() for position in columns.unused if position not in columns.ignored}
        self._rows = 0

    def see(self, entry: Entry | Skipped) -> None:
        """Add a row; raise BadLayout if a column of another field concerns privacy."""
        if isinstance(entry, Skipped):
            return
        self._rows += 1
        for position, column in self._unused.items():
            column.see(entry.raw[position], sampled=self._rows <= _SAMPLED)
        for field in _WORDS:
            cell = entry.cells.get(field, "").strip()
            if cell.casefold() in private_words() and field not in self._columns.mapped:
                name = self._columns.name_of(field)
                raise BadLayout(
                    f"column {name!r} is taken for {field} and holds {quoted(cell)}: say with --map 'privacy={name}' "
                    f"that it is about privacy, or with --map '{field}={name}' that it is not"
                )

    def refuse_overlooked(self) -> None:
        """Raise `BadLayout` if an unused column may matter."""
        refuse_overlooked(self._columns, {at: kind for at, each in self._unused.items() if (kind := each.kind)})

    @property
    def notes(self) -> list[str]:
        """A line about unused columns that have values but no name."""
        nameless = [at for at, each in self._unused.items() if each.filled and not self._columns.header[at]]
        names = ", ".join(self._columns.name(at) for at in nameless)
        return [f"without a name and not used: {names} (--map FIELD='column N' reads one)"] if nameless else []


class _Column:
    """Contents of a column, judged by its first rows; for privacy, by all of them."""

    def __init__(self) -> None:
        self.filled = 0
        self._counts: Counter[str] = Counter()
        self._sampled = 0
        self._private = False

    def see(self, cell: str, *, sampled: bool) -> None:
        text = cell.strip().casefold()
        if not text or text == "-":
            return
        self.filled += 1
        self._private |= may_be_private(text)
        if sampled:
            self._sampled += 1
            self._counts["date"] += not text.isdigit() and any(read_date(text, order, UTC) for order in Order)

    @property
    def kind(self) -> str | None:
        """The kind of value that all cells have; for privacy, one cell is enough."""
        if self._private:
            return "privacy"
        return next((kind for kind, count in self._counts.items() if count and count == self._sampled), None)


class Survey:
    """Words for a status and dates of all entries."""

    def __init__(self, options: ImportOptions, dates: dict[str, DateColumn]) -> None:
        self.total = 0
        self._options = options
        self._dates = dates
        self._unknown: Counter[str] = Counter()
        self._without_status = 0

    def see(self, entry: Entry | Skipped) -> None:
        """Add an entry."""
        self.total += 1
        if isinstance(entry, Skipped) or is_layout(entry.raw):
            return
        word = entry.cells.get("status", "").strip()
        with suppress(Unusable):
            self._without_status += not readable(word)
            unknown = error_of(word) is None and self._options.words.is_over(readable(word)) is None
            # if settled entries are submitted too, the status does not matter
            self._unknown[word] += unknown and not self._options.settled
        for name, column in self._dates.items():
            if cell := entry.cells.get(name, "").strip():
                column.see(cell)

    def decide(self) -> dict[str, Order | None]:
        """Return the date order of each column; raise BadLayout if a date order or a status is ambiguous."""
        if not self.total:
            raise UnreadableFile(NOTHING)
        often = {word: count for word, count in self._unknown.most_common() if count * _ENTRIES_PER_WORD >= self.total}
        if often:
            words = ", ".join(f"{quoted(word)} ({count} of {self.total})" for word, count in list(often.items())[:10])
            word = quoted(next(iter(often)))
            raise BadLayout(
                f"not known whether what has this status is over: {words}: explain each with --open-as {word} or "
                f"--closed-as {word}"
            )
        return {name: column.order() for name, column in self._dates.items()}

    def notes(self, fields: Collection[str]) -> list[str]:
        """Return lines on the order and zone of dates, and on entries without a status."""
        orders = {name: column.order() for name, column in self._dates.items() if name in fields}
        dates = [", ".join(f"{self._dates[name].name} {order}" for name, order in orders.items() if order)]
        dates += [f"times without a zone are of {self._options.times_of} (--zone)"] if "received" in fields else []
        lines = [f"dates: {'; '.join(filter(None, dates))}"] if any(dates) else []
        if "status" in fields and (count := self._without_status):
            lines.append(f"status: {count} of {self.total} have none and count as open")
        return lines
