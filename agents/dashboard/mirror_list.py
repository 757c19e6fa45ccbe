"""Lists of complaints from a mirror: SQL for the conditions and orders of `listing`, in DuckDB and PostgreSQL.

Values are parameters; names come from `FIELDS` only. Office and category of a secret complaint are removed in the
innermost query, so that no condition and no order reveals them.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any, Final

from agents.dashboard.complaint_row import OBLIGATIONS, ComplaintRow, Deadline, RowShape
from agents.dashboard.figures import DisplayContext
from agents.dashboard.listing import ORDERS, Condition, ListPage, Query, conditions, require_known
from agents.mirror.stores import Reading
from events.vocabulary import OPEN, ClockName, Status

_TIMEOUT_S: Final = 20
_WHOLE_TIMEOUT_S: Final = 120
"""Time limit of each part of a full list; the first part needs the sort of all."""
_PART: Final = 2_000
_CLOCKS: Final = sorted(ClockName)
_BITS: Final = len(_CLOCKS).bit_length()
"""A deadline as one number, the due time with the clock in its last bits, so that MIN() finds the first."""


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


_MASK: Final = 2**_BITS - 1
_LISTED: Final = (
    (files("agents.dashboard") / "listed.sql")
    .read_text("utf-8")
    .format(
        obligations=_quoted(sorted(OBLIGATIONS)),
        open=_quoted(sorted(OPEN)),
        verified=Status.VERIFIED,
        to_number=" ".join(f"WHEN '{name}' THEN {number}" for number, name in enumerate(_CLOCKS)),
        to_name=" ".join(f"WHEN {number} THEN '{name}'" for number, name in enumerate(_CLOCKS)),
        bits=_BITS,
        mask=_MASK,
    )
)
_ROW: Final = """
    status, office, disposed, exhausted, secret, why, category, rung,
    tracking_id, version, received, ended, coming, gone"""
"""Fields of `RowShape` and of `ComplaintRow`."""


class MirrorLists:
    """Lists from a mirror: all complaints.

    Args:
        target: file name, or URL of PostgreSQL.
        prefix: of the mirrored installation.
    """

    def __init__(self, target: str, prefix: str) -> None:
        self._target = target
        self._prefix = prefix

    def select(
        self, query: Query, now: datetime, context: DisplayContext, *, first: int = 0, most: int | None = None
    ) -> ListPage:
        """Return complaints of a list, see `Lists`."""
        where, values = _where(list(conditions(query, now, context)))
        order = f"FROM listed{where} ORDER BY {_order(query.sort)}"
        rows = f"{_LISTED} SELECT {_ROW} {order}"
        part = f"{_LISTED} SELECT {_ROW}, COUNT(*) OVER () {order} LIMIT %s OFFSET %s"
        with Reading(self._target, timeout_s=_TIMEOUT_S, prefix=self._prefix) as reading:
            page = [] if most is None else reading.rows(part, [*values, most, first])
            # counted in the same query, in half the time
            counted = page or reading.rows(f"{_LISTED} SELECT COUNT(*) FROM listed{where}", values)  # noqa: S608 -- as above
            total = counted[0][-1]
            if not total:
                require_known(self, query, now, context)
        listed = self._all(rows, values) if most is None else [_row(each) for each in page]
        return ListPage(total, listed, mirrored=True, current_at=reading.current_at)

    def _all(self, statement: str, values: Sequence[object]) -> Iterator[ComplaintRow]:
        with Reading(self._target, timeout_s=_WHOLE_TIMEOUT_S, prefix=self._prefix) as reading:
            for part in reading.parts(statement, values, _PART):
                yield from (_row(each) for each in part)


def _where(wanted: Sequence[Condition]) -> tuple[str, list[object]]:
    """Return conditions as a SQL clause with its parameters."""
    tests, values = [], []
    for condition in wanted:
        alternatives = []
        for field in condition.fields:
            test, parameters = _test(field, condition.values)
            alternatives.append(test)
            values += parameters
        tests.append(f"({' OR '.join(alternatives)})")
    return (f" WHERE {' AND '.join(tests)}" if tests else ""), values


def _test(field: str, wanted: frozenset[Any] | range) -> tuple[str, list[object]]:
    if isinstance(wanted, range):
        return f"{field} >= %s AND {field} < %s", [wanted.start, wanted.stop]
    values = sorted(each for each in wanted if each is not None)
    tests = [f"{field} IN ({', '.join(['%s'] * len(values))})"] if values else []
    if None in wanted:
        tests.append(f"{field} IS NULL")
    return " OR ".join(tests), values


def _order(sort: str) -> str:
    field, absent = ORDERS[sort.removeprefix("-")]
    direction = " DESC" if sort.startswith("-") else ""
    first = f"COALESCE({field}, '') COLLATE \"C\"" if absent == "" else f"COALESCE({field}, {absent})"
    # by code point, as in Python, whatever the collation of the database
    return ", ".join(f"{each}{direction}" for each in (first, "length", 'tracking_id COLLATE "C"'))


def _row(row: tuple[Any, ...]) -> ComplaintRow:
    status, *shape = row[:8]
    number, version, received, ended, coming, gone = row[8:14]
    return ComplaintRow(
        RowShape(Status(status), *shape), number, version, received, ended, _deadline(coming), _deadline(gone)
    )


def _deadline(number: int | None) -> Deadline | None:
    return None if number is None else Deadline(number >> _BITS, _CLOCKS[number & _MASK])
