"""One complaint's history, as far as the board may tell it.

Told is what happened, when, by which office or stage, and the deadlines. Of what people wrote only what a resolution
tells the public too: the title, the office's answers, category, province and city; and, for those who decide, an office
that was asked for and is in no directory: all within the rule of `workflow/reports/redaction.py`. Never told is who
reported, what citizens wrote in a reply, which officer it was, and where exactly it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID

from agents.config.settings import Settings
from agents.dashboard.complaint_row import ComplaintRow
from agents.dashboard.figures import DisplayContext
from events import facts as f
from events.client import Dossier, Reader, add_to, require_topics
from events.facts import Recorded
from events.snapshot import Clock, Complaint
from events.topics import TopicName
from events.vocabulary import ArchiveReason
from events.wording import clipped
from workflow.reports.redaction import PublicView, public_view

SHOWN: Final = 200
"""So many facts are told, the last ones."""
_LONGEST_TEXT: Final = 600
_MOST_RECORDS: Final = 200_000
_MOST_SECONDS: Final = 10.0
_SKEW: Final = timedelta(hours=1)
"""By so much the clocks of the broker and of lifecycle may differ."""
_HOUR_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class HistoryResult:
    """What was read of a complaint's history."""

    dossier: Dossier
    whole: bool
    """It was read up to where the complaint stands; else reading took too long, and was given up."""


def read_history(settings: Settings, key: bytes, row: ComplaintRow) -> HistoryResult:
    """Read the facts of a complaint: from when it was received, until the version that it is known to have.

    Only its own partition is read, for ten seconds and 200,000 records at most.

    Raises:
        BrokerUnreachable, KafkaRefused, TopicsMissing: complaints.events could not be read.
    """
    complaint = str(UUID(bytes=key))
    dossier, seen, began = Dossier(complaint), 0, monotonic()
    require_topics(settings, [TopicName.EVENTS])
    with Reader(settings, [TopicName.EVENTS], complaint=complaint) as reader:
        reader.skip_to_moment_or_stay(datetime.fromtimestamp(row.received * _HOUR_S, UTC) - _SKEW)
        for record in reader.to_end():
            add_to(dossier, record)
            if dossier.history and dossier.history[-1].complaint.version >= row.version:
                return HistoryResult(dossier, whole=True)
            seen += 1
            if seen >= _MOST_RECORDS or monotonic() - began > _MOST_SECONDS:
                break
    return HistoryResult(dossier, whole=False)


def render_history(found: HistoryResult, row: ComplaintRow, context: DisplayContext) -> dict[str, Any]:
    """Return what the board may tell; the complaint has at least one fact."""
    history = found.dossier.history
    complaint = history[-1].complaint
    view = public_view(complaint, _archived_for(history), secret=row.shape.secret)
    return {
        **_complaint(complaint, context, view),
        "title": view.text(_title(history)),
        "asked_office": view.text(found.dossier.asked_office),
        "whole": found.whole,
        "earlier": max(0, len(history) - SHOWN),
        "facts": [_fact(recorded, context, view) for recorded in history[-SHOWN:]],
        "clocks": [{"clock": name, **_clock(clock, view)} for name, clock in complaint.clocks.items()],
    }


def _complaint(complaint: Complaint, context: DisplayContext, view: PublicView) -> dict[str, Any]:
    place = view.location
    return {
        "tracking": complaint.tracking_id,
        "status": complaint.status,
        "class": complaint.class_,
        "category": view.category,
        "place": ", ".join(name for name in (place.city, place.province) if name) if place else None,
        "anonymous": complaint.anonymous,
        "secret": view.secret,
        "office": context.name_of(view.office),
        "received_at": complaint.received_at,
        "closed_at": complaint.closed_at,
        "round": complaint.round,
        "returns": complaint.returns,
        "rung": complaint.rung,
        "breaches": complaint.breaches,
        "exhausted": complaint.exhausted,
        "rating": view.detail(complaint.rating),
        "policy": complaint.policy,
    }


def _clock(clock: Clock, view: PublicView) -> dict[str, Any]:
    return {
        "started_at": clock.started_at,
        "due_at": clock.due_at,
        "zone": view.detail(clock.zone),  # tells in which part of the country the office is
        "warned": clock.warned,
        "breached": clock.breached,
        "paused": clock.paused,
        "left": clock.remaining,
    }


def _archived_for(history: Sequence[Recorded]) -> ArchiveReason | None:
    last = history[-1].fact
    return last.reason if isinstance(last, f.ComplaintArchived) else None


def _title(history: Sequence[Recorded]) -> str | None:
    title = None
    for recorded in history:
        fact = recorded.fact
        if isinstance(fact, f.ComplaintRegistered):
            title = fact.report.title
        elif isinstance(fact, f.ReportCompleted) and fact.title is not None:
            title = fact.title
    return title or None


_TOLD: Final[Mapping[type[f.Fact], tuple[str, ...]]] = {
    f.ComplaintArchived: ("reason",),
    f.ComplaintDisposed: ("office", "round"),
    f.DispositionReturned: ("office",),
    f.FollowUpRecorded: ("office",),
    f.ResolutionRated: ("rating",),
    f.DeadlineWarned: ("clock", "due_at"),
    f.DeadlineBreached: ("clock", "due_at"),
    f.ComplaintEscalated: ("office", "rung"),
    f.EscalationExhausted: ("rung",),
    f.ExtensionRequested: ("working_days",),
    f.DeadlineExtended: ("clock", "working_days", "due_at"),
    f.DeadlineRescheduled: ("clock", "due_at"),
    f.ComplaintClosed: ("deadline",),
    f.ComplaintWithdrawn: ("deadline",),
}
"""Which fields of a fact are told; none of those that are not named here, so that a new one is not told by accident."""


_DETAILS: Final = frozenset({"office", "reason", "rating"})
"""Those of them that are not told of a secret complaint."""


def _fact(recorded: Recorded, context: DisplayContext, view: PublicView) -> dict[str, Any]:
    fact = recorded.fact
    said, by = {name: getattr(fact, name) for name in _TOLD.get(type(fact), ())}, sender_kind(fact.by)
    said |= {name: view.detail(said[name]) for name in _DETAILS & said.keys()}
    if "office" in said:
        said["office"] = context.name_of(said["office"])
    if by["kind"] == "office":
        by |= {"name": context.name_of(view.detail(by["name"]))}
    if isinstance(fact, f.ComplaintPostponed) and (missing := view.text(fact.missing)) is not None:
        said["missing"] = missing
    if isinstance(fact, f.FollowUpRecorded) and (text := view.text(fact.text)) is not None:
        said["text"] = clipped(text, _LONGEST_TEXT)
    return {
        "version": recorded.complaint.version,
        "at": recorded.at,
        "fact": fact.NAME,
        "by": by,
        **said,
    }


def sender_kind(source: str) -> dict[str, str | None]:
    """Return what may be told of a sender: that it was a citizen, which office, which stage, which channel."""
    kind, _, rest = source.strip("/").partition("/")
    name = rest.partition("/")[0]
    if kind == "citizens":
        return {"kind": "citizen", "name": None}
    if kind in {"offices", "stages", "channels"} and name:
        return {"kind": kind.removesuffix("s"), "name": name}
    return {"kind": "unknown", "name": None}
