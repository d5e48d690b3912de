# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Chromium without a window, for looking at reports: Debian's ``chromium`` and ``chromium-driver``, and selenium."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["chromium", "missing_for_chromium", "open_report", "requests_of"]

_ARGUMENTS = (
    "--headless=new --no-sandbox --use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader --no-first-run "
    "--disable-background-networking --disable-dev-shm-usage --force-device-scale-factor=1 --window-size=1400,1500"
)


def missing_for_chromium() -> str | None:
    """Return what is not installed, None where all is there."""
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "selenium is not installed"
    return None


@contextmanager
def chromium() -> Iterator[Any]:
    """Give a selenium driver of a Chromium that draws WebGL on the processor, and end it afterwards."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in _ARGUMENTS.split():
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


def open_report(driver: Any, page: Path, seconds: float = 120.0) -> None:
    """Open a page from its file and wait until its views are drawn.

    Raises:
        TimeoutError: they are not.
    """
    driver.get(page.resolve().as_uri())
    end = time.monotonic() + seconds
    while driver.execute_script("return document.body.dataset.ready") != "true":
        if time.monotonic() > end:
            raise TimeoutError(f"{page}: its views are not there after {seconds:g} s: {driver.get_log('browser')}")
        time.sleep(0.05)


def requests_of(driver: Any) -> list[str]:
    """Return the addresses that were asked for since the last call."""
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]
