"""The page: complete words in both languages, and no resources from elsewhere."""

import re
from enum import StrEnum
from html.parser import HTMLParser
from typing import Any

import pytest

from agents.dashboard.figures import funnel
from agents.dashboard.lag_trend import Trend
from agents.dashboard.pages import LANGUAGES, assets, pages, words
from agents.dashboard.read_model import ReadModel
from agents.dashboard.server import STATUSES
from agents.ops.lag import Status as LagStatus
from events.facts import FACTS
from events.vocabulary import ArchiveReason, ClockName, ComplaintClass, Status


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


PAGES = {language: page.body.decode() for language, page in pages().items()}
SCRIPT = "".join(each.body.decode() for name, each in assets().items() if name.endswith(".js"))
STYLE = assets()["board.css"].body.decode()


def shape(found: Any) -> Any:
    return {name: shape(each) for name, each in found.items()} if isinstance(found, dict) else type(found)


def test_both_languages_say_the_same_things() -> None:
    assert shape(words("id")) == shape(words("en"))
    for section, said in words("id").items():
        for name, text in said.items():
            if isinstance(text, str):
                theirs = words("en")[section][name]
                assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", theirs)), f"{section}.{name}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("section", "names"),
    [
        ("status", Status),
        ("clock", ClockName),
        ("class", ComplaintClass),
        ("reason", ArchiveReason),
        ("trend", Trend),
        ("lag", LagStatus),
    ],
)
def test_there_is_a_word_for_each(language: str, section: str, names: type[StrEnum]) -> None:
    assert set(words(language)[section]) == set(names)


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_is_a_word_for_each_fact_and_step(language: str) -> None:
    assert set(words(language)["fact"]) == {fact.NAME for fact in FACTS}
    assert set(words(language)["step"]) == set(funnel(ReadModel()))


def test_there_is_a_sentence_for_each_problem() -> None:
    assert set(words("id")["problem"]) == {*STATUSES, "failed"}


def test_the_official_words_are_used() -> None:
    status = words("id")["status"]
    for name, word in (
        (Status.VERIFIED, "Terverifikasi"),
        (Status.DISPOSED, "Terdisposisi"),
        (Status.FOLLOWED_UP, "Ditindaklanjuti oleh instansi"),
        (Status.REPLIED, "Ditanggapi oleh pelapor"),
        (Status.ARCHIVED, "Diarsipkan"),
        (Status.CLOSED, "Selesai"),
    ):
        assert status[name] == word


def test_every_word_of_the_page_is_used_and_every_one_that_the_script_uses_is_there() -> None:
    said = words("id")
    template = set(re.findall(r'say\("(\w+)"', SCRIPT)) | set(re.findall(r'\["(label_\w+)"', SCRIPT))
    template |= {"waiting", "unknown", "refused", "trouble"}
    assert template == set(said["say"])


@pytest.mark.parametrize("language", LANGUAGES)
class TestMarkup:
    def test_nothing_comes_from_elsewhere_and_nothing_is_inline(self, language: str) -> None:
        text = PAGES[language]
        found = Elements(text)
        addresses = [
            value for _, attributes in found.found for name in ("src", "href") if (value := attributes.get(name))
        ]
        assert addresses
        assert all(value.startswith(("/", "?", "#")) and not value.startswith("//") for value in addresses)
        assert not any(name.startswith("on") or name == "style" for _, attributes in found.found for name in attributes)
        assert found.all("style") == []
        assert all("src" in script for script in found.all("script"))

    def test_it_has_landmarks_headings_and_named_tables(self, language: str) -> None:
        found = Elements(PAGES[language])
        assert [len(found.all(tag)) for tag in ("header", "nav", "main", "footer", "h1")] == [1] * 5
        tables = found.all("table")
        assert len(found.all("caption")) == len(tables)
        assert all(head.get("scope") == "col" for head in found.all("th"))
        ids = {attributes["id"] for _, attributes in found.found if "id" in attributes}
        labelled = [section["aria-labelledby"] for section in found.all("section")]
        assert set(labelled) <= ids
        assert any(each.get("aria-live") == "polite" for each in found.all("p"))
        assert found.all("label")[0]["for"] in ids

    def test_the_present_language_is_marked(self, language: str) -> None:
        links = [link for link in Elements(PAGES[language]).all("a") if "data-language" in link]
        assert {link["data-language"]: link["aria-current"] for link in links} == {
            each: "true" if each == language else "false" for each in LANGUAGES
        }


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
        assert forbidden not in SCRIPT.replace("http://www.w3.org/2000/svg", "")
    assert "@import" not in STYLE
    assert "url(" not in STYLE


def test_it_minds_what_people_have_set() -> None:
    for wish in ("prefers-reduced-motion", "prefers-color-scheme: dark", "forced-colors", ":focus-visible"):
        assert wish in STYLE


def test_what_the_script_takes_from_its_files_is_there() -> None:
    imported = re.findall(r'import {(.*?)} from "./(\w+\.js)";', SCRIPT)
    assert imported
    for names, file in imported:
        offered = re.findall(r"^export (?:async )?(?:const|function) (\w+)", assets()[file].body.decode(), re.MULTILINE)
        assert {name.strip() for name in names.split(",")} <= set(offered), file


def test_it_is_small() -> None:
    assert sum(len(each.body) for each in assets().values()) + sum(map(len, PAGES.values())) < 60_000


def contrast(one: str, other: str) -> float:
    """The contrast of two colours (WCAG 2.2, 1.4.3)."""

    def light(colour: str) -> float:
        full = colour.lstrip("#") if len(colour) == 7 else "".join(2 * letter for letter in colour.lstrip("#"))
        parts = [int(full[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((light(one), light(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("text", ["ink", "soft", "accent", "soon", "late", "good"])
@pytest.mark.parametrize("ground", ["ground", "panel"])
def test_text_contrasts_with_its_ground(scheme: str, text: str, ground: str) -> None:
    blocks = re.findall(r":root {(.*?)}", STYLE, re.DOTALL)
    colours = dict(re.findall(r"--(\w+): (#\w+)", blocks[0 if scheme == "light" else 1]))
    assert contrast(colours[text], colours[ground]) >= 4.5
