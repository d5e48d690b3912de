# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Pages made when the site is built: texts that stand elsewhere in the repository, and the table of settings."""

from __future__ import annotations

import re
from pathlib import Path

import mkdocs_gen_files

ROOT = Path(__file__).parents[1]

REPOSITORY_TEXTS = ("SECURITY.md", "CONTRIBUTING.md", "bundle/docs/README.md", "bundle/docs/prior.md")
ASSETS = ("bundle/docs/prior_curves.png", "bundle/docs/prior_samples.png", "bundle/docs/data_license.txt")


def _site_links(text: str) -> str:
    """Links of a text of the repository, as links of the site, whose root is docs/."""
    return re.sub(r"(\]\((?:\.\./)*)docs/", r"\1", text)


def _settings() -> str:
    """Every setting with its default and its words in the bundle's YAML, and a picture where there is one."""
    page = [
        "# Settings",
        "Every setting has one name at all doors: `monai-ddfm fuse --set NAME VALUE`, `FuseDDFMd(..., NAME=VALUE)`,",
        "`--NAME VALUE` in the bundle. This page is made from `bundle/configs/inference.yaml`; the pictures, one slice",
        "of the shipped patient, by `python benchmarks/parameter_pictures.py`. Where there is none, none shows it.",
    ]
    text = (ROOT / "bundle" / "configs" / "inference.yaml").read_text(encoding="utf-8")
    for line in text[: text.index("# --- what is made of them")].splitlines():
        if line.startswith("# --- "):
            page += ["", f"## {line[6:].split(', for each')[0].capitalize()}", ""]
        elif setting := re.match(r"(\w+): (.*?)(?: # (.*))?$", line):
            name, default, words = setting.groups()
            page += ["", f"### `{name}`", "", f"{words or ''}", "", f"Default: `{default}`", ""]
            if (ROOT / "docs" / "pictures" / "parameters" / f"{name}.png").exists():
                page += [f"![{name}](pictures/parameters/{name}.png)", ""]
        elif more := re.match(r"#   (.*)", line):
            page[-3:-3] = [more[1]]
    return "\n".join(page)


for path in sorted((ROOT / "docs").glob("*.md")):
    if "](../" in (text := path.read_text(encoding="utf-8")):
        with mkdocs_gen_files.open(path.name, "w") as page:
            page.write(text.replace("](../", "]("))
for name in REPOSITORY_TEXTS:
    with mkdocs_gen_files.open(name, "w") as page:
        page.write(_site_links((ROOT / name).read_text(encoding="utf-8")))
for name in ASSETS:
    with mkdocs_gen_files.open(name, "wb") as asset:
        asset.write((ROOT / name).read_bytes())
with mkdocs_gen_files.open("changelog.md", "w") as page:
    page.write(_site_links((ROOT / "CHANGELOG.md").read_text(encoding="utf-8")))
with mkdocs_gen_files.open("parameters.md", "w") as page:
    page.write(_settings())
