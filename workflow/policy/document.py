"""Policy document: parses its versions, fills in inherited values, and checks them against the offices."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Final, NamedTuple

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from workflow.deadlines.working_days import Calendar
from workflow.policy import document_errors
from workflow.policy.consistency import among_offices, ended_in_use, in_force_to, without_effect
from workflow.policy.model import Policy, PolicyError, PolicySet, Rules
from workflow.policy.offices import KNOWN_OFFICES, Directory, OfficesError, Slug, Words
from workflow.policy.offices_document import known_offices, parse_offices
from workflow.policy.requirements import is_absence, mistakes, offices_in, read, whole_overrides
from workflow.policy.terms import Model

CITIZENS_SINCE: Final = date(2026, 11, 30)
"""Date from which a version without the key `citizens` allows commands only from the reporter."""
_DAY: Final = TypeAdapter(date)
_VERSION: Final = re.compile(r"versions\[(\d+)\]\.")


class _CalendarChanges(Model):
    """Decreed changes of holidays that the package lacks."""

    extra: dict[date, Words] = Field(default_factory=dict)
    removed: frozenset[date] = frozenset()


def _at_least_one(versions: tuple[Rules, ...]) -> tuple[Rules, ...]:
    if not versions:
        raise ValueError("at least one version is needed")
    return versions


class _Document(Model):
    name: Slug
    offices: str | None = None
    calendar: _CalendarChanges = _CalendarChanges()
    versions: Annotated[tuple[Rules, ...], AfterValidator(_at_least_one)]


def parse_policies(
    document: Mapping[str, Any], offices: Mapping[str, Any] | None, unreadable: Sequence[str] = ()
) -> PolicySet:
    """Parse a policy document, and check it against the offices.

    The calendar is outside of the versions, since it applies to all complaints. Raises PolicyError with the path of
    each mistake, such as ``version 2026-06-30: clocks.follow_up``; an unknown key is a mistake. `unreadable`: reasons
    why the offices are unreadable; then references to them are not checked.
    """
    versions, errors = _completed(document)
    known = None if offices is None else known_offices(offices)
    completed = {**document, **({"versions": [each.whole for each in versions]} if versions else {})}
    parsed, directory, sound, of_offices = None, None, None, tuple(unreadable)
    try:
        parsed = _Document.model_validate(completed, context={KNOWN_OFFICES: known})
    except ValidationError as error:
        errors += document_errors.problems(error, _Document)
    try:
        directory = sound = None if offices is None else parse_offices(offices)
    except OfficesError as error:
        of_offices, sound = error.mistakes, error.sound
    errors += _contradictions(document.get("calendar"), versions)
    if errors or parsed is None or directory is None:
        if directory is not None:
            errors += _without_effect(versions, directory)
        if sound is not None:
            errors += _ended(versions, sound)
            of_offices += tuple(among_offices(sound))
        raise PolicyError(*_lines(errors, versions), of_offices=of_offices)
    return PolicySet(parsed.name, tuple(_policies(parsed, directory)))


def _policies(parsed: _Document, directory: Directory) -> Iterator[Policy]:
    changes = parsed.calendar
    calendars = {
        leave: Calendar(collective_leave=leave, extra=changes.extra, removed=changes.removed)
        for leave in {rules.collective_leave for rules in parsed.versions}
    }
    for rules in parsed.versions:
        yield Policy(
            name=parsed.name,
            version=f"{parsed.name}/{rules.effective_from}",
            calendar=calendars[rules.collective_leave],
            directory=directory,
            **dict(rules),
        )


class _Version(NamedTuple):
    """A version as written in the document, completed with its base version."""

    whole: Any
    day: date | None = None
    based: bool = False
    incomplete: bool = False
    """Whether the base version, which may have missing keys, is unknown."""


def _completed(document: Mapping[str, Any]) -> tuple[list[_Version], list[tuple[str, str]]]:
    """Return the versions with the values that they inherit, and the mistakes, each with its path.

    A version inherits from its base version, table by table. An old version gets the values of newer keys.
    """
    written = document.get("versions")
    versions: list[_Version] = []
    mistakes: list[tuple[str, str]] = []
    for at, version in enumerate(written if isinstance(written, list) else ()):
        if not isinstance(version, Mapping):
            versions.append(_Version(version))
            continue
        whole, day = dict(version), read(_DAY, version.get("effective_from"))
        if day is not None and any(each.day == day for each in versions):
            mistakes.append((f"versions[{at}].effective_from", f"two versions take effect on {day}"))
        if (named := whole.pop("based_on", None)) is None:
            if day is not None and day < CITIZENS_SINCE:
                whole.setdefault("citizens", "open")
            versions.append(_Version(whole, day))
            continue
        base_day = read(_DAY, named)
        base = next((each for each in versions if each.day is not None and each.day == base_day), None)
        if base is not None:
            own = {key: _merged(base.whole.get(key), value) for key, value in whole.items()}
            whole = {key: value for key, value in base.whole.items() if key != "effective_from"} | own
        elif all(each.day is not None for each in versions):
            days = ", ".join(dict.fromkeys(str(each.day) for each in versions)) or "none"
            mistakes.append(
                (f"versions[{at}].based_on", f"no version above it takes effect on {named} (there are {days})")
            )
        versions.append(_Version(whole, day, based=True, incomplete=base is None or base.incomplete))
    return versions, mistakes


def _merged(base: object, own: object) -> object:
    return {**base, **own} if isinstance(base, Mapping) and isinstance(own, Mapping) else own


def _contradictions(calendar: object, versions: Sequence[_Version]) -> Iterator[tuple[str, str]]:
    """Yield contradictions between valid values, each with its path."""
    changes = calendar if isinstance(calendar, Mapping) else {}
    extra, removed = (_days(changes.get(key)) for key in ("extra", "removed"))
    for day in sorted(extra & removed):
        yield "calendar", f"{day} is both added to the calendar and removed from it"
    for at, version in enumerate(versions):
        if isinstance(version.whole, Mapping):
            yield from ((f"versions[{at}].{path}", mistake) for path, mistake in mistakes(version.whole))


def _days(written: object) -> set[date]:
    days = (read(_DAY, each) for each in (written if isinstance(written, Mapping | list) else ()))
    return {day for day in days if day is not None}


def _without_effect(versions: Sequence[_Version], directory: Directory) -> Iterator[tuple[str, str]]:
    """Yield parts without effect, reported only along with other mistakes."""
    for at, version in enumerate(versions):
        if isinstance(version.whole, Mapping):
            useless = without_effect(whole_overrides(version.whole), directory)
            yield from ((f"versions[{at}].overrides", each) for each in useless)


def _ended(versions: Sequence[_Version], directory: Directory) -> Iterator[tuple[str, str]]:
    """Yield references to offices that end while the version is in force."""
    for at, version in enumerate(versions):
        if isinstance(version.whole, Mapping):
            ended = ended_in_use(offices_in(version.whole), directory, _in_force_to(version, versions))
            yield from ((f"versions[{at}].{key}", each) for key, each in ended)


def _in_force_to(version: _Version, versions: Sequence[_Version]) -> date:
    """Return the last day of a version; the first of all days if the day of a version is unreadable."""
    days = [each.day for each in versions if each.day is not None]
    if version.day is None or len(days) < len(versions):
        return date.min
    return in_force_to(version.day, days)


def _lines(errors: Iterable[tuple[str, str]], versions: Sequence[_Version]) -> Iterator[str]:
    """Format mistakes with the dates of their versions, in order; one in a base version only once."""
    others, by_version = list[str](), [list[tuple[str, str]]() for _ in versions]
    for path, mistake in errors:
        number = _VERSION.match(path)
        if number is None:
            others.append(f"{path}: {mistake}")
        else:
            by_version[int(number[1])].append((path[number.end() :], mistake))
    yield from others
    seen: set[tuple[str, str]] = set()
    for at, (version, own) in enumerate(zip(versions, by_version, strict=True)):
        name = f"versions[{at}]." if version.day is None else f"version {version.day}: "
        for path, mistake in own:
            may_be_there = version.incomplete and is_absence(mistake) and path != "effective_from"
            if not (version.based and (path, mistake) in seen) and not may_be_there:
                yield f"{name}{path}: {mistake}"
        seen.update(own)
