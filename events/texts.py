"""Free text: what people write. It is stored in `complaints.texts`, apart from the facts, so that it can be erased.

Facts are kept for ever, with a placeholder for their free text. `text_ref` is the key of the texts, the id of the fact:
`<complaint id>/<version>`. A tombstone erases them. Both records have the same timestamp, within Kafka's limits, for
look-ups.

`take_apart` and `put_together` are inverse. `put_together` leaves facts unchanged that contain their text, from earlier
releases or by the setting of the installation.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeGuard, TypeVar

from pydantic import AwareDatetime

from events import facts as f
from events.cloudevents import Body, Frozen, Links, Name, Text, Title
from events.ids import fact_id
from events.reports import ReportContent
from events.snapshot import Complaint

PLACEHOLDER: Final = "[complaints.texts]"
"""Placeholder in a fact for a text in `complaints.texts`."""
ERASED: Final = "[erased]"
"""Replacement for an erased text, for readers of both topics."""

_REPORT: Final = ("title", "body", "office", "attachments")
FREE_TEXT: Final[Mapping[type[Frozen], tuple[str, ...]]] = {
    ReportContent: _REPORT,
    f.ComplaintVerified: ("edited_text",),
    f.ComplaintPostponed: ("reason",),
    f.ReportCompleted: _REPORT,
    f.ComplaintRestored: ("reason",),
    f.ComplaintReopened: ("reason",),
    f.ComplaintWithdrawn: ("reason",),
    f.DispositionReturned: ("reason",),
    f.FollowUpRecorded: ("text", "evidence"),
    f.FollowUpRejected: ("reason",),
    f.ProgressRecorded: ("text", "evidence"),
    f.FollowUpReplied: ("text",),
    f.LateReplyRecorded: ("text",),
    f.ComplaintClosed: ("reason",),
    f.ComplaintAppealed: ("reason",),
    f.ResolutionRated: ("text",),
    f.StoryPublished: ("title", "answer"),
    f.StoryUnpublished: ("reason",),
    f.DataErased: ("reason",),
    f.ExtensionRequested: ("reason",),
    f.DeadlineExtended: ("reason",),
    f.ExtensionRefused: ("reason",),
}
"""Fields with free text by fact, and of the report in `registered`: the only list of them.

The `office` of a report is free text only if it is not in the directory."""

M = TypeVar("M", bound=Frozen)


class FactTexts(Frozen):
    """The texts of one fact: a record of `complaints.texts`. Empty fields are omitted."""

    title: Title | None = None
    body: Body | None = None
    office: Name | None = None
    attachments: Links | None = None
    edited_text: Body | None = None
    reason: Text | None = None
    text: Text | None = None
    evidence: Links | None = None
    answer: Text | None = None
    signature: str | None = None
    """Keyed digest of text and location of a new report, equal for duplicates; erased with the texts."""


class Erasure(Frozen):
    """A request to erase: a record of `complaints.erasures`, keyed by complaint id."""

    texts: bool
    identity: bool
    at: AwareDatetime
    by: str
    reason: str


def split(fact: f.Fact, ref: str) -> tuple[f.Fact, dict[str, Any]]:
    """Return a fact without its words and its report's digests, and separately the words; `ref` is their key.

    A reason that lifecycle itself gives is not free text.
    """
    if not may_hold_words(fact):
        return fact, {}
    words = _words_of(fact)
    bare = _without_report(fact, words, ref) if isinstance(fact, f.ComplaintRegistered) else _bare(fact, words, ref)
    return bare, words


def holds_words(fact: f.Fact) -> bool:
    """Check whether a fact itself contains free text, which no erasure can remove."""
    return may_hold_words(fact) and bool(_words_of(fact))


def take_apart(recorded: f.Recorded) -> tuple[f.Recorded, dict[str, Any]]:
    """Return a fact as `complaints.events` keeps it, and its words; none if it has none or they are already apart.

    Without the report's digests, which `complaints.state` keeps until they are erased.
    """
    fact, words = split(recorded.fact, text_key(recorded.complaint))
    return f.Recorded(fact, recorded.at, recorded.cause, without_digests(recorded.complaint)), words


def erased_report(report: ReportContent) -> ReportContent:
    """Return a report without texts, for the registration of one that was erased before."""
    words = _words(report)
    gone = {name: ERASED if name in {"title", "body"} else None if name == "office" else () for name in words}
    return report.model_copy(update=gone)


def text_key(complaint: Complaint) -> str:
    """Return the text key of the fact that led to this snapshot."""
    return fact_id(complaint.complaint_id, complaint.version)


def put_together(recorded: f.Recorded, texts: FactTexts | None) -> f.Recorded:
    """Return a fact with its words, or with `ERASED` in place of erased ones."""
    fact = recorded.fact
    if not isinstance(fact, f.Worded) or fact.text_ref is None:
        return recorded
    if isinstance(fact, f.ComplaintRegistered):
        whole: f.Fact = fact.model_copy(update={"report": _with_words(fact.report, texts)})
    else:
        whole = _with_words(fact, texts)
    return f.Recorded(whole, recorded.at, recorded.cause, recorded.complaint)


def without_digests(complaint: Complaint) -> Complaint:
    """Return a snapshot without the digests of its report, as in facts; unchanged if it has none."""
    report = complaint.report
    if report.content_digests is None and report.completed_digests is None:
        return complaint
    bare = report.model_copy(update={"content_digests": None, "completed_digests": None})
    return complaint.model_copy(update={"report": bare})


def may_hold_words(fact: f.Fact) -> TypeGuard[f.Worded]:
    """Check whether a fact may contain words: neither stored apart nor a reason that lifecycle wrote."""
    return isinstance(fact, f.Worded) and fact.text_ref is None and fact.by != f.SYSTEM


def _without_report(fact: f.ComplaintRegistered, words: Mapping[str, Any], ref: str) -> f.Fact:
    report = fact.report
    update = {
        "report": report.model_copy(update=_placeholders(words)),
        "text_ref": ref,
        "title_length": len(report.title),
        "body_length": len(report.body),
        "content_digests": None,
    }
    return fact.model_copy(update=update)


def _bare(fact: f.Worded, words: Mapping[str, Any], ref: str) -> f.Fact:
    update = {**_placeholders(words), "text_ref": ref} if words else {}
    if isinstance(fact, f.ReportCompleted):
        update |= {f"{name}_length": len(words[name]) for name in ("title", "body") if name in words}
        update["completed_digests"] = None
    return fact.model_copy(update=update) if update else fact


def _words_of(fact: f.Worded) -> dict[str, Any]:
    """Return the free text of a fact; the name of an office in the directory is not free text."""
    words = _words(fact.report if isinstance(fact, f.ComplaintRegistered) else fact)
    if isinstance(fact, f.ComplaintRegistered | f.ReportCompleted) and fact.chosen_office is not None:
        words.pop("office", None)
    return words


def _words(model: Frozen) -> dict[str, Any]:
    values = model.__dict__
    return {name: value for name in FREE_TEXT[type(model)] if (value := values[name])}


def _placeholders(words: Mapping[str, Any]) -> dict[str, Any]:
    return {name: PLACEHOLDER if isinstance(value, str) else () for name, value in words.items()}


def _with_words(model: M, texts: FactTexts | None) -> M:
    names = FREE_TEXT[type(model)]
    present = set() if texts is None else texts.model_fields_set
    words = {name: getattr(texts, name) for name in names if name in present}
    gone = {name: ERASED for name in names if name not in words and getattr(model, name) == PLACEHOLDER}
    return model.model_copy(update=gone | words)
