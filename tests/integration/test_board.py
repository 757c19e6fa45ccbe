"""The dashboard in a real browser: live figures, lists, complaints, both languages, keyboard, accessibility."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from events.codec.encode import encode_complaint, encode_snapshot
from events.codec.parsing import read_ours
from events.provenance import state_headers
from events.snapshot import Complaint
from tests.support.browser import WIDTHS, accessibility_violations, resize, running_browser
from tests.support.engines import Engine, eventually, new_engine

HOSTILE = "<img src=x onerror=\"document.title='taken over'\">"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with running_browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@dataclass
class Page:
    """The dashboard in a browser."""

    browser: webdriver.Chrome
    address: str

    def open(self, path: str = "?lang=id", width: int = 1_400, scheme: str = "light") -> None:
        """Open a page in a window of a width, and wait until all has been read."""
        resize(self.browser, width)
        preferred = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", preferred)

        def live() -> bool:
            self.browser.get(f"{self.address}{path}")
            return self.text("#connection") in {"Langsung", "Live"}

        eventually("the page is live", live)

    def one(self, selector: str) -> Any:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """Return what an element shows; nothing, if there is none."""
        found = self.browser.execute_script("return document.querySelector(arguments[0])?.innerText", selector)
        return str(found or "")

    def figure(self, name: str) -> int:
        shown = self.text(f"[data-figure={name}]")
        return int("".join(filter(str.isdigit, shown)) or -1)

    def shows(self, selector: str, text: str) -> None:
        """Wait until an element shows `text`."""
        eventually(f"{selector} shows {text!r}", lambda: text in self.text(selector), 15)

    def focused(self) -> str:
        """Return the id of the focused element, else its text."""
        element = self.browser.switch_to.active_element
        return element.get_attribute("id") or element.text

    def press(self, *keys: str) -> None:
        webdriver.ActionChains(self.browser).send_keys(*keys).perform()


@dataclass
class Complaints:
    """Some complaints that are there, by their tracking numbers."""

    engine: Engine
    open: str
    secret: str
    hostile: str

    def arrive(self) -> str:
        """Let one more arrive, and be verified, disposed and followed up; return its number."""
        return follow_up(self.engine, self.engine.report(uuid.uuid4().hex, title="Lampu jalan mati"))


def follow_up(engine: Engine, complaint: str) -> str:
    """Take a complaint to the answer of an office; return its number."""
    engine.await_status(complaint, "registered")
    engine.command("verify-complaint", complaint, "/offices/panrb")
    engine.command("dispose-complaint", complaint, "/offices/panrb", {"office": "denpasar-pupr"})
    engine.command("record-follow-up", complaint, "/offices/badung/officers/7", {"text": "Bukan urusan kami."})
    engine.command("record-follow-up", complaint, "/offices/denpasar-pupr/officers/7", {"text": "Tim ke lokasi."})
    return str(engine.await_status(complaint, "followed_up")["tracking_id"])


@pytest.fixture(scope="module")
def short_engine(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine of two stages; the test does the work of the others."""
    engine = new_engine(broker, tmp_path_factory.mktemp("engine") / "stages.log", "lapor")
    engine.start("intake", "lifecycle")
    yield engine
    assert set(engine.stop().values()) == {0}


@pytest.fixture(scope="module")
def complaints(short_engine: Engine) -> Complaints:
    engine = short_engine
    plain, secret = engine.report("plain"), engine.report("secret", title="Sangat rahasia", secret=True)
    hostile = engine.report("hostile", category=HOSTILE, title=HOSTILE)
    snapshot = engine.await_status(hostile, "registered")
    # no office has such a name, and the directory refuses it; a producer with write access could send it
    complaint = read_ours(Complaint, json.dumps(snapshot | {"office": HOSTILE, "version": 90}).encode())
    engine.send(
        "complaints.state",
        encode_snapshot(complaint, encode_complaint(complaint)),
        hostile.encode(),
        headers=state_headers(0),
    )
    producer = Producer({"bootstrap.servers": engine.settings.broker})
    headers: list[tuple[str, str | bytes | None]] = [("stage", b"intake"), ("code", HOSTILE.encode())]
    producer.produce(engine.settings.topic("complaints.dead-letters"), b"x", b"x", headers=headers)
    assert producer.flush(10) == 0
    return Complaints(engine, follow_up(engine, plain), follow_up(engine, secret), snapshot["tracking_id"])


