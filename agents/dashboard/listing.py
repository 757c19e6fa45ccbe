"""Lists of complaints: filters, order and pages, over the rows of the read model. For the dashboard and `alur list`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from agents.dashboard.complaint_row import HOUR_S, ComplaintRow, Deadline, hour_of
from agents.dashboard.figures import FUNNEL, DisplayContext
from agents.dashboard.read_model import DAY_S, ReadModel
from agents.ops.csv_text import csv_text
from events.errors import AlurError
from events.vocabulary import ClockName, Status
from workflow.machine.transitions import OPEN
from workflow.reports.redaction import redacted
from workflow.stages.waiting import BY_HAND

PAGE: Final = 50
"""Complaints on a page of the dashboard."""
NONE: Final = "none"
"""Value of `office` for complaints that no office holds."""
_MOST_VALUES: Final = 20

COLUMNS: Final = (
    *("number", "status", "office", "category", "clock", "due", "overdue", "rung", "waiting_for", "received", "ended"),
    "secret",
)
"""Columns of a list as CSV and JSON; times in UTC."""
STATES: Final = ("open", "settled", "all")
DUE: Final = {"overdue": None, "24h": DAY_S, "7d": 7 * DAY_S, "any": 10**12}
"""By name, the seconds within which an obligation is due; None: overdue."""


class UnknownFilter(AlurError):
    """A filter has a value that it cannot have; the message is one line."""


Predicate = Callable[[ComplaintRow], bool]


@dataclass(frozen=True, slots=True)
class Query:
    """What a list is of: each filter by its name in the URL; a complaint has to pass all."""

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
    """Reasons of waiting; `by-hand` stands for those for which a person has to dispose it."""
    reached: str | None = None
    """A step of the funnel."""
    received: str | None = None
    """A day (2026-11-30), or `24h`."""
    ended: str | None = None
    missed: str | None = None
    """The day of a deadline that was missed, and still lacks what it was for."""
    sort: str = "due"
    """A key of `ORDERS`; with `-` before it, the other way round."""
    page: int = 1

    @classmethod
    def parse(cls, given: Iterable[tuple[str, str]]) -> "Query":
        """Read the parameters of a URL; unknown names are ignored, since a URL may have others.

        Raises:
            UnknownFilter: a value cannot be.
        """
        values: dict[str, Any] = {}
        for name, text in given:
            if name in _SEVERAL and text:
                values[name] = (*values.get(name, ()), text)[:_MOST_VALUES]
            elif name in cls.__dataclass_fields__ and text:
                values[name] = text
        _check(values)
        if any(name in values for name in _OF_SETTLED):
            values.setdefault("state", "all")
        ended = "ended" in values or not set(values.get("status", ())) <= OPEN
        if ended and values.get("state", "open") == "open":
            values["state"] = "all"  # a form has a state in any case; of open ones there would be none
        return cls(**values | {"page": int(values.get("page", 1))})

    def url(self, **changes: Any) -> str:  # noqa: ANN401 -- the fields
        """Return the query string with some fields changed; the first page, unless that is what changes."""
        changed = replace(self, **{"page": 1} | changes)
        pairs = [
            (name, each)
            for name, default in _DEFAULTS.items()
            if (value := getattr(changed, name)) != default
            for each in (value if name in _SEVERAL else [value])
        ]
        return urlencode(pairs)


_DEFAULTS: Final = {name: field.default for name, field in Query.__dataclass_fields__.items()}
_SEVERAL: Final = frozenset({"status", "why"})
_OF_SETTLED: Final = frozenset({"reached", "received", "ended"})
_LONGEST_PAGE: Final = 8


def _check(values: Mapping[str, Any]) -> None:
    for name, known in _KNOWN.items():
        for text in values.get(name, ()) if name in _SEVERAL else filter(None, [values.get(name)]):
            if text not in known:
                raise UnknownFilter(f"{name} is never {text!r}: choose one of {', '.join(known)}")
    page = values.get("page", "1")
    if not (page.isascii() and page.isdecimal() and 0 < len(page) < _LONGEST_PAGE and int(page)):
        raise UnknownFilter(f"page is a number from 1 on, and not {page!r}")
    if (rung := values.get("rung")) and rung != "exhausted" and not (rung.isascii() and rung.isdecimal()):
        raise UnknownFilter(f"rung is a number or exhausted, and not {rung!r}")


def deadline_of(row: ComplaintRow) -> Deadline | None:
    """Return the deadline that matters first: a missed one, else the next one."""
    return row.missed or row.due


_Order = Callable[[ComplaintRow], Any]
ORDERS: Final[Mapping[str, _Order]] = {
    "due": lambda row: at.at if (at := deadline_of(row)) else float("inf"),
    "received": lambda row: row.received,
    "ended": lambda row: row.closed or float("inf"),
    "number": lambda row: (len(row.tracking_id), row.tracking_id),
    "status": lambda row: row.shape.status,
    "office": lambda row: redacted(row.shape.office, secret=row.shape.secret) or "",
    "category": lambda row: row.shape.category or "",
    "rung": lambda row: row.shape.rung,
    "why": lambda row: row.shape.why or "",
}
"""Orders of a list by name, the first unless another is asked for."""
_KNOWN: Final[Mapping[str, Sequence[str]]] = {
    "state": STATES,
    "status": tuple(Status),
    "units": ("yes", "no"),
    "clock": tuple(ClockName),
    "due": tuple(DUE),
    "reached": tuple(FUNNEL),
    "sort": (*ORDERS, *(f"-{name}" for name in ORDERS)),
}


def select(read_model: ReadModel, query: Query, now: datetime, context: DisplayContext) -> list[ComplaintRow]:
    """Return all complaints of a list in its order: of the settled ones, those that `ReadModel.rows` has.

    Raises:
        UnknownFilter: a day cannot be read, or there is no such office.
    """
    wanted = list(_predicates(query, now, context))
    found = [row for row in read_model.rows() if all(passes(row) for passes in wanted)]
    if not found and query.office not in {None, NONE, *context.offices, *read_model.offices.copy()}:
        raise UnknownFilter(f"no office {query.office!r} is in the policy, and no complaint names it: check its id")
    backwards = query.sort.startswith("-")
    return sorted(found, key=ORDERS[query.sort.removeprefix("-")], reverse=backwards)


def _predicates(query: Query, now: datetime, context: DisplayContext) -> Iterator[Predicate]:
    for name, predicate in _FILTERS.items():
        if getattr(query, name):
            yield predicate(query)
    if query.office is not None:
        yield _held_by(query, context)
    if query.due is not None:
        yield _due(DUE[query.due], now)
    for name, moment in _MOMENTS.items():
        if (text := getattr(query, name)) is not None:
            yield _within(moment, _period(name, text, now, context))


def _state(query: Query) -> Predicate:
    return lambda row: query.state == "all" or row.shape.open is (query.state == "open")


def _why(query: Query) -> Predicate:
    reasons = {*query.why, *(BY_HAND if "by-hand" in query.why else ())}
    return lambda row: row.shape.why in reasons


def _rung(query: Query) -> Predicate:
    return lambda row: row.shape.exhausted if query.rung == "exhausted" else str(row.shape.rung) == query.rung


_FILTERS: Final[Mapping[str, Callable[[Query], Predicate]]] = {
    "state": _state,
    "status": lambda query: lambda row: row.shape.status in query.status,
    "clock": lambda query: lambda row: any(each and each.clock == query.clock for each in (row.missed, row.due)),
    "category": lambda query: lambda row: row.shape.category == query.category,
    "rung": _rung,
    "why": _why,
    "reached": lambda query: FUNNEL[query.reached or ""],
}


def _held_by(query: Query, context: DisplayContext) -> Predicate:
    # a secret complaint has no office here: a list of one office would tell which has it
    office = query.office
    if office == NONE:
        return lambda row: row.shape.office is None and not row.shape.secret
    held = {office, *(context.units.get(office or "", ()) if query.units == "yes" else ())}
    return lambda row: row.shape.office in held and not row.shape.secret


def _due(within_s: int | None, now: datetime) -> Predicate:
    if within_s is None:
        return lambda row: row.missed is not None
    until = int(now.timestamp()) + within_s
    return lambda row: row.due is not None and row.due.at <= until


_MOMENTS: Final[Mapping[str, Callable[[ComplaintRow], int | None]]] = {
    "received": lambda row: row.received,
    "ended": lambda row: row.closed,
    "missed": lambda row: row.missed.at if row.missed else None,
}


def _within(moment: Callable[[ComplaintRow], int | None], period: range) -> Predicate:
    return lambda row: (at := moment(row)) is not None and at in period


def _period(name: str, text: str, now: datetime, context: DisplayContext) -> range:
    if text == "24h":  # whole hours, as in the figures
        return range((hour_of(now) - 23) * HOUR_S, (hour_of(now) + 1) * HOUR_S)
    try:
        day = date.fromisoformat(text)
        first, after = (datetime.combine(each, time(), context.zone) for each in (day, day + timedelta(days=1)))
        return range(int(first.timestamp()), int(after.timestamp()))
    except (ValueError, OverflowError):
        raise UnknownFilter(f"{name} is a day such as 2026-11-30 or 24h, and not {text!r}") from None


def values_of(row: ComplaintRow) -> dict[str, Any]:
    """Return a row by `COLUMNS`: no more of a secret complaint than the dashboard shows."""
    shape, deadline = row.shape, deadline_of(row)
    values = (
        *(row.tracking_id, shape.status, redacted(shape.office, secret=shape.secret), shape.category),
        *(deadline.clock if deadline else None, _utc(deadline.at) if deadline else None, row.missed is not None),
        *("exhausted" if shape.exhausted else shape.rung, shape.why, _utc(row.received)),
        *(None if row.closed is None else _utc(row.closed), shape.secret),
    )
    return dict(zip(COLUMNS, values, strict=True))


def as_csv(rows: Iterable[ComplaintRow]) -> str:
    """Return a list as CSV with a header."""
    return csv_text([COLUMNS, *([_cell(value) for value in values_of(row).values()] for row in rows)])


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.isoformat() if isinstance(value, datetime) else "" if value is None else str(value)


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
