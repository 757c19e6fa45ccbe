"""Public site: static pages in Indonesian and English, a feed and open data, from the public views of a mirror.

A quarter is computed once, 30 days after its end, and read from `data/` from then on: the difference to a later
computation could reveal single complaints.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from itertools import chain, count
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from agents.integrations.csv_text import csv_text
from agents.mirror.figures import Period
from agents.mirror.privacy_floor import OTHERS, Cell, Quarter, Row, published
from agents.mirror.stores import MirrorError, Reading
from agents.runtime.http.templates import render
from workflow.policy import place_names
from workflow.policy.offices import slug_of, topic_of
from workflow.policy.place_names import City

LANGUAGES: Final = ("id", "en")
_MARK: Final = ".alur-site.json"
_NEW: Final = ".new"
_WAIT: Final = timedelta(days=30)
_STORIES_A_PAGE: Final = 25
_PAGE_CHARACTERS: Final = 150_000
_NEWEST: Final = 50
_SEARCHED: Final = 1_500
_NO_XML: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that are invalid in XML, and would make the feed unreadable."""
TABLES: Final = {"areas": "area", "offices": "office", "categories": "category"}

_Content = TypeVar("_Content")


class Story(NamedTuple):
    """A published story."""

    number: str
    complaint_class: str
    category: str | None
    province: str | None
    city: str | None
    office: str | None
    closed_on: date
    working_days: int
    title: str
    answer: str | None


@dataclass(frozen=True, slots=True)
class Built:
    """Numbers of files of a build: written, unchanged, removed."""

    written: int
    unchanged: int
    removed: int
    quarters: int
    stories: int


class KnownNames:
    """Provinces, cities and categories of the offices in a mirror, which the site may publish; others become unknown.

    Channels write places and categories freely, but the list of offices is checked.
    """

    def __init__(self, reading: Reading) -> None:
        self._provinces: dict[str, str] = {}
        self._cities: defaultdict[str, list[tuple[City, str]]] = defaultdict(list)
        self._topics: set[str] = set()
        for province, city, categories in reading.rows("SELECT DISTINCT province, city, categories FROM offices"):
            self._topics.update((categories or "").split())
            if province:
                self._provinces.setdefault(place_names.province(province), province)
            if province and city:
                self._cities[place_names.province(province)].append((place_names.city(city), city))

    def place(self, province: str | None, city: str | None) -> tuple[str | None, str | None]:
        """Return a province and one of its cities as spelled by the offices; None for unknown ones."""
        named = place_names.province(province or "")
        city_name = place_names.city(city or "")
        spellings = {written for known, written in self._cities.get(named, ()) if city_name.may_be(known)}
        return self._provinces.get(named), spellings.pop() if len(spellings) == 1 else None

    def category(self, category: str | None) -> str | None:
        """Return the topic of the offices that is the category or a parent of it."""
        return topic_of(slug_of(category or ""), self._topics)


def build(reading: Reading, directory: Path, url: str = "") -> Built:
    """Write the site; unchanged files keep their modification time, and stale ones are removed.

    Raises MirrorError unless `directory` is empty or has an earlier build. `url`: address of the site, for the feed.
    """
    earlier = _files_of(directory)
    names = KnownNames(reading)
    quarters = _quarters(reading, directory, names)
    stories = _stories(reading, names)
    chunks = _chunks(stories)
    pages = {each.number: f"stories/{name}.html#s{each.number}" for name, chunk in chunks for each in chunk}
    contents = {f"data/{each.name}.json": _json(each.document()) for each in quarters}
    contents |= _open_data(quarters, stories, pages)
    contents["style.css"] = files("agents.mirror").joinpath("pages/style.css").read_text("utf-8")
    feed = render("agents.mirror", "pages", "feed.xml", stories=stories[-1:-21:-1], url=url.rstrip("/"), pages=pages)
    contents["feed.xml"] = _NO_XML.sub("", feed)
    contents["index.html"] = render("agents.mirror", "pages", "choice.html")
    for language in LANGUAGES:
        contents |= {f"{language}/{name}": text for name, text in _pages(language, quarters, chunks, pages)}
    return _write_files(directory, earlier, contents, len(quarters), len(stories))


def _files_of(directory: Path) -> set[str]:
    """Return the files of the last build."""
    mark = directory / _MARK
    if mark.is_file():
        return _read(mark, set)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise MirrorError(f"{directory} has files that are not a site: choose a directory that is empty or new")
    return set()


