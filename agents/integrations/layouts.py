"""What files of others look like, as `layouts.toml` has it: names of columns, words for where a request stands."""

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Final

_FILE: Final = resources.files("agents.integrations") / "layouts.toml"


@dataclass(frozen=True)
class Layout:
    """A known kind of table."""

    name: str = "a table"
    source: str | None = None
    """The channel of its files; None where each is one of its own."""
    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    zone: str | None = None
    """In which its times are, where they name none."""
    id: str | None = None
    """A pattern that each id has."""
    fields: Mapping[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()

    def matches(self, names: Collection[str]) -> bool:
        """Tell whether a header with these plain names has this layout."""
        return set(self.all) <= set(names) and (not self.any or any(name in names for name in self.any))


@dataclass(frozen=True)
class Catalogue:
    """All of `layouts.toml`."""

    fields: Mapping[str, tuple[str, ...]]
    looks_like: Mapping[str, re.Pattern[str]]
    privacy_names: Mapping[str, re.Pattern[str]]
    """Patterns of names that are about privacy, by what they are about (`privacy.py`)."""
    words: Mapping[str, frozenset[str]]
    status: Mapping[str, tuple[str, ...]]
    country: Mapping[str, Any]
    layouts: tuple[Layout, ...]

    @property
    def names(self) -> frozenset[str]:
        """Every name that a column is known by."""
        of_layouts = (name for each in self.layouts for name in (*each.fields.values(), *each.all, *each.any))
        return frozenset([*(name for names in self.fields.values() for name in names), *of_layouts])

    def layout_of(self, header: Sequence[str]) -> Layout:
        """Return the known layout of a table with this header, else the general one."""
        names = frozenset(map(plain, header))
        return next((layout for layout in self.layouts if layout.matches(names)), Layout())

    def layout_named(self, name: str) -> Layout:
        """Return a known layout by its name."""
        return next(layout for layout in self.layouts if layout.name == name)


def plain(name: str) -> str:
    """Return a name as names are compared."""
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


def plain_names(name: str) -> tuple[str, str]:
    """Return the names that a header may be meant as: all of it, and without what stands in brackets behind it."""
    return plain(name), plain(re.sub(r"\s*\(.*", "", name))


@cache
def catalogue() -> Catalogue:
    """Return what is known; read once."""
    document = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    patterns = {
        part: {name: re.compile(pattern) for name, pattern in document[part].items()}
        for part in ("looks_like", "privacy_names")
    }
    return Catalogue(
        fields={name: tuple(names) for name, names in document["fields"].items()},
        words={name: frozenset(words) for name, words in document["words"].items()},
        status={name: tuple(words) for name, words in document["status"].items()},
        country=document["country"],
        layouts=tuple(_layout(each) for each in document["layouts"]),
        **patterns,
    )


def _layout(given: Mapping[str, Any]) -> Layout:
    lists = {name: tuple(given.get(name, ())) for name in ("all", "any", "needs")}
    return Layout(
        name=given["name"],
        source=given["source"],
        zone=given.get("zone"),
        id=given.get("id"),
        fields=given["fields"],
        ignored=frozenset(given["ignored"]),
        **lists,
    )
