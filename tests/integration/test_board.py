"""The dashboard in a real browser: live figures, search, both languages, keyboard, accessibility."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from events.codec.encode import encode_complaint, encode_snapshot
from events.codec.parsing import read_ours
from events.snapshot import Complaint
from events.writer import state_headers
from tests.support.engines import Engine, eventually, new_engine

HOSTILE = "<img src=x onerror=\"document.title='taken over'\">"
WIDTHS = (400, 1_400)
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)
PROGRAM = next(filter(None, map(shutil.which, _BROWSERS)), None)
DRIVER = shutil.which("chromedriver")
if PROGRAM is None or DRIVER is None:
    pytest.skip("no Chromium and its driver here: apt-get install chromium chromium-driver", allow_module_level=True)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    assert PROGRAM is not None
    options = webdriver.ChromeOptions()
    options.binary_location = PROGRAM
    for option in (*_OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options, Service(DRIVER))
    yield found
    found.quit()


@dataclass
class Page:
    """The dashboard in a browser."""

    browser: webdriver.Chrome
    address: str

    def open(self, query: str = "?lang=id", width: int = 1_400) -> None:
        """Open the page in a window of a width, and wait until it shows figures."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.browser.get(f"{self.address}{query}")
        eventually("the page is live", lambda: self.one("#connection").get_attribute("data-state") == "live")

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
    """Lead a complaint to where an office has answered; return its number."""
    engine.await_status(complaint, "registered")
    engine.command("verify-complaint", complaint, "/offices/panrb")
    engine.command("dispose-complaint", complaint, "/offices/panrb", {"office": "denpasar-pupr"})
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
    said = process.stdout.readline()
    assert said.startswith("board: http://127.0.0.1:"), log.read_text()
    yield Page(browser, said.split()[1])
    process.terminate()
    assert process.wait(10) == 0, log.read_text()


@pytest.fixture(autouse=True)
def _clean_console(page: Page) -> Iterator[None]:
    yield
    assert page.browser.get_log("browser") == []  # type: ignore[no-untyped-call]  # selenium leaves it untyped
    assert page.browser.title != "taken over"


def test_figures_are_there_and_change_as_complaints_come(page: Page, complaints: Complaints) -> None:
    page.open()
    assert page.text("h1") == "Papan pengaduan"
    before = page.figure("open")
    assert before == 3
    complaints.arrive()
    eventually("one more is open", lambda: page.figure("open") == before + 1, 15)
    page.shows("#statuses", "Ditindaklanjuti oleh instansi")
    page.shows("#lag", "lifecycle")
    assert page.figure("letters") == 1


def test_a_complaint_is_found_with_its_history_and_its_deadlines(page: Page, complaints: Complaints) -> None:
    page.open()
    page.one("#number").send_keys(complaints.open, Keys.ENTER)
    page.shows("#complaint-heading", f"Pengaduan {complaints.open}")
    told = page.text("#complaint")
    for word in ("Jalan berlubang", "Terdisposisi", "Tim ke lokasi.", "Tanggapan pelapor", "Penyelesaian", "Anonim"):
        assert word in told
    for word in ("Ni Luh", "0800", "officers", "jengkal"):
        assert word not in told
    page.one("#number").clear()
    page.one("#number").send_keys("999", Keys.ENTER)
    page.shows("#answer", "Tidak ada pengaduan dengan nomor 999.")
    # the browser itself notes what was not found
    logged = page.browser.get_log("browser")  # type: ignore[no-untyped-call]  # selenium leaves it untyped
    assert [entry["message"].split(" - ")[0].rpartition("/")[2] for entry in logged] == ["999"]
    page.browser.back()
    page.shows("#complaint-heading", f"Pengaduan {complaints.open}")


def test_a_secret_complaint_shows_its_status_only(page: Page, complaints: Complaints) -> None:
    page.open(f"?lang=en&complaint={complaints.secret}")
    page.shows("#complaint", "Secret: the content of the complaint is not shown.")
    told = page.text("#complaint")
    assert "Followed up by the office" in told
    for word in ("Sangat rahasia", "Tim ke lokasi.", "infrastruktur-jalan", "Bali"):
        assert word not in told


def test_the_language_can_be_changed_and_the_complaint_stays(page: Page, complaints: Complaints) -> None:
    page.open(f"?lang=id&complaint={complaints.open}")
    page.shows("#complaint-heading", "Pengaduan")
    page.one("[data-language=en]").click()
    page.shows("#complaint-heading", f"Complaint {complaints.open}")
    assert page.text("h1") == "Complaints board"
    assert page.one("html").get_attribute("lang") == "en"
    page.shows("#statuses", "Followed up by the office")


def test_everything_can_be_reached_by_keyboard(page: Page, complaints: Complaints) -> None:
    page.open()
    page.press(Keys.TAB)
    assert page.focused() == "Langsung ke isi"
    assert page.browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.press(Keys.ENTER)
    assert page.focused() == "main"
    page.press(Keys.TAB)
    assert page.focused() == "number"
    page.press(complaints.open, Keys.TAB, Keys.ENTER)
    page.shows("#complaint-heading", complaints.open)
    assert page.focused() == "complaint-heading"
    page.press(Keys.TAB, Keys.ENTER)
    eventually("the complaint is closed", lambda: not page.one("#complaint").is_displayed(), 5)
    assert page.focused() == "number"


def test_what_strangers_wrote_is_text(page: Page, complaints: Complaints) -> None:
    page.open(f"?lang=en&complaint={complaints.hostile}")
    for selector in ("#offices", "#letters", "#complaint"):
        page.shows(selector, HOSTILE)
    assert page.browser.find_elements(By.TAG_NAME, "img") == []
    page.open(f"?lang=en&complaint={HOSTILE.replace(' ', '%20')}")
    page.shows("#answer", HOSTILE)
    page.browser.get_log("browser")  # type: ignore[no-untyped-call]  # what was not found, as above


def barriers(browser: webdriver.Chrome) -> dict[str, list[str]]:
    """What axe-core finds fault with: the rules, each with the elements that break it."""
    browser.execute_script((resources.files("axe_core_python") / "axe.min.js").read_text())
    found = browser.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
    assert len(found["passes"]) > 20
    return {each["id"]: [str(node["target"]) for node in each["nodes"]] for each in found["violations"]}


@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_and_has_no_barriers(page: Page, complaints: Complaints, width: int) -> None:
    page.open(f"?lang=id&complaint={complaints.open}", width)
    page.shows("#complaint-heading", complaints.open)
    script: Callable[[str], Any] = page.browser.execute_script
    wide, room, window = script(
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth, innerWidth]"
    )
    assert window == width
    assert wide <= room
    assert barriers(page.browser) == {}
