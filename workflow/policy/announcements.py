"""Announced changes of the calendar, and the policies with them applied.

An announcement applies to every policy version and complaint from its log position on, and overrides the policy file
and the package of holidays.
"""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

from events.announcements import REMEMBERED_ANNOUNCEMENTS, Announcement, Announcements
from events.ids import digest
from workflow.deadlines.working_days import Calendar
from workflow.policy.model import Policy, PolicySet

RECENT: Final = timedelta(days=30)
"""Age up to which announcements count towards limits and are not compacted, as long as commands are retained."""


def folded(record: Announcements, behind: int, first_day: date, now: datetime) -> Announcements:
    """Return `record` compacted: without announcements that no present or future open complaint depends on.

    `behind`: number of announcements of the oldest calendar in use; `first_day`: receipt of the oldest open complaint.
    Announcements that are recent at `now`, the log's time, are kept.
    """
    kept, count = record.announcements, record.folded
    for number, each in enumerate(kept[count:], record.dropped + count + 1):
        if number > behind or each.announced_at > now - RECENT:
            break
        count += 1
    last = {each.day: each for each in kept[:count] if each.day >= first_day}
    base = tuple(each for each in kept[:count] if last.get(each.day) is each)
    gone = (digest(each.by, each.command_id) for each in kept[:count] if last.get(each.day) is not each)
    return Announcements(
        revision=record.revision,
        announcements=(*base, *kept[count:]),
        folded=len(base),
        known=(*record.known, *gone)[-REMEMBERED_ANNOUNCEMENTS:],
    )


def with_announcements(policy: Policy, record: Announcements) -> Policy:
    """Return `policy` with all announcements of `record`, the first of which it may have already."""
    if record.dropped and not policy.announced:
        policy = policy.model_copy(update={"announced": record.dropped})
    for index in range(len(policy.announcements), len(record.announcements)):
        announcement = record.announcements[index]
        policy = policy.model_copy(
            update={
                "calendar": _changed(policy.calendar, announcement),
                "announcements": (*policy.announcements, announcement),
                "announced": record.dropped + index + 1,
                "earlier": policy if index >= record.folded else None,
            }
        )
    return policy


def all_with_announcements(policies: PolicySet, record: Announcements) -> PolicySet:
    """Return a policy set with all announcements in all versions, to be cached by the caller."""
    return PolicySet(policies.name, tuple(with_announcements(each, record) for each in policies.versions))


# versions and partitions share calendars, for their cache of years
@lru_cache(maxsize=256)
def _changed(calendar: Calendar, announcement: Announcement) -> Calendar:
    return calendar.changed(announcement.day, announcement.name if announcement.day_off else None)
