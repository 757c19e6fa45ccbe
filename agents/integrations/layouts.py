"""Layouts of imported files, from `layouts.toml`: names of columns, and known words for a status."""

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Final

from pydantic import BaseModel

from events.vocabulary import ComplaintClass

_FILE: Final = resources.files("agents.integrations") / "layouts.toml"


class Layout(BaseModel, frozen=True, extra="forbid"):
    """A known layout of a table."""

    name: str = "a table"
    source: str | None = None
    """The channel of its files; None if each file has its own."""
    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    zone: str | None = None
    """Zone of times without one."""
    id: str | None = None
    """Pattern of its ids."""
    fields: Mapping[str, str] = {}
    ignored: frozenset[str] = frozenset()

    def matches(self, names: Collection[str]) -> bool:
        """Check whether a header with these normalized names has this layout."""
        return set(self.all) <= set(names) and (not self.any or any(name in names for name in self.any))


class Catalogue(BaseModel, frozen=True, extra="forbid"):
    """All of `layouts.toml`."""

    fields: Mapping[str, tuple[str, ...]]
    looks_like: Mapping[str, re.Pattern[str]]
    privacy_names: Mapping[str, re.Pattern[str]]
    """Patterns of names about privacy, by their kind (`privacy.py`)."""
    words: Mapping[str, frozenset[str]]
    status: Mapping[str, tuple[str, ...]]
    country: Mapping[str, Any]
    months: dict[str, int]
    classes: Mapping[str, ComplaintClass]
    layouts: tuple[Layout, ...]

    @property
    def names(self) -> frozenset[str]:
        """All known names of columns."""
        of_layouts = (name for each in self.layouts for name in (*each.fields.values(), *each.all, *each.any))
        return frozenset([*(name for names in self.fields.values() for name in names), *of_layouts])

    def layout_of(self, header: Sequence[str]) -> Layout:
        """Return the known layout of a table with this header, else the general one."""
        names = frozenset(map(plain, header))
        return next((layout for layout in self.layouts if layout.matches(names)), Layout())

    def layout_named(self, name: str) -> Layout:
        """Return a known layout by its name."""
        return next(layout for layout in self.layouts if layout.name == name)


@dataclass(frozen=True)
class StatusWords:
    """Words for a status: of the command line, then of `layouts.toml`."""

    open: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()

    def is_over(self, word: str) -> bool | None:
        """Return whether a status is settled; None for an unknown word."""
        name, general = plain(word), catalogue().status
        for words, over in (
            (self.closed, True),
            (self.open, False),
            (general["closed"], True),
            (general["open"], False),
        ):
            if any(
                name == plain(each) or (each.endswith("*") and name.startswith(f"{plain(each)}_")) for each in words
            ):
                return over
        return None


@lru_cache(maxsize=4_096)
def plain(name: str) -> str:
    """Return a normalized name: in lower case, with one `_` for each run of other characters."""
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


def plain_names(name: str) -> tuple[str, str]:
    """Return the normalized name in a header, and the same without a suffix in brackets."""
    return plain(name), plain(re.sub(r"\s*\(.*", "", name))


@cache
def catalogue() -> Catalogue:
    """Return the catalogue, read once."""
    return Catalogue.model_validate(tomllib.loads(_FILE.read_text(encoding="utf-8")))
