"""History of one complaint, limited to what the dashboard may show.

Shown are deadlines, facts with their time and office or stage, and texts as in a resolution: the title, the office's
answers, category, province and city, and a requested office that is in no directory. `workflow/redaction.py`
limits them. Never shown are the reporter, replies of citizens, officers, the exact location and messages of rejections.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final
from uuid import UUID

from agents.config.settings import Settings
from agents.dashboard.complaint_row import ComplaintRow
from agents.dashboard.figures import DisplayContext
from agents.ops.complaint_policy import policy_of
from events import facts as f
from events.client import ComplaintHistory, Reader, RefusedCommand, add_to, calendar_for, require_topics, with_texts
from events.client.errors import NotAllowed, TopicsMissing
from events.client.reader import CLOCK_SKEW
from events.facts import Recorded
from events.snapshot import Clock, Complaint
from events.topics import TopicName
from events.wording import clipped
from workflow.machine.waiting import REPORTER
from workflow.policy.announcements import with_announcements
from workflow.redaction import PublicView, public_view
from workflow.reports.explain import Explanation, explain

MOST_FACTS: Final = 200
"""Number of facts that are shown, the last ones."""
_LONGEST_TEXT: Final = 600
_MOST_RECORDS: Final = 200_000
_MOST_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class HistoryResult:
    """The readable facts and rejections of a complaint."""

    records: ComplaintHistory
    complete: bool
    """Whether all facts up to the present version were read."""
    explained: tuple[Explanation, ...] = ()
    """Day breakdowns of the present clocks; none for a secret complaint, since days off reveal the region."""
    refused: bool = True
    """Whether the rejections were read."""


def read_history(settings: Settings, key: bytes, row: ComplaintRow) -> HistoryResult:
    """Read the facts of a complaint, from the time of receipt to the version of its row.

    Reads only its partition, for at most ten seconds and 200,000 records.
    """
    complaint = str(UUID(bytes=key))
    known, seen, began = ComplaintHistory(complaint), 0, monotonic()
    require_topics(settings, [TopicName.EVENTS])
    with Reader(settings, [TopicName.EVENTS], complaint=complaint) as reader:
        reader.skip_to_moment_or_stay(datetime.fromtimestamp(row.received, UTC) - CLOCK_SKEW)
        for record in reader.to_end():
            add_to(known, record)
            if known.history and known.history[-1].complaint.version >= row.version:
                known.history = with_texts(settings, known.history, seconds=_MOST_SECONDS)
                explained = () if row.shape.secret else _explained(settings, known)
                refused = _add_refusals(settings, known, row)
                return HistoryResult(known, complete=True, explained=explained, refused=refused)
            seen += 1
            if seen >= _MOST_RECORDS or monotonic() - began > _MOST_SECONDS:
                break
    return HistoryResult(known, complete=False)


def _explained(settings: Settings, known: ComplaintHistory) -> tuple[Explanation, ...]:
    complaint = known.history[-1].complaint
    policy = policy_of(settings, known) if complaint.clocks else None
    if policy is None or policy.version != complaint.policy or len(known.history) < complaint.version:
        return ()  # the day breakdown would be wrong without the first facts, or by another version
    if complaint.calendar:
        policy = with_announcements(policy, calendar_for(settings, known.complaint))
    return tuple(explain(known.history, name, policy) for name in complaint.clocks)


def _add_refusals(settings: Settings, known: ComplaintHistory, row: ComplaintRow) -> bool:
    """Read the refused commands; return False without the right to read them."""
    began = monotonic()
    try:
        require_topics(settings, [TopicName.REJECTIONS])
    except (NotAllowed, TopicsMissing):
        return False
    with Reader(settings, [TopicName.REJECTIONS], complaint=known.complaint) as reader:
        reader.skip_to_moment_or_stay(datetime.fromtimestamp(row.received, UTC) - CLOCK_SKEW)
        for record in reader.to_end():
            add_to(known, record)
            if monotonic() - began > _MOST_SECONDS:
                break
    return True


def render_history(read: HistoryResult, row: ComplaintRow, context: DisplayContext) -> dict[str, Any]:
    """Render the history for the dashboard; the complaint has at least one fact."""
    history, refusals = read.records.history, read.records.refusals[-MOST_FACTS:]
    last = history[-1]
    archived = last.fact if isinstance(last.fact, f.ComplaintArchived) else None
    view = public_view(last.complaint, archived.reason if archived else None, secret=row.shape.secret)
    return {
        **_complaint(last.complaint, context, view),
        "title": view.text(read.records.texts[0] or None),
        "asked_office": view.text(read.records.asked_office),
        "whole": read.complete,
        "earlier": max(0, len(history) - MOST_FACTS),
        "facts": [_fact(recorded, context, view) for recorded in history[-MOST_FACTS:]],
        "clocks": [{"clock": name, **_clock(clock, view)} for name, clock in last.complaint.clocks.items()],
        "explained": () if view.secret else read.explained,
        "duplicate_of": view.detail(archived.duplicate_of if archived else None),
        "refused": [_refusal(each, context, view) for each in refusals] if read.refused else None,
    }


def _refusal(each: RefusedCommand, context: DisplayContext, view: PublicView) -> dict[str, Any]:
    refused = each.rejection
    command = refused.command_type.removeprefix("lapor.command.").removesuffix(".v1")
    by = _sender(refused.command_source, context, view)
    return {"at": each.at, "command": command, "code": refused.detail or refused.code, "by": by}


def _sender(source: str, context: DisplayContext, view: PublicView) -> dict[str, str | None]:
    by = sender_kind(source)
    return by | {"name": context.name_of(view.detail(by["name"]))} if by["kind"] == "office" else by


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
        "office_id": view.office,
        "waiting_for": _waiting(complaint, context, view),
        "follows": view.detail(complaint.follows),
        "followed_by": (),
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


def _waiting(complaint: Complaint, context: DisplayContext, view: PublicView) -> dict[str, str | None] | None:
    waiting = complaint.waiting_for
    if waiting is None:
        return None
    return {"why": waiting.why, "who": context.name_of(view.detail(None if waiting.who == REPORTER else waiting.who))}


def _clock(clock: Clock, view: PublicView) -> dict[str, Any]:
    return {
        "started_at": clock.started_at,
        "due_at": clock.due_at,
        "zone": view.detail(clock.zone),  # reveals the part of the country
        "warned": clock.warned,
        "breached": clock.breached,
        "paused": clock.paused,
        "left": clock.remaining,
    }


_SHOWN_FIELDS: Final[Mapping[type[f.Fact], tuple[str, ...]]] = {
    f.ComplaintArchived: ("reason",),
    f.ComplaintDisposed: ("office", "round"),
    f.ComplaintReopened: ("office",),
    f.DispositionReturned: ("office",),
    f.FollowUpRecorded: ("office",),
    f.FollowUpRejected: ("office",),
    f.ProgressRecorded: ("office", "expected_on"),
    f.ResolutionRated: ("rating",),
    f.LateReplyRecorded: ("reopen_until",),
    f.DeadlineWarned: ("clock", "due_at"),
    f.DeadlineBreached: ("clock", "due_at"),
    f.ComplaintAppealed: ("office",),
    f.ComplaintEscalated: ("office", "rung"),
    f.EscalationExhausted: ("rung",),
    f.ExtensionRequested: ("working_days",),
    f.DeadlineExtended: ("clock", "working_days", "due_at"),
    f.DeadlineRescheduled: ("clock", "due_at"),
    f.ComplaintClosed: ("deadline",),
    f.ComplaintWithdrawn: ("deadline",),
}
"""Fields of a fact that are shown; all others are hidden."""


_DETAILS: Final = frozenset({"office", "reason", "rating"})
"""Fields that are hidden for a secret complaint."""


def _fact(recorded: Recorded, context: DisplayContext, view: PublicView) -> dict[str, Any]:
    fact = recorded.fact
    by = _sender(fact.by, context, view)
    shown = {name: getattr(fact, name) for name in _SHOWN_FIELDS.get(type(fact), ())}
    shown |= {name: view.detail(shown[name]) for name in _DETAILS & shown.keys()}
    if "office" in shown:
        shown["office"] = context.name_of(shown["office"])
    if isinstance(fact, f.ComplaintPostponed) and (missing := view.text(fact.missing)) is not None:
        shown["missing"] = missing
    if isinstance(fact, f.FollowUpRecorded | f.ProgressRecorded) and (text := view.text(fact.text)) is not None:
        shown["text"] = clipped(text, _LONGEST_TEXT)
    return {"version": recorded.complaint.version, "at": recorded.at, "fact": fact.NAME, "by": by, **shown}


def sender_kind(source: str) -> dict[str, str | None]:
    """Return the kind of a sender, and the name of an office, stage or channel."""
    kind, _, rest = source.strip("/").partition("/")
    name = rest.partition("/")[0]
    if kind == "citizens":
        return {"kind": "citizen", "name": None}
    if kind in {"offices", "stages", "channels"} and name:
        return {"kind": kind.removesuffix("s"), "name": name}
    return {"kind": "unknown", "name": None}
