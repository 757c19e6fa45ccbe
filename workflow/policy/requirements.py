"""Checks between the parts of a policy version, on all parts that are readable.

Unreadable parts are reported when they are parsed.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from events.vocabulary import OPEN, ClockName, ComplaintClass, Status
from workflow.deadlines.clock_rules import statuses_without_clock
from workflow.deadlines.durations import Duration
from workflow.deadlines.office_hours import OfficeHours
from workflow.policy import overrides
from workflow.policy.document_errors import ABSENT
from workflow.policy.terms import Hours, Term, uncapped, uncountable, unextendable

_Read = TypeVar("_Read")
_HOURS: Final = TypeAdapter[OfficeHours | None](Hours)
_TERM: Final = TypeAdapter[Duration](Term)
_STATUS: Final = TypeAdapter(Status)


def mistakes(version: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield contradictions in a version as written, each with its path; see also `is_absence`."""
    yield from _unsettled(version.get("settlement"))
    yield from _pauses(version.get("settlement_pauses_in"))
    hours = list(_hours(version))
    yield from (("hours", each) for each in hours)
    yield from _overrides(version, hours_missing=any(map(is_absence, hours)))


def is_absence(mistake: str) -> bool:
    """Return whether a mistake is a missing part, which a base version may add."""
    return mistake.rpartition(_OF_HOURS)[2].startswith((ABSENT, _NO_TIME))


_NO_TIME: Final = "no time to settle for "
_OF_HOURS: Final = ": hours: "


def read(kind: TypeAdapter[_Read], written: object) -> _Read | None:
    """Parse a part on its own; None if it is unreadable."""
    try:
        return kind.validate_python(written)
    except ValidationError:
        return None


def _terms(written: object) -> dict[str, Duration]:
    table = written if isinstance(written, Mapping) else {}
    return {name: term for name, each in table.items() if (term := read(_TERM, each)) is not None}


def _unsettled(settlement: object) -> Iterator[tuple[str, str]]:
    if not isinstance(settlement, Mapping):
        return
    classes = list(ComplaintClass)
    misspelled = {near for key in settlement if key not in classes for near in get_close_matches(key, classes, n=1)}
    if missing := [each for each in classes if each not in settlement and each not in misspelled]:
        yield "settlement", f"{_NO_TIME}{', '.join(missing)}"


def _pauses(written: object) -> Iterator[tuple[str, str]]:
    pauses = {status for each in _as_list(written) if (status := read(_STATUS, each)) is not None}
    if settled := [status for status in Status if status in pauses - OPEN]:
        yield "settlement_pauses_in", f"{', '.join(settled)}: the time to settle has ended by then"
    if without := statuses_without_clock(pauses):
        waits = f"a complaint would wait without any deadline while {' or '.join(without)}"
        yield "settlement_pauses_in", waits


def _hours(version: Mapping[str, Any]) -> Iterator[str]:
    """Yield durations that cannot be counted; missing office hours are reported once."""
    clocks, settlement, extension = (_terms(version.get(key)) for key in ("clocks", "settlement", "extension"))
    yield from unextendable(clocks.get(ClockName.FOLLOW_UP), extension.get("day"))
    hours, cap = read(_HOURS, version.get("hours")), read(_TERM, version.get("settlement_pause_cap"))
    if hours is None and version.get("hours") is not None:
        return
    counted = clocks | {f"settlement.{name}": term for name, term in settlement.items()}
    counted |= {f"extension.{name}": term for name, term in extension.items()}
    problems = [*uncountable(hours, counted), *uncapped(hours, cap, settlement.values())]
    if hours is None and version.get("warn_in") == "working days":
        problems.append(f'{ABSENT}, and warn_in is "working days" (write hours = "08:00-16:00")')
    absences = [each for each in problems if is_absence(each)]
    yield from absences[:1]
    yield from (each for each in problems if not is_absence(each))


def offices_in(version: Mapping[str, Any]) -> dict[str, str]:
    """Return the offices that a version as written refers to, by their key; rungs of the ladder unchanged."""
    others = {f"overrides[{at}].ladder": override.ladder for at, override, _ in _readable(version)}
    ladders = {"ladder": version.get("ladder"), **others}
    rungs = {f"{key}[{at}]": each for key, ladder in ladders.items() for at, each in enumerate(_as_list(ladder))}
    named = {key: version.get(key) for key in ("national", "arbiter")} | rungs
    return {key: office for key, office in named.items() if isinstance(office, str)}


def _as_list(written: object) -> Sequence[object]:
    return written if isinstance(written, list | tuple) else ()


def whole_overrides(version: Mapping[str, Any]) -> list[overrides.Override]:
    """Return the overrides that are readable, apart from the source."""
    return [override for _, override, misread in _readable(version) if not misread - {overrides.SOURCE}]


def _readable(version: Mapping[str, Any]) -> Iterator[tuple[int, overrides.Override, frozenset[str]]]:
    for at, each in enumerate(_as_list(version.get("overrides"))):
        if (parsed := overrides.readable(each)) is not None:
            yield at, *parsed


def _overrides(version: Mapping[str, Any], *, hours_missing: bool) -> Iterator[tuple[str, str]]:
    comparable = []
    for at, override, misread in _readable(version):
        yield from ((f"overrides[{at}]", mistake) for mistake in overrides.meaningless(override, misread))
        for mistake in _overridden_hours(version, override):
            if not (hours_missing and is_absence(mistake)):
                yield f"overrides[{at}]", f"the one of {override}{_OF_HOURS}{mistake}"
        if not misread - {*overrides.RULES, overrides.SOURCE}:
            comparable.append(override)
    yield from (("overrides", mistake) for mistake in overrides.repeated(comparable))


def _overridden_hours(version: Mapping[str, Any], override: overrides.Override) -> Iterator[str]:
    follow_up, settled = (override.clocks.get(name) for name in (ClockName.FOLLOW_UP, ClockName.SETTLEMENT))
    if follow_up is not None:
        yield from unextendable(follow_up, _terms(version.get("extension")).get("day"))
    hours = read(_HOURS, version.get("hours"))
    if hours is None and version.get("hours") is not None:
        return
    yield from uncountable(hours, {str(name): term for name, term in override.clocks.items()})
    if settled is not None:
        yield from uncapped(hours, read(_TERM, version.get("settlement_pause_cap")), [settled])
