"""Policy digests in the installation record: they ensure that all workers have the same policy.

The entries are a digest for each version and office, and the days off of the years that open deadlines can reach. All
workers use these days off, whatever their release of the holidays package. Later changes need an announcement, which
also recalculates open deadlines.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from pydantic import BaseModel

from workflow.policy.model import Policy, PolicySet, Rules

VERSION: Final = "policy/"
OFFICE: Final = "office/"
DAYS_OFF: Final = "days-off/"
"""Days off of all workers, without announced ones."""
ROLLED_OUT: Final = "days-rolled-out/"
"""Days off of the package and the file at the last rollout."""
_KINDS: Final = {VERSION: "policy version", OFFICE: "office"}
_YEARS: Final = range(-1, 3)
"""Offsets from the current year: announcements concern the last year at the earliest, deadlines two years ahead."""
_RULES: Final = set(Rules.model_fields) - {"sources"}
"""Fields that affect decisions, not sources of rules."""
_FIRST_DEFAULTS: Final = {"citizens": "open"}
"""Former defaults of rules."""

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DayChange:
    """A day that is a working day in one calendar and not in the other."""

    day: date
    name: str | None
    """Present name of the day off; None: a working day."""

    def __str__(self) -> str:
        """Return the change in a few words."""
        what = "a working day" if self.name is None else f"a day off: {self.name}"
        return f"{self.day} becomes {what}"


def described(policies: PolicySet, today: date) -> dict[str, Any]:
    """Return the entries of the installation record for a policy, by key."""
    digests: dict[str, Any] = {}
    for policy in policies.versions:
        digests[f"{VERSION}{policy.version}"] = _digest(policy, _RULES)
        digests[_days_key(policy)] = {
            str(year): {str(day): name for day, name in sorted(policy.calendar.named(year).items())}
            for year in (today.year + each for each in _YEARS)
        }
    for office in policies.versions[0].directory:
        digests[f"{OFFICE}{office.id}"] = _digest(office)
    return digests


def changes(values: Values, ours: Values) -> Iterator[str]:
    """Yield a line for each version and office of the installation that differs here, or is missing."""
    for key, value in sorted(values.items()):
        kind = next((name for prefix, name in _KINDS.items() if key.startswith(prefix)), None)
        if kind is None or value is None or ours.get(key) == value:
            continue
        yield f"{kind} {key.partition('/')[2]} is {'another' if key in ours else 'missing'} here"


def changed_days(values: Values, ours: Values) -> list[DayChange]:
    """Return the days that differ from the last rollout, in the years that both calendars have."""
    changed: dict[date, DayChange] = {}
    for key, years in ours.items():
        if not key.startswith(DAYS_OFF):
            continue
        for year, days in _days_of(values, key).items():
            here = years.get(year, days)
            for day in sorted(days.keys() ^ here.keys()):
                changed[date.fromisoformat(day)] = DayChange(date.fromisoformat(day), here.get(day))
    return [changed[day] for day in sorted(changed)]


def additions(values: Values, ours: Values) -> dict[str, Any]:
    """Return the entries that the installation does not have yet: versions, offices, and years of its calendar."""
    added = {}
    for key, value in ours.items():
        before = values.get(key)
        if before is None:
            added[key] = value
        elif key.startswith(DAYS_OFF) and (years := {**value, **before}) != before:
            added[key] = years
    return added


def rolled_out(values: Values, ours: Values) -> dict[str, Any]:
    """Return the entries of a rollout: all of this policy, and None for removed ones."""
    lost = {key: None for key in values if key.startswith(tuple(_KINDS)) and key not in ours}
    digests = {key: value for key, value in ours.items() if key.startswith(tuple(_KINDS))}
    days = {
        key.replace(DAYS_OFF, ROLLED_OUT): {**_days_of(values, key), **years}
        for key, years in ours.items()
        if key.startswith(DAYS_OFF)
    }
    return {**digests, **days, **additions(values, ours), **lost}


def pinned(policies: PolicySet, values: Values) -> PolicySet:
    """Return a policy with the installation's days off in place of those of this holidays package."""
    versions = []
    for policy in policies.versions:
        years = {
            int(year): {date.fromisoformat(day): name for day, name in days.items()}
            for year, days in (values.get(_days_key(policy)) or {}).items()
        }
        versions.append(policy.model_copy(update={"calendar": policy.calendar.pinned(years)}))
    return PolicySet(policies.name, tuple(versions))


def _days_key(policy: Policy) -> str:
    return f"{DAYS_OFF}{'all' if policy.collective_leave else 'public'}"


def _days_of(values: Values, key: str) -> dict[str, dict[str, str]]:
    return values.get(key.replace(DAYS_OFF, ROLLED_OUT)) or values.get(key) or {}


def _digest(model: BaseModel, fields: set[str] | None = None) -> str:
    # values equal to the first default are omitted, so that new keys and defaults keep the digest
    unread = {"overrides": {"__all__": {"source"}}}
    written = model.model_dump(include=fields, exclude=unread, exclude_defaults=True, warnings=False)
    for name, default in _FIRST_DEFAULTS.items() if fields else ():
        written.pop(name, None)
        if (value := getattr(model, name)) != default:
            written[name] = value
    return hashlib.sha256(json.dumps(written, sort_keys=True, default=_plain).encode()).hexdigest()[:16]


def _plain(value: object) -> list[object] | str:
    return sorted(value) if isinstance(value, frozenset) else str(value)
