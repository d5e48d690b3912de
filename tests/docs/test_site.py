# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The documentation's facts against the package's: settings, their pictures, presets, pages of the site."""

from __future__ import annotations

import re

import pytest

from monai_ddfm.__main__ import COMMANDS
from monai_ddfm.bundle import preset_names
from monai_ddfm.errors import EXIT_CODES
from monai_ddfm.pipeline import setting_names
from monai_ddfm.pipeline.config import NOT_IN_KEY
from tests.docs.snippets import ROOT

parameter_pictures = pytest.importorskip("benchmarks.parameter_pictures")

DOCS = ROOT / "docs"


def test_every_picture_is_of_a_setting_and_is_there() -> None:
    assert set(parameter_pictures.SHOWN) <= set(setting_names())
    assert not set(parameter_pictures.SHOWN) & NOT_IN_KEY  # what cannot change a result has no picture
    drawn = {path.stem for path in (DOCS / "pictures" / "parameters").glob("*.png")}
    assert drawn == set(parameter_pictures.SHOWN)


def test_every_preset_is_explained() -> None:
    text = (DOCS / "presets.md").read_text()
    assert [name for name in preset_names() if f"`{name}`" not in text] == []


def test_every_command_and_exit_code_is_explained() -> None:
    text = (DOCS / "commands.md").read_text()
    assert [command.NAME for command in COMMANDS if f"| `monai-ddfm {command.NAME}` |" not in text] == []
    assert [code for code, meaning in EXIT_CODES.items() if f"| {code} | {meaning} |" not in text] == []


def test_the_site_holds_every_page() -> None:
    site = (ROOT / "mkdocs.yml").read_text()
    assert [path.name for path in DOCS.glob("*.md") if path.name not in site] == []


def test_links_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *DOCS.glob("*.md"), *(ROOT / "bundle" / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text()):
            made = page.parent == DOCS and target in ("parameters.md", "changelog.md")  # when the site is built
            made |= page.parent == DOCS and target == "notebooks/first_fusion.ipynb"
            assert made or (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"
