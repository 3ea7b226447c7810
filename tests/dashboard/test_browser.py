"""The dashboard in a real browser: what is clicked, typed and seen, on a wide screen and a narrow one. Pictures stay in var/dashboard."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlencode

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from reconcilers.declared.settings import Settings
from tests.dashboard import company
from tests.dashboard.conftest import Browser, serving

PICTURES = Path(__file__).parents[2] / "var" / "dashboard"
EVENT = "chat/e1"
#: Name of the picture → the page.
PAGES = {
    "overview": "/",
    "features": "/by/feature?month=2026-09",
    "tenants": "/by/tenant?month=2026-09",
    "hours": "/by/hour?month=2026-09",
    "hour": "/by/hour?month=2026-09&at=2026-09-28T12:00",
    "feature": "/feature?id=chat&month=2026-09",
    "tenant": f"/tenant?{urlencode({'id': f'chat/{company.MARKUP}'})}",
    "events": "/events?month=2026-09",
    "event": f"/event?{urlencode({'id': EVENT})}",
    "bytes": f"/stored?{urlencode({'id': EVENT})}",
    "breaks": "/breaks",
    "decisions": "/decisions",
    "alerts": "/alerts",
}
#: Least contrast of a text that is not large, and of large ones.
CONTRAST = """
const linear = part => (part /= 255) <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
const bright = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
const parse = text => text.match(/[\\d.]+/g).map(Number);
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
    if (!text || !element.checkVisibility() || element.closest('svg, script, style, .unseen')) continue;
    let below = element, ground = [255, 255, 255];
    for (; below; below = below.parentElement) {
        const colour = parse(getComputedStyle(below).backgroundColor);
        if (colour.length === 3 || colour[3] > 0) { ground = colour; break; }
    }
    const style = getComputedStyle(element);
    const [light, dark] = [bright(parse(style.color)), bright(ground)].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05), large = parseFloat(style.fontSize) >= 24;
    if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${text.slice(0, 40)}`);
}
return found;
"""


@pytest.fixture(autouse=True)
def quiet(browser: Browser) -> Iterator[None]:
    """After every test: the console said nothing, and nothing was asked of any other server."""
    browser.complaints()
    browser.asked_for()
    yield
    assert browser.complaints() == []
    assert [url for url in browser.asked_for() if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))] == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_and_can_be_read(browser: Browser, address: str, name: str, width: int) -> None:
    browser.wide(width)
    browser.open(address + PAGES[name])
    browser.picture(PICTURES / f"{name}-{width}.png")
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.run(CONTRAST) == []
    levels = browser.run("return [...document.querySelectorAll('h1, h2, h3')].map(one => Number(one.tagName[1]))")
    assert levels.count(1) == 1
    # No heading skips a level below the one before it.
    assert all(after <= before + 1 for before, after in pairwise(levels))
    unnamed = "return [...document.querySelectorAll('a, summary')].filter(one => !one.innerText.trim() && one.checkVisibility()).length"
    assert browser.run(unnamed) == 0


def test_from_a_month_down_to_the_stored_bytes_and_back(browser: Browser, address: str, settings: Settings) -> None:
    browser.wide(1280)
    browser.open(f"{address}/?month=2026-09")
    browser.follow("chat")
    browser.follow("Its events of September 2026")
    assert "month=2026-09" in browser.driver.current_url
    assert "feature=chat" in browser.driver.current_url
    browser.follow(EVENT)
    assert "failure" in browser.text()
    browser.follow("Down to charge lines and stored bytes")
    line = (settings.file.parent / "bills" / "chat" / "bill.csv").read_text().splitlines()[1]
    assert line in browser.text()
    down = browser.driver.current_url
    browser.arrive(browser.driver.back)
    assert browser.text("h1") == f"Event {EVENT}"
    browser.arrive(browser.driver.forward)
    assert browser.driver.current_url == down
    # The address alone leads to the same page.
    shown = browser.text()
    browser.open(down)
    assert browser.text() == shown


def test_from_the_last_hours_to_who_it_was(browser: Browser, address: str) -> None:
    browser.wide(1280)
    browser.open(f"{address}/?month=2026-09")
    browser.follow("Hours")
    told = browser.text()
    assert "The last hours, estimated" in told
    assert "Telemetry at list price, before any bill" in told
    link = browser.driver.find_element("link text", "2026-09-28 12:00")
    link.click()
    browser.until(lambda: "Who it was from 2026-09-28 12:00 UTC" in browser.text())
    browser.settled()
    assert "at=2026-09-28T12" in browser.driver.current_url
    assert browser.run("return document.querySelector('main section h2').innerText").startswith("Who it was")
    assert company.MARKUP in browser.text("main section")
    assert browser.run("return window.attacked") is None
    browser.follow(f"chat/{company.MARKUP}")
    assert browser.text("h1") == f"Tenant chat/{company.MARKUP}"


def test_it_is_worked_by_the_keyboard(browser: Browser, address: str) -> None:
    browser.wide(1280)
    browser.open(f"{address}/?month=2026-09")

    def press(*keys: str) -> None:
        ActionChains(browser.driver).send_keys(*keys).perform()

    def reach(what: str) -> None:
        for _ in range(80):
            press(Keys.TAB)
            if browser.run("return document.activeElement.innerText.trim()") == what:
                return
        raise AssertionError(f"{what} cannot be reached")

    reach("Tenants")
    assert browser.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    browser.arrive(lambda: press(Keys.ENTER))
    assert browser.text("h1").startswith("Tenants")
    # Whoever cannot see the page change is put at its head.
    browser.until(lambda: browser.run("return document.activeElement.id") == "title")
    reach("SQL")
    press(Keys.ENTER)
    sql = browser.run("return document.activeElement.parentElement.querySelector('pre').innerText")
    assert sql.startswith("with costs as (")


def test_names_from_outside_do_nothing(browser: Browser, address: str) -> None:
    browser.wide(1280)
    for name in ("overview", "tenants", "tenant", "events", "event", "bytes"):
        browser.open(address + PAGES[name])
        assert browser.run("return window.attacked") is None, name
        assert browser.run("return document.querySelectorAll('#page img, #page script').length") == 0, name
    browser.open(address + PAGES["tenants"])
    shown = browser.text()
    assert company.MARKUP in shown
    assert company.FORMULA in shown
    # A chart takes some markup for markup; names are told it as text.
    labels = browser.run("return [...document.querySelectorAll('.ytick')].map(one => one.textContent)")
    assert any(label.startswith("chat/<img src=") and label.endswith("'markup'\">") for label in labels), labels
    assert any(label.startswith("chat/=HYPERLIN") and label.endswith('"win")') for label in labels), labels
    assert browser.run("return document.querySelectorAll('#page svg a').length") == 0
    assert company.HOSTILE_COMPANY in browser.driver.title


def test_before_anything_is_published(browser: Browser, tmp_path: Path) -> None:
    browser.wide(1280)
    with serving(Settings(home=tmp_path)) as address:
        browser.open(f"{address}/")
        assert "Nothing is published yet" in browser.text()
        browser.picture(PICTURES / "unpublished-1280.png")
