"""The page: complete words in both languages, and no resources from elsewhere."""

import json
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest
from defusedxml import ElementTree
from hypothesis import given
from hypothesis import strategies as st

from agents.config.settings import Settings
from agents.dashboard.chart import chart
from agents.dashboard.complaint_row import Deadline, read_row
from agents.dashboard.figures import FUNNEL, DisplayContext, Sources, figures
from agents.dashboard.lag_trend import Trend, Trends
from agents.dashboard.layout import View, problem, templates
from agents.dashboard.list_page import list_page
from agents.dashboard.listing import MemoryLists, Query
from agents.dashboard.overview import overview
from agents.dashboard.pages import assets
from agents.dashboard.read_model import ReadModel
from agents.dashboard.server import STATUSES
from agents.dashboard.words import LANGUAGES, Words, texts
from agents.ops.dead_letters.open_letters import Reason
from agents.ops.lag import GroupLag, LagReport, LagStatus, Severity
from agents.ops.lag.samples import GroupState
from events.codec.encode import encode_complaint, encode_snapshot
from events.facts import FACTS
from events.topics import STAGES
from events.vocabulary import OPEN, ArchiveReason, ClockName, ComplaintClass, Detail, Refusal, Status
from tests.support.tables import Rows, every
from tests.support.worlds import LAPOR, MONDAY, to_status
from workflow.machine.waiting import WHY
from workflow.reports.explain import Happening

JAKARTA = ZoneInfo("Asia/Jakarta")


