"""Which column of a table is which field of a report.

What `--map` names goes first, then what the layout knows, then the general names. What is left over and looks as if it
mattered stops the import, unless it is left out on purpose.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agents.integrations.entries import BadLayout
from agents.integrations.layouts import Layout, catalogue, plain, plain_names
from agents.integrations.reject_columns import ADDED
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
    """Where in a row each field stands; fields without a column are left out."""

    header: tuple[str, ...]
    positions: Mapping[str, int]
    layout: Layout
    ignored: frozenset[int] = frozenset()
    """Columns that are left out on purpose, or known to the layout as of no use here."""
    asked: frozenset[str] = frozenset()
    """Fields whose column was named by the one who submits."""

    def name(self, position: int) -> str:
        """Return what a column is called; one without a name, or with that of another, by its number."""
        name = self.header[position]
        return name if name and self.header.count(name) == 1 else _numbered(position)

    def name_of(self, field: str) -> str:
        """Return what the column of a field is called; the field itself where it has none."""
        return self.name(self.positions[field]) if field in self.positions else field

    @property
    def unused(self) -> list[int]:
        """The columns that no field takes."""
        taken = set(self.positions.values())
        return [position for position in range(len(self.header)) if position not in taken]

    def __str__(self) -> str:
        """Say which field takes which column."""
        pairs = ", ".join(f"{field}={self.name(position)}" for field, position in self.positions.items())
        left = _listed([self.header[position] for position in self.unused])
        return pairs + (f" (not used: {left})" if left else "")


def choose_columns(
    header: Sequence[str],
    wanted: Sequence[str] = (),
    ignored: Sequence[str] = (),
    *,
    no_id: bool = False,
    layout: Layout | None = None,
) -> Columns:
    """Find the column of each field; `wanted` are `field=column`, or `field=` for none.

    Without a `layout` it is the one that the header shows.

    Raises:
        BadLayout: a wanted column does not exist, or one that is needed was not found.
    """
    names = tuple(name.strip() for name in header)
    layout = layout or catalogue().layout_of(names)
    asked = dict(_wanted(names, pair) for pair in wanted)
    left_out = {_position(names, name, f"--ignore {name}") for name in ignored}
    chosen = _found(names, layout, asked, left_out)
    if no_id:
        chosen.pop("id", None)
    of_no_use = {at for at, name in enumerate(names) if name and plain(name) in layout.ignored | ADDED}
    columns = Columns(names, chosen, layout, frozenset(of_no_use | left_out), frozenset(asked))
    _require(columns, asked, no_id=no_id)
    return columns


def _found(
    names: tuple[str, ...], layout: Layout, asked: Mapping[str, int | None], left_out: set[int]
) -> dict[str, int]:
    chosen: dict[str, int | None] = dict(asked)
    taken = {position for position in chosen.values() if position is not None} | left_out
    in_turn = list(reversed(list(enumerate(names))))
    place = {plain_names(name)[1]: position for position, name in in_turn}
    place |= {plain(name): position for position, name in in_turn}
    # where a layout has one column for two fields, asking for one leaves it to the other
    shared = {column for column in layout.fields.values() if list(layout.fields.values()).count(column) > 1}
    taken -= {place[column] for column in shared if column in place and place[column] not in left_out}
    for field, aliases in catalogue().fields.items():
        if field in chosen:
            continue
        known = (layout.fields[field],) if field in layout.fields else aliases
        of_no_use = layout.ignored - set(layout.fields.values())
        found = (place[alias] for alias in known if alias in place and alias not in of_no_use)
        chosen[field] = next((position for position in found if position not in taken), None)
        if (position := chosen[field]) is not None and field not in layout.fields:
            taken.add(position)
    return {field: position for field in catalogue().fields if (position := chosen.get(field)) is not None}


def _require(columns: Columns, asked: Mapping[str, int | None], *, no_id: bool) -> None:
    """Refuse a table that lacks what it cannot do without."""
    there = columns.positions.keys()
    listed = f"the columns are {_listed(columns.header)}"
    if not {"title", "body", "final"} & there:
        raise BadLayout(
            "no column is known to hold a title or a body: name them with --map title=COLUMN or --map body=COLUMN; "
            f"{listed}"
        )
    if "id" not in there and not no_id:
        raise BadLayout(
            "no column is known to hold the id, by which a report is known again: name it with --map id=COLUMN, or "
            f"take each row for a report of its own with --no-id; {listed}"
        )
    if "privacy" in columns.layout.needs and not set(_PRIVATE) & there and "privacy" not in asked:
        raise BadLayout(
            f"{columns.layout.name} has a column for Anonim/Rahasia, and none is known here: name it with --map "
            f"privacy=COLUMN, or say with --map privacy= that nobody asked for privacy; {listed}"
        )


def refuse_overlooked(columns: Columns, kinds: Mapping[int, str]) -> None:
    """Stop where a column that is not used may matter; `kinds` are those found by what stands in them.

    Raises:
        BadLayout: there are such columns; the line has the options to decide about each.
    """
    found = {
        position: kind
        for position in columns.unused
        if position not in columns.ignored and (kind := _kind(columns, position, kinds.get(position)))
    }
    if not found:
        return
    told = ", ".join(f"{columns.name(position)!r} ({_LOOKS[kind]})" for position, kind in found.items())
    first, kind = next(iter(found.items()))
    name = columns.name(first)
    such = " or ".join(f"--map '{field}={name}'" for field in _SUGGESTED[kind])
    raise BadLayout(
        f"not used, and may matter: {told}: name each with --map (such as {such}), or leave it out on purpose with "
        f"--ignore '{name}'"
    )


_LOOKS: Final = {
    "id": "an id",
    "status": "a status",
    "privacy": "privacy",
    "name": "who reports",
    "date": "a date",
}


def _kind(columns: Columns, position: int, by_cells: str | None) -> str | None:
    """Return what a column's name or its cells look like; ids of other things beside the report's own are none."""
    if by_cells == "privacy":
        return by_cells
    name = plain(columns.header[position])
    for kind, pattern in catalogue().looks_like.items():
        if pattern.search(name) and (kind != "id" or "id" not in columns.positions or name in catalogue().fields["id"]):
            return kind
    return by_cells


def _wanted(names: tuple[str, ...], pair: str) -> tuple[str, int | None]:
    field, equals, column = (part.strip() for part in pair.partition("="))
    if not equals:
        raise BadLayout(f"--map {pair}: write it as field=column")
    if field not in catalogue().fields:
        raise BadLayout(f"--map {pair}: there is no field {field!r}; there are {', '.join(catalogue().fields)}")
    return field, _position(names, column, f"--map {pair}") if column else None


def _position(names: tuple[str, ...], column: str, option: str) -> int:
    same = [position for position, name in enumerate(names) if name == column]
    alike = same or [position for position, name in enumerate(names) if plain(name) == plain(column) != ""]
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise BadLayout(f"{option}: there are several: name one as {' or '.join(map(_numbered, alike))}")
    number = re.fullmatch(r"column ([0-9]{1,5})", column)
    if number and 0 < int(number[1]) <= len(names):
        return int(number[1]) - 1
    raise BadLayout(f"{option}: there is no column {column!r}; there are {_listed(names)}")


def _numbered(position: int) -> str:
    return f"column {position + 1}"


def _listed(names: Sequence[str]) -> str:
    shown = [clipped(name, _LONGEST_NAME) for name in names if name]
    return ", ".join([*shown[:_MOST_NAMES], *(["…"] if len(shown) > _MOST_NAMES else [])])
