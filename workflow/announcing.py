"""Announced changes of the calendar: which are accepted, and the policies with them.

What is announced concerns every policy version and every complaint, and it comes after the policy file and the package
of holidays: it wins over both. An announcement is in force from its place in the log on, see `workflow.redating`.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

from events.announcements import Announcement, AnnouncementEvent
from events.vocabulary import Refusal
from workflow.calendar import Calendar
from workflow.handlers import Rejected
from workflow.policy import Policy, PolicySet
from workflow.roles import office_of

_BACK: Final = timedelta(days=366)
_AHEAD: Final = timedelta(days=3 * 366)


def announce(
    event: AnnouncementEvent, before: Sequence[Announcement], now: datetime, policy: Policy
) -> Announcement | Rejected | None:
    """Decide on an announcement: what is in force from now on, why it is not, or None for a known repeat.

    Args:
        event: what is announced, by whom.
        before: what has been announced so far.
        now: the log's time of the announcement, aware, UTC.
        policy: the version in force at `now`; it says who the national administrator is.
    """
    if any((each.by, each.command_id) == (event.source, event.id) for each in before):
        return None
    if office_of(event.source) != policy.national:
        return Rejected(Refusal.NOT_PERMITTED, f"announce-holiday is for the national administrator, {policy.national}")
    data = event.data
    if no := _impossible(data.day, now.astimezone(policy.national_zone).date(), day_off=data.day_off):
        return Rejected(Refusal.INVALID_DATA, f"data.day: {no}")
    standing = next((each for each in reversed(before) if each.day == data.day), None)
    if standing is not None and standing.day_off == data.day_off:
        return Rejected(Refusal.ALREADY_ANNOUNCED, f"it is announced already that {standing.reason}")
    return Announcement(
        day=data.day,
        day_off=data.day_off,
        name=data.name,
        decree=data.decree,
        announced_at=now,
        by=event.source,
        command_id=event.id,
    )


def _impossible(day: date, today: date, *, day_off: bool) -> str | None:
    if not today - _BACK <= day <= today + _AHEAD:
        return f"{day} is more than a year past or more than three years ahead"
    if not day_off and day <= today:
        # a deadline would come to lie in the past, missed by a rule that nobody could have known
        return f"{day} has begun: only a day that is still to come can become a working day"
    return None


def with_announcements(policy: Policy, announcements: Sequence[Announcement]) -> Policy:
    """Return `policy` with all of `announcements` in its calendar; those that it has already are the first of them."""
    for announcement in announcements[len(policy.announcements) :]:
        policy = policy.model_copy(
            update={
                "calendar": _changed(policy.calendar, announcement),
                "announcements": (*policy.announcements, announcement),
                "earlier": policy,
            }
        )
    return policy


def all_with_announcements(policies: PolicySet, announcements: Sequence[Announcement]) -> PolicySet:
    """Return a set of all versions with all of `announcements`. To be kept: decisions ask for it again and again."""
    return PolicySet(policies.name, tuple(with_announcements(each, announcements) for each in policies.versions))


# the versions of a policy and the partitions of a worker share their calendars, and so the years these have looked up
@lru_cache(maxsize=256)
def _changed(calendar: Calendar, announcement: Announcement) -> Calendar:
    return calendar.changed(announcement.day, announcement.name if announcement.day_off else None)
