"""Policy document: reads its versions, completes what they leave out, and checks them against the offices."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter, ValidationError

from events.vocabulary import Status
from workflow.deadlines.clock_rules import statuses_without_clock
from workflow.deadlines.working_days import Calendar
from workflow.machine.transitions import OPEN
from workflow.policy import document_errors
from workflow.policy.model import (
    Model,
    Policy,
    PolicyError,
    PolicySet,
    Rules,
    UnusableOffices,
)
from workflow.policy.offices import Directory, OfficesError, Slug, Words, parse_offices

CITIZENS_SINCE: Final = date(2026, 11, 30)
"""From here on a version without the key `citizens` lets only the reporter speak for a complaint."""
_DAY: Final = TypeAdapter(date)


class _CalendarChanges(Model):
    """What a decree has changed that the package of holidays does not know yet."""

    extra: dict[date, Words] = Field(default_factory=dict)
    removed: frozenset[date] = frozenset()


class _Document(Model):
    name: Slug
    offices: str | None = None
    calendar: _CalendarChanges = _CalendarChanges()
    versions: Annotated[tuple[Rules, ...], Field(min_length=1)]


def parse_policies(document: Mapping[str, Any], offices: Mapping[str, Any]) -> PolicySet:
    """Read a policy document and the offices it is applied with.

    The calendar stands beside the versions, not in them: a holiday that is moved is moved for all complaints. Raises
    PolicyError with the path to the first mistake, such as ``versions[0].clocks.follow_up``; a key that is not known
    is a mistake.
    """
    try:
        parsed = _Document.model_validate(_completed(document))
        directory = parse_offices(offices)
    except ValidationError as error:
        where, mistake = next(document_errors.problems(error))
        raise PolicyError(f"{where}: {mistake}") from None
    except OfficesError as error:
        raise UnusableOffices(str(error)) from None
    calendars = {rules.collective_leave: _calendar(parsed.calendar, rules) for rules in parsed.versions}
    seen: set[date] = set()
    for index, rules in enumerate(parsed.versions):
        if rules.effective_from in seen:
            raise PolicyError(f"versions[{index}].effective_from: two versions take effect on {rules.effective_from}")
        seen.add(rules.effective_from)
        _check_offices(f"versions[{index}]", rules, directory)
        _check_pauses(f"versions[{index}].settlement_pauses_in", rules.settlement_pauses_in)
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


def _completed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Complete versions with what they are based on, table by table, and old ones with what held before a key existed.

    Raises PolicyError if no version above takes effect on the day of `based_on`.
    """
    written = document.get("versions")
    if not isinstance(written, list):
        return dict(document)
    bases: dict[date, dict[str, Any]] = {}
    versions: list[Any] = []
    for index, version in enumerate(written):
        if not isinstance(version, Mapping):
            versions.append(version)  # a mistake that is found later
            continue
        whole, first = dict(version), _day(version.get("effective_from"))
        if (day := whole.pop("based_on", None)) is not None:
            earlier = _day(day)
            base = None if earlier is None else bases.get(earlier)
            if base is None:
                raise PolicyError(f"versions[{index}].based_on: no version above it takes effect on {day}")
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


def _check_pauses(where: str, pauses: frozenset[Status]) -> None:
    """Refuse pauses that leave a complaint without any running clock: it would be forgotten."""
    if settled := [status for status in Status if status in pauses - OPEN]:
        raise PolicyError(f"{where}: {', '.join(settled)}: the time to settle has ended by then")
    if without := statuses_without_clock(pauses):
        raise PolicyError(f"{where}: a complaint would wait without any deadline while {' or '.join(without)}")


def _check_offices(where: str, rules: Rules, directory: Directory) -> None:
    """Refuse offices that do not exist, so that no complaint finds out."""
    for key, office in rules.named_offices.items():
        if office not in directory:
            raise PolicyError(f'{where}.{key}: there is no office "{office}"')
