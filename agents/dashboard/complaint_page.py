"""The page of a complaint: content, reason for waiting, deadlines day by day, history, and refused commands."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from agents.dashboard.layout import View
from agents.dashboard.words import Words
from workflow.reports.day_breakdown import Day
from workflow.reports.explain import Explanation, RuleSource, Run

_EVERY_S: Final = 15
_Json = Mapping[str, Any]


def complaint_page(view: View, history: _Json) -> str:
    """Return the page of a complaint rendered by `render_history`."""
    words, waiting = view.words, history["waiting_for"]
    notes = [
        words.say("secret") if history["secret"] else None,
        None if history["whole"] else words.say("not_whole"),
        words.say("earlier", count=words.count(history["earlier"])) if history["earlier"] else None,
    ]
    reason = [words.of("why", waiting["why"]), waiting["who"]] if waiting else []
    return view.page(
        "complaint.html",
        words.say("found", number=history["tracking"]),
        every_s=_EVERY_S,
        history=history,
        notes=list(filter(None, notes)),
        waits=": ".join(filter(None, reason)),
        facts=[(fact, list(_details(view, fact))) for fact in reversed(history["facts"])],
        who=partial(_who, view),
        explained=[_explained(view, each, run) for each in history["explained"] for run in each.runs[-1:]],
    )


def _explained(view: View, each: Explanation, run: Run) -> dict[str, Any]:
    """Return the last run of a clock: its rules, and its days with their reasons and events."""
    words, zone = view.words, ZoneInfo(run.zone)
    marks = [(step.at.astimezone(zone), words.of("step_of_clock", step.what)) for step in run.steps]
    if run.recomputed:
        marks.append((run.recomputed.astimezone(zone), words.say("falls_due")))
    return {
        "clock": each.clock,
        "rules": "; ".join(_rule(view, origin) for origin in each.origins),
        "zone": run.zone,
        "duration": run.duration,
        "days": [
            (day, _reason(view, day), ", ".join(f"{what} {at:%H:%M}" for at, what in marks if at.date() == day.date))
            for day in run.days
        ],
        "differences": run.differences,
    }


def _rule(view: View, origin: RuleSource) -> str:
    words = view.words
    name = words.of("rule", origin.rule if origin.rule in words.names("rule") else "time")
    value = words.of("day", words.duration(origin.value))
    return f"{name}: {value} ({origin.source or words.say('unconfirmed')})"


def _reason(view: View, day: Day) -> str:
    return "; ".join(_translated(view.words, part) for part in day.reason.split("; "))


def _translated(words: Words, reason: str) -> str:
    """Return a translated reason; the part in parentheses is a status, a weekday or the name of a day off."""
    outer, _, within = reason.removesuffix(")").partition(" (") if reason.endswith(")") else (reason, "", "")
    shown = words.of("day", words.duration(outer))
    return f"{shown} ({words.of('day', words.of('status', within))})" if within else shown


def _who(view: View, by: _Json) -> str:
    return view.words.of("by", by["kind"]).format(name=by["name"] or "")


def _details(view: View, fact: _Json) -> Iterator[str]:
    words = view.words
    for name in ("round", "rung", "rating"):
        if fact.get(name):
            yield words.say(name, **{name: fact[name]})
    if fact.get("office") and fact["office"] != fact["by"]["name"]:
        yield words.say("to", office=fact["office"])
    if fact.get("clock"):
        yield words.of("clock", fact["clock"])
    if fact.get("working_days"):
        yield words.say("extended_by", days=fact["working_days"])
    if fact.get("due_at"):
        yield words.say("due", time=words.moment(fact["due_at"]))
    if fact.get("reason"):
        yield words.of("reason", fact["reason"])
    if fact.get("missing"):
        yield words.say("missing", fields=", ".join(fact["missing"]))
    if fact.get("deadline"):
        yield words.say("deadline")
