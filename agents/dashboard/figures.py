"""The figures of the page as JSON: a few kilobytes, for any number of complaints."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from heapq import nsmallest
from importlib.metadata import version
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from pydantic_core import to_json

from agents.config.settings import Settings
from agents.dashboard.complaint_row import HOUR_S, ComplaintRow, Deadline, hour_of
from agents.dashboard.read_model import HourCounts, OfficeCounts, ReadModel
from agents.ops.dead_letters.open_letters import Reason
from events.vocabulary import Status
from events.wording import clipped
from workflow.machine.waiting import BY_HAND, WHY
from workflow.policy.model import Policy
from workflow.redaction import redacted

MOST_LISTED: Final = 10
"""Number of complaints in a list."""
OFFICES: Final = 20
"""Number of offices with their own row; the others share one."""
REASONS: Final = 15
"""Number of dead-letter reasons with their own row."""
DAYS: Final = 14
CHART_DAYS: Final = 90
_LONGEST_NAME: Final = 100

_FOLLOWED_UP: Final = (Status.FOLLOWED_UP, Status.REPLIED, Status.CLOSED)


@dataclass(frozen=True, slots=True)
class DisplayContext:
    """The parts of the policy that the figures need."""

    zone: ZoneInfo
    """Time zone of the days in `flow`."""
    offices: Mapping[str, str] = field(default_factory=dict)
    """Names of the offices by id."""
    units: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Units of each office, at any depth."""
    parents: Mapping[str, str | None] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    """Prefix, broker, policy and version of the installation, by name."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Addresses of other pages by name, such as scorecards."""
    categories: Collection[str] = ()
    """Topics of the offices."""
    options: str = ""
    """Global options for copied commands."""

    @classmethod
    def of(cls, policy: Policy, settings: Settings, links: Mapping[str, str] | None = None) -> Self:
        """Return the context of a policy and an installation."""
        directory = policy.directory
        names = {office.id: office.name for office in directory}
        return cls(
            policy.national_zone,
            names,
            {office: directory.units_below(office) for office in names},
            {office: directory.superior(office) for office in names},
            {
                "prefix": settings.prefix,
                "broker": settings.broker,
                "policy": policy.version.partition("/")[0],
                "alur": version("alur"),
            },
            links or {},
            sorted({topic for office in directory for topic in office.categories}),
            settings.options,
        )

    def name_of(self, office: str | None) -> str | None:
        """Return the name of an office, or its id if it has none."""
        return None if office is None else _short(self.offices.get(office, office))


@dataclass(slots=True)
class Sources:
    """Status of the topics that the dashboard reads, lag and dead letters."""

    reading: bool = True
    """Whether the topics have not been read to their end yet."""
    trouble: str | None = None
    """`unreachable` or `refused` while records cannot be read; else None."""
    records_lost_at: datetime | None = None
    """When the records became unreadable: the figures are of that time. None while they can be read."""
    unreadable: int = 0
    """Records of complaints.state that cannot be decoded or that the engine did not write."""
    lag: list[dict[str, Any]] | None = field(default_factory=list)
    """One row for each stage, empty until the first sample; None without the right to read it."""
    letters: Mapping[Reason, int] | None = field(default_factory=dict)
    """Open dead letters by reason; None without the right to read them."""


def figures(read_model: ReadModel, sources: Sources, now: datetime, context: DisplayContext) -> bytes:
    """Return the figures at `now` as one JSON object."""
    statuses, since = read_model.by_status, read_model.unverified_since
    return to_json(
        {
            "at": now,
            "zone": context.zone.key,
            "reading": sources.reading,
            "trouble": sources.trouble,
            "records_lost_at": sources.records_lost_at,
            "unreadable": sources.unreadable,
            "complaints": len(read_model),
            "open": read_model.open,
            "due_soon": read_model.due_soon,
            "overdue": read_model.overdue,
            "exhausted": read_model.exhausted,
            "statuses": {status: statuses[status] for status in Status},
            "waiting": {why: read_model.waiting[why] for why in WHY},
            "by_hand": sum(read_model.waiting[why] for why in BY_HAND),
            "unverified_since": None if since is None else datetime.fromtimestamp(since, UTC),
            "funnel": funnel(read_model),
            "flow": flow(read_model.hours, now, context.zone),
            "chart": chart(read_model, now, context.zone),
            "offices": _offices(read_model.offices, context),
            "next": [displayed(each, each.due, context) for each in read_model.next_due(MOST_LISTED)],
            "longest": [displayed(each, each.deadline, context) for each in read_model.longest_overdue(MOST_LISTED)],
            "undisposed": [displayed(each, each.deadline, context) for each in read_model.undisposed(MOST_LISTED)],
            "incidents": [displayed(each, each.deadline, context) for each in read_model.incidents(MOST_LISTED)],
            "lag": sources.lag,
            "letters": None if sources.letters is None else _letters(sources.letters),
        }
    )


