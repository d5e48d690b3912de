# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Datalists that are damaged, of another form, or whose names and paths lead elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.robustness.corpus.bad_input import BadInput

__all__ = ["GOOD", "bad_datalists"]

GOOD: list[dict[str, Any]] = [{"case": name, "MR": f"{name}/MR.nii", "PET": f"{name}/PET.nii"} for name in ("a", "b")]
"""What all of them began as; the files it names are empty."""

_ONE = GOOD[0]


def _text(content: str | bytes, name: str = "datalist.json") -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return folder / name

    return make


def _entries(*entries: Any) -> Callable[[Path], Path]:
    return _text(json.dumps(entries))


def _first(**changed: Any) -> Callable[[Path], Path]:
    """The good datalist, its first entry changed; None takes a part of it out."""
    entry = {key: value for key, value in {**_ONE, **changed}.items() if value is not None}
    return _entries(entry, GOOD[1])


def _folder(folder: Path) -> Path:
    (folder / "datalist.json").mkdir()
    return folder / "datalist.json"


def _loop(folder: Path) -> Path:
    (folder / "datalist.json").symlink_to(folder / "datalist.json")
    return folder / "datalist.json"


_WRITTEN = json.dumps(GOOD)

_MADE: dict[str, Callable[[Path], Path]] = {
    "empty file": _text(""),
    "blank": _text("\n\n"),
    "no JSON": _text("MR: a/MR.nii"),
    "CSV": _text("case,MR,PET\na,a/MR.nii,a/PET.nii\n"),
    "YAML": _text("- case: a\n  MR: a/MR.nii\n  PET: a/PET.nii\n"),
    "cut": _text(_WRITTEN[:-20]),
    "two documents": _text(_WRITTEN + _WRITTEN),
    "comma at the end": _text(_WRITTEN[:-1] + ",]"),
    "comments": _text("// my cases\n" + _WRITTEN),
    "not UTF-8": _text(_WRITTEN.replace("a/MR", "ä/MR").encode("latin-1")),
    "bytes": _text(bytes(range(256)) * 8),
    "nested without end": _text("[" * 100_000),
    "a number": _text("7"),
    "a text": _text('"datalist"'),
    "nothing": _text("null"),
    "no cases": _text("[]"),
    "other sections": _text(json.dumps({"training": GOOD})),
    "section that is no list": _text(json.dumps({"testing": {"a": _ONE}})),
    "cases as texts": _entries("a", "b"),
    "cases as lists": _entries(["a", "a/MR.nii", "a/PET.nii"]),
    "cases as null": _entries(None),
    "source missing": _first(PET=None),
    "source misspelt": _first(PET=None, pet="a/PET.nii"),
    "path that is a number": _first(MR=7),
    "path that is a list": _first(MR=["a/MR.nii"]),
    "path that is empty": _first(MR=""),
    "path with NUL": _entries({**_ONE, "MR": "a/MR\0.nii"}),
    "path of 5000 letters": _entries({**_ONE, "MR": "x" * 5000}),
    "all files missing": _entries({"case": "a", "MR": "x/MR.nii", "PET": "x/PET.nii"}),
    "case as fraction": _first(case=7.5),
    "case as list": _first(case=["a"]),
    "case true": _first(case=True),
    "case that is empty": _first(case=""),
    "case that leads away": _first(case="../a"),
    "case that is absolute": _first(case="/tmp/a"),
    "case of this folder": _first(case="."),
    "case of the summary": _first(case="summary"),
    "case with NUL": _first(case="a\0"),
    "case of 300 letters": _first(case="x" * 300),
    "case of two lines": _first(case="a\nb"),
    "case twice": _entries(_ONE, _ONE),
    "case twice but for capitals": _entries(_ONE, {**GOOD[1], "case": "A"}),
    "key twice": _text('[{"case": "a", "case": "c", "MR": "a/MR.nii", "PET": "a/PET.nii"}]'),
    "folder": _folder,
    "link to itself": _loop,
    "not there": lambda folder: folder / "datalist.json",
}

_NAMED = dict.fromkeys(
    ("path with NUL", "path of 5000 letters", "all files missing"), "no such file (the MR of case a)"
)

_HARMLESS: dict[str, Callable[[Path], Path]] = {
    "byte order mark": _text(b"\xef\xbb\xbf" + _WRITTEN.encode()),
    "section of MONAI's": _text(json.dumps({"name": "mine", "testing": GOOD})),
    "more in its entries": _entries({**_ONE, "label": 1, "comment": "$print('owned')"}, GOOD[1]),
    "another name": _text(_WRITTEN, "cases.txt"),
    "lines of Windows": _text(json.dumps(GOOD, indent=1).replace("\n", "\r\n")),
}


def bad_datalists() -> list[BadInput]:
    """All of them; `make` returns the file."""
    bad = [BadInput(name, make, names=_NAMED.get(name)) for name, make in _MADE.items()]
    return bad + [BadInput(name, make, harmless=True) for name, make in _HARMLESS.items()]
