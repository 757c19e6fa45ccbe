"""The page of a complaint: content, reason for waiting, deadlines day by day, history, and refused commands."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from agents.dashboard.html import Child, Html, h, join
from agents.dashboard.layout import SIGNS, View, deadline, document, section, table
from agents.dashboard.words import Words
from events.wording import clipped
from workflow.reports.day_breakdown import Day
from workflow.reports.explain import Explanation, Origin, Run

_EVERY_S: Final = 15
_LATE: Final = frozenset({"breached", "escalated", "escalation-exhausted"})
Found = Mapping[str, Any]


def complaint_page(view: View, found: Found) -> str:
    """Return the page of a complaint rendered by `render_history`."""
    words = view.words
    notes = [
        words.say("secret") if found["secret"] else None,
        None if found["whole"] else words.say("not_whole"),
        words.say("earlier", count=words.count(found["earlier"])) if found["earlier"] else None,
    ]
    body = [
        [h("p", h("span", f"{SIGNS['soon']} ", aria_hidden="true"), note, class_="soon") for note in notes if note],
        h("section", _about(view, found), class_="wide"),
        section(view, "facts", _timeline(view, found), class_="broad"),
        section(view, "clocks", _clocks(view, found)),
        section(view, "refused", _refused(view, found["refused"]), class_="broad"),
    ]
    title = words.say("found", number=found["tracking"])
    return document(view, title, h("div", body, class_="grid", id="complaint"), every_s=_EVERY_S)


def _about(view: View, found: Found) -> Html:
    words = view.words
    waiting, followed_by = found["waiting_for"], found["followed_by"]
    reason = [words.of("why", waiting["why"]), waiting["who"]] if waiting else []
    flags = [words.of("class", found["class"]), words.say("anonymous") if found["anonymous"] else None]
    category = view.link("/complaints", urlencode({"category": found["category"] or "", "state": "all"}))
    rows: tuple[tuple[str, Child], ...] = (
        ("status", h("strong", words.of("status", found["status"]))),
        ("waiting", ": ".join(filter(None, reason)) or None),
        ("title", found["title"]),
        ("class", ", ".join(filter(None, flags))),
        ("category", h("a", found["category"], href=category) if found["category"] else None),
        ("place", found["place"]),
        ("office", view.office(found["office_id"], found["office"] or words.say("no_office"))),
        ("asked_office", words.say("asked_office", office=found["asked_office"]) if found["asked_office"] else None),
        ("duplicate", view.complaint(found["duplicate_of"]) if found["duplicate_of"] else None),
        ("follows", view.complaint(found["follows"]) if found["follows"] else None),
        ("followed_by", h("span", [[view.complaint(each), " "] for each in followed_by]) if followed_by else None),
        ("received", words.when(found["received_at"])),
        ("closed", words.when(found["closed_at"]) if found["closed_at"] else None),
        ("counts", words.say("counts", **{name: found[name] for name in ("round", "returns", "breaches", "rung")})),
        ("rating", words.say("rating", rating=found["rating"]) if found["rating"] else None),
        ("policy", found["policy"]),
    )
    shown = [[h("dt", words.say(f"label_{name}")), h("dd", value)] for name, value in rows if value]
    return h("dl", shown, class_="about")


def _clocks(view: View, found: Found) -> Child:
    words = view.words
    if not found["clocks"]:
        return h("p", words.say("no_clocks"), class_="quiet")
    heads = [words.say(f"col_{name}") for name in ("clock", "due", "state")]
    rows = [
        [
            words.of("clock", clock["clock"]),
            _due(view, clock),
            h("span", _state(view, clock), class_="late" if clock["breached"] else "soon" if clock["warned"] else None),
        ]
        for clock in found["clocks"]
    ]
    explained = [_explained(view, each, run) for each in found["explained"] for run in each.runs[-1:]]
    return [table(words.say("clocks_caption"), heads, rows), explained]


def _due(view: View, clock: Found) -> Html:
    zone = ZoneInfo(clock["zone"]) if clock["zone"] else None
    return deadline(view, clock["due_at"]) if zone is None else view.words.when(clock["due_at"], zone)


def _state(view: View, clock: Found) -> Child:
    words = view.words
    if clock["paused"]:
        return words.say("paused", left=words.duration(clock["left"] or ""))
    if clock["breached"]:
        return join([h("span", f"{SIGNS['late']} ", aria_hidden="true"), words.say("overdue")])
    return words.say("warned" if clock["warned"] else "running")


def _explained(view: View, each: Explanation, run: Run) -> Html:
    """Return the day breakdown of a clock: which days counted, which did not, and why."""
    words, zone = view.words, ZoneInfo(run.zone)
    marks = [(step.at.astimezone(zone), words.of("step_of_clock", step.what)) for step in run.steps]
    if run.recomputed:
        marks.append((run.recomputed.astimezone(zone), words.say("falls_due")))
    rows = [
        [
            h("span", words.day(day.date), class_="plain"),
            str(day.number or "–"),  # noqa: RUF001 -- a dash, as in print
            h("span", _reason(view, day), class_=None if day.counted else "quiet"),
            ", ".join(f"{what} {at:%H:%M}" for at, what in marks if at.date() == day.date),
        ]
        for day in run.days
    ]
    heads = [
        words.say("col_day"),
        (words.say("col_counted"), "number"),
        words.say("col_reason"),
        words.say("col_events"),
    ]
    rules = "; ".join(_rule(view, origin) for origin in each.origins)
    days = (
        table(words.say("days_caption", zone=run.zone), heads, rows, scrolls=True)
        if rows
        else h("p", words.say("elapsed", length=words.duration(run.duration)))
    )
    differs = [h("p", text, class_="late") for text in run.differences]
    summary = h("summary", words.say("explain", clock=words.of("clock", each.clock)))
    return h("details", summary, h("p", words.say("rules", rules=rules), class_="quiet"), days, differs)


def _rule(view: View, origin: Origin) -> str:
    words = view.words
    name = words.of("rule", origin.rule if origin.rule in words.names("rule") else "time")
    value = words.of("day", words.duration(origin.value))
    return f"{name}: {value} ({origin.source or words.say('unconfirmed')})"


def _reason(view: View, day: Day) -> str:
    return "; ".join(_translated(view.words, part) for part in day.reason.split("; "))


def _translated(words: Words, reason: str) -> str:
    """Return a translated reason; the part in parentheses is a status, a weekday or the name of a day off."""
    said, _, within = reason.removesuffix(")").partition(" (") if reason.endswith(")") else (reason, "", "")
    shown = words.of("day", words.duration(said))
    return f"{shown} ({words.of('day', words.of('status', within))})" if within else shown


def _timeline(view: View, found: Found) -> Html:
    words = view.words
    items = [
        h(
            "li",
            h("p", words.when(fact["at"])),
            h(
                "p",
                h("span", f"{SIGNS['late']} ", aria_hidden="true") if fact["fact"] in _LATE else None,
                h("strong", words.of("fact", fact["fact"])),
                f" {words.say('by', who=_who(view, fact['by']))}",
                "".join(f"; {each}" for each in _details(view, fact)),
            ),
            h("p", fact["text"], class_="quiet") if fact.get("text") else None,
            data_tone="late" if fact["fact"] in _LATE else None,
        )
        for fact in reversed(found["facts"])
    ]
    return h("ol", items, class_="timeline", reversed=True)


def _who(view: View, by: Found) -> str:
    return view.words.of("by", by["kind"]).format(name=by["name"] or "")


def _details(view: View, fact: Found) -> Iterable[str]:
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


def _code(words: Words, code: str) -> Child:
    return join([words.of("refusal", clipped(code)), " ", h("small", clipped(code))])


def _refused(view: View, refused: list[Found] | None) -> Html:
    words = view.words
    if not refused:
        return h("p", words.say("unknown" if refused is None else "none"), class_="quiet")
    heads = [words.say(f"col_{name}") for name in ("time", "command", "refusal", "by")]
    rows = [
        [words.when(each["at"]), clipped(each["command"]), _code(words, each["code"]), _who(view, each["by"])]
        for each in refused
    ]
    return table(words.say("refused_caption"), heads, rows, scrolls=True)
