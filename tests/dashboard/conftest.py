"""A company reconciled by the real job once for all tests here, the dashboard over it, and a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reconcilers.dashboard.server import server
from reconcilers.declared.settings import Settings, read_settings
from tests.dashboard import company


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Of a company with two tenants, a feature that wastes, and neither revenue nor prompt versions, published and watched."""
    file = company.write(tmp_path_factory.mktemp("company"))
    for days in (["run", "--from", "2026-09-28", "--to", "2026-09-30"], ["watch", "--date", "2026-09-28"]):
        command = [
            sys.executable,
            "-m",
            "reconcilers.cli",
            *days,
            "--config",
            str(file),
            "--as-of",
            "2026-10-05T00:00:00",
        ]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return read_settings(file)


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """The dashboard on a port of its own; its address."""
    listening = server(settings, "127.0.0.1", 0)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.socket.getsockname()[1]}"
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


@pytest.fixture(scope="session")
def address(settings: Settings) -> Iterator[str]:
    with serving(settings) as found:
        yield found


class Browser:
    """Chromium without a window, which tells what it asked for and what its console says."""

    def __init__(self, chromium: str, driver: str) -> None:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(driver))
        self.driver.set_script_timeout(30)

    def wide(self, pixels: int, high: int = 900) -> None:
        size = {"width": pixels, "height": high, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def open(self, url: str) -> None:
        self.driver.get(url)
        self.until(lambda: self.found("main h1"))
        self.settled()

    def until(self, what: Any, seconds: float = 30) -> None:
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, seconds, poll_frequency=0.05).until(lambda _: what())

    def settled(self) -> None:
        """Wait until every chart of the page is drawn."""
        drawn = "return [...document.querySelectorAll('figure')].every(one => one.querySelector('.main-svg'))"
        self.until(lambda: self.run(drawn) and not self.found("[data-dash-is-loading=true]"))

    def found(self, selector: str) -> list[Any]:
        return list(self.driver.find_elements("css selector", selector))

    def text(self, selector: str = "main") -> str:
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def run(self, script: str, *values: object) -> Any:
        return self.driver.execute_script(script, *values)

    def follow(self, label: str) -> None:
        """Click the first link of this label within the page, and wait for the page it leads to."""
        self.arrive(lambda: self.driver.find_element("link text", label).click())

    def arrive(self, go: Any) -> None:
        before = self.run("return document.querySelector('main h1').innerText + location.href")
        go()
        self.until(lambda: self.run("return document.querySelector('main h1').innerText + location.href") != before)
        self.until(lambda: self.run("return document.title.startsWith(document.querySelector('main h1').innerText)"))
        self.settled()

    def complaints(self) -> list[str]:
        return [str(entry["message"]) for entry in self.driver.get_log("browser")]

    def asked_for(self) -> list[str]:
        """Every address it sent a request to since it was asked last."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def picture(self, path: Path) -> None:
        """The whole page, as it would be on a screen high enough."""
        width, height = self.run("return [innerWidth, document.documentElement.scrollHeight]")
        self.wide(width, height)
        self.settled()
        path.parent.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(path))
        self.wide(width)


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser, where Chromium and its driver are on this machine."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("chromium and chromedriver are not on this machine")
    browser = Browser(chromium, driver)
    try:
        yield browser
    finally:
        browser.driver.quit()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch:
        # Selenium looks for a driver nowhere else.
        patch.setenv("SE_OFFLINE", "true")
        with browsing() as found:
            yield found
