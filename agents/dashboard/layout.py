"""A request for a page, and the templates in `page/` that draw it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment

from agents.dashboard.chart import sparkline
from agents.dashboard.figures import DisplayContext, Sources
from agents.dashboard.words import LANGUAGES, Words
from agents.runtime.http.templates import environment
from events.wording import clipped

_NAMES: Final = {"id": "Bahasa Indonesia", "en": "English"}


@cache
def templates() -> Environment:
    """Return the templates of the pages."""
    pages = environment("agents.dashboard", "page")
    pages.filters |= {
        "clipped": clipped,
        "day": date.fromisoformat,
        "moment": _moment,
        "sparkline": sparkline,
        "zone": ZoneInfo,
    }
    pages.globals["languages"] = {each: _NAMES[each] for each in LANGUAGES}
    return pages


def _moment(value: str | None) -> datetime | None:
    """Parse a time of the figures, which are JSON."""
    return None if value is None else datetime.fromisoformat(value).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class View:
    """A request for a page: its words and its own address."""

    words: Words
    context: DisplayContext
    sources: Sources
    path: str
    query: Sequence[tuple[str, str]] = ()
    """Parameters of the address, without the language."""

    def page(self, template: str, title: str, *, every_s: int, **values: object) -> str:
        """Return a page, which reloads after at least `every_s` seconds; 0: never."""
        common = {"view": self, "words": self.words, "title": title, "every_s": every_s}
        return templates().get_template(template).render(common, **values)

    def link(self, path: str, query: str = "") -> str:
        """Return the address of another page, in the same language."""
        return f"{path}?{'&'.join(filter(None, [query, f'lang={self.words.language}']))}"

    def to(self, folder: str, name: str) -> str:
        """Return the address of the page of a complaint or an office."""
        return self.link(f"/{folder}/{quote(name, safe='')}")

    def in_language(self, language: str) -> str:
        """Return the address of this page in a language."""
        return f"?{urlencode([*self.query, ('lang', language)])}"


def problem(view: View, text: str, next_step: str) -> str:
    """Return the page for something that cannot be shown: the problem, and what to do."""
    title = view.words.say("problem_heading")
    return view.page("problem.html", title, every_s=0, text=text, next_step=next_step)
