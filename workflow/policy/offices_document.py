"""Document of the offices: parses the agencies with their units, and fills in inherited values."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workflow.policy import document_errors
from workflow.policy.offices import Directory, Level, Listed, Office, OfficesError, Slug, Words, misplaced, superiors

_AREAS: Final = {Level.PROVINCE, Level.CITY}
_NEEDED: Final = {"zone": set(Level), "province": _AREAS, "city": {Level.CITY}}
"""Required values of agencies by level; except for the city's key, they may be inherited."""
_NO_SLUG: Final = re.compile(r"[^a-z0-9]+")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Unit(_Model):
    id: Slug
    name: Words
    categories: Annotated[frozenset[Slug], Field(min_length=1)]
    since: date | None = None
    until: date | None = None


class _Agency(_Model):
    id: Slug
    name: Words
    level: Level
    parent: Slug | None = None
    zone: ZoneInfo | None = None
    province: Words | None = None
    city: Words | None = None
    since: date | None = None
    until: date | None = None
    units: tuple[_Unit, ...] = ()


class _Document(_Model):
    offices: Annotated[tuple[_Agency, ...], Field(min_length=1)]


def parse_offices(document: Mapping[str, Any]) -> Directory:
    """Parse the agencies, each with its units, from a document.

    An agency inherits missing values from its superior: the zone and, below a province, its area. A unit inherits both
    from its agency. Raises OfficesError naming each office with a mistake.
    """
    agencies, errors = None, list[str]()
    try:
        agencies = _Document.model_validate(document).offices
    except ValidationError as error:
        errors = [
            f"{_with_office_name(document, path)}: {each}" for path, each in document_errors.problems(error, _Document)
        ]
    written = _written(document)
    astray = list(misplaced([place for place, _ in written]))
    of_offices = [*astray, *_without_area(written, dict(astray))]
    errors += [f'office "{name}": {mistake}' for name, mistake in of_offices]
    if errors or agencies is None:
        raise OfficesError(*dict.fromkeys(errors), sound=_sound(document, {name for name, _ in of_offices}))
    return _directory(agencies)


def _sound(document: Mapping[str, Any], wrong: set[str]) -> Directory:
    """Return the offices without a mistake of their own or above them."""
    agencies: dict[str, _Agency] = {}
    for written in _tables(document.get("offices")):
        with suppress(ValidationError):
            agency = _Agency.model_validate(written)
            units = tuple(unit for unit in agency.units if unit.id not in wrong)
            agencies[agency.id] = agency.model_copy(update={"units": units})
    sound = agencies.keys() - wrong
    while below := {name for name in sound if (parent := agencies[name].parent) is not None and parent not in sound}:
        sound -= below
    return _directory([agency for name, agency in agencies.items() if name in sound])


def _directory(agencies: Sequence[_Agency]) -> Directory:
    by_id = {agency.id: agency for agency in agencies}
    offices: list[Office] = []
    for agency in agencies:
        offices.append(_complete(agency, by_id))
        offices += [_unit_of(offices[-1], unit) for unit in agency.units]
    return Directory(offices)


def known_offices(document: Mapping[str, Any]) -> set[str]:
    """Return the ids of the offices, the most probable id of an unreadable one."""
    return {place.id for place, _ in _written(document)}


def _written(document: Mapping[str, Any]) -> list[tuple[Listed, Mapping[str, Any]]]:
    """Return the agencies and units that are tables, each with its position and content."""
    listed: list[tuple[Listed, Mapping[str, Any]]] = []
    for agency in _tables(document.get("offices")):
        written, parent = agency.get("level"), agency.get("parent")
        slug = parent if isinstance(parent, str) and parent == _slug(parent) else None
        level = Level(written) if written in list(Level) else None
        place = Listed(_slug(agency.get("id", agency.get("name"))), level, slug, parent_misread=parent != slug)
        listed.append((place, agency))
        units = _tables(agency.get("units"))
        listed += [(Listed(_slug(unit.get("id", unit.get("name"))), Level.UNIT, place.id), unit) for unit in units]
    return listed


def _tables(written: object) -> list[Mapping[str, Any]]:
    return [each for each in written if isinstance(each, Mapping)] if isinstance(written, list | tuple) else []


def _slug(written: object) -> str:
    return _NO_SLUG.sub("-", str(written).lower()).strip("-")


def _without_area(
    offices: list[tuple[Listed, Mapping[str, Any]]], astray: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield missing areas, of offices that inherit one only for the highest."""
    by_id = {place.id: place for place, _ in reversed(offices)}
    for place, written in offices:
        above = list(superiors(place, by_id))
        unsettled = any(each.id in astray or each.parent_misread or each.level is None for each in (place, *above))
        for key, levels in _NEEDED.items():
            inherited = key != "city" and (unsettled or any(each.level in levels for each in above))
            if place.level in levels and written.get(key) is None and not inherited:
                yield place.id, f"{key}: {document_errors.ABSENT}"


def _complete(agency: _Agency, agencies: Mapping[str, _Agency]) -> Office:
    own = agency.model_dump(exclude={"units"})
    for above in superiors(agency, agencies):
        own["zone"] = own["zone"] or above.zone
        own["province"] = own["province"] or above.province
    return Office.model_validate(own)


def _unit_of(agency: Office, unit: _Unit) -> Office:
    area = agency.model_dump(include={"zone", "province", "city"})
    return Office.model_validate({**area, **unit.model_dump(), "level": Level.UNIT, "parent": agency.id})


def _with_office_name(document: Mapping[str, Any], where: str) -> str:
    """Replace the index of an office in a path by its name, if it has one: ``office "denpasar": zone``."""
    here: Any = document
    named, rest = "", where
    for step in where.split("."):
        key, _, index = step.removesuffix("]").partition("[")
        try:
            here = here[key][int(index)] if index else here[key]
            identity = here["id"]
        except (KeyError, IndexError, TypeError):
            break
        rest = rest.removeprefix(step).removeprefix(".")
        named = f'office "{identity}"'
    return ": ".join(part for part in (named, rest) if part)
