"""For whom a complaint waits, and why: computed with each fact, and stored in the snapshot."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Final

from events.reports import Location
from events.snapshot import Complaint, Waiting
from events.vocabulary import ClockName, Status
from workflow.machine.permissions import administering_agency
from workflow.policy.model import Policy
from workflow.stages.disposition import competent_office

REPORTER: Final = "reporter"
"""Value for the reporter, in place of an office."""

WHY: Final = {
    "verification": "verification by {who}",
    "completion": "the reporter, to complete the report{until}",
    "disposition": "disposition by {who}",
    "no-competent-office": "no competent office for {matter}: to be disposed by {who}",
    "return-limit": "returned too often: to be disposed by {who}",
    "follow-up": "follow-up by {who}",
    "office-ended": "the office that holds it has ended: to be disposed by {who}",
    "reply": "the reporter{until}",
}
"""Reasons with their wording: an open list of the contract."""
BY_HAND: Final = ("no-competent-office", "return-limit", "office-ended")
"""Reasons for which an administrator has to dispose, since no stage continues."""
_CLOCK: Final = {"completion": ClockName.COMPLETION, "reply": ClockName.CITIZEN_REPLY}


def waiting_for(complaint: Complaint, policy: Policy, now: datetime) -> Waiting | None:
    """Return for whom `complaint` waits at `now`, and why; None once it has ended."""
    find = _BY_STATUS.get(complaint.status)
    return None if find is None else find(complaint, policy, now)


def _for_disposition(complaint: Complaint, policy: Policy, now: datetime) -> Waiting:
    if complaint.returns >= policy.return_limit:
        return _waiting(policy.arbiter, "return-limit")
    if competent_office(complaint, policy, policy.day_of(now)) is None:
        return _waiting(policy.national, "no-competent-office")
    return _waiting(policy.national, "disposition")


def _for_the_holder(complaint: Complaint, policy: Policy, now: datetime) -> Waiting:
    office = complaint.office or policy.national
    if policy.directory.exists_on(office, policy.day_of(now)):
        return _waiting(office, "follow-up")
    return _waiting(policy.national, "office-ended")


@lru_cache(maxsize=4_096)
def _waiting(who: str, why: str) -> Waiting:
    return Waiting(who=who, why=why)


_BY_STATUS: Final[dict[Status, Callable[[Complaint, Policy, datetime], Waiting]]] = {
    Status.REGISTERED: lambda complaint, policy, _: _waiting(
        administering_agency(complaint, policy) or policy.national, "verification"
    ),
    Status.POSTPONED: lambda *_: _waiting(REPORTER, "completion"),
    Status.VERIFIED: _for_disposition,
    Status.RETURNED: _for_disposition,
    Status.DISPOSED: _for_the_holder,
    Status.REPLIED: _for_the_holder,
    Status.FOLLOWED_UP: lambda *_: _waiting(REPORTER, "reply"),
}


def _place_of(location: Location | None) -> str | None:
    """Return the name for an office look-up, else the coordinates; None without either."""
    if location is None:
        return None
    by_map = None if location.lat is None or location.lon is None else f"{location.lat:g}, {location.lon:g}"
    return location.city or location.province or by_map


def in_words(complaint: Complaint, waiting: Waiting, until: str = "") -> str:
    """Return one line for people: for whom the complaint waits, why, and until when; `until` formats the due time."""
    matter = f"category {complaint.category or 'none'} in {_place_of(complaint.location) or 'no known place'}"
    words = WHY.get(waiting.why, "{why} by {who}").format(
        who=waiting.who, why=waiting.why, matter=matter, until=f" until {until}" if until else ""
    )
    return f"{words}; no rung is left above" if complaint.exhausted else words


def waits_until(complaint: Complaint, waiting: Waiting) -> datetime | None:
    """Return until when a complaint waits for the reporter; None if it waits for another."""
    clock = complaint.clocks.get(_CLOCK[waiting.why]) if waiting.why in _CLOCK else None
    return None if clock is None else clock.due_at