FUNNEL: Final[Mapping[str, Mapping[str, Collection[object]]]] = {
    "received": {},
    "verified": {"verified": [True]},
    "disposed": {"disposed": [True]},
    "followed_up": {"status": _FOLLOWED_UP},
    "closed": {"status": [Status.CLOSED]},
}
"""Steps, each with the condition of a list for complaints that have reached it.

An archived or withdrawn complaint counts as disposed if an office ever held it, but not as verified or followed up,
which its snapshot does not show.
"""


def funnel(read_model: ReadModel) -> dict[str, int]:
    """Count the complaints that reached each step of `FUNNEL`."""
    statuses = read_model.by_status
    counts = (
        *(len(read_model), read_model.verified, read_model.disposed),
        *(sum(statuses[status] for status in _FOLLOWED_UP), statuses[Status.CLOSED]),
    )
    return dict(zip(FUNNEL, counts, strict=True))


def flow(hours: Mapping[int, HourCounts], now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """Count complaints received and ended in the last 24 hours, and on each of the last 14 days of `zone`."""
    this = hour_of(now)
    days = [{"day": day, **_sum(hours, _hours_of(day, zone))._asdict()} for day in _last_days(now, zone, DAYS)]
    return {"day": _sum(hours, range(this - 23, this + 1))._asdict(), "days": days}


def chart(read_model: ReadModel, now: datetime, zone: ZoneInfo) -> list[tuple[int, int, int]]:
    """Count received, settled, and still unanswered missed complaints on each of the last 90 days, the oldest first.

    A missed deadline counts on its day until the required action is taken; then the snapshot no longer has it.
    """
    counts = []
    for day in reversed(_last_days(now, zone, CHART_DAYS)):
        hours = _hours_of(day, zone)
        received, *settled = _sum(read_model.hours, hours)
        counts.append((received, sum(settled), read_model.missed_within(hours.start * HOUR_S, hours.stop * HOUR_S)))
    return counts


def _last_days(now: datetime, zone: ZoneInfo, count: int) -> list[date]:
    """Return the last days, today first."""
    today = now.astimezone(zone).date()
    return [today - timedelta(days=back) for back in range(count)]


def _hours_of(day: date, zone: ZoneInfo) -> range:
    return range(*(hour_of(datetime.combine(each, time(), zone)) for each in (day, day + timedelta(days=1))))


def _sum(hours: Mapping[int, HourCounts], chosen: Iterable[int]) -> HourCounts:
    counts = [hours[hour] for hour in chosen if hour in hours]
    return HourCounts(*map(sum, zip(*counts, strict=True))) if counts else HourCounts()


def _offices(offices: Mapping[str | None, OfficeCounts], context: DisplayContext) -> dict[str, Any]:
    """Return rows for the offices with most overdue, then most open, complaints; the others share the last row."""

    def rank(each: tuple[str | None, OfficeCounts]) -> tuple[int, int, str]:
        office, counts = each
        return -counts.overdue, -counts.open, office or ""

    first = nsmallest(OFFICES, offices.items(), key=rank)
    shown = {office for office, _ in first}
    rest = [counts for office, counts in offices.items() if office not in shown]
    others = OfficeCounts(*(sum(column) for column in zip(*rest, strict=True))) if rest else OfficeCounts()
    rows = [{"id": office, "office": context.name_of(office), **counts._asdict()} for office, counts in first]
    return {"rows": rows, "others": {"offices": len(rest), **others._asdict()}}


def displayed(row: ComplaintRow, deadline: Deadline | None, context: DisplayContext) -> dict[str, Any]:
    """Return a row for display, with the deadline to show."""
    return {
        "tracking": _short(row.tracking_id),
        "status": row.shape.status,
        "office": context.name_of(redacted(row.shape.office, secret=row.shape.secret)),
        "why": row.shape.why,
        "secret": row.shape.secret,
        "clock": deadline.clock if deadline else None,
        "due": datetime.fromtimestamp(deadline.at, UTC) if deadline else None,
    }


def _letters(letters: Mapping[Reason, int]) -> dict[str, Any]:
    most = sorted(letters.items(), key=lambda each: (-each[1], each[0].stage, each[0].code))
    rows = [{"stage": _short(why.stage), "code": _short(why.code), "count": count} for why, count in most[:REASONS]]
    return {"total": sum(letters.values()), "rows": rows, "others": sum(count for _, count in most[REASONS:])}


def _short(text: str | None) -> str | None:
    return None if text is None else clipped(text, _LONGEST_NAME)
