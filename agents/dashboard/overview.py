"""The overview: first the tasks, then offices, flow and stages. Each figure links to its list."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from agents.dashboard.chart import chart, legend
from agents.dashboard.html import Child, Html, h, join
from agents.dashboard.layout import SIGNS, View, bar, complaints, document, moment_of, offices, section, table
from agents.dashboard.listing import NONE
from events.vocabulary import Status
from workflow.machine.transitions import OPEN

_TONES: Final = {"ok": "good", "warning": "soon", "error": "late"}
_ALARMS: Final = (
    ("overdue", "late", "due=overdue"),
    ("exhausted", "late", "rung=exhausted"),
    ("by_hand", "soon", "why=by-hand&sort=received"),
    ("due_soon", "soon", "due=24h"),
)
"""Figures that call for action, their tone, and the list behind each."""
_LISTS: Final = (
    ("longest", "due=overdue"),
    ("next", "due=any"),
    ("undisposed", "why=by-hand&sort=received"),
    ("incidents", "rung=exhausted"),
)

Figures = Mapping[str, Any]


def overview(view: View, figures: Figures | None) -> str:
    """Return the overview page; `None` stands for figures that do not exist yet."""
    title = view.words.say("now_heading")
    if figures is None:
        return document(view, title, h("p", view.words.say("reading")), every_s=1)
    parts = [
        _now(view, figures),
        [_list(view, name, query, figures) for name, query in _LISTS],
        h("div", _offices(view, figures["offices"]), _chart(view, figures), class_="stack broad"),
        h("div", _statuses(view, figures), _waiting(view, figures["waiting"]), class_="stack"),
        _stages(view, figures["lag"]),
        h("div", _funnel(view, figures["funnel"]), _letters(view, figures["letters"]), class_="stack"),
    ]
    return document(view, title, h("div", parts, class_="grid"), every_s=1)


def _now(view: View, figures: Figures) -> Html:
    words = view.words
    alarms = [_alarm(view, name, figures[name], tone, view.link("/complaints", query)) for name, tone, query in _ALARMS]
    lag = [_TONES[row["severity"]] for row in figures["lag"] or () if row["severity"] != "ok"]
    alarms.append(_alarm(view, "stages", len(lag), "late" if "late" in lag else "soon", "#lag"))
    letters = figures["letters"]["total"] if figures["letters"] else 0
    alarms.append(_alarm(view, "letters", letters, "soon", "#letters"))
    oldest, flow = moment_of(figures["unverified_since"]), figures["flow"]["day"]
    facts = [
        ("open", view.figure(figures["open"], "state=open")),
        ("received", view.figure(flow["received"], "received=24h")),
        ("closed", view.figure(flow["closed"], "ended=24h&status=closed")),
        (
            "oldest",
            h("a", words.away(oldest), href=view.link("/complaints", "status=registered&sort=received"))
            if oldest
            else words.say("none"),
        ),
    ]
    listed = [
        h("li", h("span", words.say(f"key_{name}"), " "), h("strong", value, data_figure=name)) for name, value in facts
    ]
    said = words.say("announcement", **{name: words.count(figures[name]) for name in ("open", "due_soon", "overdue")})
    return h(
        "div",
        h("p", said, id="announcement", class_="unseen"),
        h("ul", alarms, class_="alarms", id="key"),
        h("ul", listed, class_="facts"),
        class_="wide",
    )


def _alarm(view: View, name: str, count: int, tone: str, address: str) -> Html:
    tone = tone if count else "good"
    return h(
        "li",
        h(
            "a",
            h("span", SIGNS[tone], class_="sign", aria_hidden="true"),
            h("strong", view.words.count(count), data_figure=name),
            " ",
            h("span", view.words.say(f"key_{name}"), class_="label"),
            href=address,
        ),
        data_tone=tone,
    )


def _list(view: View, name: str, query: str, figures: Figures) -> Html | None:
    rows = figures[name]
    if not rows and name == "incidents":
        return None  # it has its figure above
    more = h("p", h("a", view.words.say("all"), href=view.link("/complaints", query)), class_="more") if rows else None
    return section(view, name, complaints(view, view.words.say(f"{name}_caption"), rows), more)


def _offices(view: View, found: Mapping[str, Any]) -> Html:
    words, others = view.words, found["others"]
    rows: list[tuple[Child, str | None, Mapping[str, int]]] = [
        (
            view.office(row["id"], row["office"] or words.say("no_office")),
            f"office={row['id'] or NONE}&units=no",
            row,
        )
        for row in found["rows"]
    ]
    if others["offices"]:
        rows.append((words.say("other_offices", count=words.count(others["offices"])), None, others))
    return section(view, "offices", offices(view, words.say("offices_caption"), rows))


def _chart(view: View, figures: Figures) -> Html:
    words, flow = view.words, figures["flow"]["days"]
    today = date.fromisoformat(flow[0]["day"])
    rows = [
        [
            h("span", words.day(date.fromisoformat(day["day"])), class_="plain"),
            view.figure(day["received"], f"received={day['day']}"),
            view.figure(day["closed"], f"ended={day['day']}&status=closed"),
            view.figure(day["archived"] + day["withdrawn"], f"ended={day['day']}&status=archived&status=withdrawn"),
        ]
        for day in flow
    ]
    heads = [
        words.say("col_day"),
        *((words.say(f"col_{name}"), "number") for name in ("received", "closed", "other_ends")),
    ]
    days = h("details", h("summary", words.say("flow_days")), table(words.say("flow_caption"), heads, rows))
    drawn = chart(words, figures["chart"], today)
    return section(view, "flow", drawn, legend(words), h("p", words.say("chart_note"), class_="quiet"), days)


def _counts(view: View, name: str, rows: list[tuple[str, int, str]], whole: int) -> Html:
    """Return a table of counts with bars and links to lists."""
    shown = [[join([label, bar(count / max(1, whole))]), view.figure(count, query)] for label, count, query in rows]
    heads = [view.words.say(f"col_{name}"), (view.words.say("col_complaints"), "number")]
    return section(view, name, table(view.words.say(f"{name}_caption"), heads, shown))


def _statuses(view: View, figures: Figures) -> Html:
    counts = figures["statuses"]
    rows = [
        (view.words.of("status", each), counts[each], f"status={each}{'' if each in OPEN else '&sort=-ended'}")
        for each in map(str, Status)
    ]
    rows.append((view.words.say("total"), figures["complaints"], "state=all"))
    return _counts(view, "status", rows, max(counts.values()))


def _funnel(view: View, funnel: Mapping[str, int]) -> Html:
    whole = max(1, funnel["received"])
    rows = [
        (f"{view.words.of('step', step)} {view.words.share(count / whole)}", count, f"reached={step}")
        for step, count in funnel.items()
    ]
    return _counts(view, "funnel", rows, whole)


def _waiting(view: View, waiting: Mapping[str, int]) -> Html:
    rows = [(view.words.of("why", why), count, f"why={why}") for why, count in waiting.items()]
    return _counts(view, "waiting", rows, max(waiting.values()))


def _stages(view: View, lag: list[dict[str, Any]] | None) -> Html:
    words = view.words
    if not lag:
        missing = h("p", words.say("waiting" if lag is not None else "refused"), class_="quiet")
        return section(view, "lag", missing, class_="broad")
    rows = [_stage(view, row) for row in lag]
    heads = [
        *(words.say("col_stage"), (words.say("col_members"), "number"), (words.say("col_behind"), "number")),
        *(words.say("col_age"), words.say("col_trend"), words.say("col_todo")),
    ]
    return section(view, "lag", table(words.say("lag_caption"), heads, rows, scrolls=True), class_="broad")


def _stage(view: View, row: Mapping[str, Any]) -> list[Child]:
    words = view.words
    tone = _TONES[row["severity"]]
    state = f"{words.of('lag', row['status'])}, {words.of('trend', row['trend'])}"
    members = "?" if row["members"] is None else words.count(row["members"])
    seen = words.lately(datetime.fromisoformat(row["seen_at"])) if row.get("seen_at") else None
    return [
        join([words.of("stage", row["stage"]), " ", h("small", row["stage"])]),
        join([members, " ", h("small", words.say("last_seen", at=seen)) if seen else None]),
        words.count(row["behind"]),
        words.length(row["age"]) if row["age"] else "0",
        join([_line(row["series"]), h("span", h("span", f"{SIGNS[tone]} ", aria_hidden="true"), state, class_=tone)]),
        words.of("todo", row["status"]).format(stage=row["stage"], options=view.context.options)
        + (words.say("kill_first") if seen else ""),
    ]


def _line(series: list[int]) -> Html:
    most, step = max(1, *series, 1), 60 / max(1, len(series) - 1)
    points = " ".join(f"{at * step:.1f},{19 - 18 * value / most:.1f}" for at, value in enumerate(series))
    line = h("polyline", points=points)
    return h("svg", line, class_="line", viewBox="0 0 60 20", preserveAspectRatio="none", aria_hidden="true")


def _letters(view: View, letters: Mapping[str, Any] | None) -> Html:
    words = view.words
    if letters is None:
        return section(view, "letters", h("p", words.say("unknown"), class_="quiet"))
    if not letters["rows"]:
        return section(view, "letters", h("p", words.say("none"), class_="quiet"))
    rows: list[list[Child]] = [[row["stage"] or "", row["code"], words.count(row["count"])] for row in letters["rows"]]
    if letters["others"]:
        rows.append([words.say("other_reasons"), "", words.count(letters["others"])])
    heads = [words.say("col_stage"), words.say("col_reason"), (words.say("col_count"), "number")]
    how = h("p", words.say("letters_todo"), " ", h("code", f"alur {view.context.options}dead list"))
    return section(view, "letters", table(words.say("letters_caption"), heads, rows), how)
