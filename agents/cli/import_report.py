"""Import report: the result of each entry, and a preview before anything is sent."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic_core import from_json
from rich.console import RenderableType
from rich.text import Text

from agents.cli.tables import new_table
from agents.cli.wording import safe
from agents.integrations.entries import Ignored, Item, Report, Skipped
from events.topics import RecordPosition
from events.wording import number_of

_SHOWN: Final = 20
_EXAMPLES: Final = 5
_ROWS: Final = 10
_KEPT: Final = frozenset({"office", "reporter.subject"})
"""The fields whose values are noted, and submitted."""


@dataclass
class Tally:
    """Counts of the entries of a file."""

    accepted: int = 0
    """Acknowledged by Kafka; in a dry run, valid reports."""
    complaints: Counter[str] = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)
    handed_over: int = 0
    refused: list[Skipped] = field(default_factory=list)
    settled: int = 0
    """Skipped, since settled in their source system."""
    layout: list[int] = field(default_factory=list)
    """Skipped lines with totals or separators."""
    lines: list[tuple[int, str]] = field(default_factory=list)
    """Line and complaint of the first reports."""
    notes: Counter[str] = field(default_factory=Counter)
    """Number of dropped values, by field."""
    first_notes: list[str] = field(default_factory=list)
    """The first dropped values, one line each."""

    @property
    def empty(self) -> bool:
        """Whether no entry has been read yet."""
        return not (self.handed_over or self.skipped or self.settled or self.layout)

    @property
    def unconfirmed(self) -> int:
        """Reports without acknowledgement, which may be in the log."""
        return self.handed_over - self.accepted - len(self.refused)

    @property
    def left_out(self) -> list[Skipped]:
        """Entries that were not sent, in the order of the file."""
        return sorted((*self.skipped, *self.refused), key=lambda each: each.line)

    def accept(self, report: Report, _position: RecordPosition | None = None) -> None:
        """Count an acknowledged report."""
        self.accepted += 1
        self.complaints[report.complaint] += 1
        if len(self.lines) <= _EXAMPLES:
            self.lines.append((report.line, report.complaint))
        for note in report.notes:
            name = note.partition(":")[0]
            self.notes[name] += 1
            if self.notes[name] <= _EXAMPLES:
                self.first_notes.append(f"{report.line}: {'' if name in _KEPT else 'left out: '}{note}")

    def refuse(self, report: Report, reason: str) -> None:
        """Count a report that Kafka has refused."""
        self.refused.append(Skipped(report.line, reason, report.raw))

    def leave(self, item: Skipped | Ignored) -> None:
        """Count an entry that is not sent."""
        if isinstance(item, Skipped):
            self.skipped.append(item)
        elif item.layout:
            self.layout.append(item.line)
        else:
            self.settled += 1


@dataclass(frozen=True)
class KnownBefore:
    """Complaints of a file that existed before it was submitted."""

    known: int = 0
    changed: int = 0
    """Known reports with other content this time, as far as decided by now."""
    unknown_why: str = ""
    """Why they could not be looked up."""


def report_lines(
    tally: Tally, entry: str, before: KnownBefore | None, *, all_written: bool, verb: str = "submitted"
) -> Iterator[str]:
    """Yield the result of an import, a line each."""
    left_out = tally.left_out
    yield from (f"{entry} {each.line}: {each.reason}" for each in left_out[:_SHOWN])
    if (more := len(left_out) - _SHOWN) > 0:
        others = number_of(more, f"more {entry}", "more entries" if entry == "entry" else "")
        yield f"and {others}" + ("" if all_written else " (--rejects FILE writes them all)")
    yield from (f"{entry} {line}" for line in tally.first_notes)
    if tally.notes.total() > len(tally.first_notes):
        yield "in all: " + ", ".join(f"{count} of {name}" for name, count in tally.notes.most_common())
    if repeats := tally.accepted - len(tally.complaints):
        complaints = number_of(len(tally.complaints), "complaint")
        yield f"{number_of(repeats, 'repeat')} of a report of the file: {complaints} in all"
    if tally.settled:
        yield f"skipped, because settled at their source: {tally.settled} (--settled submits them too)"
    if tally.layout:
        shown = ", ".join([*map(str, tally.layout[:_SHOWN]), *(["…"] if len(tally.layout) > _SHOWN else [])])
        yield f"skipped, because no report: {number_of(len(tally.layout), 'line')} of sums or rules ({shown})"
    if tally.accepted and len(tally.complaints) <= _EXAMPLES:
        yield from (f"{entry} {line} is complaint {complaint}" for line, complaint in sorted(tally.lines))
    if before is not None and tally.accepted and before.unknown_why:
        yield f"which of them are new could not be looked up: {before.unknown_why}"
    elif before is not None and tally.accepted:
        new = len(tally.complaints) - before.known
        so_far = " so far" if before.changed < before.known else ""
        yield f"new {new}, known {before.known}, of these changed {before.changed}{so_far}"
    yield f"{verb} {tally.accepted}, skipped {len(left_out)}"


def preview(items: Iterable[Item], tally: Tally) -> Iterator[RenderableType]:
    """Count all entries without sending any; yield a table of the first reports."""
    columns = ("line", "id", "reported", "happened", "class", "privacy", "place", "title", "reporter")
    table = new_table(*columns, unwrapped=["line"])
    for item in items:
        if not isinstance(item, Report):
            tally.leave(item)
            continue
        tally.handed_over += 1
        tally.accept(item)
        if tally.accepted <= _ROWS:
            table.add_row(*(Text(safe(cell)) for cell in _cells(item)))
    if tally.accepted:
        yield table
    if tally.accepted > _ROWS:
        yield Text(f"and {tally.accepted - _ROWS} more")


def _cells(report: Report) -> tuple[str, ...]:
    event: dict[str, Any] = from_json(report.value)
    data: dict[str, Any] = event["data"]
    location: dict[str, Any] = data.get("location") or {}
    names = [str(location[part]) for part in ("village", "district", "city", "province") if location.get(part)]
    degrees = [f"{location[part]:g}" for part in ("lat", "lon") if location.get(part) is not None]
    reporter: dict[str, Any] = data.get("reporter") or {}
    privacy = [name for name in ("anonymous", "secret") if data.get(name)]
    return (
        str(report.line),
        str(event["id"]),
        str(event.get("time") or ""),
        str(data.get("event_date") or ""),
        str(data["class"]),
        " ".join(privacy) or "-",
        ", ".join(names) or " ".join(degrees),
        str(data.get("title") or data.get("body") or ""),
        ("(given)" if privacy else str(reporter.get("name") or "")) if reporter else "",
    )
