"""Policy document: reads its versions, completes what they leave out, and checks them against the offices."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from events.vocabulary import Status
from workflow.deadlines.clock_rules import statuses_without_clock
from workflow.deadlines.working_days import Calendar
from workflow.machine.transitions import OPEN
from workflow.policy import document_errors
from workflow.policy.model import Policy, PolicyError, PolicySet, Rules, UnusableOffices
from workflow.policy.offices import Directory, OfficesError, Slug, Words, parse_offices
from workflow.policy.terms import Model

CITIZENS_SINCE: Final = date(2026, 11, 30)
"""From here on a version without the key `citizens` lets only the reporter speak for a complaint."""
_DAY: Final = TypeAdapter(date)
_VERSION: Final = re.compile(r"versions\[(\d+)\]\.")


class _CalendarChanges(Model):
    """What a decree has changed that the package of holidays does not know yet."""

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


def parse_policies(document: Mapping[str, Any], offices: Mapping[str, Any]) -> PolicySet:
    """Read a policy document and the offices it is applied with.

    The calendar stands beside the versions, not in them: a holiday that is moved is moved for all complaints. Raises
    PolicyError with the path to each mistake, such as ``version 2026-06-30: clocks.follow_up``; a key that is not known
    is a mistake.
    """
    try:
        parsed = _Document.model_validate(_completed(document))
        directory = parse_offices(offices)
    except ValidationError as error:
        raise _refused(document_errors.problems(error, _Document), document) from None
    except OfficesError as error:
        raise UnusableOffices(str(error)) from None
    calendars = {rules.collective_leave: _calendar(parsed.calendar, rules) for rules in parsed.versions}
    if mistakes := list(_mistakes(parsed.versions, directory)):
        raise _refused(mistakes, document)
    versions = (
        Policy(
            name=parsed.name,
            version=f"{parsed.name}/{rules.effective_from}",
            calendar=calendars[rules.collective_leave],
            directory=directory,
            **dict(rules),
        )
        for rules in parsed.versions
    )
    return PolicySet(parsed.name, tuple(versions))


def _refused(mistakes: Iterable[tuple[str, str]], document: Mapping[str, Any]) -> PolicyError:
    """Name versions by their dates, and a mistake in what a version is based on once."""
    lines: list[str] = []
    seen: set[tuple[str, str]] = set()
    for path, mistake in mistakes:
        number = _VERSION.match(path)
        written = document["versions"][int(number[1])] if number else None
        if number is None or not isinstance(written, Mapping):
            lines.append(f"{path}: {mistake}")
            continue
        own, first = path[number.end() :], _day(written.get("effective_from"))
        if "based_on" not in written or (own, mistake) not in seen:
            lines.append(f"{path if first is None else f'version {first}: {own}'}: {mistake}")
        seen.add((own, mistake))
    return PolicyError(*lines)


def _completed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Complete versions with what they are based on, table by table, and old ones with what held before a key existed.

    Raises PolicyError if no version above takes effect on the day of `based_on`.
    """
    written = document.get("versions")
    if not isinstance(written, list):
        return dict(document)
    bases: dict[date, dict[str, Any]] = {}
    versions: list[Any] = []
    for version in written:
        if not isinstance(version, Mapping):
            versions.append(version)  # a mistake that is found later
            continue
        whole, first = dict(version), _day(version.get("effective_from"))
        if (day := whole.pop("based_on", None)) is not None:
            earlier = _day(day)
            base = None if earlier is None else bases.get(earlier)
            if base is None:
                raise PolicyError(f"version {first}: based_on: no version above it takes effect on {day}")
            whole = base | {key: _merged(base.get(key), value) for key, value in whole.items()}
        elif first is not None and first < CITIZENS_SINCE:
            whole.setdefault("citizens", "open")
        if first is not None:
            bases.setdefault(first, whole)
        versions.append(whole)
    return {**document, "versions": versions}


def _day(written: object) -> date | None:
    """Return a day in any form that a document may have; None if it is none, which is found later."""
    try:
        return _DAY.validate_python(written)
    except ValidationError:
        return None


def _merged(base: object, own: object) -> object:
    return {**base, **own} if isinstance(base, Mapping) and isinstance(own, Mapping) else own


def _calendar(changes: _CalendarChanges, rules: Rules) -> Calendar:
    try:
        return Calendar(collective_leave=rules.collective_leave, extra=changes.extra, removed=changes.removed)
    except ValueError as error:
        raise PolicyError(f"calendar: {error}") from None


def _mistakes(versions: Sequence[Rules], directory: Directory) -> Iterator[tuple[str, str]]:
    """Give what contradicts another version, the offices or the procedure, each with its path."""
    days: set[date] = set()
    for index, rules in enumerate(versions):
        where, pauses = f"versions[{index}]", rules.settlement_pauses_in
        if rules.effective_from in days:
            yield f"{where}.effective_from", f"two versions take effect on {rules.effective_from}"
        days.add(rules.effective_from)
        for key, office in rules.named_offices.items():
            if office not in directory:
                yield f"{where}.{key}", f'there is no office "{office}"'
        if settled := [status for status in Status if status in pauses - OPEN]:
            yield f"{where}.settlement_pauses_in", f"{', '.join(settled)}: the time to settle has ended by then"
        elif without := statuses_without_clock(pauses):
            waits = f"a complaint would wait without any deadline while {' or '.join(without)}"
            yield f"{where}.settlement_pauses_in", waits
