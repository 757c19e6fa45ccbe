"""Contradictions between valid offices and valid rules: without effect, or leaving complaints without an office.

The engine runs despite them, since it never disposes or escalates to an office that has ended.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from difflib import get_close_matches
from itertools import combinations
from typing import Final

from workflow.policy import place_names
from workflow.policy.model import PolicySet
from workflow.policy.offices import Directory, Level, Office, belongs
from workflow.policy.overrides import Override, shadowed

_AREAS: Final = {Level.PROVINCE, Level.CITY}


def contradictions(policies: PolicySet) -> Iterator[str]:
    """Yield each contradiction in one line that names the offices, or the version, and the remedy."""
    for directory in {id(policy.directory): policy.directory for policy in policies.versions}.values():
        yield from among_offices(directory)
    days = [policy.effective_from for policy in policies.versions]
    for policy in policies.versions:
        last = in_force_to(policy.effective_from, days)
        ended = ended_in_use(policy.named_offices, policy.directory, last)
        yield from (f"{policy.version}: {key}: {mistake}" for key, mistake in ended)
        unused = without_effect(policy.overrides, policy.directory)
        yield from (f"{policy.version}: overrides: {each}" for each in unused)


def in_force_to(day: date, days: Iterable[date]) -> date:
    """Return the last day of the version in force from ``day``; ``days``: those of all versions."""
    return min((each - timedelta(days=1) for each in days if each > day), default=date.max)


def among_offices(directory: Directory) -> Iterator[str]:
    """Yield each contradiction between offices."""
    yield from _lifetimes(directory)
    yield from _same_competence(directory)


def _lifetimes(directory: Directory) -> Iterator[str]:
    for office in directory:
        if office.since and office.until and office.until < office.since:
            yield f'office "{office.id}": until {office.until} is before since {office.since}'
        agency = directory.get(directory.agency(office.id))
        if office.until and agency.until and office.until > agency.until:
            yield (
                f'office "{office.id}": until {office.until} outlives its agency {agency.id}, which ends on '
                f"{agency.until}: list the unit under another agency from then on"
            )


def _same_competence(directory: Directory) -> Iterator[str]:
    competent: dict[tuple[object, ...], list[Office]] = defaultdict(list)
    for office in directory:
        for what in _competences(office):
            competent[what].append(office)
    for what, offices in competent.items():
        for one, other in combinations(offices, 2):
            spans = directory.span(one.id), directory.span(other.id)
            if max(first for first, _ in spans) <= min(last for _, last in spans):
                yield f'offices "{one.id}" and "{other.id}" are both competent for {what[-1]}: give one of them until'


def _competences(office: Office) -> Iterator[tuple[object, ...]]:
    """Yield what only one office can be competent for: a topic of an agency, or an area."""
    if office.level is Level.UNIT:
        yield from ((office.parent, topic) for topic in office.categories)
    elif office.level in _AREAS:
        area = office.province if office.level is Level.PROVINCE else office.city
        written = area or office.name
        read = place_names.province if office.level is Level.PROVINCE else place_names.city
        yield office.level, office.parent, read(written), written


def without_effect(overrides: Sequence[Override], directory: Directory) -> Iterator[str]:
    """Yield overrides without effect: always overridden, or for a category that no unit handles."""
    topics = frozenset[str]().union(*(office.categories for office in directory))
    for category in dict.fromkeys(each.category for each in overrides if each.category is not None):
        if not any(belongs(category, {topic}) or belongs(topic, {category}) for topic in topics):
            near = get_close_matches(category, topics, n=1)
            hint = f"did you mean {near[0]}?" if near else "write it as a unit of the offices does"
            yield f'no unit handles category "{category}": {hint}'
    for override, rule in shadowed(overrides):
        yield (
            f"the one of {override} never counts for {rule}, since more specific ones are there for all cases: take "
            f"{rule} out of it"
        )


def ended_in_use(offices: Mapping[str, str], directory: Directory, in_force_to: date) -> Iterator[tuple[str, str]]:
    """Yield known offices that end while rules refer to them, each with its key."""
    for key, office in offices.items():
        ended = directory.last_day(office) if office in directory else None
        if ended is not None and ended < in_force_to:
            yield key, f'office "{office}" ends on {ended}: add a version from the day after that names another'
