"""A real Chromium, and axe-core in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

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


@contextmanager
def running_browser(profile: Path) -> Iterator[webdriver.Chrome]:
    assert PROGRAM is not None
    options = webdriver.ChromeOptions()
    options.binary_location = PROGRAM
    for option in (*_OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options, Service(DRIVER))
    yield found
    found.quit()


def resize(browser: webdriver.Chrome, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def overflow(browser: webdriver.Chrome) -> int:
    """Pixels by which the page is wider than its window."""
    script: Any = browser.execute_script
    wide, room = script("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    return int(wide) - int(room)


def accessibility_violations(browser: webdriver.Chrome, passes: int = 20) -> dict[str, list[str]]:
    """Return the accessibility violations that axe-core finds: each rule with the elements that break it."""
    browser.set_script_timeout(120)
    browser.execute_script((resources.files("axe_core_python") / "axe.min.js").read_text())
    found = browser.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
    assert len(found["passes"]) > passes
    return {each["id"]: [str(node["target"]) for node in each["nodes"]] for each in found["violations"]}
