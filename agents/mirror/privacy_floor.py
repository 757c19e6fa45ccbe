"""Privacy floor of open data: what may be published of a quarter's counts (docs/how-to/analyse.md).

Published numbers of complaints are exact. Groups below the floor share an unnamed row, if need be with the smallest
groups above it, so that no hidden number can be computed from totals or other tables. Shares of a group are published
as a band of at least as many complaints as the floor.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, NamedTuple

FLOOR: Final = 5
_BANDS: Final = 10
_ENOUGH: Final = FLOOR * _BANDS
_COUNTED: Final = ("received", "answered", "in_time")
OTHERS: Final = ""
"""Name of the merged row, which includes secret complaints."""
Table = str
_Key = tuple[Table, str, str]
"""Table, parent and group."""


class Cell(NamedTuple):
    """Counts of the view `public_counts`; a secret or unknown place, office or category is None."""

    province: str | None
    city: str | None
    agency: str | None
    agency_city: str | None
    category: str | None
    received: int
    answered: int
    in_time: int


@dataclass(frozen=True, slots=True)
class Row:
    """Published row of a group. `answered` and `in_time` are bounds in percent of the received complaints."""

    table: Table
    within: str
    """The province of a city."""
    group: str
    received: int
    answered: tuple[int, int] | None = None
    in_time: tuple[int, int] | None = None

    @property
    def key(self) -> "_Key":
        """Key of the row within its quarter."""
        return self.table, self.within, self.group


@dataclass(frozen=True, slots=True)
class Quarter:
    """A published quarter: exact counts of the country, and rows of groups."""

    name: str
    received: int
    answered: int | None
    in_time: int | None
    rows: tuple[Row, ...]

    def document(self) -> dict[str, Any]:
        """Return the quarter as a JSON document."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Quarter":
        """Return the quarter of a JSON document."""

        def bounds(pair: list[int] | None) -> tuple[int, int] | None:
            return None if pair is None else (pair[0], pair[1])

        rows = (
            Row(**{**each, "answered": bounds(each["answered"]), "in_time": bounds(each["in_time"])})
            for each in document["rows"]
        )
        return cls(**{**document, "rows": tuple(rows)})


_Group = Counter[str]
"""Counts `received`, `answered` and `in_time` of a group."""
_ALL: Final = ("national", "", "")


def published(name: str, cells: Sequence[Cell]) -> Quarter | None:
    """Return the publishable counts of a quarter; None if all of it is below the floor."""
    groups: defaultdict[_Key, _Group] = defaultdict(_Group)
    twins: dict[_Key, _Key] = {}
    for cell in cells:
        agency = ("office", "", cell.agency)
        city = ("area", cell.province, cell.city)
        for table, parent, group in (_ALL, ("area", "", cell.province), city, agency, ("category", "", cell.category)):
            if parent is not None and group is not None:
                groups[table, parent, group].update({name: getattr(cell, name) for name in _COUNTED})
        if cell.agency and cell.agency_city == cell.city and cell.province and cell.city:
            # a city's agency and the city have nearly the same complaints
            twins["office", "", cell.agency] = ("area", cell.province, cell.city)
    whole = groups[_ALL]
    if whole["received"] < FLOOR:
        return None
    chosen = _chosen({key: group["received"] for key, group in groups.items()}, twins)
    rows = [Row(*key, groups[key]["received"]) for key in chosen if key != _ALL]
    parents = {(key[0], key[1]) for key in chosen if key != _ALL}
    sums: dict[_Key, _Group] = {key: groups[key] for key in chosen}
    for table, parent in parents:
        rest = groups[_parent_of(table, parent)].copy()
        for key in chosen - {_ALL}:
            if key[:2] == (table, parent):
                rest.subtract(groups[key])
        if rest["received"]:
            rows.append(Row(table, parent, OTHERS, rest["received"]))
            sums[table, parent, OTHERS] = rest
    received, answered, in_time = (whole[name] for name in _COUNTED)
    parts = (in_time, answered - in_time, received - answered)
    exact = all(part >= FLOOR for part in parts)
    rows = _with_bands(sorted(rows, key=lambda row: (row.table, row.within, not row.group, row.group)), sums, whole)
    return Quarter(name, received, answered if exact else None, in_time if exact else None, tuple(rows))


