"""The public site and an HTML report in a real browser: accessibility, phones, search, without JavaScript."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from tests.support.browser import WIDTHS, accessibility_violations, overflow, resize, running_browser
from tests.support.engines import eventually
from tests.support.mirrored import fill

ALUR = str(Path(sys.executable).with_name("alur"))


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the site of 12,000 complaints is served, with reports beside it."""
    folder = tmp_path_factory.mktemp("public")
    target = folder / "mirror.duckdb"
    fill(target, 12_000)
    subprocess.run([ALUR, "site", "build", folder / "site", "--from", target], check=True)
    for name in ("scorecard", "categories", "deadlines"):
        page = folder / "site" / f"{name}.html"
        arguments = ("--from", target, "--period", "2026", "--format", "html", "--out", page)
        subprocess.run([ALUR, "report", name, *arguments], check=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder / "site")) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with running_browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found


PAGES = ("index", "areas", "areas/provinsi-0", "offices", "categories", "stories", "stories/2026-Q1-1", "data")
PLACES = (
    *("index.html", "scorecard.html", "categories.html", "deadlines.html"),
    *(f"{language}/{page}.html" for language in ("id", "en") for page in PAGES),
)


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_fit_and_are_accessible(browser: webdriver.Chrome, address: str, width: int) -> None:
    resize(browser, width)
    for place in PLACES:
        browser.get(f"{address}/{place}")
        assert overflow(browser) <= 0, place
        assert accessibility_violations(browser, passes=10) == {}, place
        assert browser.get_log("browser") == [], place  # type: ignore[no-untyped-call]


def test_stories_are_searched(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}/en/stories.html")
    eventually("the search is there", lambda: browser.find_element(By.ID, "search").is_displayed(), 10)
    title = browser.find_elements(By.CSS_SELECTOR, "#list a")[7].text
    browser.find_element(By.ID, "words").send_keys(" ".join(reversed(title.upper().split())))
    (link,) = browser.find_elements(By.CSS_SELECTOR, "#list a")
    assert link.text == title
    link.click()
    assert title in browser.find_element(By.CSS_SELECTOR, "article:target").text
    assert "14 working days" in browser.find_element(By.CSS_SELECTOR, "article:target").text


def test_pages_are_whole_without_javascript(browser: webdriver.Chrome, address: str) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(f"{address}/id/stories.html")
        assert len(browser.find_elements(By.CSS_SELECTOR, "#list a")) == 20
        assert not browser.find_element(By.ID, "search").is_displayed()
        browser.find_element(By.CSS_SELECTOR, "#list a").click()
        assert browser.find_elements(By.CSS_SELECTOR, "article:target")
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
