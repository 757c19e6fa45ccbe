"""Mapping of the columns of a table to the fields of a report.

By precedence: `--map`, the layout, the general names. An unused column that may matter stops the import, unless it is
ignored on request.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agents.integrations.entries import ADDED, BadLayout
from agents.integrations.layouts import Layout, catalogue, plain, plain_names
from events.wording import clipped

_SUGGESTED: Final = {
    "id": ("id",),
    "status": ("status",),
    "privacy": ("anonymous", "secret", "public", "privacy"),
    "name": ("name",),
    "date": ("received", "event_date"),
}
_LONGEST_NAME: Final = 80
_MOST_NAMES: Final = 100
_PRIVATE: Final = ("privacy", "anonymous", "secret", "public")


@dataclass(frozen=True)
class Columns:
    """Mapping from fields to columns of a table."""

    header: tuple[str, ...]
    positions: Mapping[str, int]
    layout: Layout
    ignored: frozenset[int] = frozenset()
    """Columns that are ignored on request or by the layout."""
    mapped: frozenset[str] = frozenset()
    """Fields whose column was named with `--map`."""

    def name(self, position: int) -> str:
        """Return the name of a column; its number if the name is missing or not unique."""
        name = self.header[position]
        return name if name and self.header.count(name) == 1 else _by_number(position)

    def name_of(self, field: str) -> str:
        """Return the name of a field's column, else of the field."""
        return self.name(self.positions[field]) if field in self.positions else field

    @property
    def unused(self) -> list[int]:
        """The columns without a field."""
        taken = set(self.positions.values())
        return [position for position in range(len(self.header)) if position not in taken]

    def __str__(self) -> str:
        pairs = ", ".join(f"{field}={self.name(position)}" for field, position in self.positions.items())
        left = _column_list([self.header[position] for position in self.unused])
        return pairs + (f" (not used: {left})" if left else "")


def choose_columns(
    header: Sequence[str],
    wanted: Sequence[str] = (),
    ignored: Sequence[str] = (),
    *,
    no_id: bool = False,
    layout: Layout | None = None,
) -> Columns:
    """Map columns to fields by `wanted` (`field=column`, or `field=` for none) and the layout, else detect it."""
    names = tuple(name.strip() for name in header)
    layout = layout or catalogue().layout_of(names)
    mapped = dict(_mapping_of(names, pair) for pair in wanted)
    left_out = {_position(names, name, f"--ignore {name}") for name in ignored}
    chosen = _positions(names, layout, mapped, left_out)
    if no_id:
        chosen.pop("id", None)
    of_no_use = {at for at, name in enumerate(names) if name and plain(name) in layout.ignored | ADDED}
    columns = Columns(names, chosen, layout, frozenset(of_no_use | left_out), frozenset(mapped))
    _require(columns, mapped, no_id=no_id)
    return columns


def _positions(
    names: tuple[str, ...], layout: Layout, mapped: Mapping[str, int | None], left_out: set[int]
) -> dict[str, int]:
    chosen: dict[str, int | None] = dict(mapped)
    taken = {position for position in chosen.values() if position is not None} | left_out
    in_turn = list(reversed(list(enumerate(names))))
    by_name = {plain_names(name)[1]: position for position, name in in_turn}
    by_name |= {plain(name): position for position, name in in_turn}
    # a column that a layout has for two fields remains available to the other one
    shared = {column for column in layout.fields.values() if list(layout.fields.values()).count(column) > 1}
    taken -= {by_name[column] for column in shared if column in by_name and by_name[column] not in left_out}
    for field, aliases in catalogue().fields.items():
        if field in chosen:
            continue
        names_of_field = (layout.fields[field],) if field in layout.fields else aliases
        of_no_use = layout.ignored - set(layout.fields.values())
        candidates = (by_name[alias] for alias in names_of_field if alias in by_name and alias not in of_no_use)
        chosen[field] = next((position for position in candidates if position not in taken), None)
        if (position := chosen[field]) is not None and field not in layout.fields:
            taken.add(position)
    return {field: position for field in catalogue().fields if (position := chosen.get(field)) is not None}


