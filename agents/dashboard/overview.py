"""The overview: first the tasks, then offices, flow and stages. Each figure links to its list."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from agents.dashboard.chart import chart
from agents.dashboard.layout import View
from agents.dashboard.listing import NONE
from events.vocabulary import OPEN, Status

Figures = Mapping[str, Any]
_Office = tuple[str | None, str, str | None, Mapping[str, int]]
"""Id, name, filter for its complaints, and counts."""
_Count = tuple[str, int, str]
"""Label, count, and query of the list of the counted complaints."""


def overview(view: View, figures: Figures | None) -> str:
    """Return the overview page; `None` stands for figures that do not exist yet."""
    title = view.words.say("now_heading")
    if figures is None:
        return view.page("overview.html", title, every_s=1, figures=None)
    return view.page(
        "overview.html",
        title,
        every_s=1,
        figures=figures,
        offices_held=_offices(view, figures["offices"]),
        chart=chart(figures["chart"], date.fromisoformat(figures["flow"]["days"][0]["day"])),
        statuses=_statuses(view, figures),
        waiting=[(view.words.of("why", why), count, f"why={why}") for why, count in figures["waiting"].items()],
        funnel=_funnel(view, figures["funnel"]),
    )


def _offices(view: View, offices: Mapping[str, Any]) -> list[_Office]:
    words, others = view.words, offices["others"]
    rows: list[_Office] = [
        (row["id"], row["office"] or words.say("no_office"), f"office={row['id'] or NONE}&units=no", row)
        for row in offices["rows"]
    ]
    if others["offices"]:
        rows.append((None, words.say("other_offices", count=words.count(others["offices"])), None, others))
    return rows


def _statuses(view: View, figures: Figures) -> list[_Count]:
    counts, words = figures["statuses"], view.words
    rows = [
        (words.of("status", each), counts[each], f"status={each}{'' if each in OPEN else '&sort=-ended'}")
        for each in map(str, Status)
    ]
    return [*rows, (words.say("total"), figures["complaints"], "state=all")]


def _funnel(view: View, funnel: Mapping[str, int]) -> list[_Count]:
    words, whole = view.words, max(1, funnel["received"])
    return [
        (f"{words.of('step', step)} {words.share(count / whole)}", count, f"reached={step}")
        for step, count in funnel.items()
    ]
