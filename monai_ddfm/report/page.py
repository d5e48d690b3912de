# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Pages that stand alone: templates, style and scripts of the package in one file of HTML.

What a page says comes from files and headers of others: it is escaped, and the page's own policy (CSP) lets no other
script run than those whose checksums it names, and nothing be fetched.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from monai_ddfm.io.atomic import atomic_file

__all__ = ["GENERATOR", "is_page", "json_text", "render", "viewer_name", "write_page"]

GENERATOR = "monai_ddfm report"
_ROOM = files("monai_ddfm.report")


@cache
def _text(name: str) -> str:
    return _ROOM.joinpath(name).read_text(encoding="utf-8")


@cache
def _script(name: str) -> Markup:
    """A script of the package as it stands in HTML; the texts in it may not end the element."""
    return Markup(_text(name).replace("</script", "<\\/script").replace("<!--", "<\\!--"))


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("monai_ddfm.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def viewer_name() -> str:
    """Return the name, the version and the licence of the viewer."""
    known = json.loads(_text("vendor/niivue.json"))
    return f"NiiVue {known['version']} ({known['licence']}, copyright 2021 Niivue)"


def json_text(content: Any) -> Markup:
    """Return JSON that may stand in a script element: no ``<`` can end it."""
    return Markup(json.dumps(content).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _checksum(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def render(template: str, title: str, scripted: bool = False, **content: Any) -> str:
    """Return a page.

    Args:
        template: its name in ``templates``.
        title: of the page.
        scripted: whether it has views, and so the viewer and the script that puts views beside each other.
        **content: what the template asks for; every text is escaped.
    """
    scripts = {}
    if scripted:
        scripts = {
            "viewer_script": _script("vendor/niivue.umd.js"),
            "page_script": _script("templates/report.js"),
            "viewer": viewer_name(),
        }
    allowed = [_checksum(text) for name, text in scripts.items() if name.endswith("_script")]
    return (
        _environment()
        .get_template(template)
        .render(
            title=title,
            generator=GENERATOR,
            css=Markup(_text("templates/report.css")),
            script_sources=Markup(" ".join(allowed) or "'none'"),
            **scripts,
            **content,
        )
    )


def is_page(path: Path) -> bool:
    """Return whether a file is a page that was written here."""
    with path.open("rb") as file:
        return f'name="generator" content="{GENERATOR}"'.encode() in file.read(1000)


def write_page(path: Path, page: str) -> None:
    """Write a page; an earlier one of that name is replaced.

    Raises:
        FileExistsError: a file of that name that is no page of ours, which is kept.
    """
    if path.exists() and not is_page(path):
        raise FileExistsError(
            f"{path}: exists, is not a report, and is kept; move it away or choose another output_dir"
        )
    with atomic_file(path, overwrite=True) as partial:
        partial.write_text(page, encoding="utf-8")
