"""Lists of complaints with filters, order and pages; and the page of an office, which is one."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from agents.dashboard.complaint_row import ComplaintRow
from agents.dashboard.figures import named
from agents.dashboard.html import Child, Html, h, join
from agents.dashboard.layout import SIGNS, View, deadline, document, holder, offices, table
from agents.dashboard.listing import KNOWN, NONE, PAGE, REASONS, Found, Query
from agents.dashboard.read_model import LATEST, OfficeCounts
from agents.dashboard.words import Words
from events.wording import clipped

_EVERY_S: Final = 15
_COLUMNS: Final = ("number", "status", "office", "category", "clock", "due", "rung", "received")
_MINOR: Final = frozenset({"status", "category", "clock", "rung", "received", "ended"})
"""Columns that a phone has no room for."""
_CHOICES: Final[Mapping[str, Sequence[str]]] = {
    **{name: KNOWN[name] for name in ("state", "status", "clock", "due")},
    "why": REASONS,
    "reached": KNOWN["reached"],
}
"""Filters that have a menu."""
_WRITTEN: Final = ("office", "category", "rung", "received", "ended")


def list_page(
    view: View, query: Query, found: Found, counted: Mapping[str | None, OfficeCounts], *, lost: bool = False
) -> str:
    """Return a page of a list; `lost`: the mirror that should provide it is unreadable."""
    words = view.words
    office = query.office if view.path.startswith("/offices/") else None
    shown = [_listed(view, row) for row in found.rows]
    count = h("p", h("strong", words.count(found.total), id="count"), " ", words.say("listed"), class_="count")
    csv = h("a", words.say("csv"), href=f"/complaints.csv?{query.url()}", download=True)
    body = [
        _office(view, office, counted) if office else None,
        _chips(view, query, office),
        _form(view, query, office),
        h("div", count, csv, class_="above"),
        h("p", words.say("mirror_lost"), class_="trouble", role="alert") if lost else None,
        _table(view, query, shown) if shown else _empty(view, query, found.total),
        _paging(view, query, found.total),
        h("p", _source(words, query, found), class_="quiet", id="source"),
    ]
    title = words.say("list_heading") if office is None else str(view.context.name_of(office))
    return document(view, title, h("section", body, class_="wide"), every_s=_EVERY_S)


def _empty(view: View, query: Query, total: int) -> Html:
    """Return advice for an empty list: the page is after the last one, or the filters exclude everything."""
    words, path = view.words, view.path
    if total:
        step = h("a", words.say("first_page"), href=view.link(path, query.url()))
    else:
        step = h("a", words.say("all_states"), href=view.link(path, "state=all"))
    return h("p", words.say("none"), " ", step, class_="quiet", id="empty")


def _source(words: Words, query: Query, found: Found) -> str:
    """Return the source of a list, and its age."""
    if found.mirrored:
        if found.current_at is None:
            return words.say("mirror_behind")
        return words.say("mirror", at=words.moment(found.current_at), ago=words.away(found.current_at))
    if query.state == "open":
        return words.say("memory")
    return words.say("memory_settled", latest=words.count(LATEST), older=words.count(found.older))


def _listed(view: View, row: ComplaintRow) -> dict[str, Any]:
    shape, received = row.shape, datetime.fromtimestamp(row.received, UTC)
    ended = None if row.closed is None else datetime.fromtimestamp(row.closed, UTC)
    more: dict[str, Any] = {"category": shape.category, "rung": shape.rung, "exhausted": shape.exhausted}
    more |= {"received": received, "ended": ended}
    return named(row, row.deadline, view.context) | more


def _label(view: View, name: str, value: str) -> str:
    """Return the label for the value of a filter."""
    words = view.words
    sections = {"reached": "step", "clock": "clock", "status": "status", "why": "why"}
    if name == "office":
        return words.say("no_office") if value == NONE else str(view.context.name_of(value))
    return words.of(sections.get(name, "choice"), value)


def _chips(view: View, query: Query, office: str | None) -> Html | None:
    """Return the filters that apply, each with a link that removes it."""
    words, chips = view.words, []
    for name in (*_CHOICES, *_WRITTEN, "missed"):
        value = getattr(query, name)
        if not value or (name, value) == ("state", "open") or (name == "office" and office):
            continue
        shown = ", ".join(_label(view, name, each) for each in ([value] if isinstance(value, str) else value))
        units = f" ({words.say('without_units')})" if name == "office" and query.units == "no" and value != NONE else ""
        gone: dict[str, Any] = {name: Query.__dataclass_fields__[name].default}
        remove = h(
            "a", SIGNS["gone"], href=view.link(view.path, query.url(**gone)), aria_label=words.say("remove", what=shown)
        )
        chips.append(h("li", h("span", words.say(f"filter_{name}"), ": ", class_="quiet"), shown, units, " ", remove))
    return h("ul", chips, class_="chips", id="filters") if chips else None


def _form(view: View, query: Query, office: str | None) -> Html:
    words, fields = view.words, []
    for name, choices in _CHOICES.items():
        value = getattr(query, name)
        chosen = value if isinstance(value, tuple) else (value,)
        options = [h("option", _label(view, name, each), value=each, selected=each in chosen) for each in choices]
        empty = None if name == "state" else h("option", words.say("any"), value="")
        fields.append(_field(words.say(f"filter_{name}"), name, h("select", empty, options, name=name, id=f"f-{name}")))
    for name in _WRITTEN:
        if name == "office" and office:
            continue
        kept = getattr(query, name)
        hint = words.say(f"hint_{name}")
        fields.append(
            _field(
                words.say(f"filter_{name}"), name, h("input", name=name, id=f"f-{name}", value=kept, placeholder=hint)
            )
        )
    hidden = [
        h("input", type="hidden", name=name, value=value)
        for name, value in (("sort", query.sort), ("lang", words.language))
    ]
    form = h(
        "form",
        hidden,
        fields,
        h("button", words.say("filter_button"), type="submit"),
        action=view.path,
        class_="filters",
    )
    return h("details", h("summary", words.say("filter_summary")), form)


def _field(label: str, name: str, control: Html) -> Html:
    return h("p", h("label", label, for_=f"f-{name}"), control)


def _table(view: View, query: Query, rows: Sequence[Mapping[str, Any]]) -> Html:
    words, key = view.words, query.sort.removeprefix("-")
    columns = _COLUMNS if query.state == "open" else (*_COLUMNS, "ended")
    heads: list[Child | tuple[Child, str]] = []
    for column in columns:
        minor = "minor" if column in _MINOR else ""
        if column == "clock":
            heads.append((words.say("col_clock"), minor))
            continue
        sort = f"-{column}" if query.sort == column else column
        sign = " ▾" if query.sort == f"-{column}" else " ▴" if column == key else ""
        link = h(
            "a",
            words.say(f"col_{column}"),
            h("span", sign, aria_hidden="true"),
            href=view.link(view.path, query.url(sort=sort)),
        )
        order = words.say("sorted_down" if query.sort.startswith("-") else "sorted_up")
        heads.append((join([link, h("span", f" ({order})", class_="unseen") if column == key else None]), minor))
    return table(
        words.say("list_caption"),
        heads,
        ([_cell(view, row, column) for column in columns] for row in rows),
        scrolls=True,
    )


def _cell(view: View, row: Mapping[str, Any], column: str) -> Child:
    words = view.words
    if column == "number":
        return join([view.complaint(row["tracking"]), h("small", words.of("status", row["status"]), class_="phone")])
    if column == "office":
        return holder(view, row)
    if column == "due":
        return deadline(view, row["due"])
    if column == "rung":
        sign = h("span", f"{SIGNS['late']} ", aria_hidden="true")
        return h("span", sign, words.say("exhausted"), class_="late") if row["exhausted"] else words.count(row["rung"])
    if column in {"received", "ended"}:
        return words.when(row[column])
    return words.of(column, row[column]) if column in {"status", "clock"} else clipped(row["category"] or "")


def _paging(view: View, query: Query, count: int) -> Html | None:
    words, last = view.words, max(1, -(-count // PAGE))
    if last == 1 and query.page == 1:
        return None
    links: list[Child] = []
    for name, page in (("previous", query.page - 1), ("next_page", query.page + 1)):
        if 1 <= page <= last:
            links.append(h("a", words.say(name), href=view.link(view.path, query.url(page=page)), rel=name[:4]))
    here = h("span", words.say("page", page=words.count(query.page), last=words.count(last)))
    return h(
        "nav",
        links[:1] if query.page > 1 else None,
        here,
        links[-1:] if query.page < last else None,
        class_="paging",
        aria_label=words.say("pages"),
    )


def _office(view: View, office: str, counted: Mapping[str | None, OfficeCounts]) -> Html:
    """Return the top of an office's list: its superior, its counts and those of its units."""
    words, context = view.words, view.context
    parent = context.parents.get(office)
    above = h("p", words.say("superior"), " ", view.office(parent, context.name_of(parent))) if parent else None
    rows = (
        (
            view.office(each, context.name_of(each)),
            f"office={quote(each, safe='')}&units=no",
            counted.get(each, OfficeCounts())._asdict(),
        )
        for each in (office, *context.units.get(office, ()))
    )
    return h("div", above, offices(view, words.say("units_caption"), rows), class_="office")
