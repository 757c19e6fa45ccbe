"""Facts, times and durations as text for a terminal."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from events import facts as f
from events.outcomes import Finding
from events.reports import Location
from events.wording import number_of

_LONGEST: Final = 400


def safe(text: str) -> str:
    """Replace control characters, which could send commands to the terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)


def shortened(text: str) -> str:
    """Return the first 400 characters of a text, without control characters."""
    return safe(text if len(text) <= _LONGEST else f"{text[:_LONGEST].rstrip()}…")


def local(moment: datetime, zone: ZoneInfo) -> str:
    """Return a time in `zone`, with the name of the zone."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def span(length: timedelta) -> str:
    """Return a duration in its two largest units."""
    seconds = int(abs(length.total_seconds()))
    parts = (("d", seconds // 86_400), ("h", seconds // 3_600 % 24), ("min", seconds // 60 % 60), ("s", seconds % 60))
    first = next((index for index, (_, count) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count} {unit}" for unit, count in parts[first : first + 2] if count) or "0 s"


def rate_of(count: int, seconds: float) -> str:
    """Return the elapsed time, and the number of items per second."""
    return f"in {seconds:.1f} s ({count / max(seconds, 0.001):,.0f}/s)"


def place(location: Location | None) -> str:
    """Return a location, the smallest area first."""
    if location is None:
        return "no place given"
    names = [name for name in (location.village, location.district, location.city, location.province) if name]
    if location.lat is not None and location.lon is not None:
        names.append(f"{location.lat:g}, {location.lon:g}")
    return safe(", ".join(names)) or "no place given"


def in_words(fact: f.Fact, zone: ZoneInfo) -> str:
    """Return the content of a fact as text, with its times in `zone`."""
    timed = TIMED.get(type(fact))
    return shortened(WORDS[type(fact)](fact) if timed is None else timed(fact, zone))


def _completed(fact: f.ReportCompleted) -> str:
    implied = {"by", "revision", "chosen_office"}
    changed = (name for name in type(fact).model_fields if name not in implied and getattr(fact, name) is not None)
    return f"revision {fact.revision}: {', '.join(changed)}"


def _reason(text: str, reason: str | None) -> str:
    return f"{text}: {reason}" if reason else text


def _deemed(fact: f.ComplaintWithdrawn | f.ComplaintClosed, by_whom: str) -> str:
    return _reason("its deadline expired" if fact.deadline else by_whom, fact.reason)


def _rescheduled(fact: f.DeadlineRescheduled, zone: ZoneInfo) -> str:
    return f"{fact.clock}: {local(fact.due_at, zone)} instead of {local(fact.old_due_at, zone)}, {fact.reason}"


def _extended(fact: f.DeadlineExtended, zone: ZoneInfo) -> str:
    return _reason(
        f"{fact.clock} by {number_of(fact.working_days, 'working day')}, to {local(fact.due_at, zone)}", fact.reason
    )


def left_until(at: datetime, now: datetime) -> str:
    """Return the time until a due time, or since then if it has passed."""
    return f"{span(now - at)} over" if now > at else span(at - now)


def after_late_reply(fact: f.LateReplyRecorded, zone: ZoneInfo) -> str:
    """Return what a reporter can do after a reply that came too late."""
    until = fact.reopen_until
    return f"it can be reopened until {local(until, zone)}" if until else "a new report can name this one as `follows`"


def _verified(fact: f.ComplaintVerified) -> str:
    category = f"category {fact.category}" if fact.category else ""
    edited = f"text edited: {fact.edited_text}" if fact.edited_text is not None else ""
    return "; ".join(filter(None, (category, edited)))


def _followed_up(fact: f.FollowUpRecorded | f.ProgressRecorded) -> str:
    evidence = f" ({len(fact.evidence)} pieces of evidence)" if fact.evidence else ""
    return f"{fact.office}: {fact.text}{evidence}"


def _story_published(fact: f.StoryPublished) -> str:
    findings = f" (in spite of {in_words_of_findings(fact.findings)})" if fact.findings else ""
    return _reason(fact.title, fact.answer) + findings


def _erased(fact: f.DataErased) -> str:
    return " and ".join(name for name in ("texts", "identity") if getattr(fact, name))


def in_words_of_findings(findings: Iterable[Finding]) -> str:
    """Return the findings of a scan as text, by kind."""
    return ", ".join(f"{each.count} x {each.kind}" for each in findings)


WORDS: Final[dict[type[f.Fact], Callable[[Any], str]]] = {
    f.ComplaintRegistered: lambda fact: (
        f"{fact.report.title or fact.report.body} (report {fact.report_id} of {fact.source})"
    ),
    f.ComplaintVerified: _verified,
    f.ComplaintPostponed: lambda fact: f"lacks {', '.join(fact.missing)}: {fact.reason}",
    f.ReportCompleted: _completed,
    f.ComplaintArchived: lambda fact: fact.reason + (f" of {fact.duplicate_of}" if fact.duplicate_of else ""),
    f.ComplaintRestored: lambda fact: fact.reason,
    f.ComplaintReopened: lambda fact: f"{fact.office} has it again: {fact.reason}",
    f.ComplaintWithdrawn: lambda fact: _deemed(fact, "by the reporter"),
    f.ComplaintDisposed: lambda fact: f"to {fact.office}, round {fact.round}",
    f.DispositionReturned: lambda fact: f"by {fact.office}: {fact.reason}",
    f.FollowUpRecorded: _followed_up,
    f.FollowUpRejected: lambda fact: f"{fact.office} has it again: {fact.reason}",
    f.ProgressRecorded: lambda fact: (
        _followed_up(fact) + (f", answer expected on {fact.expected_on}" if fact.expected_on else "")
    ),
    f.FollowUpReplied: lambda fact: fact.text,
    f.ComplaintClosed: lambda fact: _deemed(fact, "by an administrator"),
    f.ComplaintAppealed: lambda fact: f"to {fact.office}: {fact.reason}",
    f.ResolutionRated: lambda fact: _reason(f"{fact.rating} of 5", fact.text),
    f.PrivacyChanged: lambda fact: ", ".join(
        name if value else f"not {name}"
        for name in ("anonymous", "secret")
        if (value := getattr(fact, name)) is not None
    ),
    f.StoryPublished: _story_published,
    f.StoryUnpublished: lambda fact: fact.reason or "",
    f.DataErased: lambda fact: f"{_erased(fact)}: {fact.reason}",
    f.ComplaintEscalated: lambda fact: f"to {fact.office}, rung {fact.rung}",
    f.EscalationExhausted: lambda fact: f"no rung above {fact.rung}: an incident",
    f.ExtensionRequested: lambda fact: f"{number_of(fact.working_days, 'working day')}: {fact.reason}",
    f.ExtensionRefused: lambda fact: fact.reason or "",
}

TIMED: Final[dict[type[f.Fact], Callable[[Any, ZoneInfo], str]]] = {
    f.LateReplyRecorded: lambda fact, zone: f"{fact.text} ({after_late_reply(fact, zone)})",
    f.DeadlineWarned: lambda fact, zone: f"{fact.clock} is due {local(fact.due_at, zone)}",
    f.DeadlineBreached: lambda fact, zone: f"{fact.clock} was due {local(fact.due_at, zone)}",
    f.DeadlineExtended: _extended,
    f.DeadlineRescheduled: _rescheduled,
}
