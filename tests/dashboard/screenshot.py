"""The picture of the first page that README shows: ``python -m tests.dashboard.screenshot var/sample/reconcile.yaml docs/dashboard.png``."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from reconcilers.declared.settings import read_settings
from tests.dashboard.conftest import Browser, serving

#: The first page as a screen of this size shows it.
WIDE, HIGH = 1280, 1000


def main(settings: Path, picture: Path) -> None:
    os.environ["SE_OFFLINE"] = "true"
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        sys.exit("chromium and chromedriver are needed: on Debian, apt-get install chromium chromium-driver")
    browser = Browser(chromium, driver)
    try:
        with serving(read_settings(settings)) as address:
            browser.wide(WIDE, HIGH)
            browser.open(f"{address}/")
            browser.driver.save_screenshot(str(picture))
    finally:
        browser.driver.quit()
    print(f"wrote {picture} ({picture.stat().st_size // 1000} kB)")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
