"""Lists of complaints: filters, order and pages, for the dashboard and `alur list`.

A query becomes conditions on fields and an order by a field. Here they apply to rows of the read model;
`agents/dashboard/mirror_list.py` translates them to SQL.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import urlencode

from agents.dashboard.complaint_row import BREACHED, HOUR_S, ComplaintRow, hour_of
from agents.dashboard.figures import FUNNEL, DisplayContext
from agents.dashboard.read_model import DAY_S, ReadModel
from agents.dashboard.words import texts
from agents.integrations.csv_text import csv_text
from events.errors import AlurError
from events.vocabulary import OPEN, Status
from events.wording import clipped
from workflow.machine.waiting import BY_HAND, WHY
from workflow.redaction import redacted

PAGE: Final = 50
"""Number of complaints on a page of the dashboard."""
_BY_HAND: Final = "by-hand"
NONE: Final = "none"
"""Value of `office` for complaints that no office holds."""
REASONS: Final = (_BY_HAND, *WHY)
"""Known values of `why`."""
_LANGUAGE: Final = "lang"
"""A parameter of all pages, not a filter."""
_MOST_VALUES: Final = 20
_MOST_NAMED: Final = 25
_LONGEST_VALUE: Final = 80
_PART: Final = 2_000

COLUMNS: Final = (
    *("number", "status", "office", "category", "clock", "due", "overdue", "rung", "waiting_for", "received", "ended"),
    "secret",
)
"""Columns of a list as CSV and JSON; times in UTC."""
STATES: Final = ("open", "settled", "all")
DUE: Final = {"overdue": None, "24h": DAY_S, "7d": 7 * DAY_S, "any": 10**12}
"""By name, the seconds within which an obligation is due; None: overdue, whether recorded as missed or not."""


class UnknownFilter(AlurError):
    """A filter or its value is invalid; the message is one line, in English.

    `problem`: a key of `filter_problem` in the texts of the pages; `known`: the valid values.
    """

    def __init__(self, problem: str, name: str, value: str = "", known: Iterable[str] = ()) -> None:
        self._problem, self._name, self._value, self._known = problem, name, clipped(value, _LONGEST_VALUE), list(known)
        super().__init__(self.in_language("en"))

    def in_language(self, language: str) -> str:
        """Return the message in a language of the pages."""
        words = texts(language)
        text = words["filter_problem"][self._problem].format(name=self._name, value=f'"{self._value}"')
        if not self._known:
            return text
        near = get_close_matches(self._value or self._name, self._known, n=1)
        hint = words["filter_hint"]["near" if near else "choice" if len(self._known) <= _MOST_NAMED else "check"]
        return f"{text}: {hint.format(near=near[0] if near else '', known=', '.join(self._known))}"


Predicate = Callable[[ComplaintRow], bool]


@dataclass(frozen=True, slots=True)
class Query:
    """Filters, by their names in the URL, order and page of a list; a complaint must pass all filters."""

    state: str = "open"
    status: tuple[str, ...] = ()
    office: str | None = None
    units: str = "yes"
    """`no`: without the units of the office."""
    clock: str | None = None
    due: str | None = None
    category: str | None = None
    rung: str | None = None
    """A number, or `exhausted`."""
    why: tuple[str, ...] = ()
    """Reasons of waiting; `by-hand`: those in which a person has to dispose it."""
    reached: str | None = None
    """A step of the funnel."""
    received: str | None = None
    """A day (2026-11-30), or `24h`."""
    ended: str | None = None
    missed: str | None = None
    """The day of a missed deadline whose required action is still missing."""
    sort: str = "due"
    """A key of `ORDERS`, with `-` before it for the reverse order."""
    page: int = 1

    @classmethod
    def parse(cls, parameters: Iterable[tuple[str, str]]) -> "Query":
        """Parse the parameters of a URL; raise UnknownFilter for an unknown parameter or value."""
        values: dict[str, Any] = {}
        for name, text in parameters:
            if name not in {*cls.__dataclass_fields__, _LANGUAGE}:
                raise UnknownFilter("name", name, known=cls.__dataclass_fields__)
            if name in _REPEATABLE and text:
                values[name] = (*values.get(name, ()), text)[:_MOST_VALUES]
            elif name in cls.__dataclass_fields__ and text:
                values[name] = text
        _check(values)
        if any(name in values for name in _OF_SETTLED):
            values.setdefault("state", "all")
        ended = "ended" in values or not set(values.get("status", ())) <= OPEN
        if ended and values.get("state", "open") == "open":
            values["state"] = "all"  # a form always sends a state, and open complaints have not ended
        return cls(**values | {"page": int(values.get("page", 1))})

    def url(self, **changes: Any) -> str:  # noqa: ANN401 -- the fields
        """Return the query string with some fields changed; without a change of `page`, that of the first page."""
        changed = replace(self, **{"page": 1} | changes)
        pairs = [
            (name, each)
            for name, default in _DEFAULTS.items()
            if (value := getattr(changed, name)) != default
            for each in (value if name in _REPEATABLE else [value])
        ]
        return urlencode(pairs)


_DEFAULTS: Final = {name: field.default for name, field in Query.__dataclass_fields__.items()}
_REPEATABLE: Final = frozenset({"status", "why"})
_OF_SETTLED: Final = frozenset({"reached", "received", "ended"})
_LONGEST_NUMBER: Final = 8


def _check(values: Mapping[str, Any]) -> None:
    for name, written in values.items():
        if any(char == "\0" or "\ud800" <= char <= "\udfff" for text in written for char in text):
            raise UnknownFilter("character", name)
    for name, known in FILTER_VALUES.items():
        for text in values.get(name, ()) if name in _REPEATABLE else filter(None, [values.get(name)]):
            if text not in known:
                raise UnknownFilter("value", name, text, known)
    page = values.get("page", "1")
    if not (page.isascii() and page.isdecimal() and 0 < len(page) < _LONGEST_NUMBER and int(page)):
        raise UnknownFilter("page", "page", page)
    rung = values.get("rung", "0")
    if rung != "exhausted" and not (rung.isascii() and rung.isdecimal() and len(rung) < _LONGEST_NUMBER):
        raise UnknownFilter("rung", "rung", rung)


FIELDS: Final[Mapping[str, Callable[[ComplaintRow], Any]]] = {
    "status": lambda row: row.shape.status,
    # lists by office omit secret complaints, whose office is secret too
    "office": lambda row: redacted(row.shape.office, secret=row.shape.secret),
    "secret": lambda row: row.shape.secret,
    "category": lambda row: row.shape.category,
    "rung": lambda row: row.shape.rung,
    "exhausted": lambda row: row.shape.exhausted,
    "why": lambda row: row.shape.why,
    "verified": lambda row: row.shape.verified,
    "disposed": lambda row: row.shape.disposed,
    "received": lambda row: row.received,
    "ended": lambda row: row.closed,
    "due": lambda row: row.due.at if row.due else None,
    "due_clock": lambda row: row.due.clock if row.due else None,
    "missed_clock": lambda row: row.missed.clock if row.missed else None,
    "deadline": lambda row: row.deadline.at if row.deadline else None,
    "length": lambda row: len(row.tracking_id),
}
"""Fields of conditions and orders by name; times in seconds since 1970."""
LAST: Final = 10**12
"""Sort key for a missing time, after all others."""
ORDERS: Final[Mapping[str, tuple[str, Any]]] = {
    "due": ("deadline", LAST),
    "received": ("received", LAST),
    "ended": ("ended", LAST),
    "number": ("length", 0),
    "status": ("status", ""),
    "office": ("office", ""),
    "category": ("category", ""),
    "rung": ("rung", 0),
    "why": ("why", ""),
}
"""Orders by name, the default first: one of `FIELDS`, and the substitute for a missing value; then by number."""
FILTER_VALUES: Final[Mapping[str, Sequence[str]]] = {
    "state": STATES,
    "status": tuple(Status),
    "units": ("yes", "no"),
    "clock": BREACHED,
    "due": tuple(DUE),
    "reached": tuple(FUNNEL),
    "sort": (*ORDERS, *(f"-{name}" for name in ORDERS)),
}
"""Values of filters with a fixed choice."""


class Condition(NamedTuple):
    """A condition on a complaint: a field has one of the given values."""

    fields: tuple[str, ...]
    values: frozenset[Any] | range


class ListPage(NamedTuple):
    """One page of a list."""

    total: int
    """Complaints in the whole list."""
    rows: Iterable[ComplaintRow]
    """Rows of the requested page; a full list from the mirror is read lazily."""
    older: int = 0
    """Number of settled complaints that are not searched."""
    mirrored: bool = False
    """Whether the rows are from the mirror."""
    current_at: datetime | None = None
    """Time up to which the mirror has all records; None at first."""


class Lists(Protocol):
    """A source of lists."""

    def select(
        self, query: Query, now: datetime, context: DisplayContext, *, first: int = 0, most: int | None = None
    ) -> ListPage:
        """Return a list in its order from entry `first`, `most` entries or all; raise UnknownFilter or MirrorError."""


class MemoryLists:
    """Lists from a read model: all open complaints, and the most recently settled ones."""

    def __init__(self, read_model: Callable[[], ReadModel]) -> None:
        self._read_model = read_model

    def select(
        self, query: Query, now: datetime, context: DisplayContext, *, first: int = 0, most: int | None = None
    ) -> ListPage:
        """Return complaints of a list, see `Lists`."""
        model, passes = self._read_model(), [_predicate(each) for each in conditions(query, now, context)]
        rows = [row for row in model.rows() if all(passed(row) for passed in passes)]
        if not rows:
            require_known(self, query, now, context)
        field, absent = ORDERS[query.sort.removeprefix("-")]
        value_of = FIELDS[field]

        def key(row: ComplaintRow) -> tuple[Any, int, str]:
            value = value_of(row)
            return absent if value is None else value, len(row.tracking_id), row.tracking_id

        rows.sort(key=key, reverse=query.sort.startswith("-"))
        return ListPage(len(rows), rows[first : None if most is None else first + most], model.unlisted)


def _predicate(condition: Condition) -> Predicate:
    values = condition.values
    first, *others = (FIELDS[name] for name in condition.fields)
    if others:
        return lambda row: any(value_of(row) in values for value_of in (first, *others))
    if isinstance(values, range):
        return lambda row: (value := first(row)) is not None and value in values
    return lambda row: first(row) in values


def require_known(lists: Lists, query: Query, now: datetime, context: DisplayContext) -> None:
    """Raise UnknownFilter for an office, category or reason that neither policy nor complaints have."""
    known = {"office": (NONE, *context.offices), "category": context.categories, "why": REASONS}
    for name, names in known.items():
        value = getattr(query, name)
        for each in value if name in _REPEATABLE else (value,):
            if each is None or each in names:
                continue
            any_of_it = Query.parse([("state", "all"), (name, each)])
            if query == any_of_it:
                raise UnknownFilter(name, name, each, names)
            lists.select(any_of_it, now, context, most=1)


def conditions(query: Query, now: datetime, context: DisplayContext) -> Iterator[Condition]:
    """Yield the conditions of a query, all of which must hold; raise UnknownFilter for an invalid day."""
    for name, condition in _SIMPLE.items():
        if getattr(query, name) not in {None, (), "all"}:
            yield condition(query)
    if query.reached is not None:
        yield from (_is(field, *values) for field, values in FUNNEL[query.reached].items())
    if query.office is not None:
        units = context.units.get(query.office, ()) if query.units == "yes" else ()
        yield _is("office", *(None if each == NONE else each for each in (query.office, *units)))
        yield Condition(("secret",), frozenset({False}))
    if query.due is not None:
        at, within = int(now.timestamp()), DUE[query.due]
        yield Condition(("deadline",), range(at)) if within is None else Condition(("due",), range(at, at + within + 1))
    for name in ("received", "ended"):
        if (text := getattr(query, name)) is not None:
            yield Condition((name,), _period(name, text, now, context))
    if query.missed is not None:
        period = _period("missed", query.missed, now, context)
        yield Condition(("deadline",), range(period.start, min(period.stop, int(now.timestamp()))))


def _is(field: str, *values: object) -> Condition:
    return Condition((field,), frozenset(values))


_SIMPLE: Final[Mapping[str, Callable[[Query], Condition]]] = {
    "state": lambda query: _is("status", *(each for each in Status if (each in OPEN) is (query.state == "open"))),
    "status": lambda query: _is("status", *query.status),
    "clock": lambda query: Condition(("missed_clock", "due_clock"), frozenset({query.clock})),
    "category": lambda query: _is("category", query.category),
    "rung": lambda query: _is("exhausted", *{True}) if query.rung == "exhausted" else _is("rung", int(query.rung or 0)),
    "why": lambda query: _is("why", *query.why, *(BY_HAND if _BY_HAND in query.why else ())),
}


def _period(name: str, text: str, now: datetime, context: DisplayContext) -> range:
    if text == "24h":  # whole hours, as in the figures
        return range((hour_of(now) - 23) * HOUR_S, (hour_of(now) + 1) * HOUR_S)
    try:
        day = date.fromisoformat(text)
        first, after = (datetime.combine(each, time(), context.zone) for each in (day, day + timedelta(days=1)))
        return range(int(first.timestamp()), int(after.timestamp()))
    except (ValueError, OverflowError):
        raise UnknownFilter("day", name, text) from None


def values_of(row: ComplaintRow, now: datetime) -> dict[str, Any]:
    """Return a row by `COLUMNS` at `now`, with a secret complaint redacted as on the dashboard."""
    shape, deadline = row.shape, row.deadline
    overdue = deadline is not None and deadline.at < int(now.timestamp())
    values = (
        *(row.tracking_id, shape.status, redacted(shape.office, secret=shape.secret), shape.category),
        *(deadline.clock if deadline else None, _utc(deadline.at) if deadline else None, overdue),
        *("exhausted" if shape.exhausted else shape.rung, shape.why, _utc(row.received)),
        *(None if row.closed is None else _utc(row.closed), shape.secret),
    )
    return dict(zip(COLUMNS, values, strict=True))


def as_csv(rows: Iterable[ComplaintRow], now: datetime) -> Iterator[str]:
    """Yield a list at `now` as CSV with a header, in parts."""
    yield csv_text([COLUMNS])
    rest = iter(rows)
    while part := [[_cell(value) for value in values_of(row, now).values()] for row in islice(rest, _PART)]:
        yield csv_text(part)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.isoformat() if isinstance(value, datetime) else "" if value is None else str(value)


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
