# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A picture of a report in a browser: ``python benchmarks/report_picture.py REPORT.html docs/pictures/report.png``."""

from __future__ import annotations

import sys
from pathlib import Path

from browser import chromium, open_report
from PIL import Image

WIDTH, HEIGHT = 1400, 1180


def main() -> None:
    report, picture = map(Path, sys.argv[1:3])
    with chromium() as driver:
        driver.set_window_size(WIDTH, HEIGHT)
        open_report(driver, report)
        driver.save_screenshot(str(picture))
    Image.open(picture).convert("RGB").save(picture, optimize=True)
    print(picture)


if __name__ == "__main__":
    main()