def _read(file: Path, of: Callable[[Any], _Content]) -> _Content:
    """Read a file of an earlier build."""
    try:
        return of(json.loads(file.read_text("utf-8")))
    except (ValueError, TypeError, KeyError) as error:
        raise MirrorError(f"{file} is damaged ({type(error).__name__}): put the last good copy there") from None


def _write_files(directory: Path, earlier: set[str], contents: Mapping[str, str], quarters: int, stories: int) -> Built:
    directory.mkdir(parents=True, exist_ok=True)
    # the list first, so that the next build removes files of an interrupted one
    (directory / _MARK).write_text(json.dumps(sorted(earlier | contents.keys())), "utf-8")
    written = 0
    for name, text in contents.items():
        file, content = directory / name, text.encode()
        if not file.is_file() or file.read_bytes() != content:
            file.parent.mkdir(parents=True, exist_ok=True)
            fresh = file.with_name(file.name + _NEW)
            fresh.write_bytes(content)
            fresh.replace(file)
            written += 1
    stale = [directory / name for name in earlier - contents.keys()]
    half = [directory / f"{name}{_NEW}" for name in earlier]  # of an interrupted build
    for file in (*stale, *half):
        file.unlink(missing_ok=True)
    (directory / _MARK).write_text(json.dumps(sorted(contents)), "utf-8")
    return Built(written, len(contents) - written, len(stale), quarters, stories)


def _quarters(reading: Reading, directory: Path, names: KnownNames) -> list[Quarter]:
    """Return the closed quarters: from earlier builds, or else computed from the mirror."""
    ((newest,),) = reading.rows("SELECT MAX(received_on) FROM public_complaints")
    cells: defaultdict[str, list[Cell]] = defaultdict(list)
    columns = ", ".join(Cell._fields)
    for start, *values in reading.rows(f"SELECT quarter, {columns} FROM public_counts"):  # noqa: S608 -- names of ours
        if Period.parse(name := _quarter_of(start)).end + _WAIT <= newest:
            cell = Cell(*values)
            province, city = names.place(cell.province, cell.city)
            cells[name].append(cell._replace(province=province, city=city, category=names.category(cell.category)))
    quarters = {file.stem: _read(file, Quarter.of) for file in (directory / "data").glob("*-Q?.json")}
    for name in sorted(cells.keys() - quarters.keys()):
        if (quarter := published(name, cells[name])) is not None:
            quarters[name] = quarter
    return [quarters[name] for name in sorted(quarters)]


def _quarter_of(day: date) -> str:
    return f"{day:%Y}-Q{(day.month + 2) // 3}"


def _stories(reading: Reading, names: KnownNames) -> list[Story]:
    """Return the published stories, the oldest first."""
    query = (
        "SELECT tracking_id, class, category, province, city, office_name, CAST(closed_at AS DATE), working_days, "
        "story_title, story_answer FROM public_stories ORDER BY closed_at, tracking_id"
    )
    stories = []
    for each in map(Story._make, reading.rows(query)):
        province, city = names.place(each.province, each.city)
        stories.append(each._replace(province=province, city=city, category=names.category(each.category)))
    return stories


def _open_data(quarters: Sequence[Quarter], stories: Sequence[Story], pages: Mapping[str, str]) -> dict[str, str]:
    rows = [row for quarter in quarters for row in _figure_rows(quarter)]
    story_rows = [
        dict(zip(_STORY_COLUMNS, (*each[:6], str(each.closed_on), *each[7:]), strict=True)) for each in stories
    ]
    search = [
        [
            each.number,
            each.title,
            " ".join(filter(None, (each.city, each.province, each.category, each.office))),
            pages[each.number],
        ]
        for each in stories[-_SEARCHED:]
    ]
    texts = _texts("en")["dictionary"]
    return {
        "data/figures.csv": _csv(rows, _FIGURE_COLUMNS),
        "data/figures.json": _json(rows),
        "data/stories.csv": _csv(story_rows, _STORY_COLUMNS),
        "data/stories.json": _json(story_rows),
        "data/dictionary.json": _json({name: texts[name] for name in (*_FIGURE_COLUMNS, *_STORY_COLUMNS)}),
        "data/search.json": json.dumps(search[::-1], ensure_ascii=False, separators=(",", ":")),
    }


_FIGURE_COLUMNS: Final = (
    *("quarter", "table", "within", "group", "received"),
    *("answered", "in_time", "answered_from", "answered_to", "in_time_from", "in_time_to"),
)
_STORY_COLUMNS: Final = (
    *("number", "class", "category", "province", "city", "office", "closed_on", "working_days", "title", "answer"),
)


