"""Layout shared by all pages: head, environment, search, languages, tables, links."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from agents.dashboard.figures import DisplayContext, Sources
from agents.dashboard.html import Child, Html, h, join
from agents.dashboard.words import LANGUAGES, Words

SIGNS: Final = {"late": "▲", "soon": "●", "good": "✓", "gone": "✕"}
"""Severity by a sign, beside its colour and its words."""
_OFFICE_COUNTS: Final = (
    ("open", "", "", "number"),
    ("due_soon", "due=24h", "soon", "number"),
    ("overdue", "due=overdue", "late", "number"),
    ("exhausted", "rung=exhausted", "late", "number minor"),
)
"""Of each count of an office its filter, its tone and its class: a phone has no room for the last."""
_TAG: Final = re.compile("<[^>]*>")
_NAMES: Final = {"id": "Bahasa Indonesia", "en": "English"}


@dataclass(frozen=True, slots=True)
class View:
    """A request for a page: its words and its own address."""

    words: Words
    context: DisplayContext
    sources: Sources
    path: str
    query: Sequence[tuple[str, str]] = ()
    """Parameters of the address, without the language."""

    def link(self, path: str, query: str = "") -> str:
        """Return the address of another page, in the same language."""
        return f"{path}?{'&'.join(filter(None, [query, f'lang={self.words.language}']))}"

    def complaint(self, number: str) -> Html:
        """Return a link to a complaint."""
        return h("a", number, href=self.link(f"/complaints/{quote(number, safe='')}"), class_="plain")

    def office(self, office: str | None, name: str | None) -> Child:
        """Return a link to an office."""
        return name if office is None else h("a", name, href=self.link(f"/offices/{quote(office, safe='')}"))

    def figure(self, number: int, query: str, tone: str = "") -> Html:
        """Return a number with a link to the list of the counted complaints."""
        text = self.words.count(number)
        sign = h("span", f"{SIGNS[tone]} ", aria_hidden="true") if tone and number else None
        shown = h("a", sign, text, href=self.link("/complaints", query), class_=tone if tone and number else None)
        return shown if number else h("span", text, class_="quiet")


def document(view: View, title: str, body: Child, *, every_s: int) -> str:
    """Return a page, which reloads after at least `every_s` seconds; 0: never."""
    words = view.words
    head = [
        h("meta", charset="utf-8"),
        h("meta", name="viewport", content="width=device-width, initial-scale=1"),
        h("meta", name="color-scheme", content="light dark"),
        h("title", words.say("title", page=title)),
        h("link", rel="icon", href="/icon.svg", type="image/svg+xml"),
        h("link", rel="stylesheet", href="/board.css"),
        h("script", src="/board.js", type="module"),
    ]
    trouble = words.of("trouble", view.sources.trouble) if view.sources.trouble else None
    main = h(
        "main",
        h("p", trouble, class_="trouble", role="alert", id="trouble") if trouble else None,
        h("noscript", h("p", words.say("noscript"))) if every_s else None,
        h("h1", title),
        body,
        id="main",
        tabindex="-1",
    )
    skip = h("a", words.say("skip"), class_="skip", href="#main")
    texts = {f"data_{name}": words.say(name) for name in ("live", "lost")}
    whole = h("body", skip, _header(view), main, h("footer", h("p", words.say("footer"))), data_every=every_s, **texts)
    return f"<!doctype html>\n{h('html', h('head', head), whole, lang=words.language)}\n"


def _header(view: View) -> Html:
    words, state = view.words, "reading" if view.sources.reading else "live"
    return h(
        "header",
        h("p", h("a", words.say("heading"), href=view.link("/")), class_="home"),
        h("p", h("a", words.say("list_heading"), href=view.link("/complaints")), class_="to-list"),
        [h("p", h("a", name, href=address), class_="to-list") for name, address in view.context.links.items()],
        h(
            "p",
            h("span", words.say(state), id="connection", role="status", data_state=state),
            " ",
            h("span", _as_of(words), id="as-of"),
            class_="state",
        ),
        _search(words),
        h("nav", _languages(view), aria_label=words.say("language_label")),
        _environment(view),
    )


def _search(words: Words) -> Html:
    label = words.say("search_label")
    number = {"id": "number", "name": "number", "autocomplete": "off", "placeholder": label}
    return h(
        "form",
        h("input", type="hidden", name="lang", value=words.language),
        h("label", label, for_="number", class_="unseen"),
        h("input", maxlength=40, required=True, **number),
        h("button", words.say("search_button"), type="submit"),
        role="search",
        action="/find",
    )


def _languages(view: View) -> Iterable[Html]:
    for each in LANGUAGES:
        yield h(
            "a",
            _NAMES[each],
            href=f"?{urlencode([*view.query, ('lang', each)])}",
            lang=each,
            hreflang=each,
            data_language=each,
            aria_current="true" if each == view.words.language else None,
        )


def _environment(view: View) -> Html:
    words = view.words
    shown = [
        h("div", h("dt", words.of("environment", name)), h("dd", value or words.say("no_prefix")))
        for name, value in view.context.environment.items()
    ]
    return h("dl", shown, class_="environment", id="environment")


def _as_of(words: Words) -> str:
    return words.say("as_of", time=words.clock_time(words.now))


def section(view: View, name: str, *content: Child, class_: str | None = None) -> Html:
    """Return a section with the heading for its name."""
    heading = h("h2", view.words.say(f"{name}_heading"), id=f"{name}-heading")
    return h("section", heading, content, aria_labelledby=f"{name}-heading", id=name, class_=class_)


def table(
    caption: str, heads: Iterable[Child | tuple[Child, str]], rows: Iterable[Sequence[Child]], *, scrolls: bool = False
) -> Html:
    """Return a table; a column gets the class of its head, and the first cell of a row is the row's head.

    One that may be wider than a phone `scrolls`, by keyboard too.
    """
    columns = [head if isinstance(head, tuple) else (head, None) for head in heads]
    header = [h("th", head, scope="col", class_=class_) for head, class_ in columns]
    first_class, *classes = [class_ for _, class_ in columns]
    body = [
        h(
            "tr",
            h("th", first, scope="row", class_=first_class),
            [h("td", cell, class_=class_) for cell, class_ in zip(rest, classes, strict=True)],
            data_key=_TAG.sub("", join([first])),
        )
        for first, *rest in rows
    ]
    wide = h("table", h("caption", caption), h("thead", h("tr", header)), h("tbody", body))
    reached: dict[str, Any] = {"role": "region", "aria_label": caption, "tabindex": 0} if scrolls else {}
    return h("div", wide, class_="table", **reached)


def offices(view: View, caption: str, rows: Iterable[tuple[Child, str | None, Mapping[str, int]]]) -> Html:
    """Return a table of offices: for each its label, the filter for its complaints, and its counts.

    Without a filter the counts open no list.
    """
    words = view.words
    heads = [words.say("col_office"), *((words.say(f"col_{name}"), class_) for name, _, _, class_ in _OFFICE_COUNTS)]

    def shown(count: int, held: str | None, filter_: str, tone: str) -> Child:
        return words.count(count) if held is None else view.figure(count, f"{held}&{filter_}".rstrip("&"), tone)

    return table(
        caption,
        heads,
        (
            [label, *(shown(counts[name], held, filter_, tone) for name, filter_, tone, _ in _OFFICE_COUNTS)]
            for label, held, counts in rows
        ),
    )


def complaints(view: View, caption: str, rows: Sequence[Mapping[str, Any]]) -> Html:
    """Return a short table of complaints with their deadlines; a sentence if there are none."""
    words = view.words
    if not rows:
        return h("p", words.say("none"), class_="quiet")
    heads = [words.say(f"col_{name}") for name in ("number", "office", "due")]
    return table(caption, heads, (_cells(view, row) for row in rows))


def _cells(view: View, row: Mapping[str, Any]) -> tuple[Child, Child, Child]:
    words = view.words
    what = words.of("clock", row["clock"]) or words.of("status", row["status"])
    return (
        join([view.complaint(row["tracking"]), h("small", what)]),
        holder(view, row),
        deadline(view, moment_of(row["due"])),
    )


def holder(view: View, row: Mapping[str, Any]) -> Html:
    """Return the holder of a complaint, or in brackets what it waits for; of a secret one neither."""
    words = view.words
    why = words.of("why", row["why"])
    without = words.say("hidden") if row["secret"] else f"({why})" if why else words.say("no_office")
    return h("span", row["office"] or without, class_="clamp")


def deadline(view: View, at: datetime | None) -> Html:
    """Return a due time, marked once it has passed."""
    if at is None or at >= view.words.now:
        return view.words.when(at)
    return h(
        "span", h("span", f"{SIGNS['late']}\N{NO-BREAK SPACE}", aria_hidden="true"), view.words.when(at), class_="late"
    )


def moment_of(value: str | datetime | None) -> datetime | None:
    """Parse a time of the figures from JSON."""
    return datetime.fromisoformat(value).astimezone(UTC) if isinstance(value, str) else value


def bar(share: float) -> Html:
    """Return a bar of a length from 0 to 1, as decoration of the number beside it."""
    fill = h("rect", width=round(100 * share, 1), height=4)
    return h("svg", fill, class_="bar", viewBox="0 0 100 4", preserveAspectRatio="none", aria_hidden="true")


def problem(view: View, text: str, next_step: str) -> str:
    """Return the page for something that cannot be shown: the problem, and what to do."""
    body = join([h("p", text, class_="trouble", role="alert", id="problem"), h("p", next_step)])
    return document(view, view.words.say("problem_heading"), body, every_s=0)
