"""Announcing a day off, or a working day again: the conditions under which an announcement is accepted."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from events.announcements import Announcement, AnnouncementEvent, Announcements
from events.ids import digest
from events.vocabulary import Detail, Refusal
from workflow.machine.handlers import Rejected
from workflow.machine.permissions import office_of
from workflow.policy.announcements import RECENT
from workflow.policy.model import Policy

_OLDEST: Final = timedelta(days=366)
_AHEAD: Final = timedelta(days=3 * 366)
MOST_OF_A_DAY: Final = 10
"""Maximum recent announcements for one day, against a faulty program."""
MOST_RECENT: Final = 100
"""Maximum recent announcements for all days; a year has about 25 days off."""
MOST_KEPT: Final = 500
"""Maximum announcements in a partition's record: up to 7 kB each, in a topic that accepts 4 MiB."""


def announce(
    event: AnnouncementEvent, before: Announcements, now: datetime, policy: Policy
) -> Announcement | Rejected | None:
    """Return an announcement in force from `now` (log time, UTC), its rejection, or None for a repeat."""
    kept = before.announcements
    mark = digest(event.source, event.id)
    if mark in before.known or any((each.by, each.command_id) == (event.source, event.id) for each in kept):
        return None
    if office_of(event.source) != policy.national:
        return Rejected(Refusal.NOT_PERMITTED, f"announce-holiday is for the national administrator, {policy.national}")
    data = event.data
    if problem := impossible(data.day, now.astimezone(policy.national_zone).date(), day_off=data.day_off):
        return Rejected(Refusal.INVALID_DATA, f"data.day: {problem}")
    present = next((each for each in reversed(kept) if each.day == data.day), None)
    if present is not None and present.day_off == data.day_off:
        return Rejected(Refusal.ALREADY_ANNOUNCED, f"it is announced already that {present.reason}")
    if problem := _too_many(kept, data.day, now):
        return Rejected(Refusal.NOT_PERMITTED, problem, Detail.ANNOUNCEMENT_LIMIT)
    return Announcement(
        day=data.day,
        day_off=data.day_off,
        name=data.name,
        decree=data.decree,
        announced_at=now,
        by=event.source,
        command_id=event.id,
    )


def impossible(day: date, today: date, *, day_off: bool) -> str | None:
    """Return why the day can no longer, or not yet, become a day off (or a working day); None if it can."""
    if not today - _OLDEST <= day <= today + _AHEAD:
        return f"{day} is more than a year past or more than three years ahead"
    if not day_off and day <= today:
        # a deadline would move into the past, missed by a later rule
        return f"{day} has begun: only a day that is still to come can become a working day"
    return None


def _too_many(kept: Sequence[Announcement], day: date, now: datetime) -> str | None:
    recent = [each for each in kept if each.announced_at > now - RECENT]
    of_day = [each for each in recent if each.day == day]
    for announced, most, of in ((of_day, MOST_OF_A_DAY, f" of {day}"), (recent, MOST_RECENT, "")):
        if len(announced) >= most:
            again = announced[-most].announced_at + RECENT
            return f"at most {most} announcements{of} in {RECENT.days} days are accepted: repeat it after {again:%F}"
    if len(kept) >= MOST_KEPT:
        return f"open complaints need {len(kept)} announcements, and no more fit: repeat it when some are closed"
    return None
