# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A report as a person sees it: opened from its file in a browser that has nothing but the page."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.browser import chromium, missing_for_chromium, open_report, requests_of
from monai_ddfm.report.case_page import CaseReport, case_page
from monai_ddfm.report.layer import Layer
from tests.volumes import ANISOTROPIC

missing = missing_for_chromium()
pytestmark = pytest.mark.skipif(missing is not None, reason=str(missing))

EVIL = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=2>"
X, Y, Z = np.meshgrid(*(np.arange(n) for n in (24, 20, 9)), indexing="ij")
VOLUMES = {  # each voxel another value, so that a wrong place is a wrong value
    "MR": (X + 24 * Y + 480 * (Z % 2)).astype(np.float32),
    "PET": (0.01 * (X + 24 * Z) + 0.003 * Y).astype(np.float32),
    "fused": (1000 - X - 24 * Y).astype(np.float32),
    "provenance:PET": (100 * (X + Y + Z) / 50).astype(np.float32),
}


def layers() -> list[Layer]:
    ramp = np.linspace(0, 255, 256).round()
    red = np.stack([ramp, 0 * ramp, 0 * ramp], axis=1).astype(np.uint8)
    return [
        Layer("MR", "MR", "source", VOLUMES["MR"], ANISOTROPIC, "", (0, 960)),
        Layer("PET", f"PET{EVIL}", "source", VOLUMES["PET"], ANISOTROPIC, "SUVbw", (0, 2.5), red),
        Layer("fused", "Fusion", "fusion", VOLUMES["fused"], ANISOTROPIC, "", (0, 1000)),
        Layer("provenance:PET", "share of PET", "map", VOLUMES["provenance:PET"], ANISOTROPIC, "%", (0, 100), bits=8),
    ]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def page(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The report, opened: one start for all tests."""
    path = tmp_path_factory.mktemp("page") / "p01_report.html"
    turning = Layer("projection:PET", "MIP", "projection", VOLUMES["PET"], np.eye(4), "", (0, 2.5), bits=8)
    report = CaseReport({"case": EVIL, "warnings": [EVIL]}, {}, layers(), [turning], ["PET"])
    path.write_text(case_page(report))
    open_report(browser, path)
    return browser


def values(page: Any) -> dict[str, str]:
    rows = page.find_elements("css selector", "#values tr")
    return {row.find_element("tag name", "th").text: row.find_element("css selector", "td").text for row in rows}


def voxel(page: Any) -> tuple[int, ...]:
    mm = [float(side) for side in re.split(", ", values(page)["Place"])]
    place = np.linalg.inv(ANISOTROPIC) @ [*mm, 1.0]
    assert np.allclose(place, np.round(place), atol=0.1)
    return tuple(np.round(place[:3]).astype(int).tolist())


def pixels(page: Any, number: int) -> np.ndarray:
    canvas = page.find_elements("css selector", "canvas")[number]
    return np.asarray(Image.open(io.BytesIO(canvas.screenshot_as_png)).convert("RGB")).astype(float)


def require_right_values(page: Any) -> None:
    place, said = voxel(page), values(page)
    assert float(said["MR"]) == VOLUMES["MR"][place]
    assert float(said[f"PET{EVIL}"]) == pytest.approx(VOLUMES["PET"][place], abs=0.002)
    assert float(said["Fusion"]) == VOLUMES["fused"][place]
    assert float(said["share of PET"]) == pytest.approx(VOLUMES["provenance:PET"][place], abs=0.3)


def test_it_opens_without_a_word_and_fetches_nothing(page: Any) -> None:
    assert [entry for entry in page.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    asked = requests_of(page)
    assert asked and all(url.startswith(("file:", "data:", "blob:", "about:", "chrome:")) for url in asked)
    assert sum(url.startswith("file:") for url in asked) == 1


def test_names_are_shown_and_not_run(page: Any) -> None:
    assert page.execute_script("return window.hacked") is None
    assert page.find_element("tag name", "h1").text == f"Fusion of {EVIL}"


def test_no_view_is_blank(page: Any) -> None:
    canvases = page.find_elements("css selector", "canvas")
    assert len(canvases) == 5
    for number in range(len(canvases)):
        assert pixels(page, number).std() > 10.0, number


def test_values_at_the_cross_hair_are_the_voxels(page: Any) -> None:
    require_right_values(page)
    units = [row.text for row in page.find_elements("css selector", "#values tr")]
    assert units[1].endswith("SUVbw") and units[3].endswith("%")


def test_keys_and_clicks_move_all_views(page: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    mr, pet = page.find_elements("css selector", "canvas")[:2]
    for key, axis, step in ((Keys.PAGE_UP, 2, 1), (Keys.ARROW_UP, 1, 1), (Keys.ARROW_LEFT, 0, -1)):
        before, seen = voxel(page), pixels(page, 1)
        pet.send_keys(key)  # the first axis of this volume leads to the left, the arrow to the right of the patient
        moved = np.subtract(voxel(page), before)
        assert moved[axis] == step and np.abs(moved).sum() == 1
        require_right_values(page)
        assert np.abs(pixels(page, 1) - seen).max() > 20
    before, seen = voxel(page), pixels(page, 3)
    ActionChains(page).move_to_element_with_offset(mr, 40, 30).click().perform()
    assert voxel(page) != before
    require_right_values(page)
    assert np.abs(pixels(page, 3) - seen).max() > 20


def set_value(page: Any, name: str, value: str, event: str) -> None:
    page.execute_script(
        "const [name, value, event] = arguments; const element = document.getElementById(name);"
        "element.value = value; element.dispatchEvent(new Event(event))",
        name,
        value,
        event,
    )


def test_the_slider_and_the_colours_change_the_fusion(page: Any) -> None:
    set_value(page, "opacity", "0", "input")
    grey = pixels(page, 2)
    set_value(page, "opacity", "1", "input")
    coloured = pixels(page, 2)
    redness = [np.abs(one[..., 0] - one[..., 1]).mean() for one in (grey, coloured)]
    assert redness[1] > redness[0] + 10
    set_value(page, "colours", "viridis", "change")
    assert np.abs(pixels(page, 2) - coloured).mean() > 5


def test_planes(page: Any) -> None:
    for plane in ("1", "2", "3", "0"):
        before = pixels(page, 0)
        set_value(page, "plane", plane, "change")
        assert np.abs(pixels(page, 0) - before).mean() > 2, plane


def test_dark_and_narrow(page: Any) -> None:
    paper = "return getComputedStyle(document.body).backgroundColor"
    assert page.execute_script(paper) == "rgb(255, 255, 255)"
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    assert page.execute_script(paper) == "rgb(20, 24, 27)"
    phone = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    assert page.execute_script("return document.documentElement.scrollWidth") <= 390
    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_a_page_of_a_failed_case(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "p02_report.html"
    path.write_text(case_page(CaseReport({"case": "p02"}, failure=f"ValueError: {EVIL}")))
    browser.get(path.as_uri())
    assert browser.find_element("id", "failure").text == f"ValueError: {EVIL}"
    assert browser.find_elements("css selector", "canvas") == []
    assert browser.execute_script("return window.hacked") is None
