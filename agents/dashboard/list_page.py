"""Lists of complaints with filters, order and pages, also as the page of an office."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from agents.dashboard.complaint_row import ComplaintRow
from agents.dashboard.figures import displayed
from agents.dashboard.layout import View
from agents.dashboard.listing import FILTER_VALUES, NONE, PAGE, REASONS, ListPage, Query
from agents.dashboard.read_model import LATEST, OfficeCounts
from agents.dashboard.words import Words

_EVERY_S: Final = 15
_COLUMNS: Final = ("number", "status", "office", "category", "clock", "due", "rung", "received")
_MINOR: Final = frozenset({"status", "category", "clock", "rung", "received", "ended"})
_CHOICES: Final[Mapping[str, Sequence[str]]] = {
    **{name: FILTER_VALUES[name] for name in ("state", "status", "clock", "due")},
    "why": REASONS,
    "reached": FILTER_VALUES["reached"],
}
"""Filters that have a menu."""
_TEXT_FILTERS: Final = ("office", "category", "rung", "received", "ended")


class _Column(NamedTuple):
    name: str
    minor: bool
    """Whether a phone has no room for it."""
    sort: str | None
    """Order that its head selects; None if there is none."""
    sign: str
    current: bool
    """Whether the list is in its order."""


def list_page(
    view: View, query: Query, result: ListPage, counted: Mapping[str | None, OfficeCounts], *, lost: bool = False
) -> str:
    """Return a page of a list; `lost`: the mirror that should provide it is unreadable."""
    office = query.office if view.path.startswith("/offices/") else None
    title = view.words.say("list_heading") if office is None else str(view.context.name_of(office))
    return view.page(
        "list.html",
        title,
        every_s=_EVERY_S,
        query=query,
        result=result,
        rows=[_row(view, row) for row in result.rows],
        columns=[_column(query, name) for name in (*_COLUMNS, *(["ended"] if query.state != "open" else []))],
        held=office,
        parent=view.context.parents.get(office or ""),
        units=[] if office is None else list(_units(view, office, counted)),
        chips=list(_chips(view, query, office)),
        menus=[(name, list(_options(view, query, name))) for name in _CHOICES],
        written=[(name, getattr(query, name)) for name in _TEXT_FILTERS if name != "office" or not office],
        last=max(1, -(-result.total // PAGE)),
        lost=lost,
        source=_source(view.words, query, result),
    )


def _source(words: Words, query: Query, result: ListPage) -> str:
    """Return the source of a list, and its age."""
    if result.mirrored:
        if result.current_at is None:
            return words.say("mirror_behind")
        return words.say("mirror", at=words.moment(result.current_at), ago=words.away(result.current_at))
    if query.state == "open":
        return words.say("memory")
    return words.say("memory_settled", latest=words.count(LATEST), older=words.count(result.older))


def _row(view: View, row: ComplaintRow) -> dict[str, Any]:
    shape, received = row.shape, datetime.fromtimestamp(row.received, UTC)
    ended = None if row.closed is None else datetime.fromtimestamp(row.closed, UTC)
    more: dict[str, Any] = {"category": shape.category, "rung": shape.rung, "exhausted": shape.exhausted}
    more |= {"received": received, "ended": ended}
    return displayed(row, row.deadline, view.context) | more


def _label(view: View, name: str, value: str) -> str:
    """Return the label for the value of a filter."""
    words = view.words
    sections = {"reached": "step", "clock": "clock", "status": "status", "why": "why"}
    if name == "office":
        return words.say("no_office") if value == NONE else str(view.context.name_of(value))
    return words.of(sections.get(name, "choice"), value)


def _chips(view: View, query: Query, office: str | None) -> Iterator[tuple[str, str, str, str]]:
    """Yield each filter that applies: its name, values and remark, and the address without it."""
    for name in (*_CHOICES, *_TEXT_FILTERS, "missed"):
        value = getattr(query, name)
        if not value or (name, value) == ("state", "open") or (name == "office" and office):
            continue
        shown = ", ".join(_label(view, name, each) for each in ([value] if isinstance(value, str) else value))
        alone = name == "office" and query.units == "no" and value != NONE
        gone: dict[str, Any] = {name: Query.__dataclass_fields__[name].default}
        units = f" ({view.words.say('without_units')})" if alone else ""
        yield name, shown, units, view.link(view.path, query.url(**gone))


def _options(view: View, query: Query, name: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the options of a menu: value, label, and whether it is chosen."""
    value = getattr(query, name)
    chosen = value if isinstance(value, tuple) else (value,)
    yield from ((each, _label(view, name, each), each in chosen) for each in _CHOICES[name])


def _column(query: Query, name: str) -> _Column:
    minor = name in _MINOR
    if name == "clock":
        return _Column(name, minor, None, "", current=False)
    current = query.sort.removeprefix("-") == name
    sign = (" ▾" if query.sort.startswith("-") else " ▴") if current else ""
    return _Column(name, minor, f"-{name}" if query.sort == name else name, sign, current)


def _units(
    view: View, office: str, counted: Mapping[str | None, OfficeCounts]
) -> Iterator[tuple[str, str, str, dict[str, int]]]:
    """Yield id, name, filter and counts of an office and its units."""
    for each in (office, *view.context.units.get(office, ())):
        counts = counted.get(each, OfficeCounts())._asdict()
        yield each, str(view.context.name_of(each)), f"office={quote(each, safe='')}&units=no", counts
