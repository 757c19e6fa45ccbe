"""Offices: their hierarchy, and which is competent for a report.

A dissolved office gets an ``until`` and stays in the file, since complaints refer to it; which offices exist depends on
the day.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Final, Protocol, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationInfo

from workflow.policy import place_names
from workflow.policy.document_errors import suggestion

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


_CATEGORIES: Final = 4_096
"""Number of categories with places whose competent offices are cached."""


class Level(StrEnum):
    """The rank of an office."""

    NATIONAL = "national"
    OVERSIGHT = "oversight"
    """Above all others."""
    PROVINCE = "province"
    CITY = "city"
    """A city or a regency, equal in rank."""
    UNIT = "unit"
    """A service of an agency, which follows up; all other levels are agencies."""


_ABOVE: Final[dict[Level, set[Level | None]]] = {
    Level.NATIONAL: {None},
    Level.OVERSIGHT: {None},
    Level.PROVINCE: {Level.NATIONAL},
    Level.CITY: {Level.PROVINCE},
    Level.UNIT: {Level.NATIONAL, Level.OVERSIGHT, Level.PROVINCE, Level.CITY},
}


class OfficesError(ValueError):
    """The offices are contradictory; `mistakes` has one line per reason, `sound` the offices without a mistake."""

    def __init__(self, *mistakes: str, sound: "Directory | None" = None) -> None:
        super().__init__(mistakes[0])
        self.mistakes = mistakes
        self.sound = sound


class UnknownOffice(LookupError):
    """There is and was no such office."""


def refer(name: str, info: ValidationInfo, *others: str) -> str:
    """Return the id of an office; raise ValueError if it is neither in the context's offices nor in `others`."""
    known: Collection[str] | None = (info.context or {}).get(KNOWN_OFFICES)
    if known is not None and name not in known and name not in others:
        raise ValueError(f'there is no office "{name}"{suggestion(name, (*others, *known))}')
    return name


OfficeId = Annotated[Slug, AfterValidator(refer)]
KNOWN_OFFICES: Final = "offices"
"""Key of the validation context: known ids; without it, references are not checked."""


def slug_of(category: str) -> str:
    """Return a category as a slug, as in offices and policies."""
    return "-".join(category.casefold().split())


def belongs(category: str, topics: Collection[str]) -> bool:
    """Return whether the category, or one of its parents, is among `topics`.

    Parents of a category are its prefixes of whole words: ``transportasi`` is a parent of ``transportasi-darat``.
    """
    return topic_of(category, topics) is not None


def topic_of(category: str, topics: Collection[str]) -> str | None:
    """Return the longest of `topics` that is the category or one of its parents; None without one."""
    words = category.split("-")
    beginnings = ("-".join(words[:count]) for count in range(len(words), 0, -1))
    return next((each for each in beginnings if each in topics), None)


class Office(BaseModel):
    """An office, with its own time zone and area or those of its agency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Slug
    name: Words
    level: Level
    parent: Slug | None = None
    zone: ZoneInfo
    province: Words | None = None
    city: Words | None = None
    categories: frozenset[Slug] = frozenset()
    """The topics of a unit; a generalist has none."""
    since: date | None = None
    until: date | None = None
    """Last day of the office itself. A unit also ends with its agency: `Directory.last_day`."""

    def handles(self, category: str) -> bool:
        """Return whether the category, or one of its parents, is among the office's topics."""
        return belongs(category, self.categories)


