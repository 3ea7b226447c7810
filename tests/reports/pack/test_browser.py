"""The page in a real browser: charts are drawn, nothing runs that is not ours, nobody is asked, it fits a desk, a phone and paper."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconcilers.reports.pack import pack_of
from reconcilers.reports.pack.charts import chart_of
from tests.reports.pack.company import FORMULA, MARKUP, OCTOBER, TABLES, published
from tests.reports.pack.conftest import Written

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed"),
]
CHARTS = {"waterfall", "change_by_feature", "features", "savings", "tenants", "components", "waste", "budgets"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SE_OFFLINE", "true")
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
        try:
            yield driver
        finally:
            driver.quit()


def opened(browser: Any, page: Path, width: int) -> None:
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.get(page.as_uri())


@pytest.mark.parametrize("width", [1280, 390])
def test_charts_are_drawn_and_nothing_else_happens(browser: Any, written: Written, width: int) -> None:
    browser.get_log("performance")
    opened(browser, written.page, width)
    drawn = browser.execute_script(
        "return [...document.querySelectorAll('[data-chart]')].filter(c => c.querySelector('.bars path')).map(c => c.dataset.chart)"
    )
    assert set(drawn) == CHARTS
    assert browser.get_log("browser") == []
    assert browser.execute_script("return window.hacked === undefined && document.images.length === 0")
    told = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {one["params"]["request"]["url"] for one in told if one["method"] == "Network.requestWillBeSent"}
    assert asked == {written.page.as_uri()}
    # Nothing is wider than the screen.
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_labels_of_charts_are_names_and_exact_figures(browser: Any, written: Written) -> None:
    opened(browser, written.page, 1280)
    shown = browser.execute_script("return document.querySelector('[data-chart=tenants]').textContent")
    assert f"{MARKUP[:31]}…" in shown
    assert FORMULA in shown
    assert "−25.20" in shown
    # The value axis is pixels and says no number.
    assert browser.execute_script("return document.querySelectorAll('.xtick').length") == 0


def test_first_screen_holds_what_matters(browser: Any, written: Written) -> None:
    opened(browser, written.page, 1280)
    bottom = "return document.querySelector(arguments[0]).getBoundingClientRect().bottom"
    assert browser.execute_script(bottom, ".cards") < 400
    assert browser.execute_script(bottom, ".verdict") < 900


def test_every_link_is_reached_by_keyboard(browser: Any, written: Written) -> None:
    from selenium.webdriver.common.keys import Keys

    opened(browser, written.page, 1280)
    for _ in range(12):
        browser.switch_to.active_element.send_keys(Keys.TAB)
    # Nine links to sections, then the figures of the first page.
    assert browser.execute_script("return document.activeElement.getAttribute('href')") == "#sql-months"


def test_on_paper_charts_have_the_width_of_the_sheet(browser: Any, written: Written) -> None:
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.get(written.page.as_uri())
    browser.execute_script(
        """window.widths = []; addEventListener('beforeprint', () => {
            window.widths = [...document.querySelectorAll('[data-chart] svg.main-svg')].map(svg => svg.clientWidth || +svg.getAttribute('width'))})"""
    )
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})
    pdf = base64.b64decode(printed["data"])
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 8
    widths = browser.execute_script("return window.widths")
    assert widths
    assert max(widths) <= 690


def test_plotly_knows_every_word_of_the_charts(written: Written) -> None:
    """The library refuses what it does not know; the browser passes it over."""
    import plotly.graph_objects as go

    pack = pack_of(written.version, OCTOBER)
    specs = {key: chart_of(table, provisional) for key, table in pack.tables.items() for provisional in (True, False)}
    assert {key for key, spec in specs.items() if spec} == CHARTS
    for spec in specs.values():
        if spec:
            go.Figure(data=spec["data"], layout=spec["layout"])


def test_names_cut_to_the_same_label_stay_two_bars(tmp_path: Path) -> None:
    """Bars of one place would lie over one another."""
    long = "Globex Logistics and Transport of "
    names = [{"tenant_id": tenant, "name": f"{long}{tenant}"} for tenant in ("t1", "t2")]
    table = pack_of(published(tmp_path, {**TABLES, "dim_tenants": names}), OCTOBER).tables["tenants"]
    spec = chart_of(table, False)
    assert spec is not None
    labels = spec["layout"]["yaxis"]["ticktext"]
    assert len(labels) == len(set(spec["data"][0]["y"])) == 5
    assert len(set(labels)) == 4