def _parent_of(table: Table, parent: str) -> _Key:
    return (table, "", parent) if parent else _ALL


def _chosen(sizes: Mapping[_Key, int], twins: Mapping[_Key, _Key]) -> set[_Key]:
    """Return the groups that get their own row."""
    families: defaultdict[tuple[Table, str], list[_Key]] = defaultdict(list)
    for key in sizes:
        families[key[:2]].append(key)
    chosen = {key for key, size in sizes.items() if size >= FLOOR}
    # the only city of a province is the province
    only = {child: _parent_of(*child[:2]) for child, *more in families.values() if not more}
    same = [*twins.items(), *((child, above) for child, above in only.items() if sizes[child] == sizes[above])]
    while True:
        before = len(chosen)
        for (table, parent), members in families.items():
            if (table, parent) != _ALL[:2]:
                above = _parent_of(table, parent)
                chosen -= set(members) - _separable(members, sizes, sizes[above], chosen if above in chosen else ())
        for one, other in same:
            if (one in chosen) != (other in chosen):
                chosen -= {one, other}
        if len(chosen) == before:
            return chosen


def _separable(members: Sequence[_Key], sizes: Mapping[_Key, int], whole: int, chosen: Collection[_Key]) -> set[_Key]:
    """Return the groups whose own rows reveal no hidden number.

    Hidden are either no groups, or several that each could have FLOOR different numbers from 1 on. Complaints without a
    group do not make that safer, since another table may show their number.
    """
    named = sorted((each for each in members if each in chosen), key=lambda each: (sizes[each], each))
    grouped = sum(sizes[each] for each in members)
    ungrouped = whole - grouped
    while named:
        merged, rest = len(members) - len(named), grouped - sum(sizes[each] for each in named)
        if (merged > 1 and rest - merged >= FLOOR - 1) or (not merged and (not ungrouped or ungrouped >= FLOOR)):
            break
        del named[0]
    return set(named)


def _with_bands(rows: list[Row], sums: Mapping[_Key, _Group], whole: _Group) -> list[Row]:
    """Return the rows, large ones with bands; no bands if the country's counts would narrow one below the floor."""
    bands_of = {}
    for name in ("answered", "in_time"):
        bands = {key: _band(sums[key][name], row.received) for row in rows for key in [row.key]}
        candidates = narrowed(rows, bands, whole[name])
        wide = all(bands[key] is None or high - low + 1 >= FLOOR for key, (low, high) in candidates.items())
        bands_of[name] = bands if wide else {}
    answered, in_time = bands_of["answered"], bands_of["in_time"]
    return [replace(row, answered=answered.get(row.key), in_time=in_time.get(row.key)) for row in rows]


def _band(count: int, received: int) -> tuple[int, int] | None:
    if received < _ENOUGH:
        return None
    low = min(count * _BANDS // received, _BANDS - 1) * 100 // _BANDS
    return low, low + 100 // _BANDS


def narrowed(
    rows: Sequence[Row], bands: Mapping[_Key, tuple[int, int] | None], whole: int
) -> dict[_Key, tuple[int, int]]:
    """Return the possible counts of each row, given its band, its sibling rows and the country's count."""
    ranges = {_ALL: (whole, whole)}
    for row in rows:
        low, high = bands[row.key] or (0, 100)
        ranges[row.key] = (-(-row.received * low // 100), row.received * high // 100)
    families: defaultdict[_Key, list[_Key]] = defaultdict(list)
    for row in rows:
        families[_parent_of(row.table, row.within)].append(row.key)
    sums = [(above, [key for key in members if key[0] == table])
            for above, members in families.items() for table in sorted({key[0] for key in members})]  # fmt: skip
    changed = True
    while changed:
        changed = False
        for above, members in sums:
            lows, highs = (sum(ranges[key][end] for key in members) for end in (0, 1))
            fresh = {above: (max(ranges[above][0], lows), min(ranges[above][1], highs))}
            for key in members:
                low, high = ranges[key]
                fresh[key] = (
                    max(low, ranges[above][0] - (highs - high)),
                    min(high, ranges[above][1] - (lows - low)),
                )
            changed |= any(ranges[key] != bounds for key, bounds in fresh.items())
            ranges |= fresh
    del ranges[_ALL]
    return ranges