def _require(columns: Columns, mapped: Mapping[str, int | None], *, no_id: bool) -> None:
    """Raise BadLayout for a table without a required column."""
    there = columns.positions.keys()
    listed = f"the columns are {_column_list(columns.header)}"
    if not {"title", "body", "final"} & there:
        raise BadLayout(
            "no column is known to hold a title or a body: name them with --map title=COLUMN or --map body=COLUMN, or "
            f"the row of the header with --header-row; {listed}"
        )
    if "id" not in there and not no_id:
        raise BadLayout(
            "no column is known to hold the id, by which a report is recognized: name it with --map id=COLUMN, or "
            f"treat each row as its own report with --no-id; {listed}"
        )
    if "privacy" in columns.layout.needs and not set(_PRIVATE) & there and "privacy" not in mapped:
        raise BadLayout(
            f"{columns.layout.name} has a column for Anonim/Rahasia, and none is known here: name it with --map "
            f"privacy=COLUMN, or say with --map privacy= that no reporter asked for privacy; {listed}"
        )


def refuse_overlooked(columns: Columns, kinds: Mapping[int, str]) -> None:
    """Raise BadLayout with options for unused columns that may matter; `kinds` are those detected by values."""
    overlooked = {
        position: kind
        for position in columns.unused
        if position not in columns.ignored and (kind := _kind(columns, position, kinds.get(position)))
    }
    if not overlooked:
        return
    overlooked = {position: kind for position, kind in overlooked.items() if kind == "nik"} or overlooked
    listed = ", ".join(f"{columns.name(position)!r} ({_LOOKS[kind]})" for position, kind in overlooked.items())
    first, kind = next(iter(overlooked.items()))
    name = columns.name(first)
    such = " or ".join(f"--map '{field}={name}'" for field in _SUGGESTED.get(kind, ()))
    mapping = f"name each with --map (such as {such}), or leave it out on purpose" if such else "leave it out"
    raise BadLayout(f"not used, and may matter: {listed}: {mapping} with --ignore '{name}'")


_LOOKS: Final = {
    "id": "an id",
    "status": "a status",
    "privacy": "privacy",
    "nik": "an identity number, which no field of a report holds",
    "name": "who reports",
    "date": "a date",
}


def _kind(columns: Columns, position: int, by_cells: str | None) -> str | None:
    """Return the kind of a column by its name or cells; `id` only for a known name, or without a mapped id."""
    if by_cells == "privacy":
        return by_cells
    name = plain(columns.header[position])
    for kind, pattern in catalogue().looks_like.items():
        if pattern.search(name) and (kind != "id" or "id" not in columns.positions or name in catalogue().fields["id"]):
            return kind
    return by_cells


def _mapping_of(names: tuple[str, ...], pair: str) -> tuple[str, int | None]:
    field, equals, column = (part.strip() for part in pair.partition("="))
    if not equals:
        raise BadLayout(f"--map {pair}: write it as field=column")
    if field not in catalogue().fields:
        raise BadLayout(f"--map {pair}: there is no field {field!r}; use one of {', '.join(catalogue().fields)}")
    return field, _position(names, column, f"--map {pair}") if column else None


def _position(names: tuple[str, ...], column: str, option: str) -> int:
    same = [position for position, name in enumerate(names) if name == column]
    alike = same or [position for position, name in enumerate(names) if plain(name) == plain(column) != ""]
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise BadLayout(f"{option}: there are several: name one as {' or '.join(map(_by_number, alike))}")
    number = re.fullmatch(r"column ([0-9]{1,5})", column)
    if number and 0 < int(number[1]) <= len(names):
        return int(number[1]) - 1
    raise BadLayout(f"{option}: there is no column {column!r}; use one of {_column_list(names)}")


def _by_number(position: int) -> str:
    return f"column {position + 1}"


def _column_list(names: Sequence[str]) -> str:
    shown = [clipped(name, _LONGEST_NAME) for name in names if name]
    return ", ".join([*shown[:_MOST_NAMES], *(["…"] if len(shown) > _MOST_NAMES else [])])