@pytest.fixture(scope="module")
def page(browser: webdriver.Chrome, complaints: Complaints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    settings = complaints.engine.settings
    log = tmp_path_factory.mktemp("board") / "board.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [Path(sys.executable).parent / "alur", "board", "--port", "0"],
            env={**os.environ, **settings.to_environment()},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    output = process.stdout.readline()
    assert output.startswith("board: http://127.0.0.1:"), log.read_text()
    yield Page(browser, output.split()[1])
    process.terminate()
    assert process.wait(10) == 0, log.read_text()


@pytest.fixture(autouse=True)
def _clean_console(page: Page) -> Iterator[None]:
    yield
    assert page.browser.get_log("browser") == []  # type: ignore[no-untyped-call]  # selenium leaves it untyped
    assert page.browser.title != "taken over"


def test_figures_are_there_and_change_as_complaints_come(page: Page, complaints: Complaints) -> None:
    page.open()
    assert page.text("h1") == "Yang perlu dikerjakan"
    eventually("three are open", lambda: page.figure("open") == 3, 15)
    page.browser.execute_script("document.querySelector('#flow details').open = true")
    page.one("#flow summary").send_keys("")  # the focus is on it
    complaints.arrive()
    eventually("one more is open", lambda: page.figure("open") == 4, 15)
    page.shows("#status", "Ditindaklanjuti oleh instansi")
    page.shows("#lag", "Keputusan")
    assert page.figure("letters") == 1
    assert page.browser.execute_script("return document.querySelector('#flow details').open"), "it stays as it was"
    assert page.browser.switch_to.active_element.tag_name == "summary"


def test_a_focused_link_stays_the_same_link(page: Page, complaints: Complaints) -> None:
    page.open("complaints?sort=-received&lang=en")
    link = page.browser.find_element(By.LINK_TEXT, complaints.open)
    page.browser.execute_script("arguments[0].focus()", link)
    before = page.text("tbody tr:first-child a")
    complaints.arrive()
    eventually("another one is first", lambda: page.text("tbody tr:first-child a") != before, 40)
    assert page.focused() == complaints.open
    address = page.browser.switch_to.active_element.get_attribute("href")
    assert str(address).partition("?")[0].endswith(complaints.open)


def test_every_page_names_the_installation(page: Page, complaints: Complaints) -> None:
    for path in ("", "complaints", "offices/denpasar-pupr", f"complaints/{complaints.open}", "complaints/abc"):
        page.browser.get(f"{page.address}{path}")
        assert complaints.engine.settings.prefix in page.text("#environment"), path
        assert complaints.engine.settings.broker in page.text("#environment"), path
    page.browser.get_log("browser")  # type: ignore[no-untyped-call]  # the last one is an error, and is noted


def test_a_figure_opens_its_list_and_a_list_the_complaint(page: Page, complaints: Complaints) -> None:
    page.open("?lang=en")
    count = page.figure("open")
    page.one("[data-figure=open] a").click()
    page.shows("h1", "Complaints")
    assert page.text("#count") == str(count)
    page.one("thead th:first-child a").click()
    page.shows("thead th:first-child", "sorted in ascending order")
    page.browser.find_element(By.LINK_TEXT, complaints.open).click()
    page.shows("h1", f"Complaint {complaints.open}")
    page.browser.find_element(By.CSS_SELECTOR, "#complaint a[href^='/offices/denpasar-pupr']").click()
    page.shows(".above", "complaints")
    assert complaints.open in page.text("main")
    assert complaints.secret not in page.text("main")


def test_a_list_is_filtered_by_the_form(page: Page, complaints: Complaints) -> None:
    page.open("complaints?lang=en&state=all")
    page.one("summary").click()
    Select(page.one("#f-status")).select_by_value("followed_up")
    page.one("#f-office").send_keys("denpasar", Keys.ENTER)
    page.shows("#filters", "Status: Followed up by the office")
    assert complaints.open in page.text("main")
    assert complaints.hostile not in page.text("main")
    page.browser.find_element(By.CSS_SELECTOR, "#filters li:last-child a").click()
    eventually("the filter is gone", lambda: "Office" not in page.text("#filters"), 10)


def test_a_complaint_is_found_with_its_history_and_its_deadlines(page: Page, complaints: Complaints) -> None:
    page.open()
    page.one("#number").send_keys(complaints.open, Keys.ENTER)
    page.shows("h1", f"Pengaduan {complaints.open}")
    for summary in page.browser.find_elements(By.CSS_SELECTOR, "#clocks summary"):
        summary.click()
    found = page.text("main")
    for word in ("Jalan berlubang", "Terdisposisi", "Tim ke lokasi.", "Tanggapan pelapor", "Penyelesaian", "Anonim"):
        assert word in found
    for word in ("hari mulai tidak dihitung", "hari kerja", "record-follow-up", "not-the-holder"):
        assert word in found
    for word in ("Ni Luh", "0800", "officers", "jengkal", "Bukan urusan"):
        assert word not in found


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("999", "Tidak ada pengaduan dengan nomor 999."),
        ("abc", "“abc” bukan nomor pengaduan: nomor hanya berisi angka"),
    ],
)
def test_an_unknown_complaint_has_a_page_that_states_it(page: Page, number: str, text: str) -> None:
    page.open()
    page.one("#number").send_keys(number, Keys.ENTER)
    page.shows("#problem", text)
    # the browser itself notes what was not found
    logged = page.browser.get_log("browser")  # type: ignore[no-untyped-call]  # selenium leaves it untyped
    assert len(logged) == 1
    page.browser.back()
    page.shows("h1", "Yang perlu dikerjakan")