class _Placed(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def parent(self) -> str | None: ...


Placed = TypeVar("Placed", bound=_Placed)


@dataclass(frozen=True, slots=True)
class Listed:
    """Position of an office in the tree, as written; None for absent values."""

    id: str
    level: Level | None
    """None also for an unreadable level."""
    parent: str | None
    parent_misread: bool = False


def misplaced(offices: Sequence[Listed]) -> Iterator[tuple[str, str]]:
    """Yield contradictions in the tree with the id of the office, without consequences of others."""
    by_id: dict[str, Listed] = {}
    for office in offices:
        if office.id in by_id:
            yield office.id, "there are two of this id"
        by_id.setdefault(office.id, office)
    for office in offices:
        if mistake := _misplaced(office, by_id):
            yield office.id, mistake


def _misplaced(office: Listed, offices: Mapping[str, Listed]) -> str | None:
    above = offices.get(office.parent) if office.parent else None
    if office.parent and above is None:
        return f'there is no office "{office.parent}" to be its parent{suggestion(office.parent, offices)}'
    circle = _circle(office, offices) if offices[office.id] is office else []
    if circle:
        first = office.id == min(circle)
        return f"its parents go round in a circle ({' > '.join([*circle, office.id])})" if first else None
    if office.level is None or office.parent_misread or (above is not None and above.level is None):
        return None
    level = above.level if above else None
    if level in _ABOVE[office.level]:
        return None
    expected = " or ".join(str(each) for each in Level if each in _ABOVE[office.level]) or "no"
    return f"a {office.level} office needs {expected} parent, not {level}"


def _circle(office: Listed, offices: Mapping[str, Listed]) -> list[str]:
    """Return the cycle of offices from this one up to itself; none if there is no cycle."""
    path = [office, *superiors(office, offices)]
    return [each.id for each in path] if path[-1].parent == office.id else []


def superiors(office: Placed, offices: Mapping[str, Placed]) -> Iterator[Placed]:
    """Yield the existing offices above, nearest first; each once, also in a cycle."""
    seen, above = {office.id}, offices.get(office.parent or "")
    while above is not None and above.id not in seen:
        seen.add(above.id)
        yield above
        above = offices.get(above.parent or "")


class Directory:
    """All offices, with look-ups by id, hierarchy and competence.

    Raises OfficesError for a duplicate id, and for a parent that is missing or of the wrong level.
    """

    def __init__(self, offices: Iterable[Office]) -> None:
        listed = list(offices)
        contradictions = misplaced([Listed(office.id, office.level, office.parent) for office in listed])
        if mistakes := [f'office "{name}": {mistake}' for name, mistake in contradictions]:
            raise OfficesError(*mistakes)
        self._offices = {office.id: office for office in listed}
        self._children: dict[str, list[str]] = defaultdict(list)
        self._provinces: dict[str, list[Office]] = defaultdict(list)
        self._cities: dict[str, list[tuple[place_names.City, Office]]] = defaultdict(list)
        for office in self._offices.values():
            self._place(office)
        self._spans = {name: self._span(name) for name in self._offices}
        # cached: very many reports are about few categories and places
        self._ranked = lru_cache(maxsize=_CATEGORIES)(self._rank)

    def __contains__(self, office: object) -> bool:
        """Return whether the office exists or has ever existed."""
        return office in self._offices

    def __iter__(self) -> Iterator[Office]:
        return iter(self._offices.values())

    def get(self, office: str) -> Office:
        """Return the office with this id; raises UnknownOffice."""
        try:
            return self._offices[office]
        except KeyError:
            raise UnknownOffice(f'there is no office "{office}"') from None

    def exists_on(self, office: str, day: date) -> bool:
        """Return whether the office exists on that day."""
        span = self._spans.get(office)
        return span is not None and span[0] <= day <= span[1]

    def last_day(self, office: str) -> date | None:
        """Return the last day of an office, limited by that of its agency; None while it has no end."""
        last = self.span(office)[1]
        return None if last == date.max else last

    def span(self, office: str) -> tuple[date, date]:
        """Return the first and last day of an office, limited by those of its agency; raises UnknownOffice."""
        return self._spans[self.get(office).id]

    def superior(self, office: str) -> str | None:
        """Return the office above, None at the top; raises UnknownOffice."""
        return self.get(office).parent

    def superior_on(self, office: str, day: date) -> str | None:
        """Return the nearest superior office that exists on that day; None if there is none."""
        above = self.superior(office)
        while above is not None and not self.exists_on(above, day):
            above = self.superior(above)
        return above

    def agency(self, office: str) -> str:
        """Return the agency a unit belongs to; an agency is its own. Raises UnknownOffice."""
        unit = self.get(office)
        return unit.parent if unit.level is Level.UNIT and unit.parent else unit.id

    def children(self, office: str) -> tuple[str, ...]:
        """Return the offices directly below; raises UnknownOffice."""
        return tuple(self._children.get(self.get(office).id, ()))

    def units_below(self, office: str) -> tuple[str, ...]:
        """Return all units below this office, at any depth; raises UnknownOffice."""
        units: list[str] = []
        for child in self.children(office):
            units += [child] if self._offices[child].level is Level.UNIT else self.units_below(child)
        return tuple(units)

    def is_below(self, office: str, ancestor: str) -> bool:
        """Return whether ``ancestor`` is a direct or indirect superior of ``office``; no office is below itself."""
        above = self.superior(office)
        while above is not None and above != ancestor:
            above = self.superior(above)
        return above is not None

    def candidates(
        self, category: str | None, province: str | None, city: str | None, day: date, excluding: Collection[str] = ()
    ) -> list[str]:
        """Return the offices that are competent for a report, the most specific first.

        First the units of the city or regency that handle the category, then the city itself, then the same for the
        province. A city that is ambiguous, or not in the given province, is skipped. Without a known place there is
        none.
        """
        return [office for office in self._ranked(category, province, city, day) if office not in excluding]

    def _rank(self, category: str | None, province: str | None, city: str | None, day: date) -> tuple[str, ...]:
        local = self._city(province, city, day)
        regional = self.get(local.parent) if local and local.parent else self._province(province, day)
        ranked: list[str] = []
        for agency in filter(None, (local, regional)):
            ranked += self._find_competent_units(agency.id, category)
            ranked.append(agency.id)
        return tuple(office for office in ranked if self.exists_on(office, day))

    def area(self, province: str | None, city: str) -> place_names.City:
        """Return the city or regency of a name, with its kind if that is unambiguous."""
        named = place_names.city(city)
        regional = place_names.province(province or "")
        kinds = {
            area.kind
            for area, office in self._cities.get(named.name, ())
            if not regional or place_names.province(office.province or "") == regional
        }
        return named._replace(kind=kinds.pop()) if named.kind is None and len(kinds) == 1 else named

    def _span(self, name: str) -> tuple[date, date]:
        offices = [self._offices[each] for each in (name, self.agency(name))]
        return max(each.since or date.min for each in offices), min(each.until or date.max for each in offices)

    def _place(self, office: Office) -> None:
        if office.parent:
            self._children[office.parent].append(office.id)
        if office.level is Level.PROVINCE:
            self._provinces[place_names.province(office.province or office.name)].append(office)
        if office.level is Level.CITY:
            area = place_names.city(office.city or office.name)
            self._cities[area.name].append((area, office))

    def _city(self, province: str | None, city: str | None, day: date) -> Office | None:
        if not city:
            return None
        named = place_names.city(city)
        regional = self._province(province, day)
        cities = [
            office
            for area, office in self._cities.get(named.name, ())
            if named.may_be(area)
            and self.exists_on(office.id, day)
            and (not province or (regional and office.parent == regional.id))
        ]
        return cities[0] if len(cities) == 1 else None

    def _province(self, province: str | None, day: date) -> Office | None:
        named = self._provinces.get(place_names.province(province or ""), ())
        provinces = [office for office in named if self.exists_on(office.id, day)]
        return provinces[0] if len(provinces) == 1 else None

    def _find_competent_units(self, agency: str, category: str | None) -> tuple[str, ...]:
        """Return the units that handle the category, first those that list the category itself."""
        if not category:
            return ()
        slug = slug_of(category)
        units = [self._offices[child] for child in self._children.get(agency, ())]
        competent = [unit for unit in units if unit.level is Level.UNIT and unit.handles(slug)]
        return tuple(unit.id for unit in sorted(competent, key=lambda unit: slug not in unit.categories))