def _figure_rows(quarter: Quarter) -> Iterator[dict[str, Any]]:
    empty = dict.fromkeys(_FIGURE_COLUMNS)
    yield {
        **empty, "quarter": quarter.name, "table": "national", "received": quarter.received,
        "answered": quarter.answered, "in_time": quarter.in_time,
    }  # fmt: skip
    for row in quarter.rows:
        (a, b), (c, d) = row.answered or (None, None), row.in_time or (None, None)
        yield {
            **empty, "quarter": quarter.name, "table": row.table, "within": row.within or None,
            "group": row.group or "(others)", "received": row.received, "answered_from": a, "answered_to": b,
            "in_time_from": c, "in_time_to": d,
        }  # fmt: skip


def _csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    return csv_text([columns, *([row[name] for name in columns] for row in rows)])


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _texts(language: str) -> dict[str, Any]:
    texts: dict[str, Any] = json.loads(files("agents.mirror").joinpath(f"pages/{language}.json").read_text("utf-8"))
    return texts


_Chunks = Sequence[tuple[str, Sequence[Story]]]
"""Names of pages, and their stories."""


def _pages(
    language: str, quarters: Sequence[Quarter], chunks: _Chunks, pages: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    stories = [each for _, chunk in chunks for each in chunk]
    texts, newest = _texts(language), quarters[-1] if quarters else None
    slugs = _slugs(
        {
            row.group
            for quarter in quarters
            for row in quarter.rows
            if row.table == "area" and not row.within and row.group
        }
        | {each.province for each in stories if each.province}
    )
    common = {"t": texts, "lang": language, "other": next(each for each in LANGUAGES if each != language),
              "slugs": slugs, "pages": pages, "number": texts["thousands"]}  # fmt: skip

    def page(name: str, template: str, **values: object) -> tuple[str, str]:
        up = "../" * (name.count("/") + 1)
        return name, render("agents.mirror", "pages", template, **common, name=name, up=up, **values)

    yield page("index.html", "home.html", quarters=quarters[::-1], newest=newest, stories=stories[-1:-6:-1])
    for name, table in TABLES.items():
        rows = [row for row in newest.rows if row.table == table and not row.within] if newest else []
        yield page(f"{name}.html", "table.html", key=name, heading=texts[name], newest=newest, rows=_ranked(rows))
    for province, slug in slugs.items():
        there = [each for each in stories if each.province == province][: -_NEWEST - 1 : -1]
        rows = [row for row in newest.rows if row.within == province] if newest else []
        values = {"newest": newest, "rows": _ranked(rows), "stories": there}
        yield page(f"areas/{slug}.html", "table.html", key="cities", heading=province, **values)
    newest_of = {name[:7]: name for name, _ in chunks}  # by year and quarter
    yield page("stories.html", "stories.html", stories=stories[-1:-21:-1], quarters=newest_of)
    names = [None, *(name for name, _ in chunks), None]
    for (name, chunk), older, newer in zip(chunks, names, names[2:], strict=False):
        yield page(f"stories/{name}.html", "chunk.html", heading=name, stories=chunk[::-1], older=older, newer=newer)
    yield page("data.html", "data.html", figure_columns=_FIGURE_COLUMNS, story_columns=_STORY_COLUMNS)


def _ranked(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row.group == OTHERS, -row.received, row.group))


def _slugs(names: set[str]) -> dict[str, str]:
    """Return a file name for each name, with a number if two are equal."""
    slugs_of: dict[str, str] = {}
    for name in sorted(names):
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "area"
        slugs = chain([plain], (f"{plain}-{number}" for number in count(2)))
        slugs_of[name] = next(slug for slug in slugs if slug not in slugs_of.values())
    return slugs_of


def _chunks(stories: Sequence[Story]) -> list[tuple[str, list[Story]]]:
    """Return the stories by quarter of closing, in pages of limited size, so that a new one changes only the last."""
    chunks: list[tuple[str, list[Story]]] = []
    quarter, number, size = "", 0, 0
    for each in stories:
        named = _quarter_of(each.closed_on)
        size += len(each.title) + len(each.answer or "")
        if named != quarter or len(chunks[-1][1]) == _STORIES_A_PAGE or size > _PAGE_CHARACTERS:
            number = number + 1 if named == quarter else 1
            quarter, size = named, len(each.title) + len(each.answer or "")
            chunks.append((f"{named}-{number}", []))
        chunks[-1][1].append(each)
    return chunks