class Elements(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def view(language: str, path: str = "/") -> View:
    context = DisplayContext(JAKARTA, {"badung": "Badung"}, environment={"prefix": "", "broker": "kafka:9092"})
    return View(Words(language, JAKARTA, MONDAY), context, Sources(reading=False), path)


def a_model() -> ReadModel:
    model = ReadModel()
    model.advance_to(int(MONDAY.timestamp()))
    for number, status in enumerate(Status):
        complaint = to_status(status).complaint
        row = read_row(encode_snapshot(complaint, encode_complaint(complaint)))
        late = Deadline(int(MONDAY.timestamp()) - 60, ClockName.FOLLOW_UP) if status in OPEN else None
        shape = row.shape._replace(exhausted=late is not None, why="return-limit" if late else None)
        model.put(number.to_bytes(16), row._replace(shape=shape, tracking_id=str(number), missed=late))
    return model


def drawn(language: str) -> dict[str, str]:
    """The kinds of pages."""
    model, now = a_model(), MONDAY
    context = view(language).context
    lag = [
        {"stage": stage, "status": status, "severity": "warning", "members": 0, "behind": 9, "age": 60}
        | {"trend": "level", "series": [1, 2]}
        for stage, status in zip(STAGES, LagStatus, strict=False)
    ]
    letters = Counter({Reason("intake", "not-json"): 2})
    found = json.loads(figures(model, Sources(lag=lag, letters=letters), now, context))
    query = Query(state="all", sort="-received", status=("disposed", "closed"), page=2)
    lists = MemoryLists(lambda: model)
    listed = lists.select(Query(state="all"), now, context)
    long = listed._replace(total=20 * listed.total, older=3)
    mirrored = long._replace(mirrored=True, current_at=now - timedelta(seconds=3))
    return {
        "overview": overview(view(language), found),
        "reading": overview(view(language), None),
        "list": list_page(view(language, "/complaints"), query, long, {}),
        "mirrored": list_page(view(language, "/complaints"), query, mirrored, {}),
        "behind": list_page(view(language, "/complaints"), query, mirrored._replace(current_at=None), {}),
        "lost": list_page(view(language, "/complaints"), query, long, {}, lost=True),
        "office": list_page(view(language, "/offices/badung"), Query(office="badung"), listed, {}),
        "problem": problem(view(language), "What?", "Go on."),
    }


PAGES = {(language, name): page for language in LANGUAGES for name, page in drawn(language).items()}
SCRIPT = assets()["board.js"].body.decode()
STYLE = assets()["board.css"].body.decode()
FOLDER = Path(str(resources.files("agents.dashboard")))
SOURCES = "".join(path.read_text() for path in (*FOLDER.glob("*.py"), *FOLDER.glob("page/*.html")))


def shape(found: Any) -> Any:
    return {name: shape(each) for name, each in found.items()} if isinstance(found, dict) else type(found)


def test_both_languages_say_the_same_things() -> None:
    assert shape(texts("id")) == shape(texts("en"))
    for section, indonesian in texts("id").items():
        for name, text in indonesian.items():
            theirs = texts("en")[section][name]
            assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", theirs)), f"{section}.{name}"


@every(
    Rows(
        [
            ("status", Status),
            ("clock", ClockName),
            ("class", ComplaintClass),
            ("reason", ArchiveReason),
            ("trend", Trend),
            ("lag", LagStatus),
            ("todo", LagStatus),
            ("step_of_clock", Happening),
        ]
    ),
    LANGUAGES,
)
def test_there_is_a_word_for_each(section: str, names: type[StrEnum], language: str) -> None:
    assert set(texts(language)[section]) == set(names)


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_is_a_word_for_each_fact_and_step(language: str) -> None:
    assert set(texts(language)["fact"]) == {fact.NAME for fact in FACTS}
    assert set(texts(language)["step"]) == set(FUNNEL)
    assert set(texts(language)["stage"]) == set(STAGES)
    assert set(Refusal) <= set(texts(language)["refusal"]) <= {*Refusal, *Detail}
    assert set(texts(language)["why"]) == {*WHY, "by-hand"}


def test_there_is_a_sentence_for_each_problem() -> None:
    assert set(texts("id")["problem"]) == set(STATUSES)


def test_the_official_words_are_used() -> None:
    status = texts("id")["status"]
    for name, word in (
        (Status.VERIFIED, "Terverifikasi"),
        (Status.DISPOSED, "Terdisposisi"),
        (Status.FOLLOWED_UP, "Ditindaklanjuti oleh instansi"),
        (Status.REPLIED, "Ditanggapi oleh pelapor"),
        (Status.ARCHIVED, "Diarsipkan"),
        (Status.CLOSED, "Selesai"),
    ):
        assert status[name] == word


def test_every_word_is_used() -> None:
    spoken = set(re.findall(r"""["']([a-z_0-9]+)["']""", SOURCES))
    for name in texts("id")["say"]:
        # some are put together: col_, key_, label_, filter_, ...
        assert name in spoken or name.partition("_")[2] in spoken or name.rpartition("_")[0] in spoken, name


@pytest.mark.parametrize(("language", "name"), PAGES)
class TestMarkup:
    def test_nothing_comes_from_elsewhere_and_nothing_is_inline(self, language: str, name: str) -> None:
        found = Elements(PAGES[language, name])
        addresses = [
            value for _, attributes in found.found for each in ("src", "href") if (value := attributes.get(each))
        ]
        assert addresses
        assert all(value.startswith(("/", "?", "#")) and not value.startswith("//") for value in addresses)
        assert not any(each.startswith("on") or each == "style" for _, attributes in found.found for each in attributes)
        assert found.all("style") == []
        assert all("src" in script for script in found.all("script"))

    def test_it_has_landmarks_headings_and_named_tables(self, language: str, name: str) -> None:
        found = Elements(PAGES[language, name])
        assert [len(found.all(tag)) for tag in ("header", "main", "footer", "h1")] == [1] * 4
        assert len(found.all("caption")) == len(found.all("table"))
        assert all(head.get("scope") in {"col", "row"} for head in found.all("th"))
        ids = [attributes["id"] for _, attributes in found.found if "id" in attributes]
        assert len(set(ids)) == len(ids)
        labelled = {section["aria-labelledby"] for section in found.all("section") if "aria-labelledby" in section}
        assert labelled <= set(ids)
        labels = {label["for"] for label in found.all("label")}
        controls = {
            each["id"] for tag in ("input", "select") for each in found.all(tag) if each.get("type") != "hidden"
        }
        assert labels == controls

    def test_it_names_the_installation_and_the_present_language(self, language: str, name: str) -> None:
        page = PAGES[language, name]
        assert "kafka:9092" in page
        links = [link for link in Elements(page).all("a") if "data-language" in link]
        assert {link["data-language"]: link.get("aria-current") for link in links} == {
            each: "true" if each == language else None for each in LANGUAGES
        }


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_has_to_be_done_comes_first(language: str) -> None:
    order = re.findall(r'id="(\w+)-heading"', PAGES[language, "overview"])
    assert order == [
        *("longest", "next", "undisposed", "incidents", "offices", "flow", "status", "waiting", "lag", "funnel"),
        "letters",
    ]
    assert PAGES[language, "overview"].index('id="key"') < PAGES[language, "overview"].index('id="longest')


def test_severity_has_a_sign_besides_its_colour() -> None:
    page = PAGES["en", "overview"]
    coloured = re.findall(r'class="(?:late|soon)">(.)', page)
    assert coloured
    assert all(first == "<" for first in coloured), "each begins with its sign"


def a_group(**changes: Any) -> GroupLag:
    group = GroupLag(
        group="sla",
        stage="sla",
        topics=(),
        state=GroupState.EMPTY,
        members=0,
        lag=0,
        age=0.0,
        status=LagStatus.OK,
        severity=Severity.OK,
        rate_in=0.0,
        rate_out=0.0,
        drain=0.0,
        waiting=None,
        deadlines=None,
        partitions=(),
        trend=(),
    )
    return group.model_copy(update=changes)


def rows_of(group: GroupLag) -> list[dict[str, Any]]:
    trends = Trends()
    trends.add(LagReport(at=MONDAY, window=1.0, complete=False, groups=(group,), findings=()))
    return trends.rows()


def test_a_reason_of_waiting_is_told_from_an_office() -> None:
    here = view("id")
    parts: Any = templates().get_template("parts.html").make_module({"view": here, "words": here.words})
    row = {"office": None, "why": "verification", "secret": False}
    assert "(Verifikasi)" in parts.holder(row)
    assert "(belum ada instansi)" in parts.holder(row | {"why": None})
    assert "(rahasia)" in parts.holder(row | {"secret": True})
    assert ">Badung<" in parts.holder(row | {"office": "Badung"})


def stage_of(here: View, row: dict[str, Any]) -> str:
    """The row of a stage on the overview."""
    found = json.loads(figures(a_model(), Sources(lag=[row]), MONDAY, here.context))
    drawn = re.search(r'<tr data-key="sla">.*?</tr>', overview(here, found), re.DOTALL)
    return drawn[0] if drawn else ""


def test_a_stage_without_workers_is_a_warning_with_what_to_do() -> None:
    [row] = rows_of(a_group())
    assert (row["status"], row["severity"], row["members"]) == ("idle", "warning", 0)
    assert row["seen_at"] is None
    here = view("en")
    assert "<td>start a worker: alur run sla</td>" in stage_of(here, row)
    settings = Settings(prefix="test.", policy="our policy.toml")
    there = replace(here, context=DisplayContext.of(LAPOR, settings))
    shown = "start a worker: alur --prefix test. --policy &#39;our policy.toml&#39; run sla"
    assert f"<td>{shown}</td>" in stage_of(there, row)


def test_a_stage_whose_worker_does_not_answer_shows_when_it_last_did() -> None:
    [row] = rows_of(a_group(seen_at=MONDAY))
    cells = stage_of(view("id"), row)
    assert "0 <small>terakhir terlihat 09:00:00 WIB</small>" in cells
    assert "run sla; jika prosesnya masih ada, kill -9 dulu: tidak ada yang hilang</td>" in cells
    [row] = rows_of(a_group(seen_at=MONDAY - timedelta(days=2)))
    assert "terakhir terlihat 28 Feb 09:00 WIB" in stage_of(view("id"), row)


@pytest.mark.parametrize(
    ("language", "state", "as_of"),
    [("en", "Not updated", "as of 08:55:00 WIB"), ("id", "Tidak diperbarui", "per 08:55:00 WIB")],
)
def test_figures_that_are_not_updated_are_not_live(language: str, state: str, as_of: str) -> None:
    sources = Sources(reading=False, trouble="unreachable", records_lost_at=MONDAY - timedelta(minutes=5))
    here = replace(view(language), sources=sources)
    page = overview(here, json.loads(figures(a_model(), sources, MONDAY, here.context)))
    assert f'data-state="outdated">{state}</span> <span id="as-of">{as_of}</span>' in page
    assert '<strong data-figure="stages">?</strong>' in page
    assert page.index('data-tone="soon"><a href="#lag">') < page.index('<strong data-figure="stages">?')
    assert f'data-state="live">{here.words.say("live")}</span>' in PAGES[language, "overview"]


def test_every_figure_of_the_overview_opens_a_list_of_as_many() -> None:
    page, model = PAGES["en", "overview"], a_model()
    found = re.findall(r'href="/complaints\?([^"]*)&amp;lang=en"[^>]*>(?:<span[^>]*>[^<]*</span>)?([0-9]+)</a>', page)
    assert len(found) > 25
    for address, number in found:
        query = Query.parse(parse_qsl(address.replace("&amp;", "&")))
        found_of = MemoryLists(lambda: model).select(query, MONDAY, view("en").context)
        assert found_of.total == int(number), address


def test_text_is_escaped_wherever_it_stands() -> None:
    hostile = "<img src=x onerror=\"alert('1')\">"
    row = {"tracking": hostile, "status": hostile, "office": hostile, "why": hostile, "secret": False}
    found = json.loads(figures(a_model(), Sources(trouble=hostile), MONDAY, view("en").context))
    found |= {"longest": [row | {"clock": hostile, "due": None}], "lag": None}
    here = view("en")
    context = replace(here.context, environment={hostile: hostile}, links={hostile: hostile})
    page = overview(replace(here, context=context, query=[(hostile, hostile)]), found)
    page += problem(here, hostile, hostile)
    assert "<img" not in page
    assert 'onerror="' not in page
    assert page.count("&lt;img") == 10


@given(st.lists(st.tuples(*[st.integers(0, 2_000_000)] * 3), max_size=95))
def test_the_chart_stays_in_its_frame(days: list[tuple[int, int, int]]) -> None:
    words = view("en").words
    drawn = templates().get_template("chart.html").render(words=words, chart=chart(days, MONDAY.date()))
    drawn = drawn[: drawn.index("<ul")]
    for points in re.findall(r'points="([^"]*)"', drawn):
        for point in points.split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 720
            assert 8 <= y <= 158
    ElementTree.fromstring(drawn)


def test_the_script_makes_no_markup_of_text() -> None:
    for forbidden in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "http://",
    ):
        assert forbidden not in SCRIPT
    assert "@import" not in STYLE
    assert "url(" not in STYLE


def test_preferences_of_the_user_are_respected() -> None:
    for wish in ("prefers-reduced-motion", "prefers-color-scheme: dark", "forced-colors", ":focus-visible"):
        assert wish in STYLE


def test_it_is_small() -> None:
    assert sum(len(each.body) for each in assets().values()) < 20_000


def contrast(one: str, other: str) -> float:
    """The contrast of two colours (WCAG 2.2, 1.4.3)."""

    def light(colour: str) -> float:
        full = colour.lstrip("#") if len(colour) == 7 else "".join(2 * letter for letter in colour.lstrip("#"))
        parts = [int(full[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((light(one), light(other)))
    return (lighter + 0.05) / (darker + 0.05)


@every(["ground", "panel"], ["ink", "soft", "accent", "soon", "late", "good"], ["light", "dark"])
def test_text_contrasts_with_its_ground(ground: str, text: str, scheme: str) -> None:
    blocks = re.findall(r":root {(.*?)}", STYLE, re.DOTALL)
    colours = dict(re.findall(r"--(\w+): (#\w+)", blocks[0 if scheme == "light" else 1]))
    assert contrast(colours[text], colours[ground]) >= 4.5