def test_a_secret_complaint_shows_its_status_only(page: Page, complaints: Complaints) -> None:
    page.open(f"complaints/{complaints.secret}?lang=en")
    page.shows("main", "Secret: the content of the complaint is not shown.")
    found = page.text("main")
    assert "Followed up by the office" in found
    for word in ("Sangat rahasia", "Tim ke lokasi.", "infrastruktur-jalan", "Bali", "PUPR", "day by day"):
        assert word not in found


def test_the_language_can_be_changed_and_the_complaint_stays(page: Page, complaints: Complaints) -> None:
    page.open(f"complaints/{complaints.open}?lang=id")
    page.shows("h1", "Pengaduan")
    page.one("[data-language=en]").click()
    page.shows("h1", f"Complaint {complaints.open}")
    assert page.one("html").get_attribute("lang") == "en"
    page.browser.find_element(By.LINK_TEXT, "Complaints board").click()
    page.shows("#status", "Followed up by the office")


def test_everything_can_be_reached_by_keyboard(page: Page, complaints: Complaints) -> None:
    page.open()
    page.press(Keys.TAB)
    assert page.focused() == "Langsung ke isi"
    assert page.browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.press(Keys.ENTER)
    assert page.focused() == "main"
    page.press(Keys.TAB)
    assert page.focused().endswith("lewat tenggat"), "the first thing is what is wrong"
    page.press(Keys.ENTER)
    page.shows("#filters", "lewat tenggat")
    for _ in range(4):  # skip, home, list, number
        page.press(Keys.TAB)
    assert page.focused() == "number"
    page.press(complaints.open, Keys.TAB, Keys.ENTER)
    page.shows("h1", complaints.open)
    reached: list[str] = []
    while page.browser.switch_to.active_element.tag_name != "summary" and len(reached) < 30:
        page.press(Keys.TAB)
        reached.append(page.focused())
    page.press(Keys.ENTER)
    page.shows("#clocks details[open]", "hari kerja")


def test_text_from_outside_is_escaped(page: Page, complaints: Complaints) -> None:
    page.open("?lang=en")
    for selector in ("#offices", "#letters"):
        page.shows(selector, HOSTILE)
    page.open(f"complaints/{complaints.hostile}?lang=en")
    page.shows("main", HOSTILE)
    page.open("complaints?lang=en&state=all")
    page.shows("main", HOSTILE)
    assert page.browser.find_elements(By.TAG_NAME, "img") == []
    page.browser.get(f"{page.address}complaints/{HOSTILE.replace(' ', '%20').replace('/', '')}?lang=en")
    page.shows("#problem", "<img src=x")
    page.browser.get_log("browser")  # type: ignore[no-untyped-call]  # what was not found, as above


PLACES = ("", "complaints?state=all", "offices/denpasar-pupr", "complaints/{number}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_each_page_fits_and_is_accessible(page: Page, complaints: Complaints, width: int, scheme: str) -> None:
    for place in PLACES:
        page.open(place.format(number=complaints.open), width, scheme)
        script: Callable[[str], Any] = page.browser.execute_script
        for folded_out in (False, True):
            if folded_out:
                script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
            wide, room, window = script(
                "return [document.documentElement.scrollWidth, document.documentElement.clientWidth, innerWidth]"
            )
            assert window == width
            assert wide <= room, (place, folded_out)
            assert accessibility_violations(page.browser) == {}, (place, folded_out)


def test_the_first_screen_of_a_phone_says_what_is_wrong(page: Page) -> None:
    page.open("?lang=id", WIDTHS[0])
    bottom = page.browser.execute_script("return document.getElementById('key').getBoundingClientRect().bottom")
    assert bottom < 640


def test_no_column_of_the_list_is_outside_a_phone(page: Page) -> None:
    page.open("complaints?lang=en", WIDTHS[0])
    wide, room = page.browser.execute_script(
        "const each = document.querySelector('main .table'); return [each.scrollWidth, each.clientWidth]"
    )
    assert wide <= room
